"""Signing in by Google and GitHub: what is asked for, what is kept, and whom it lets in."""

from __future__ import annotations

import re

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib.sessions.models import Session
from django.test import Client
from pytest_django.fixtures import Settings

from apps.accounts.actors import Actor
from apps.accounts.invitations import make_invitation
from apps.accounts.models import User
from apps.audit.events import EventKind
from apps.audit.models import Event
from apps.teams.models import Entity
from apps.teams.services import invite
from apps.teams.types import MemberRole
from tests.factories import people
from tests.factories.people import PASSWORD
from tests.providers import CANARY, CLIENT_ID, Person, Provider
from tests.web.arriving import BOTH, SCOPES, arrive, begin, is_in, sign_up, signed_in
from tests.web.conftest import text_of
from tests.web.test_sessions import everything_stored

# ── What is asked for ──


@BOTH
@pytest.mark.promise("P-14")
def test_identity_is_asked_for_and_nothing_else(there: Provider, name: str) -> None:
    asked = begin(Client(), name)

    assert asked.pop("state")
    assert len(asked.pop("code_challenge")) == 43
    assert asked == {
        "client_id": CLIENT_ID,
        "redirect_uri": f"http://testserver/sign-in/{name}/back",
        "response_type": "code",
        "scope": SCOPES[name],
        "code_challenge_method": "S256",
    }


@BOTH
@pytest.mark.promise("P-14")
@pytest.mark.parametrize(
    "query",
    ["?scope=repo,drive", "?auth_params=scope%3Drepo%26prompt%3Dnone", "?action=rerequest&scope=repo"],
)
def test_no_query_widens_it(there: Provider, name: str, query: str) -> None:
    asked = begin(Client(), name, query, scope="repo", auth_params="scope=repo")

    assert asked["scope"] == SCOPES[name]
    assert "prompt" not in asked


@BOTH
@pytest.mark.promise("P-14")
def test_no_setting_and_no_row_widens_it(there: Provider, settings: Settings, name: str) -> None:
    settings.SOCIALACCOUNT_PROVIDERS = {
        name: {
            "SCOPE": ["repo"],
            "AUTH_PARAMS": {"scope": "repo", "access_type": "offline"},
            "APPS": [{"client_id": "other", "secret": "other", "settings": {"scope": ["repo"]}}],
            "VERIFIED_EMAIL": True,
            "EMAIL_AUTHENTICATION": True,
            "OAUTH_PKCE_ENABLED": False,
        }
    }
    SocialApp.objects.create(
        provider=name, name="row", client_id="row", secret="row", settings={"scope": ["repo"]}
    )

    asked = begin(Client(), name)

    assert (asked["scope"], asked["client_id"]) == (SCOPES[name], CLIENT_ID)
    assert "access_type" not in asked and "code_challenge" in asked


def test_what_is_not_configured_is_not_there(there: Provider, settings: Settings) -> None:
    settings.OWNLOG_GITHUB_CLIENT_ID = ""

    assert Client().post("/sign-in/with/github").status_code == 404
    assert Client().get("/sign-in/github/back?code=1&state=1").status_code == 404
    assert Client().post("/sign-in/with/nothing").status_code == 404
    words = text_of(Client().get("/sign-in"))
    assert "Continue with Google" in words and "GitHub" not in words


def test_beginning_takes_a_post_with_a_token(there: Provider) -> None:
    assert Client().get("/sign-in/with/google").status_code == 405
    assert Client(enforce_csrf_checks=True).post("/sign-in/with/google").status_code == 403


# ── Signing up and in ──


@BOTH
def test_sign_up_asks_for_a_name_only_and_makes_account_entity_and_link(there: Provider, name: str) -> None:
    client = Client()
    arrive(client, there, name)
    form = client.get("/sign-up/name").content.decode()
    assert re.findall(r'<input[^>]* name="(\w+)"', form.split("<form")[1].split("</form")[0]) == [
        "csrfmiddlewaretoken",
        "username",
    ]

    assert client.post("/sign-up/name", {"username": "kenji", "email": "eve@example.com"})["Location"] == "/"

    user = User.objects.get()
    assert (user.username, user.email, user.is_superuser) == ("kenji", "kenji@example.com", True)
    assert Entity.objects.get(user=user).name == "kenji"
    assert list(EmailAddress.objects.values_list("email", "verified", "primary")) == [
        ("kenji@example.com", True, True)
    ]
    assert is_in(client) and not user.has_usable_password()


@BOTH
@pytest.mark.promise("P-14")
def test_of_the_profile_a_number_and_one_address_are_kept(there: Provider, name: str) -> None:
    client = Client()
    arrive(client, there, name)
    assert CANARY not in everything_stored()  # while a name is being chosen

    client.post("/sign-up/name", {"username": "kenji"})
    arrive(Client(), there, name)  # and at a later sign-in

    assert there.tokens
    assert CANARY not in everything_stored()
    assert list(SocialAccount.objects.values_list("provider", "uid", "extra_data")) == [
        (name, "4711", {"email": "kenji@example.com"})
    ]
    assert SocialToken.objects.count() == SocialApp.objects.count() == 0
    for word in (CANARY, *there.tokens):
        assert word not in client.get("/settings/security").content.decode()
    for row in Session.objects.all():
        assert "kenji" not in row.session_data


@BOTH
def test_whoever_is_linked_comes_in(there: Provider, name: str) -> None:
    sign_up(there, name)
    client = Client()

    assert arrive(client, there, name, next="/settings/appearance")["Location"] == "/settings/appearance"
    assert is_in(client)


@pytest.mark.parametrize("username", ["settings", "Al ice", "a/b", "<b>", "x" * 10_000, "\x00", "\u202e", ""])
def test_a_bad_name_is_refused_beside_the_field(there: Provider, username: str) -> None:
    client = Client()
    arrive(client, there, "github")

    answer = client.post("/sign-up/name", {"username": username})

    assert answer.status_code == 200
    assert b'aria-invalid="true"' in answer.content
    assert User.objects.count() == 0


def test_closed_and_invited_sign_up_hold_here_too(there: Provider, alice: User, settings: Settings) -> None:
    settings.OWNLOG_SIGN_UP = "closed"
    assert "takes no new accounts" in text_of(arrive(Client(), there, "github"))

    settings.OWNLOG_SIGN_UP = "invited"
    assert "by invitation" in text_of(arrive(Client(), there, "github"))
    another = make_invitation("eve@example.com")
    assert "invitation" in text_of(arrive(Client(), there, "github", invitation=another))
    client = Client()
    mine = make_invitation("kenji@example.com")
    assert arrive(client, there, "github", invitation=mine)["Location"] == "/sign-up/name"
    assert client.post("/sign-up/name", {"username": "kenji"}).status_code == 302
    assert User.objects.count() == 2


@BOTH
def test_where_sign_up_is_closed_an_invitation_to_a_team_makes_no_account_here_either(
    there: Provider, alice: User, settings: Settings, name: str
) -> None:
    by = Actor.person(alice)
    secret = invite(people.team("lab", admin=alice), role=MemberRole.MEMBER, by=by)[1]
    settings.OWNLOG_SIGN_UP = "closed"
    client = Client()

    assert "takes no new accounts" in text_of(arrive(client, there, name, invitation=secret))
    client.post("/sign-up/name", {"username": "kenji"})
    assert not User.objects.filter(username="kenji").exists()

    settings.OWNLOG_SIGN_UP = "invited"
    assert arrive(Client(), there, name, invitation=secret)["Location"] == "/sign-up/name"


# ── Whose account it is ──


@BOTH
@pytest.mark.promise("P-14")
def test_an_unverified_address_opens_makes_and_links_nothing(there: Provider, alice: User, name: str) -> None:
    for email in ("alice@example.com", "kenji@example.com"):
        there.person = Person(email=email, is_verified=False)
        client = Client()
        assert "has confirmed no e-mail address" in text_of(arrive(client, there, name))
        assert not is_in(client)
        assert client.get("/sign-up/name").status_code == 302

    assert "has confirmed no e-mail address" in text_of(arrive(signed_in(), there, name, process="connect"))
    assert (User.objects.count(), SocialAccount.objects.count()) == (1, 0)


@BOTH
@pytest.mark.promise("P-14")
def test_a_verified_address_of_an_account_opens_it_only_after_a_sign_in(
    there: Provider, alice: User, name: str
) -> None:
    there.person = Person(email="ALICE@example.com")
    client = Client()

    assert "There is an account here with this address already" in text_of(arrive(client, there, name))
    assert not is_in(client) and SocialAccount.objects.count() == 0

    linked = arrive(signed_in(), there, name, process="connect")
    assert linked["Location"] == "/settings/security"
    arrive(client, there, name)
    assert is_in(client)


def test_linking_asks_first_who_it_is(there: Provider, alice: User) -> None:
    client = Client()
    client.post("/sign-in", {"login": "alice", "password": PASSWORD})

    answer = client.post("/sign-in/with/github", {"process": "connect"})

    assert answer["Location"].startswith("/account/again")
    assert Client().post("/sign-in/with/github", {"process": "connect"}).status_code == 302


def test_what_opens_another_account_is_not_linked_twice(there: Provider, alice: User) -> None:
    sign_up(there)

    answer = arrive(signed_in(), there, "github", process="connect")

    assert "opens another account on this instance" in text_of(answer)
    assert SocialAccount.objects.get().user.username == "kenji"


# ── The page of ways in ──


@pytest.mark.promise("P-14")
def test_the_page_says_what_was_asked_for_and_what_is_kept_and_unlinks(there: Provider, alice: User) -> None:
    client = signed_in()
    arrive(client, there, "google", process="connect")
    link = SocialAccount.objects.get()

    words = text_of(client.get("/settings/security"))
    assert "Asked for openid email Kept your number there and the address kenji@example.com" in words
    assert client.post(f"/settings/security/links/{link.pk}/unlink").status_code == 302
    assert SocialAccount.objects.count() == 0


def test_the_only_way_in_is_not_unlinked_and_the_reason_said(there: Provider) -> None:
    client = sign_up(there)
    link = SocialAccount.objects.get()
    assert "nothing else opens your account" in text_of(client.get("/settings/security"))

    answer = client.post(f"/settings/security/links/{link.pk}/unlink")

    assert answer.status_code == 409
    assert "Nothing else opens your account" in text_of(answer)
    phrase = "quite another phrase"
    client.post("/settings/password/set", {"password1": phrase, "password2": phrase})
    client.post("/account/again", {"password": phrase})
    assert client.post(f"/settings/security/links/{link.pk}/unlink").status_code == 302
    assert SocialAccount.objects.count() == 0


def test_a_link_that_the_operator_offers_no_more_is_no_way_in(there: Provider, settings: Settings) -> None:
    client = sign_up(there)  # by GitHub
    arrive(client, there, "google", process="connect")
    by_google, by_github = (SocialAccount.objects.get(provider=each) for each in ("google", "github"))
    settings.OWNLOG_GITHUB_CLIENT_ID = ""

    answer = client.post(f"/settings/security/links/{by_google.pk}/unlink")

    assert answer.status_code == 409
    assert "Nothing else opens your account" in text_of(answer)
    assert client.post(f"/settings/security/links/{by_github.pk}/unlink").status_code == 302
    assert SocialAccount.objects.get() == by_google
    assert Event.objects.filter(kind=EventKind.ACCOUNT_UNLINKED).count() == 1


def test_nobody_unlinks_somebody_elses(there: Provider, alice: User) -> None:
    sign_up(there)
    link = SocialAccount.objects.get()

    real = signed_in().post(f"/settings/security/links/{link.pk}/unlink")
    nothing = signed_in().post(f"/settings/security/links/{link.pk + 1}/unlink")

    assert (real.status_code, nothing.status_code) == (404, 404)
    assert SocialAccount.objects.count() == 1
