"""Signing in by Google and GitHub: what is asked for, what is kept, and whom it lets in."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib.sessions.models import Session
from django.http import HttpResponse
from django.test import Client
from pytest_django.fixtures import Settings

from apps.accounts.actors import Actor
from apps.accounts.invitations import make_invitation
from apps.accounts.models import User
from apps.teams.models import Entity
from apps.teams.services import invite
from apps.teams.types import MemberRole
from tests.factories import people
from tests.factories.people import PASSWORD
from tests.providers import CANARY, CLIENT_ID, CLIENT_SECRET, Person, Provider, provider
from tests.web.conftest import text_of
from tests.web.test_sessions import everything_stored

BOTH = pytest.mark.parametrize("name", ["google", "github"])
SCOPES = {"google": "openid email", "github": "user:email"}


@pytest.fixture(scope="module")
def _server() -> Iterator[Provider]:
    with provider() as standing_in:
        yield standing_in


@pytest.fixture
def there(_server: Provider, settings: Settings, db: None) -> Provider:
    """Both providers, configured; kenji is signed in there."""
    fresh = Provider(url=_server.url)
    _server.__dict__.update({name: value for name, value in fresh.__dict__.items() if name != "url"})
    for name, value in _server.environment.items():
        setattr(settings, name, value)
    return _server


def begin(client: Client, name: str, query: str = "", **form: str) -> dict[str, str]:
    """Press the button: what the address that one is sent to asks for."""
    page = client.post(f"/sign-in/with/{name}{query}", form)
    assert page.status_code == 200, page.headers
    found = re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', page.content.decode())
    assert found is not None
    return {key: values[0] for key, values in parse_qs(urlsplit(unescape(found[1])).query).items()}


def come_back(client: Client, there: Provider, asked: dict[str, str], say: str = "yes") -> HttpResponse:
    """Say yes at the provider and follow it back."""
    there.asked.append(asked)
    consent = requests.post(
        f"{there.url}/consent", data=asked | {"say": say}, allow_redirects=False, timeout=5
    )
    return client.get(consent.headers["Location"])  # type: ignore[return-value]


def arrive(client: Client, there: Provider, name: str, **form: str) -> HttpResponse:
    return come_back(client, there, begin(client, name, **form))


def sign_up(there: Provider, name: str = "github", username: str = "kenji") -> Client:
    client = Client()
    assert arrive(client, there, name)["Location"] == "/sign-up/name"
    assert client.post("/sign-up/name", {"username": username}).status_code == 302
    return client


def is_in(client: Client) -> bool:
    return client.get("/settings/sessions").status_code == 200


def signed_in() -> Client:
    """alice, who has just said once more that it is her."""
    client = Client()
    client.post("/sign-in", {"login": "alice", "password": PASSWORD})
    client.post("/account/again", {"password": PASSWORD})
    return client


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


def test_nobody_unlinks_somebody_elses(there: Provider, alice: User) -> None:
    sign_up(there)
    link = SocialAccount.objects.get()

    real = signed_in().post(f"/settings/security/links/{link.pk}/unlink")
    nothing = signed_in().post(f"/settings/security/links/{link.pk + 1}/unlink")

    assert (real.status_code, nothing.status_code) == (404, 404)
    assert SocialAccount.objects.count() == 1


# ── Once more who it is, for those who have nothing but a link ──


def long_ago(client: Client) -> None:
    """What the session remembers of signing in is older than a proof may be."""
    session = client.session
    for record in session["account_authentication_methods"]:
        record["at"] -= 301
    session.save()


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


# ── Hostile answers ──


@BOTH
def test_a_state_that_was_changed_or_is_anothers_signs_nobody_in(there: Provider, name: str) -> None:
    client, other = Client(), Client()
    asked = begin(client, name)

    for state in ("", "forged", begin(other, name)["state"]):
        assert come_back(client, there, asked | {"state": state}).status_code == 401
    assert User.objects.count() == 0 and not is_in(client)

    assert come_back(client, there, asked).status_code == 302
    assert come_back(client, there, asked).status_code == 401  # a state is good once


@BOTH
def test_a_code_of_another_browser_is_worth_nothing(there: Provider, name: str) -> None:
    """Somebody plants their own code, to have what others log land in their account."""
    mine = begin(Client(), name)
    client = Client()
    asked = begin(client, name)

    answer = come_back(client, there, mine | {"state": asked["state"]})

    assert answer.status_code == 401
    assert not is_in(client)


@pytest.mark.parametrize(
    "claims",
    [{"aud": "another-client"}, {"iss": "https://evil.example"}, {"exp": 1}, {"sub": ""}, {"sub": None}],
)
def test_a_token_for_others_or_too_old_signs_nobody_in(there: Provider, claims: dict[str, object]) -> None:
    there.claims = claims

    assert arrive(Client(), there, "google").status_code == 401


def test_a_token_that_somebody_else_signed_signs_nobody_in(there: Provider) -> None:
    there.forge()

    assert arrive(Client(), there, "google").status_code == 401


@BOTH
def test_a_broken_provider_is_a_page_that_says_so(there: Provider, name: str) -> None:
    client = Client()
    asked = begin(client, name)
    there.is_broken = True

    answer = come_back(client, there, asked)

    assert answer.status_code == 401
    assert "Nobody was signed in" in text_of(answer)


@BOTH
def test_saying_no_is_a_page_too(there: Provider, name: str) -> None:
    client = Client()

    answer = come_back(client, there, begin(client, name), say="no")

    assert answer["Location"] == "/sign-in/cancelled"
    assert "You said no" in text_of(client.get("/sign-in/cancelled"))


@BOTH
@pytest.mark.parametrize("where", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_the_way_back_leads_only_to_this_site(there: Provider, name: str, where: str) -> None:
    sign_up(there, name)

    assert arrive(Client(), there, name, next=where)["Location"] == "/"


def test_the_session_gets_a_new_key(there: Provider) -> None:
    sign_up(there)
    client = Client()
    asked = begin(client, "github")
    before = client.session.session_key

    come_back(client, there, asked)

    assert is_in(client) and client.session.session_key != before


def test_another_host_name_is_refused(there: Provider) -> None:
    assert Client().post("/sign-in/with/github", headers={"host": "evil.example"}).status_code == 400


def test_the_address_to_come_back_to_is_the_instances_own(there: Provider, settings: Settings) -> None:
    settings.OWNLOG_BASE_URL = "https://ownlog.example"

    assert begin(Client(), "github")["redirect_uri"] == "https://ownlog.example/sign-in/github/back"


def test_the_secret_is_sent_to_the_provider_alone(there: Provider) -> None:
    client = Client()
    page = client.post("/sign-in/with/github").content.decode() + str(begin(client, "google"))

    assert CLIENT_SECRET not in page
    assert b"frame-ancestors 'none'" in str(client.get("/sign-in").headers).encode()
    assert client.get("/sign-in").headers["X-Frame-Options"] == "DENY"
