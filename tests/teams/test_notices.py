from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.test import Client
from pytest_django.fixtures import Settings

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.teams.choices import SettingName
from apps.teams.models import Entity
from apps.teams.queries import default_entity
from apps.teams.services import change_role, choose, hand_over, leave, remove_member
from apps.teams.types import MemberRole

pytestmark = pytest.mark.django_db
Committed = Callable[..., Any]


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.person(alice)


@pytest.mark.parametrize(
    ("role", "words"),
    [(MemberRole.ADMIN, "you are an admin now"), (MemberRole.VIEWER, "you are a viewer now")],
)
def test_whoever_gets_another_role_hears_of_it(
    lab: Entity, by: Actor, django_capture_on_commit_callbacks: Committed, role: MemberRole, words: str
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        change_role(lab, "bob", role, by=by)

    (message,) = mail.outbox
    assert (message.to, message.subject) == (["bob@example.com"], "[Ownlog] Your place in the team lab")
    assert words in str(message.body)
    assert "alice" not in str(message.body)


def test_whoever_is_taken_out_hears_of_it_in_their_language(
    lab: Entity, by: Actor, bob: User, django_capture_on_commit_callbacks: Committed
) -> None:
    User.objects.filter(pk=bob.pk).update(language="ja")

    with django_capture_on_commit_callbacks(execute=True):
        remove_member(lab, "bob", by=by)

    assert "チーム lab" in mail.outbox[0].subject
    assert "no longer" not in str(mail.outbox[0].body)


def test_a_mail_leads_to_where_the_instance_was_asked_or_says_where_to_look(
    lab: Entity, by: Actor, alice: User, settings: Settings, django_capture_on_commit_callbacks: Committed
) -> None:
    client = Client()
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    settings.ALLOWED_HOSTS = ["logs.example.org", "localhost"]

    for host in ("logs.example.org", "localhost"):
        with django_capture_on_commit_callbacks(execute=True):
            role = "admin" if host == "localhost" else "viewer"
            client.post("/teams/lab/people/bob/role", {"role": role}, headers={"host": host}, secure=True)
    with django_capture_on_commit_callbacks(execute=True):
        remove_member(lab, "bob", by=by)

    assert [str(each.body).splitlines()[-1] for each in mail.outbox] == [
        "https://logs.example.org/settings/teams",
        "Your teams stand under Settings, Teams.",  # bob may sit at another machine
        "Your teams stand under Settings, Teams.",
    ]


def test_what_one_does_oneself_is_no_news(
    lab: Entity, by: Actor, bob: User, django_capture_on_commit_callbacks: Committed
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        hand_over(lab, to="vera", by=by)
        leave(lab, by=Actor.person(bob))

    assert [message.to for message in mail.outbox] == [["vera@example.com"]]


def test_whoever_switched_it_off_gets_none(
    lab: Entity, by: Actor, bob: User, django_capture_on_commit_callbacks: Committed
) -> None:
    own = Actor.person(bob)
    choose(default_entity(own), SettingName.MAIL_TEAMS, False, by=own)

    with django_capture_on_commit_callbacks(execute=True):
        change_role(lab, "bob", MemberRole.VIEWER, by=by)

    assert mail.outbox == []


def test_a_mail_that_fails_changes_nothing(
    lab: Entity, by: Actor, django_capture_on_commit_callbacks: Committed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> int:
        raise ConnectionRefusedError

    monkeypatch.setattr(EmailBackend, "send_messages", refuse)

    with django_capture_on_commit_callbacks(execute=True):
        remove_member(lab, "bob", by=by)

    assert not lab.memberships.filter(user__username="bob").exists()
