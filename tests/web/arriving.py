"""Signing in by Google and GitHub without a browser: the steps that one takes there and back."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.http import HttpResponse
from django.test import Client

from tests.factories.people import PASSWORD
from tests.providers import Provider

BOTH = pytest.mark.parametrize("name", ["google", "github"])
SCOPES = {"google": "openid email", "github": "user:email"}


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


def long_ago(client: Client) -> None:
    """What the session remembers of signing in is older than a proof may be."""
    session = client.session
    for record in session["account_authentication_methods"]:
        record["at"] -= 301
    session.save()
