"""What changes when a proxy stands in front, or the instance is reached over TLS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.factories.vault import Instance

ASK = """
import json
from allauth.core.internal.httpkit import get_client_ip
from django.conf import settings
from django.test import RequestFactory
request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.9", HTTP_X_FORWARDED_FOR="6.6.6.6, 1.2.3.4",
    HTTP_X_FORWARDED_PROTO="https")
print(json.dumps([get_client_ip(request), request.is_secure(), settings.SESSION_COOKIE_SECURE, settings.CSRF_COOKIE_SECURE]))
"""


def asked(folder: Path, **environment: str) -> Any:
    instance = Instance(folder)
    instance.environment |= environment
    return json.loads(instance.run(ASK))


@pytest.mark.parametrize("value", ["", "0", "off"])
def test_what_a_proxy_would_say_is_not_believed_without_one(tmp_path: Path, value: str) -> None:
    assert asked(tmp_path, OWNLOG_TRUSTED_PROXY=value) == ["10.0.0.9", False, False, False]


def test_wrong_guesses_behind_a_proxy_are_counted_for_who_made_them(tmp_path: Path) -> None:
    """Counted for the proxy's address, ten wrong passwords of a stranger would lock out everybody."""
    assert asked(tmp_path, OWNLOG_TRUSTED_PROXY="1")[:2] == ["1.2.3.4", True]


def test_cookies_of_an_https_instance_travel_over_tls_only(tmp_path: Path) -> None:
    assert asked(tmp_path, OWNLOG_BASE_URL="https://track.example.org")[2:] == [True, True]
