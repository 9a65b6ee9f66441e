"""A free team from the refusal to its making, by a person and an operator in two browsers, with mail that travels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message
from typing import Any, Literal

import pytest

from tests.e2e.secrecy.search import new_text, search
from tests.live import LiveServer
from tests.web.axe import violations
from tests.web.in_chromium import IN_CHROMIUM, Seen, until
from tests.web.mailbox import Mailbox, words_of
from tests.web.pages import HOSTED

pytestmark = [*IN_CHROMIUM, pytest.mark.promise("P-11")]
VIEWS: tuple[tuple[Literal["light", "dark"], int, int], ...] = (("light", 1440, 900), ("dark", 390, 844))


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as box:
        yield box


@pytest.fixture(scope="module")
def server(demo_world: LiveServer, mailbox: Mailbox) -> Iterator[LiveServer]:
    """Hosted, with a worker: mail about a request is sent by it."""
    live = LiveServer(env=mailbox.env | {"OWNLOG_HOSTED": "1"}, with_worker=True)
    live.env["OWNLOG_BASE_URL"] = live.url
    with live.prepare_like(demo_world):
        yield live


def faults(seen: Seen) -> list[str]:
    """What is wrong with the page on a desk by day, and on a phone by night."""
    found = []
    for theme, width, height in VIEWS:
        seen.page.set_viewport_size({"width": width, "height": height})
        seen.page.emulate_media(color_scheme=theme)
        if (wide := seen.page.evaluate("document.documentElement.scrollWidth")) > width:
            found.append(f"{wide} px wide at {width} px")
        found += violations(seen.page)
    seen.page.set_viewport_size({"width": 1440, "height": 900})
    return found


def mail_to(seen: Seen, mailbox: Mailbox, who: str, count: int) -> Message:
    """The newest mail to somebody, once there are so many."""

    def theirs() -> list[Message]:
        return [mail for mail in mailbox.mails if mail["To"] == f"{who}@example.org"]

    until(seen, lambda: len(theirs()) >= count)
    assert len(theirs()) == count
    return theirs()[-1]


def link_in(mail: Message) -> str:
    found = re.search(r"http://\S+", words_of(mail))
    assert found is not None
    return found[0]


def test_a_free_team_is_asked_for_and_approved(open_page: Any, server: LiveServer, mailbox: Mailbox) -> None:
    markers = [new_text(name) for name in ("address", "use", "evidence", "question", "answer")]
    address, use, evidence, question, answer = (str(each.value) for each in markers)
    person: Seen = open_page(signed_in=False, reduced_motion="reduce")
    person.sign_in("bob")
    for path in HOSTED:
        person.go(path)
        assert faults(person) == [], path

    person.go("/settings/teams/new")
    person.page.click("text=Ask for it")
    person.page.wait_for_url(f"{server.url}/settings/plan")
    person.page.select_option("#id_plan", "academic")
    person.page.fill("#id_address", f"https://me@{address}.example/")
    person.page.fill("#id_use", use)
    person.page.fill("#id_evidence", evidence)
    person.page.click("text=Send the request")
    assert "no name or password" in person.page.inner_text("#id_address-error")
    assert person.page.input_value("#id_use") == use
    person.page.fill("#id_address", f"https://{address}.example/")
    person.page.click("text=Send the request")
    assert "waits for the operators" in person.page.inner_text("#request")

    operator: Seen = open_page()
    operator.page.goto(link_in(mail_to(operator, mailbox, "alice", 1)))
    assert use in operator.page.inner_text(".review") and evidence in operator.page.inner_text(".review")
    operator.page.fill("#id_ask-question", question)
    operator.page.click("button[value=ask]")
    operator.page.wait_for_selector("text=waits for an answer")

    person.page.goto(link_in(mail_to(person, mailbox, "bob", 2)))
    assert question in person.page.inner_text(".request")
    assert faults(person) == []
    person.page.fill("#id_answer", answer)
    person.page.click("main form[action$=answer] button")
    person.page.wait_for_selector("text=waits for the operators")
    assert search([server.data, server.log], markers) == []

    operator.page.goto(link_in(mail_to(operator, mailbox, "alice", 2)))
    assert answer in operator.page.inner_text(".review")
    operator.page.click("button[value=approve]")
    operator.page.wait_for_url(f"{server.url}/admin/plans/planrequest/")
    assert "is approved" in words_of(mail_to(person, mailbox, "bob", 3))

    person.go("/settings/plan")
    shown = person.page.inner_text("main")
    assert "You can make teams." in shown and "What you wrote was erased" in shown
    assert not any(str(each.value) in shown for each in markers)
    person.page.click("text=Make a team")
    person.page.fill("input[name=name]", "free-lab")
    person.page.click("main button[type=submit]")
    person.page.wait_for_url(f"{server.url}/teams/free-lab")
    assert search([server.data, server.log], markers) == []
    sent = "\n".join(words_of(mail) for mail in mailbox.mails)
    assert not any(str(each.value) in sent for each in markers)
    # The browser notes the form that came back with a message.
    complaints = [*person.complaints, *operator.complaints]
    assert [each for each in complaints if "400 (Bad Request)" not in each] == []
    assert [*person.asked_elsewhere, *operator.asked_elsewhere] == []
