"""A proxy in front that nobody told the server of."""

from __future__ import annotations

import logging

import pytest
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpResponse
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from apps.core.middleware import ProxyUntold


def answers(**headers: str) -> None:
    ProxyUntold(lambda _request: HttpResponse())(RequestFactory().get("/alice/secret", headers=headers))


def test_a_proxy_that_is_not_trusted_is_told_of_once_and_without_what_it_says(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ProxyUntold, "_is_said", False)
    with caplog.at_level(logging.WARNING):
        answers()
        assert caplog.messages == []
        answers(X_Forwarded_For="203.0.113.7, evil\nline")
        answers(X_Forwarded_For="203.0.113.8")

    (said,) = caplog.messages
    assert "OWNLOG_TRUSTED_PROXY is not set" in said
    assert "203.0.113" not in said and "evil" not in said and "alice" not in said


def test_nothing_is_looked_at_where_a_proxy_is_trusted(settings: Settings) -> None:
    settings.OWNLOG_TRUSTED_PROXY = True

    with pytest.raises(MiddlewareNotUsed):
        ProxyUntold(lambda _request: HttpResponse())
