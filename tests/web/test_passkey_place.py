"""A page that passkeys cannot be used on says so, why, and where the same page can."""

from __future__ import annotations

import pytest
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings

from apps.accounts.models import User
from apps.web.passkey_place import PasskeyPlace, domain_of
from tests.web.conftest import text_of
from tests.web.test_factors import signed_in

NEW = "/settings/security/passkeys/new"


@pytest.mark.parametrize(
    ("base", "host", "is_secure", "domain", "hindrance", "way"),
    [
        ("", "localhost:8000", False, "localhost", "", ""),
        ("", "127.0.0.1:8000", False, "127.0.0.1", "number", "http://localhost:8000/here?x=1"),
        ("", "127.0.0.1", True, "127.0.0.1", "number", "https://localhost/here?x=1"),
        ("", "[::1]:8000", False, "::1", "number", "http://localhost:8000/here?x=1"),
        ("", "192.0.2.7:8000", False, "192.0.2.7", "number", ""),  # localhost is another machine there
        ("", "logs.example.org", False, "logs.example.org", "open", ""),
        ("", "logs.example.org", True, "logs.example.org", "", ""),
        ("https://logs.example.org", "logs.example.org", False, "logs.example.org", "", ""),
        ("https://example.org", "logs.example.org", True, "example.org", "", ""),
        ("https://logs.example.org", "192.0.2.7", True, "logs.example.org", "elsewhere", "https://logs.example.org/here?x=1"),
        ("http://logs.example.org", "192.0.2.7", True, "logs.example.org", "open", ""),
        ("http://127.0.0.1:8000", "127.0.0.1:8000", False, "127.0.0.1", "number", "http://localhost:8000/here?x=1"),
        ("http://127.0.0.1:8000", "localhost:8000", False, "localhost", "", ""),
    ],
)  # fmt: skip
def test_where_passkeys_work(
    settings: Settings, base: str, host: str, is_secure: bool, domain: str, hindrance: str, way: str
) -> None:
    settings.OWNLOG_BASE_URL, settings.ALLOWED_HOSTS = base, ["*"]
    request = RequestFactory().get("/here?x=1", secure=is_secure, headers={"host": host})

    place = PasskeyPlace(request)

    assert (domain_of(request), place.hindrance, place.way) == (domain, hindrance, way)


def test_an_instance_that_is_not_called_localhost_leads_nobody_there(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    request = RequestFactory().post("/here", headers={"host": "127.0.0.1:8000"})

    assert PasskeyPlace(request).way == ""


@pytest.mark.django_db
def test_a_passkey_is_made_for_the_name_that_the_browser_shows(alice: User) -> None:
    client = signed_in()

    page = client.get(NEW, headers={"host": "localhost:8000"})

    assert page.context["js_data"]["creation_options"]["publicKey"]["rp"] == {
        "id": "localhost",
        "name": "Ownlog",
    }


@pytest.mark.django_db
def test_at_a_number_the_pages_say_that_passkeys_do_not_work_and_where_they_do(alice: User) -> None:
    client = signed_in()

    for asker, path in [
        (client, NEW),
        (client, "/settings/security"),
        (Client(), "/sign-in?next=/lab"),
    ]:
        page = asker.get(path, headers={"host": "127.0.0.1:8000"})

        assert "Passkeys do not work at 127.0.0.1." in text_of(page)
        assert f'<a href="http://localhost:8000{path}">' in page.content.decode()
        assert "data-passkey" not in page.content.decode()


@pytest.mark.django_db
def test_without_https_the_pages_say_what_is_needed(alice: User) -> None:
    client = signed_in()

    for asker, path in [(client, NEW), (Client(), "/sign-in")]:
        text = text_of(asker.get(path, headers={"host": "testserver"}))

        assert "Passkeys need HTTPS." in text
        assert "testserver is asked without it" in text
