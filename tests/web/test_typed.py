"""Whatever somebody types into any field of any page: no fault, a message beside the field, and nothing half-saved."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.urls import resolve

from tests.factories import people
from tests.matrix.ways import address
from tests.matrix.world import BACKEND, World, make_world, undone
from tests.web.test_in_japanese import BEFORE_SIGN_IN, _pages

BROKEN = '"><img src=x onerror=alert(1)>\u202eegap\0{{ 7*7 }}'
LONG = "W" * 10_000
# What is written whatever is answered: the record, and what tries and devices are counted by.
_ALWAYS = re.compile(r"^(?:audit_|accounts_session|accounts_tally|django_session|usersessions_)")
_WRITES = re.compile(r'^\s*(?:INSERT (?:OR \w+ )?INTO|UPDATE|DELETE FROM)\s+"(\w+)"')


@dataclass
class Form:
    at: str  # the page on which it stands
    action: str
    is_post: bool
    values: dict[str, str] = field(default_factory=dict)
    typed: set[str] = field(default_factory=set)
    is_pressed: bool = False


class _Forms(HTMLParser):
    """The forms of a page with what stands in them, the fields that are marked as wrong, and what says why."""

    def __init__(self, at: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.wrong: dict[str, str] = {}
        self.ids: set[str] = set()
        self.alerts = 0
        self._at, self._area = at, ""
        self._form: Form | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids.add(given.get("id", ""))
        self.alerts += given.get("role") == "alert"
        if tag == "form":
            action = urljoin(self._at, given.get("action", ""))
            self._form = Form(self._at, action, given.get("method", "").lower() == "post")
            self.forms.append(self._form)
        if tag == "button" and self._form is not None and not self._form.is_pressed:
            self._form.is_pressed = True  # the first of a form, as Enter would
            self._form.values |= {given["name"]: given.get("value", "")} if "name" in given else {}
        if tag in {"input", "textarea", "select"} and (name := given.get("name", "")):
            if given.get("aria-invalid") == "true":
                self.wrong[name] = given.get("aria-describedby", "")
            self._field(tag, name, given)

    def _field(self, tag: str, name: str, given: dict[str, str]) -> None:
        kind = given.get("type", "text")
        if self._form is None or kind in {"file", "submit", "button"} or "disabled" in given:
            return
        if kind in {"checkbox", "radio"}:
            if "checked" in given:
                self._form.values[name] = given.get("value", "on")
            return
        self._form.values[name] = given.get("value", "")
        if kind != "hidden":
            self._form.typed.add(name)
        self._area = name if tag == "textarea" else ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None

    def handle_data(self, data: str) -> None:
        if self._form is not None and self._area:
            self._form.values[self._area] += data
            self._area = ""


def forms_of(at: str, page: str) -> _Forms:
    reader = _Forms(at)
    reader.feed(page)
    return reader


# Where somebody whose browser is not signed in types something.
OUTSIDE = ("/sign-in", "/sign-up", "/account/reset")
# What is taken and shown to nobody: a password.
NEVER_SHOWN = {"password", "password1", "password2", "oldpassword"}
# What leads to the page on which values are added, which shows neither: what is said of a run, and its summary.
ON_ANOTHER_PAGE = {"run-new": "edit", "run-log-summary": "values/summary"}
# What is taken apart into keys and values.
IN_LINES = {"run-log-summary"}
# What takes something that is no example of the world's: an erasure, an export, a provider, codes.
NOT_HERE = {
    "erasure",
    "export",
    "github_callback",
    "google_callback",
    "import",
    "mfa_deactivate_totp",
    "mfa_view_recovery_codes",
}


@pytest.fixture
def world(db: None) -> World:
    return make_world()


def all_forms(client: Client, paths: Iterable[str]) -> Iterator[Form]:
    """One of each kind, of all these pages."""
    met = set()
    for path in paths:
        answer = client.get(path)
        if answer.status_code != 200 or answer.streaming:
            continue
        for form in read(path, answer).forms:
            kind = (resolve(urlsplit(form.action).path).view_name, *sorted(form.typed))
            if form.typed and kind not in met:
                met.add(kind)
                yield form


def read(path: str, answer: Any) -> _Forms:
    reader = _Forms(path)
    reader.feed(answer.content.decode())
    return reader


def faults(client: Client, form: Form, name: str, value: str) -> Iterator[str]:
    """What is wrong with how this value of this field is answered."""
    changed = set[str]()

    def watch(execute: Any, sql: str, *rest: Any) -> Any:
        if (found := _WRITES.match(sql)) and not _ALWAYS.match(found[1]):
            changed.add(found[1])
        return execute(sql, *rest)

    send = client.post if form.is_post else client.get
    with undone(), connection.execute_wrapper(watch):
        answer = send(form.action, form.values | {name: value})
        if answer.status_code == 302:
            if form.is_post and not is_kept(client, form, name, value, answer.headers["Location"]):
                yield "taken, and not there whole"
            return
    yield from amiss(form, answer, changed)


def amiss(form: Form, answer: Any, changed: set[str]) -> Iterator[str]:
    """What is wrong with a page that takes nothing."""
    if answer.status_code not in ({200, 400} if form.is_post else {200, 404}):
        yield f"answers {answer.status_code}"
    page = read(form.action, answer)
    if "<img src=x" in answer.content.decode():
        yield "markup as it was typed"
    if form.is_post and changed:
        yield f"refused, and changed {changed}"
    if form.is_post and not page.wrong and not page.alerts:
        yield "no message"
    if unsaid := {field: ids for field, ids in page.wrong.items() if not ids or set(ids.split()) - page.ids}:
        yield f"marked and not told why: {unsaid}"


def is_kept(client: Client, form: Form, name: str, value: str, led: str) -> bool:
    """Does what was taken stand in a field of its name again, or among the words of a page, letter for letter?"""
    if name in NEVER_SHOWN:
        return True
    kind = resolve(urlsplit(form.action).path).view_name
    parts = value.split("=", 1) if kind in IN_LINES else [value]
    for path in where_it_stands(kind, form.at, led):
        answer = client.get(path, follow=True)
        again = [each.values.get(name, "") for each in read(path, answer).forms]
        words = unescape(answer.content.decode())
        if value in again or all(each.strip() in words for each in parts):
            return True
    return False


def where_it_stands(kind: str, at: str, led: str) -> list[str]:
    """Where one was led, where one typed it, and where else a page of a run says it."""
    found = [led.partition("#")[0], at]
    if kind in ON_ANOTHER_PAGE:
        found.append(f"{urlsplit(led).path.removesuffix('/log')}/{ON_ANOTHER_PAGE[kind]}")
    return list(dict.fromkeys(found))


def all_faults(client: Client, paths: Iterable[str]) -> tuple[int, list[str]]:
    fields = [(form, name) for form in all_forms(client, paths) for name in sorted(form.typed)]
    return len(fields), [
        f"{name} of {form.action} given {kind}: {fault}"
        for form, name in fields
        for kind, value in ({"broken": BROKEN, "long": LONG} if form.is_post else {"broken": BROKEN}).items()
        for fault in faults(client, form, name, value)
    ]


def test_whatever_is_typed_has_a_message_beside_it_or_is_kept_whole(world: World) -> None:
    """Each field of each form of each page, from the code: every URL that answers with a page is asked for its forms."""
    inside, outside = Client(), Client()
    inside.force_login(world.users["alice"], backend=BACKEND)
    people.has_signed_in(inside, world.users["alice"], ago=0)
    target = world.place("private project").target
    pages = sorted(_pages() - NOT_HERE - BEFORE_SIGN_IN.keys())

    fields, wrong = all_faults(inside, [address(world, name, target) for name in pages])
    there, amiss = all_faults(outside, OUTSIDE)

    assert wrong + amiss == []
    assert fields > 80
    assert there >= 6
