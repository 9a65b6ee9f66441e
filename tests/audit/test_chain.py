"""The chain shows whatever is done to the record behind its back, and the databases refuse to do it at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from threading import Barrier, Thread
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, connections, transaction

from apps.accounts.actors import Actor
from apps.audit import guards, sealing, verifying
from apps.audit.chain import GENESIS, digest
from apps.audit.events import EventKind
from apps.audit.models import Event, Link
from apps.audit.sealing import seal, waiting
from apps.audit.services import record
from apps.core import clock
from apps.vault.models import Head

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-32")]


def do(sql: str, *values: Any) -> object:
    """What somebody does who has the database and not the program."""
    with connection.cursor() as cursor:
        return cursor.execute(sql, values)


def add(count: int) -> None:
    for n in range(count):
        record(EventKind.RUN_CREATED, subject=f"run{n}", entity="entity", by=Actor.system(), count=n)


@pytest.fixture
def chained() -> list[Event]:
    """Five events in the chain, without the databases' guards: each test breaks something."""
    add(5)
    seal()
    guards.take_off()
    return list(Event.objects.order_by("pk"))


def doubts() -> list[str]:
    guards.put_on()
    return verifying.verify().doubts


def test_a_record_that_nobody_touched_is_whole(chained: list[Event]) -> None:
    guards.put_on()
    found = verifying.verify()

    assert (found.linked, found.waiting, found.doubts) == (5, 0, [])
    assert found.head == Link.objects.get(number=5).sha256_hex


def test_a_digest_can_be_computed_by_anybody(chained: list[Event]) -> None:
    previous = GENESIS
    for number, event in enumerate(chained, 1):
        told = json.dumps(
            {
                "at": event.at.isoformat(timespec="microseconds"),
                "by": "system",
                "entity": "entity",
                "facts": {"count": number - 1},
                "id": event.pk,
                "kind": "run.created",
                "number": number,
                "project": "",
                "subject": f"run{number - 1}",
            },
            separators=(",", ":"),
        )
        previous = hashlib.sha256(f"{previous}\n{told}".encode()).hexdigest()
        assert Link.objects.get(number=number).sha256_hex == previous


def cut_off_the_end(events: list[Event]) -> None:
    do("DELETE FROM audit_link WHERE number = 5")
    do("DELETE FROM audit_event WHERE id = %s", events[4].pk)


def rewrite_all(events: list[Event]) -> None:
    """Change an event and make every link anew, as somebody would who knows how it is done."""
    do("UPDATE audit_event SET kind = 'planted' WHERE id = %s", events[0].pk)
    do("DELETE FROM audit_link")
    sealing._seal_some(False)


def cut_off_and_rewrite_the_head(events: list[Event]) -> None:
    cut_off_the_end(events)
    last = Link.objects.get(number=4)
    Head.objects.filter(pk="audit").update(number=4, sha256_hex=last.sha256_hex)


TAMPERINGS: dict[str, tuple[Callable[[list[Event]], object], str]] = {
    "changed": (
        lambda events: do("UPDATE audit_event SET kind = 'planted' WHERE id = %s", events[2].pk),
        "of link 3 was changed",
    ),
    "moment changed": (
        lambda events: do(
            "UPDATE audit_event SET at = %s WHERE id = %s", clock.now() + timedelta(days=1), events[2].pk
        ),
        "of link 3 was changed",
    ),
    "facts changed": (
        lambda events: do("UPDATE audit_event SET facts = '{\"count\": 7}' WHERE id = %s", events[2].pk),
        "of link 3 was changed",
    ),
    "removed": (
        lambda events: do("DELETE FROM audit_event WHERE id = %s", events[2].pk),
        "of link 3 is gone",
    ),
    "removed with its link": (
        lambda events: (
            do("DELETE FROM audit_link WHERE number = 3"),
            do("DELETE FROM audit_event WHERE id = %s", events[2].pk),
        ),
        "links 3 to 3 are gone",
    ),
    "put in another order": (
        lambda events: (
            do("UPDATE audit_link SET event_id = 999999999 WHERE number = 2"),
            do("UPDATE audit_link SET event_id = %s WHERE number = 3", events[1].pk),
            do("UPDATE audit_link SET event_id = %s WHERE number = 2", events[2].pk),
        ),
        "of link 2 was changed",
    ),
    "end cut off": (cut_off_the_end, "links 5 to 5 are gone from the end"),
    "all removed": (
        lambda _: (do("DELETE FROM audit_link"), do("DELETE FROM audit_event")),
        "links 1 to 5 are gone from the end",
    ),
    "all linked anew": (rewrite_all, "link 5 is not the one whose digest the vault keeps"),
    "head rewritten too": (cut_off_and_rewrite_the_head, "was not signed with this instance's key"),
    "head removed": (lambda _: Head.objects.all().delete(), "the vault keeps no head of the chain"),
}


@pytest.mark.parametrize("what", TAMPERINGS)
def test_what_was_done_to_the_record_is_told(chained: list[Event], what: str) -> None:
    tamper, told = TAMPERINGS[what]
    tamper(chained)

    assert doubts() != []
    assert told in doubts()[0]


@pytest.mark.parametrize("what", ["end cut off", "all linked anew", "head rewritten too"])
def test_going_on_does_not_hide_it(chained: list[Event], what: str) -> None:
    TAMPERINGS[what][0](chained)
    add(9)
    seal()

    assert doubts() != []


def test_the_command_prints_one_line_and_fails_on_doubt(chained: list[Event]) -> None:
    guards.put_on()
    printed = StringIO()
    call_command("audit", "verify", stdout=printed)
    head = Link.objects.get(number=5).sha256_hex
    assert printed.getvalue() == f"audit: whole: 5 events linked, 0 waiting, head {head}\n"

    guards.take_off()
    with pytest.raises(
        CommandError, match=r"^audit: IN DOUBT: the database does not refuse changes .*; 5 events"
    ):
        call_command("audit", "verify")


def test_events_are_linked_soon_after_and_told_as_waiting_until_then() -> None:
    add(2)
    assert (verifying.verify().waiting, verifying.verify().linked) == (2, 0)

    assert seal() == 2
    assert seal() == 0
    assert (verifying.verify().waiting, verifying.verify().linked) == (0, 2)


def test_events_that_wait_for_long_are_a_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    long_ago = clock.now() - timedelta(minutes=11)
    monkeypatch.setattr(clock, "now", lambda: long_ago)
    add(1)
    monkeypatch.undo()

    assert doubts()[0].startswith("1 events wait for their links since")


def test_an_act_that_ended_late_is_linked_too() -> None:
    """Its id was given before others' that are linked already."""
    add(3)
    late = Event.objects.order_by("pk")[0]
    Link.objects.create(
        number=1,
        event_id=late.pk + 2,
        previous_sha256_hex=GENESIS,
        sha256_hex=digest(GENESIS, 1, Event.objects.get(pk=late.pk + 2)),
    )

    assert [event.pk for event in waiting()] == [late.pk, late.pk + 1]
    assert seal() == 2
    assert doubts() == []


def test_one_far_behind_is_found_by_looking_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    add(2)
    monkeypatch.setattr(sealing, "_LOOK_BACK", 0)
    newest = Event.objects.order_by("-pk")[0]
    Link.objects.create(
        number=1,
        event_id=newest.pk,
        previous_sha256_hex=GENESIS,
        sha256_hex=digest(GENESIS, 1, newest),
    )

    assert seal() == 0
    assert seal(everywhere=True) == 1


def test_batches_follow_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "_BATCH", 2)
    monkeypatch.setattr(verifying, "_BATCH", 2)
    add(5)

    assert seal() == 5
    assert doubts() == []


@pytest.mark.django_db(transaction=True, databases=["default", "vault"])
def test_any_number_of_processes_may_link_at_once() -> None:
    add(40)
    start = Barrier(3)

    def work() -> None:
        start.wait()
        seal()
        connections.close_all()

    threads = [Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seal()

    assert list(Link.objects.order_by("number").values_list("number", flat=True)) == list(range(1, 41))
    guards.put_on()
    try:
        assert verifying.verify().doubts == []
    finally:
        guards.take_off()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit_event SET kind = 'x'",
        "DELETE FROM audit_event",
        "UPDATE audit_link SET number = number + 1",
        "DELETE FROM audit_link WHERE number = 1",
    ],
)
def test_the_database_itself_refuses(chained: list[Event], sql: str) -> None:
    guards.put_on()
    guards.put_on()  # doing it again is allowed
    assert guards.are_on()

    with pytest.raises(DatabaseError, match="never changed and never deleted"), transaction.atomic():
        do(sql)

    add(1)
    assert seal() == 1


def test_a_lost_end_is_accepted_on_the_record(chained: list[Event]) -> None:
    cut_off_the_end(chained)
    assert doubts() != []

    printed = StringIO()
    call_command("audit", "accept-loss", stdout=printed)

    assert printed.getvalue() == "audit: 1 events are gone from the end, which is now on the record\n"
    assert doubts() == []
    last = Event.objects.order_by("-pk")[0]
    assert (last.kind, last.facts) == ("record.loss_accepted", {"expected": 5, "found": 4})


@pytest.mark.parametrize("fact", ["nina@example.com", "/home/nina", "two words", "x" * 65, "名前"])
def test_a_fact_is_a_plain_word(fact: str) -> None:
    with pytest.raises(ValueError, match="holds no content"):
        record(EventKind.RUN_CREATED, subject="s", by=Actor.system(), state=fact)

    assert not Event.objects.exists()
