"""An instance without a mail server: no link is printed, and pages say what to do instead."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from apps.accounts.models import User
from apps.core.mail import NO_MAIL
from apps.teams.models import Entity
from tests.web.conftest import Visit, text_of


@pytest.fixture(autouse=True)
def no_mail(settings: Settings) -> None:
    settings.EMAIL_BACKEND = NO_MAIL


@pytest.mark.promise("P-08")
def test_no_link_gets_into_the_output_of_the_server(
    send: Visit, lab: Entity, alice: User, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG"):
        invited = send("/teams/lab/invitations", by="alice", email="canary@example.com", role="member")
        Client().post("/account/reset", {"email": "alice@example.com"})
        send("/settings/email", by="alice", action_send="1", email="alice@example.com")

    out, err = capfd.readouterr()
    secret = re.search(r"/invitations/([\w-]{20,})", invited.content.decode())
    assert secret, "the inviter is shown the link"
    for text in (out, err, *caplog.messages):
        assert secret[1] not in text
        assert "canary@" not in text and "alice@" not in text
        assert "/account/reset/" not in text and "/account/confirm/" not in text


def test_the_inviter_is_told_to_hand_the_link_over(send: Visit, lab: Entity) -> None:
    page = send("/teams/lab/invitations", by="alice", email="zoe@example.com", role="member")

    assert "No mail went out." in text_of(page)


def test_pages_say_so_before_somebody_waits(visit: Visit, alice: User, settings: Settings) -> None:
    asked = {
        "/account/reset": None,
        "/account/reset/sent": None,
        "/settings/email": "alice",
        "/settings/notifications": "alice",
    }

    def told() -> dict[str, bool]:
        return {url: "no mail server" in text_of(visit(url, by=who)) for url, who in asked.items()}

    assert set(told().values()) == {True}
    assert "manage.py reset_link" in text_of(visit("/account/reset"))
    assert 'name="email"' not in visit("/account/reset").content.decode()
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert set(told().values()) == {False}
