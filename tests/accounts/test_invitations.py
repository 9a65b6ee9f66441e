from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.core import signing
from pytest_django import Settings

from apps.accounts.invitations import invited_email, make_invitation, may_sign_up
from apps.accounts.models import User
from tests.factories import people

pytestmark = pytest.mark.django_db


def test_invitation_is_for_one_address_and_one_account() -> None:
    token = make_invitation(" Zoe@Example.com ")

    assert invited_email(token) == "zoe@example.com"

    people.person("zoe")
    assert invited_email(token) is None


@pytest.mark.parametrize(
    "token",
    ["", "x", "a:b:c", "\x00", "é", signing.dumps("zoe@example.com"), "x" * 5000],
    ids=["empty", "short", "parts", "nul", "non-ascii", "signed for another use", "long"],
)
def test_forged_invitation_is_none(token: str) -> None:
    assert invited_email(token) is None


def test_invitation_ends_after_a_week(monkeypatch: pytest.MonkeyPatch) -> None:
    token = make_invitation("zoe@example.com")
    later = datetime.now(UTC).timestamp() + 7 * 24 * 3600 + 60

    monkeypatch.setattr("django.core.signing.time.time", lambda: later)

    assert invited_email(token) is None


@pytest.mark.parametrize(
    ("policy", "alone", "invited"), [("open", True, True), ("invited", False, True), ("closed", False, False)]
)
def test_who_may_sign_up(settings: Settings, alice: User, policy: str, alone: bool, invited: bool) -> None:
    settings.OWNLOG_SIGN_UP = policy

    assert may_sign_up() is alone
    assert may_sign_up(make_invitation("zoe@example.com")) is invited


@pytest.mark.parametrize("policy", ["open", "invited", "closed"])
def test_the_first_account_can_always_be_made(settings: Settings, policy: str) -> None:
    settings.OWNLOG_SIGN_UP = policy

    assert may_sign_up()
