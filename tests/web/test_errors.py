from __future__ import annotations

import re

import pytest
from django.test import Client, RequestFactory

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core.errors import Conflict, Erased, Invalid, OwnlogError, TooMuch, Unavailable
from apps.erasure.services import erase_run
from apps.projects.models import Project
from apps.projects.services import make_share_link
from apps.runs.models import Run
from apps.web.errors import error_page
from tests.web.conftest import Visit, text_of


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


@pytest.mark.parametrize(
    ("referer", "back"),
    [
        ("http://testserver/settings/webhooks?page=2#make", "/settings/webhooks?page=2"),
        ("https://evil.example/settings/webhooks", ""),
        ("http://testserver//evil.example/", ""),
        ("", ""),
    ],
)
@pytest.mark.django_db
def test_a_form_that_is_refused_leads_back_to_the_page_it_was_on(referer: str, back: str) -> None:
    request = RequestFactory().post("/somewhere", headers={"Referer": referer})

    page = error_page(request, Conflict("Sent before.")).content.decode()

    assert re.findall(r'href="([^"]*)">Back to the page', page) == ([back] if back else [])


def test_whoever_may_only_look_is_told_whom_to_ask_and_led_back(visit: Visit, vision: Project) -> None:
    answer = visit("/lab/vision/settings", by="vera")

    assert answer.status_code == 403
    assert "Its owner or an admin can give you more." in text_of(answer)
    assert '<a class="btn main" href="/lab/vision">' in answer.content.decode()


def test_whoever_asks_for_an_erased_run_is_led_to_its_project_and_to_the_receipts(
    visit: Visit, run: Run, alice: User
) -> None:
    erase_run(run, by=Actor.person(alice))

    answer = visit("/lab/vision/runs/run1", by="alice")

    assert answer.status_code == 410
    assert re.findall(r'<a class="btn[^"]*" href="([^"]*)">', answer.content.decode()) == [
        "/lab/vision",
        "/settings/erasures",
        "/",
    ]


def test_whoever_came_by_a_link_is_told_of_the_link_and_of_no_role(vision: Project, alice: User) -> None:
    _, secret = make_share_link(vision, label="", days=7, by=Actor.person(alice))
    guest = Client()
    guest.get(f"/share/{secret}")

    answer = guest.get("/lab/vision/settings")

    assert answer.status_code == 403
    assert "You came by a link for reading. Nothing can be changed by it." in text_of(answer)
    assert "role" not in text_of(answer)


def test_a_form_that_is_tried_too_often_is_refused_by_a_page(send: Visit, alice: User) -> None:
    wrong = {"oldpassword": "wrong", "password1": "open the notebook", "password2": "open the notebook"}

    *let_in, refused = [send("/settings/password", by="alice", **wrong) for _ in range(6)]

    assert {answer.status_code for answer in let_in} == {200}
    assert refused.status_code == 429
    assert "Too many tries" in text_of(refused) and "Wait a minute" in text_of(refused)
    assert '<main id="main"' in refused.content.decode()


@pytest.mark.django_db
def test_a_fault_shows_nothing_of_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*_: object) -> None:
        raise RuntimeError("canary-in-a-message")

    monkeypatch.setattr("apps.web.views.home.no_account_yet", fault)

    response = Client(raise_request_exception=False).get("/")

    assert response.status_code == 500
    assert b"Something broke here" in response.content
    assert b"canary" not in response.content
    assert (
        b'<a class="mark" href="/" aria-label="Ownlog, home">' in response.content
    )  # on a phone it has no word


@pytest.mark.parametrize(
    ("address", "back"),
    [
        ("/settings/code-saving/erase", "/settings/code-saving"),
        ("/settings/security/passkeys/3/remove", "/settings/security"),
        ("/teams/lab/people/bob/role", "/teams/lab"),
        ("/organisations/uni/teams/lab/let-go", "/organisations/uni"),
        ("/lab/vis%20ion/settings/people", "/lab/vis%20ion/settings"),
        ("/lab/vision/tag", "/lab/vision"),
        ("/account/language", ""),
    ],
)
@pytest.mark.parametrize("who", ["alice", "mallory", None])
def test_the_address_of_a_form_says_so_and_leads_back_to_its_page(
    visit: Visit, vision: Project, mallory: User, who: str | None, address: str, back: str
) -> None:
    page = visit(address, by=who)

    assert (page.status_code, page["Allow"]) == (405, "POST")
    assert "Nothing was done" in text_of(page)
    assert re.findall(r'<a class="btn main" href="([^"]*)">Back', page.content.decode()) == [back] * bool(
        back
    )


@pytest.mark.django_db
def test_the_address_of_a_form_says_so_in_the_readers_language() -> None:
    page = Client().get("/settings/code-saving/erase", headers={"Accept-Language": "ja"})

    assert (page.status_code, "何も行われませんでした" in text_of(page)) == (405, True)


@pytest.mark.django_db
def test_a_page_that_takes_no_form_says_so() -> None:
    page = Client().post("/pricing")

    assert (page.status_code, page["Allow"]) == (405, "GET, HEAD")
    assert "does not take what was sent" in text_of(page)


@pytest.mark.django_db
def test_machines_are_refused_in_no_words() -> None:
    assert Client().get("/graphql/").status_code in {404, 405}
    assert b"<html" not in Client().get("/graphql").content


@pytest.mark.django_db
def test_signing_in_from_a_page_that_is_not_shared_leads_back_to_it() -> None:
    response = Client().get("/lab/vis%20ion?q=loss%20%3C%201")

    assert response.status_code == 404
    assert b'href="/sign-in?next=%2Flab%2Fvis%2520ion%3Fq%3Dloss%2520%253C%25201"' in response.content
