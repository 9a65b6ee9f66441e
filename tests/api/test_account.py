"""/api/v1/account/erase"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core import mail
from django.test import Client

from apps.access.policy import Scope
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.accounts.services import KeyTerms, issue_api_key
from apps.core.mail import NO_MAIL
from apps.erasure.grace import can_be_taken_back
from apps.erasure.models import ErasureJob
from apps.erasure.taking_back import take_back_by_link
from apps.teams.models import Entity
from tests.api.conftest import API, Ask
from tests.factories.people import PASSWORD

PLACE = f"{API}/account/erase"
WORDS = {"name": "bob", "password": PASSWORD}


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ({}, 400),
        ({"name": "alice", "password": PASSWORD}, 400),
        ({"name": "bob"}, 403),
        ({"name": "bob", "password": "wrong"}, 403),
        ({"name": "bob", "password": "\0" * 4096}, 400),
    ],
)
def test_it_takes_the_name_and_the_password(
    ask: Ask, lab: Entity, words: dict[str, str], status: int
) -> None:
    assert ask("POST", PLACE, words, by="bob").status == status
    assert not ErasureJob.objects.exists()


def test_an_account_is_closed_and_its_key_with_it(ask: Ask, lab: Entity, bob: User, settings: Any) -> None:
    settings.OWNLOG_BASE_URL = "https://ownlog.example.com"

    answer = ask("POST", PLACE, WORDS, by="bob")

    assert (answer.status, answer.json["link"], answer.json["erasure"]["kind"]) == (202, None, "account")
    assert answer.json["erasure"]["step"] == "wait"
    assert [message.to for message in mail.outbox] == [["bob@example.com"]]
    assert not User.objects.get(pk=bob.pk).is_active


def test_without_mail_the_link_is_in_the_answer(ask: Ask, lab: Entity, bob: User, settings: Any) -> None:
    settings.EMAIL_BACKEND = NO_MAIL

    link = ask("POST", PLACE, WORDS, by="bob").json["link"]

    # Whoever has a key and the password was shown it: nothing makes the days in which its person comes back any shorter.
    assert Client().post(f"{urlsplit(link).path}/now", {"name": "bob"}).status_code == 403
    assert can_be_taken_back(ErasureJob.objects.get())
    page = Client().get(link).content.decode()
    assert "Take it back" in page and "Erase your account now" not in page
    take_back_by_link(link.rsplit("/", 1)[-1])
    assert User.objects.get(pk=bob.pk).is_active


def test_a_key_that_was_given_less_erases_no_account(ask: Ask, lab: Entity, bob: User) -> None:
    _key, secret = issue_api_key(bob, by=Actor.person(bob), terms=KeyTerms(scope=Scope.WRITE))

    assert ask("POST", PLACE, WORDS, Authorization=f"Bearer {secret}").status == 403
    assert ask("POST", PLACE, WORDS, by=None).status == 401
    assert not ErasureJob.objects.exists()


def test_who_has_no_password_uses_the_page(ask: Ask, lab: Entity, bob: User) -> None:
    bob.set_unusable_password()
    bob.save()

    answer = ask("POST", PLACE, WORDS, by="bob")

    assert answer.status == 403 and "no password" in answer.json["detail"]


def test_the_last_admin_is_told_what_is_in_the_way(ask: Ask, lab: Entity, alice: User) -> None:
    answer = ask("POST", PLACE, {"name": "alice", "password": PASSWORD}, by="alice")

    assert answer.status == 409 and "lab would be without an admin" in answer.json["detail"]
