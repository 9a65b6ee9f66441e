"""Pages over hostile content and with hostile addresses: never broken, never run, never out of their bounds."""

from __future__ import annotations

import json
import os
import secrets
from urllib.parse import quote

import pytest
from django.urls import reverse

from tests.e2e.secrecy.browser import BESIDES, Browser
from tests.e2e.secrecy.conftest import Instance
from tests.e2e.secrecy.door import Door, history
from tests.e2e.secrecy.test_hostile_graphql import NASTY_NAMES
from tests.e2e.secrecy.test_tenants import PAGES
from tests.turns import turn

pytestmark = pytest.mark.live
SIXTHS, THIRDS = (1, 1) if os.environ.get("OWNLOG_LOOK") == "whole" else (6, 3)

SCRIPT = "<script>alert(1)</script>"
# What an attribute, a script, a style or a template would have to let through.
BREAKOUTS = [
    SCRIPT,
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "{{ 7*7 }}{% debug %}",
    "</textarea><svg onload=alert(1)>",
]
# Each must be found nowhere in a page as it was written.
RAW = [
    "<script>alert(1)",
    "<img src=x onerror",
    "' onmouseover='alert",
    "<svg onload",
    'href="javascript:',
]


@pytest.fixture(scope="module")
def place(instance: Instance) -> tuple[Browser, str, str]:
    """A signed-in browser, its person and a project in which everything has a hostile name."""
    browser, owner, project = Browser(instance.server.url), f"host{secrets.token_hex(3)}", "odd place"
    browser.sign_up(owner)
    door = Door(instance.server.url, browser.new_key())
    for number, word in enumerate([*NASTY_NAMES.values(), *BREAKOUTS]):
        config = {word: {"value": word}, "nested": {"value": {word: [word, {word: None}]}}}
        said = word[:40_000]  # what is said about a run has a bound of its own
        door.start_run(project, f"r{number}", displayName=said, notes=said, tags=[said], groupName=said, jobType=said,
                       description=said, config=json.dumps(config))  # fmt: skip
        rows = [json.dumps({word: step, "a": {word: "NaN"}, "_step": step}) for step in range(3)]
        body = history(*rows)
        body["files"]["output.log"] = {
            "offset": 0,
            "content": [word, "ERROR " + word, "\x1b[31m" + word, "\r" + word],
        }
        body["files"]["wandb-events.jsonl"] = {
            "offset": 0,
            "content": [json.dumps({f"system.{word}": 1, "_runtime": 1})],
        }
        body["files"]["wandb-summary.json"] = {
            "offset": 0,
            "content": [json.dumps({word: word, "n": 1e400, "big": 2**70})],
        }
        assert door.stream(owner, project, f"r{number}", body).status in {200, 400}
        for name, url in door.upload_urls(owner, project, f"r{number}", word, "code/" + word).items():
            assert url is None or door.put(url, name.encode("utf-8", "replace")).status == 200
    return browser, owner, project


def address(name: str, owner: str, project: str, run: str, file: str = "x") -> str:
    known = BESIDES | {
        "entity": owner,
        "project": project,
        "run": run,
        "name": file,
        "file": file,
        "public_id": "abc",
        "hook": "abc",
        "which": "config",
    }
    return reverse(
        name, kwargs={parameter: known[parameter] for parameter in PAGES[name]}, urlconf="config.urls"
    )


@pytest.mark.parametrize("number", range(len(NASTY_NAMES) + len(BREAKOUTS)))
def test_pages_show_hostile_words_as_words(
    number: int, unbroken: Instance, place: tuple[Browser, str, str]
) -> None:
    browser, owner, project = place
    word = [*NASTY_NAMES.values(), *BREAKOUTS][number]
    file = "".join(word.encode("utf-8", "ignore").decode()[:500].splitlines()).replace("\0", "")
    # Each word on every sixth page, each page with every sixth word; another sixth each day.
    for name in list(PAGES)[(number + turn(SIXTHS)) % SIXTHS :: SIXTHS]:
        page = browser.get(address(name, owner, project, f"r{number}", file or "x"))
        assert page.status_code < 500, (name, page.status_code, page.text[-400:])
        assert "default-src 'none'" in page.headers["Content-Security-Policy"], name
        if "text/html" in page.headers.get("Content-Type", ""):
            assert [raw for raw in RAW if raw in page.text] == [], name
        else:
            assert page.headers["X-Content-Type-Options"] == "nosniff"


QUERIES = [
    "q",
    "order",
    "from",
    "page",
    "key",
    "run",
    "points",
    "cursor",
    "stream",
    "version",
    "next",
    "invitation",
    "axis",
    "filter",
]
VALUES = [SCRIPT, "-1", "9" * 5000, "１２", "NaN", "%00", "%ED%A0%80", "%FF", "../../x", "config.a =~ (((", "config.a > ", "(((" * 500,
          "config.__class__ = 1", "-config.a.b.c.d", "//evil.example", "https://evil.example", "javascript:alert(1)", "[]", '{"a":1}', "AAAA"]  # fmt: skip


@pytest.mark.parametrize("number", range(len(VALUES)), ids=[value[:12] for value in VALUES])
def test_hostile_queries(number: int, unbroken: Instance, place: tuple[Browser, str, str]) -> None:
    browser, owner, project = place
    value = VALUES[number]
    given = value if value.startswith("%") else quote(value)
    asked = "&".join(f"{name}={given}" for name in QUERIES)
    pages = ["/", "/sign-in", "/sign-up", *(address(name, owner, project, "r1") for name in PAGES)]
    # Of these too each value at every so-manieth.
    for path in pages[(number + turn(THIRDS)) % THIRDS :: THIRDS]:
        page = browser.get(f"{path}?{asked}")
        assert page.status_code < 500, (path, page.status_code, page.text[-300:])
        assert "evil.example" not in page.headers.get("Location", "").split("?")[0]
        assert SCRIPT not in page.text or "text/html" not in page.headers.get("Content-Type", "")
        assert page.elapsed.total_seconds() < 3


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "\thttps://evil.example",
    ],
)
def test_signing_in_leads_nowhere_else(target: str, unbroken: Instance) -> None:
    browser = Browser(unbroken.server.url)
    name = f"next{secrets.token_hex(4)}"
    fields = {
        "username": name,
        "email": f"{name}@example.com",
        "password1": "a long and quiet pass phrase",
        "next": target,
    }
    answered = browser.submit("/sign-up", fields)
    assert (
        answered.status_code == 302
        and "evil" not in answered.headers["Location"]
        and "alert" not in answered.headers["Location"]
    )


def test_names_that_pages_need_cannot_be_taken(unbroken: Instance) -> None:
    # Few of them: a person's address may sign up twenty times a minute, and other tests here do as well.
    for name in ("admin", "Alice", "ａlice", "a/b", "a\u0000b"):
        browser = Browser(unbroken.server.url)
        fields = {
            "username": name,
            "email": f"{secrets.token_hex(4)}@example.com",
            "password1": "a long and quiet pass phrase",
        }
        answered = browser.submit("/sign-up", fields)
        assert answered.status_code < 500
        assert not browser.is_signed_in, name
