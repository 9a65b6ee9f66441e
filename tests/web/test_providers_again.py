"""Once more who it is, for those whose only way in is an account at Google or GitHub."""

from __future__ import annotations

import time

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from pytest_django.fixtures import Settings

from apps.accounts.models import User
from tests.providers import Provider
from tests.web.arriving import BOTH, SCOPES, arrive, begin, is_in, long_ago, sign_up, signed_in
from tests.web.conftest import text_of
from tests.web.test_factors import set_up_codes


@BOTH
def test_a_change_sends_them_to_their_provider_and_goes_on_when_they_come_back(
    there: Provider, name: str
) -> None:
    client = sign_up(there, name)
    long_ago(client)

    asked = client.get("/settings/security/codes/new")
    assert asked["Location"] == "/account/again/elsewhere?next=%2Fsettings%2Fsecurity%2Fcodes%2Fnew"
    assert f"Go on to {there_name(name)}" in text_of(client.get(asked["Location"]))
    back = arrive(client, there, name, process="again", next="/settings/security/codes/new")

    assert back["Location"] == "/settings/security/codes/new"
    assert client.get(back["Location"]).status_code == 200
    assert User.objects.count() == SocialAccount.objects.count() == 1


def there_name(name: str) -> str:
    return {"google": "Google", "github": "GitHub"}[name]


def test_google_is_asked_for_a_fresh_sign_in(there: Provider) -> None:
    asked = begin(sign_up(there, "google"), "google", process="again")

    assert (asked["max_age"], asked["prompt"], asked["scope"]) == ("0", "select_account", SCOPES["google"])
    assert "prompt" not in begin(Client(), "google")


@pytest.mark.parametrize(("ago", "is_good"), [(10, True), (301, False), (-400, False), (None, False)])
def test_a_sign_in_there_that_is_old_is_no_proof(there: Provider, ago: int | None, is_good: bool) -> None:
    client = sign_up(there, "google")
    long_ago(client)
    there.claims = {"auth_time": int(time.time()) - ago if ago is not None else "yesterday"}

    answer = arrive(client, there, "google", process="again", next="/settings/security/codes/new")

    assert (answer.status_code == 302) is is_good
    assert (client.get("/settings/security/codes/new").status_code == 200) is is_good
    assert is_in(client)


@BOTH
def test_somebody_else_there_proves_nothing_here(there: Provider, alice: User, name: str) -> None:
    client = sign_up(there, name)
    long_ago(client)
    there.person.uid, there.person.email = 4712, "mallory@example.com"

    answer = arrive(client, there, name, process="again", next="/settings/security/codes/new")

    assert "Not the same person" in text_of(answer)
    assert client.get("/settings/security/codes/new").status_code == 302
    assert (User.objects.count(), SocialAccount.objects.count()) == (2, 1)
    # Nor does it sign anybody in who is not.
    assert "Not the same person" in text_of(arrive(Client(), there, name, process="again"))


@pytest.mark.parametrize("path", ["password/set", "email", "security/passkeys/new"])
def test_no_way_in_is_added_without_it(there: Provider, path: str) -> None:
    client = sign_up(there)
    long_ago(client)
    phrase = "quite another phrase"
    form = {"password1": phrase, "password2": phrase, "action_add": "1", "email": "new@example.com"}

    answer = client.post(f"/settings/{path}", form)

    assert answer["Location"].startswith("/account/again/elsewhere")
    assert not User.objects.get().has_usable_password()


def test_what_was_sent_before_is_done_after(there: Provider) -> None:
    client = sign_up(there)
    long_ago(client)
    phrase = "quite another phrase"
    client.post("/settings/password/set", {"password1": phrase, "password2": phrase})

    arrive(client, there, "github", process="again", next="/settings/password/set")

    assert User.objects.get().check_password(phrase)


def test_the_codes_that_were_just_set_up_are_not_asked_for_before_their_recovery_codes(
    there: Provider,
) -> None:
    client = sign_up(there)

    _, recovery = set_up_codes(client)

    assert len(recovery) == len(set(recovery)) == 10
    # A while later they are asked for: this page shows what opens the account without them.
    long_ago(client)
    assert client.get("/settings/security/recovery")["Location"].startswith("/account/again/code?next=")


def test_whoever_has_a_password_is_asked_for_it_and_not_sent_elsewhere(there: Provider, alice: User) -> None:
    client = signed_in()
    arrive(client, there, "github", process="connect")

    assert client.get("/account/again/elsewhere")["Location"] == "/settings/security"


@BOTH
def test_nobody_passes_unasked_where_the_provider_is_not_offered_any_more(
    there: Provider, name: str, settings: Settings, mailoutbox: list[object]
) -> None:
    client = sign_up(there, name)
    long_ago(client)
    for each in ("GOOGLE", "GITHUB"):
        setattr(settings, f"OWNLOG_{each}_CLIENT_ID", "")
    phrase = "quite another phrase"

    asked = client.get("/settings/security/codes/new")
    changed = client.post("/settings/password/set", {"password1": phrase, "password2": phrase})

    assert (asked.status_code, changed.status_code) == (302, 302)
    page = client.get(asked["Location"])
    assert "is not offered by this instance any more" in text_of(page)
    assert 'href="/account/reset"' in page.content.decode()
    assert not User.objects.get().has_usable_password()
