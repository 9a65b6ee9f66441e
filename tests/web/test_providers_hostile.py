"""Answers of Google and GitHub that are forged, broken or meant for others sign nobody in."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from apps.accounts.models import User
from tests.providers import CLIENT_SECRET, Provider
from tests.web.arriving import BOTH, arrive, begin, come_back, is_in, sign_up
from tests.web.conftest import text_of


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
