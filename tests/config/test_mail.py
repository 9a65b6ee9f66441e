"""Mail is sent by a server or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.factories.vault import Instance

ASK = "from django.conf import settings; print(settings.EMAIL_BACKEND)"


@pytest.mark.parametrize(
    ("host", "backend"),
    [("", "apps.core.mail.NoMail"), ("mail.example.org", "django.core.mail.backends.smtp.EmailBackend")],
)
def test_without_a_server_nothing_prints_mail(tmp_path: Path, host: str, backend: str) -> None:
    instance = Instance(tmp_path)
    # As an operator starts it: the settings of the tests keep mails in memory.
    instance.environment |= {"OWNLOG_EMAIL_HOST": host, "DJANGO_SETTINGS_MODULE": "config.settings.local"}

    assert instance.run(ASK).strip() == backend


def test_an_address_that_must_be_confirmed_takes_a_server(tmp_path: Path) -> None:
    instance = Instance(tmp_path)
    instance.environment |= {"OWNLOG_EMAIL_VERIFICATION": "mandatory", "OWNLOG_EMAIL_HOST": ""}

    started = instance.start(ASK)
    _out, said = started.communicate(timeout=60)
    assert started.returncode == 1
    assert "set OWNLOG_EMAIL_HOST too" in said
