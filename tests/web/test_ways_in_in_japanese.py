"""Pages that take a code, a passkey, a provider or an operator, in Japanese: no link in the demo world leads there."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.urls import resolve
from pytest_django.fixtures import Settings

from apps.accounts.models import User
from tests.factories.people import PASSWORD
from tests.providers import Person, Provider
from tests.web.arriving import BOTH, arrive, begin, long_ago, sign_up
from tests.web.english import JAPANESE, left_over
from tests.web.test_factors import passkey, set_up_codes, signed_in

# Names of people, of providers, and what is asked of them.
NAMES = {
    "testserver",
    "localhost",
    "alice",
    "AL",
    "alice@example.com",
    "kenji@example.com",
    "kenji",
    "Google",
    "GitHub",
}


def in_japanese(client: Client) -> Client:
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = JAPANESE["accept-language"]
    return client


def assert_japanese(page: Any, *, status: int = 200) -> None:
    assert page.status_code == status, page.headers
    text = page.content.decode()
    assert '<html lang="ja"' in text
    assert left_over(text, NAMES) == []


@pytest.fixture
def _passkeys_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' passkeys hold no key of a device; the pages would name it to the browser."""
    monkeypatch.setattr("allauth.mfa.webauthn.internal.auth.get_credentials", lambda user: [])


@pytest.mark.usefixtures("_passkeys_made_up")
@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("security", "/settings/security"),
        ("mfa_activate_totp", "/settings/security/codes/new"),
        ("mfa_deactivate_totp", "/settings/security/codes/remove"),
        ("mfa_view_recovery_codes", "/settings/security/recovery"),
        ("mfa_generate_recovery_codes", "/settings/security/recovery/new"),
        ("mfa_add_webauthn", "/settings/security/passkeys/new"),
        ("account_reauthenticate", "/account/again"),
        ("mfa_reauthenticate", "/account/again/code"),
        ("mfa_reauthenticate_webauthn", "/account/again/passkey"),
    ],
)
def test_pages_of_codes_and_passkeys_are_japanese(alice: User, url: str, path: str) -> None:
    client = in_japanese(signed_in())
    if url != "mfa_activate_totp":  # which leads on where there are codes already
        set_up_codes(client)
        passkey(alice)

    assert resolve(path).view_name == url
    for host in ("localhost", "127.0.0.1", "testserver"):  # each says something else of passkeys
        assert_japanese(client.get(path, headers={"host": host}))


@pytest.mark.usefixtures("_passkeys_made_up")
@pytest.mark.parametrize(
    "path",
    ["/settings/security/codes/new", "/account/again", "/account/again/code", "/account/again/passkey"],
)
def test_what_is_wrong_there_is_said_in_japanese(alice: User, path: str) -> None:
    client = in_japanese(signed_in())
    if "/new" not in path:
        set_up_codes(client)
        passkey(alice)

    page = client.post(path, {"code": "000000", "password": "wrong", "credential": "{}"})

    assert b'class="error"' in page.content or b"note brick" in page.content
    assert_japanese(page)


def test_the_second_step_is_japanese(alice: User) -> None:
    set_up_codes(signed_in())
    client = in_japanese(Client())
    client.post("/sign-in", {"login": "alice", "password": PASSWORD})

    assert_japanese(client.get("/sign-in/second-step"))
    assert_japanese(client.post("/sign-in/second-step", {"code": "000000"}))


@BOTH
def test_the_way_to_a_provider_and_to_a_name_is_japanese(there: Provider, name: str) -> None:
    client = in_japanese(Client())
    for path in ("/sign-in", "/sign-up"):
        assert_japanese(client.get(path))
    assert_japanese(client.post(f"/sign-in/with/{name}"))
    arrive(client, there, name)

    assert_japanese(client.get("/sign-up/name"))
    assert_japanese(client.post("/sign-up/name", {"username": "settings"}))


@BOTH
def test_the_way_back_to_a_provider_for_proof_is_japanese(there: Provider, name: str) -> None:
    client = in_japanese(sign_up(there, name))
    long_ago(client)

    assert_japanese(client.get("/account/again/elsewhere?next=/settings/security/codes/new"))
    there.person = Person(uid=4712, email="mallory@example.com")
    assert_japanese(arrive(client, there, name, process="again", next="/settings/security/codes/new"))


@BOTH
def test_what_comes_back_wrong_from_a_provider_is_told_in_japanese(there: Provider, name: str) -> None:
    client = in_japanese(Client())
    asked = begin(client, name)
    back = urlsplit(asked["redirect_uri"]).path
    assert resolve(back).view_name == f"{name}_callback"

    for query in ({"state": "garbage", "code": "garbage"}, {"state": asked["state"], "code": "garbage"}):
        page = client.get(back, query)
        assert_japanese(page, status=page.status_code)


@BOTH
def test_whom_a_provider_does_not_let_in_reads_why_in_japanese(
    there: Provider, alice: User, settings: Settings, name: str
) -> None:
    there.person = Person(email="alice@example.com", is_verified=False)
    unconfirmed = arrive(in_japanese(Client()), there, name)
    there.person = Person(email="alice@example.com")
    has_account = arrive(in_japanese(Client()), there, name)
    there.person = Person()
    settings.OWNLOG_SIGN_UP = "closed"
    closed = arrive(in_japanese(Client()), there, name)
    settings.OWNLOG_SIGN_UP = "invited"
    uninvited = arrive(in_japanese(Client()), there, name)

    for page in (unconfirmed, has_account, closed, uninvited):
        assert_japanese(page, status=page.status_code)


def test_a_linked_account_is_japanese_on_the_page_of_ways_in(there: Provider, alice: User) -> None:
    client = in_japanese(signed_in())
    arrive(client, there, "google", process="connect")

    assert_japanese(client.get("/settings/security"))


@pytest.mark.parametrize("path", ["/admin/sizes", "/admin/jobs"])
def test_operators_own_pages_are_japanese(alice: User, path: str) -> None:
    """What stands around them is Django's admin, which calls models by their names in code."""
    page = in_japanese(signed_in()).get(path).content.decode()
    own = page.partition('id="content-main"')[2].partition("<footer")[0]

    assert "<h1>" in own
    assert left_over(f"<main {own}", NAMES) == []
