"""What libraries do to an account is on its owner's record, without a word of what was typed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from allauth.account import signals as account
from allauth.mfa import signals as second_factor
from allauth.socialaccount import signals as linked
from django.dispatch import Signal
from django.test import Client

from apps.accounts.models import User
from apps.accounts.sessions import SessionStore
from apps.audit.models import Event, Repeat
from tests.factories import people

pytestmark = pytest.mark.django_db


def about(user: User) -> list[tuple[str, dict[str, Any]]]:
    events = Event.objects.filter(entity=user.public_id, subject=user.public_id).order_by("pk")
    return [(e.kind, e.facts) for e in events if e.kind != "account.created"]


@pytest.mark.parametrize("typed", ["alice", "ALICE", "alice@example.com"])
def test_failures_to_sign_in_are_counted(client: Client, alice: User, typed: str) -> None:
    for _ in range(3):
        client.post("/sign-in", {"login": typed, "password": "not the word that it is"})

    assert about(alice) == [("account.sign_in_failed", {})]
    counted = Repeat.objects.get()
    assert (counted.by, counted.more) == ("nobody", 2)


def test_failures_as_nobody_who_is_here_leave_nothing(client: Client, alice: User) -> None:
    for typed in ("nina", "", "a\0", "x" * 300):
        client.post("/sign-in", {"login": typed, "password": "not the word that it is"})

    assert about(alice) == []


@pytest.mark.parametrize(
    ("signal", "sent", "told"),
    [
        (account.password_changed, {}, ("account.password_changed", {"by_mail": False})),
        (account.password_set, {}, ("account.password_changed", {"by_mail": False})),
        (account.password_reset, {}, ("account.password_changed", {"by_mail": True})),
        (account.email_changed, {}, ("account.email_changed", {})),
    ],
)
def test_changes_of_the_way_in_are_told(
    rf: Any, alice: User, signal: Signal, sent: dict[str, Any], told: tuple[str, dict[str, Any]]
) -> None:
    request = rf.get("/")
    request.user, request.session = alice, SessionStore()
    signal.send(User, request=request, user=alice, **sent)

    assert about(alice) == [told]


def test_a_confirmed_address_is_told_without_the_address(alice: User) -> None:
    account.email_confirmed.send(User, request=None, email_address=SimpleNamespace(user=alice))

    assert about(alice) == [("account.email_confirmed", {})]


def test_linked_accounts_are_told_with_their_provider(alice: User) -> None:
    github = SimpleNamespace(provider="github", user=alice)
    linked.social_account_added.send(
        User, request=None, sociallogin=SimpleNamespace(user=alice, account=github)
    )
    linked.social_account_removed.send(User, request=None, socialaccount=github)

    assert about(alice) == [
        ("account.linked", {"provider": "github"}),
        ("account.unlinked", {"provider": "github"}),
    ]


def test_keys_are_told_to_whom_they_open(alice: User) -> None:
    people.api_key(alice)

    assert Event.objects.get(kind="api_key.issued").entity == alice.public_id


def test_second_factors_are_told_with_their_kind(alice: User) -> None:
    codes = SimpleNamespace(type="recovery_codes")
    for signal in (
        second_factor.authenticator_added,
        second_factor.authenticator_reset,
        second_factor.authenticator_removed,
    ):
        signal.send(User, request=None, user=alice, authenticator=codes)

    assert about(alice) == [
        ("account.second_factor_added", {"factor": "recovery_codes"}),
        ("account.second_factor_added", {"factor": "recovery_codes"}),
        ("account.second_factor_removed", {"factor": "recovery_codes"}),
    ]
