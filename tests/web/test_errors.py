from __future__ import annotations

import pytest
from django.test import Client, RequestFactory

from apps.core.errors import Conflict, Erased, Invalid, OwnlogError, TooMuch, Unavailable
from apps.web.errors import error_page
from tests.web.conftest import text_of


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (Conflict("It has ended."), 409, "cannot be done now It has ended."),
        (Invalid("No number."), 400, "cannot be used No number."),
        (TooMuch("Over 10 MiB."), 413, "too much at once Over 10 MiB."),
        (Erased("On 3 Nov."), 410, "been erased On 3 Nov."),
        (Unavailable("Later."), 503, "Not at this moment Later."),
    ],
)
@pytest.mark.django_db
def test_an_error_of_a_service_is_a_page(error: OwnlogError, status: int, words: str) -> None:
    response = error_page(RequestFactory().get("/"), error)

    assert response.status_code == status
    assert words in text_of(response)


@pytest.mark.django_db
def test_a_fault_shows_nothing_of_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*_: object) -> None:
        raise RuntimeError("canary-in-a-message")

    monkeypatch.setattr("apps.web.views.home.no_account_yet", fault)

    response = Client(raise_request_exception=False).get("/")

    assert response.status_code == 500
    assert b"Something broke here" in response.content
    assert b"canary" not in response.content


@pytest.mark.django_db
def test_signing_in_from_a_page_that_is_not_shared_leads_back_to_it() -> None:
    response = Client().get("/lab/vis%20ion?q=loss%20%3C%201")

    assert response.status_code == 404
    assert b'href="/sign-in?next=%2Flab%2Fvis%2520ion%3Fq%3Dloss%2520%253C%25201"' in response.content
