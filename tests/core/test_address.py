from __future__ import annotations

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from apps.core.address import AskedAt, instance_address

NEAR = ["localhost", "127.0.0.1", "[::1]"]


def seen_at(host: str) -> str:
    """What a request to this host knows as the instance's address."""
    seen = []

    def answer(request: HttpRequest) -> HttpResponse:
        seen.append(instance_address())
        return HttpResponse()

    AskedAt(answer)(RequestFactory().get("/", headers={"host": host}))
    return seen[0]


@pytest.mark.parametrize(
    ("allowed", "host", "address"),
    [
        (["logs.example.org"], "logs.example.org", "http://logs.example.org"),
        ([".example.org", *NEAR], "logs.example.org:8000", "http://logs.example.org:8000"),
        (["logs.example.org"], "elsewhere.example", ""),
        (["*"], "elsewhere.example", ""),  # a stranger would choose where the link leads
        (NEAR, "127.0.0.1:8000", "http://127.0.0.1:8000"),
        (NEAR, "[::1]:8000", "http://[::1]:8000"),
        (["logs.example.org", *NEAR], "127.0.0.1:8000", ""),  # others read the mail at machines of their own
        (["logs.example.org", *NEAR], "localhost", ""),
    ],
)
def test_the_address_of_the_request_at_hand(
    settings: Settings, allowed: list[str], host: str, address: str
) -> None:
    settings.ALLOWED_HOSTS = allowed
    assert seen_at(host) == address
    assert instance_address() == ""


def test_a_proxy_may_say_localhost_of_everybody(settings: Settings) -> None:
    settings.ALLOWED_HOSTS, settings.OWNLOG_TRUSTED_PROXY = NEAR, True

    assert seen_at("localhost") == ""


def test_what_the_operator_declared_comes_first(settings: Settings) -> None:
    settings.OWNLOG_BASE_URL = "https://logs.example.org"

    assert instance_address() == "https://logs.example.org"
