"""Language, theme, density and keys: who chooses them, who keeps them, and whom they do not reach."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.runs.models import Run
from tests.web.conftest import Visit, text_of

BACKEND = "django.contrib.auth.backends.ModelBackend"
JA, EN = {"accept-language": "ja-JP,ja;q=0.9,en;q=0.5"}, {"accept-language": "en-GB"}


@pytest.fixture
def at_home(client: Client, run: Run, alice: User) -> Client:
    client.force_login(alice, backend=BACKEND)
    return client


def head_of(client: Client, path: str = "/", **headers: str) -> str:
    """The opening tags of the page, which carry language, theme, density and keys."""
    page = client.get(path, headers=headers).content.decode()
    found = re.findall(r"<(?:html|body)[^>]*>", page)
    return re.sub(r" hx-headers='[^']*'", "", "".join(found))


def test_a_page_speaks_as_the_browser_asks_until_somebody_chooses(at_home: Client) -> None:
    assert head_of(at_home, **EN) == '<html lang="en"><body>'
    assert head_of(at_home, **JA) == '<html lang="ja"><body>'
    assert head_of(at_home, **{"accept-language": "tlh"}) == '<html lang="en"><body>'


@pytest.mark.parametrize(
    ("chosen", "head"),
    [
        ({"language": "en"}, '<html lang="en"><body>'),
        ({"theme": "dark"}, '<html lang="ja" data-theme="dark"><body>'),
        ({"theme": "light"}, '<html lang="ja" data-theme="light"><body>'),
        ({"density": "comfortable"}, '<html lang="ja" data-density="comfortable"><body>'),
        ({"keys": "off"}, '<html lang="ja"><body data-single-keys="off">'),
    ],
)
def test_a_choice_holds_from_the_next_page_on(at_home: Client, chosen: dict[str, str], head: str) -> None:
    answer = at_home.post("/settings/appearance", chosen)

    assert (answer.status_code, answer.headers["Location"]) == (302, "/settings/appearance")
    assert head_of(at_home, **JA) == head


def test_a_choice_leaves_the_others_and_can_be_taken_back(at_home: Client) -> None:
    for chosen in (
        {"theme": "dark"},
        {"language": "ja"},
        {"keys": "off"},
        {"theme": "system"},
        {"keys": "on"},
    ):
        at_home.post("/settings/appearance", chosen)

    assert head_of(at_home, **EN) == '<html lang="ja"><body>'


def test_it_is_the_persons_on_every_device(at_home: Client, alice: User, bob: User) -> None:
    at_home.post("/settings/appearance", {"language": "ja", "theme": "dark"})
    other, bobs = Client(), Client()
    other.force_login(alice, backend=BACKEND)
    bobs.force_login(bob, backend=BACKEND)

    assert head_of(other, **EN) == '<html lang="ja" data-theme="dark"><body>'
    assert head_of(bobs, **EN) == '<html lang="en"><body>'


@pytest.mark.parametrize(
    "nonsense", [{"theme": "pink"}, {"keys": "maybe"}, {"language": "../ja"}, {"density": ""}]
)
def test_what_is_no_choice_is_refused_and_changes_nothing(at_home: Client, nonsense: dict[str, str]) -> None:
    assert at_home.post("/settings/appearance", nonsense).status_code == 400
    assert head_of(at_home, **EN) == '<html lang="en"><body>'


def test_the_page_says_what_is_chosen(at_home: Client) -> None:
    at_home.post("/settings/appearance", {"theme": "dark"})

    page = at_home.get("/settings/appearance", headers=EN).content.decode()
    pressed = re.findall(r'value="(\w+)" aria-pressed="true"', page)

    assert pressed == ["browser", "dark", "compact", "on"]
    assert text_of(at_home.get("/settings/appearance", headers=EN)).count("Set by you") == 1


# ── Before sign-in ──


def test_a_browser_may_choose_before_sign_in(client: Client, alice: User) -> None:
    answer = client.post("/account/language", {"language": "ja", "next": "/sign-in?next=/lab"})
    cookie = answer.cookies["ownlog_language"]

    assert (answer.status_code, answer.headers["Location"]) == (302, "/sign-in?next=/lab")
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    assert '<html lang="ja"' in head_of(client, "/sign-in", **EN)


@pytest.mark.parametrize(
    "back", ["https://elsewhere.example/", "//elsewhere.example", "javascript:alert(1)", ""]
)
def test_the_way_back_stays_on_this_instance(client: Client, alice: User, back: str) -> None:
    assert client.post("/account/language", {"language": "en", "next": back}).headers["Location"] == "/"


def test_a_language_that_is_not_spoken_is_refused(client: Client, alice: User) -> None:
    assert client.post("/account/language", {"language": "xx", "next": "/"}).status_code == 400


def test_what_a_person_chose_counts_more_than_the_browsers_cookie(at_home: Client) -> None:
    at_home.post("/account/language", {"language": "ja", "next": "/"})
    at_home.post("/settings/appearance", {"language": "en"})
    assert '<html lang="en"' in head_of(at_home, **JA)

    at_home.post("/settings/appearance", {"language": "browser"})
    assert '<html lang="en"' in head_of(at_home, **EN)


def test_pages_before_sign_in_offer_the_other_language(visit: Visit, alice: User) -> None:
    assert 'name="language" value="ja" lang="ja">日本語<' in visit("/sign-in").content.decode()


def test_each_language_is_offered_by_its_own_name(client: Client, alice: User) -> None:
    page = client.get("/sign-in", headers=JA).content.decode()

    assert 'name="language" value="en" lang="en">English<' in page


# ── Machines ──


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/projects/nobody/nothing"),
        ("GET", "/api/v1/nothing"),
        ("POST", "/api/v1/projects/lab/vision/runs"),
        ("GET", "/api/v1/projects?page_size=pink"),
        ("POST", "/graphql"),
        ("POST", "/files/lab/vision/run1/file_stream"),
    ],
)
def test_machines_are_answered_in_english(at_home: Client, method: str, path: str) -> None:
    at_home.post("/settings/appearance", {"language": "ja"})

    english, japanese = (
        at_home.generic(method, path, b"{", content_type="application/json", headers=headers)
        for headers in (EN, JA)
    )

    assert (english.status_code, english.content) == (japanese.status_code, japanese.content)
    assert english.content.isascii()


def test_the_operators_pages_are_english_whole(client: Client, alice: User) -> None:
    alice.is_staff = alice.is_superuser = True
    alice.save()
    client.force_login(alice, backend=BACKEND)

    page = client.get("/admin/", headers=JA).content.decode()

    assert '<html lang="en' in page
    assert not re.search("[ぁ-んァ-ヶ]", page)


def test_refusals_outside_of_any_page_speak_the_readers_language(alice: User) -> None:
    strict = Client(enforce_csrf_checks=True)

    nowhere = strict.get("/a/b/c/d/e/f", headers=JA)
    forged = strict.post("/account/language", {"language": "en"}, headers=JA)

    assert (nowhere.status_code, forged.status_code) == (404, 403)
    assert b'<html lang="ja"' in nowhere.content
    assert b'<html lang="ja"' in forged.content
