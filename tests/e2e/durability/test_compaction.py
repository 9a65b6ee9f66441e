"""Chunks become segments without anybody being able to tell, wherever the worker dies and however many there are."""

from __future__ import annotations

import json
import os
import threading
import time

import pytest

from apps.vault import rows as vault_rows
from tests.e2e.clients import Http, Row
from tests.e2e.durability.inside import DIED, is_act
from tests.e2e.durability.stored import blob_sizes, compact, count, fall_silent, inside, newest_run, select
from tests.live import LiveServer
from tests.turns import turn

pytestmark = [pytest.mark.live, pytest.mark.enable_socket]

FACTS = (
    "state historyLineCount eventsLineCount logLineCount summaryMetrics historyKeys historyTail eventsTail"
)


# It dies before every act on a disk in so many days, or at once with OWNLOG_DEATHS=whole.
EVERY = 1 if os.environ.get("OWNLOG_DEATHS") == "whole" else 5


def rows(first: int, end: int) -> list[Row]:
    """Rows of several shapes: now and then a key is missing, or of another type."""
    made: list[Row] = []
    for n in range(first, end):
        row: Row = {"_step": n, "_timestamp": 1.79e9 + n / 10, "loss": 1 / (n + 1)}
        if n % 3 == 0:
            row |= {"accuracy": n / 7 if n % 2 else str(n), "nested": {"list": [n, None]}}
        if n % 50 == 7:
            row["loss"] = float("nan")
        made.append(row)
    return made


def fill(http: Http, run: str, batches: int, size: int = 20, *, exitcode: int | None = 0) -> None:
    http.make_run(run)
    for first in range(0, batches * size, size):
        lines = [f"{run} line {n}" for n in range(first, first + size)]
        status = http.send(
            run,
            history=(first, rows(first, first + size)),
            events=(first, [{"_timestamp": n, "system.cpu": n / 3} for n in range(first, first + size)]),
            output=(first, lines),
            summary={"last": first},
        )
        assert status == 200
    if exitcode is not None:
        assert http.send(run, output=(1, ["rewritten"]), exitcode=exitcode) == 200


def everything(http: Http, run: str) -> str:
    """All that can be read of a run's streams, as one text to compare."""
    sample = http.read(run, f"{FACTS} history(samples:37) sampledHistory(specs:{json.dumps([SPEC])})")
    read = [http.rows(run), http.events(run), http.console(run), sample]
    return json.dumps(read, sort_keys=True)


SPEC = json.dumps({"keys": ["_step", "loss"], "samples": 11, "minStep": 5, "maxStep": 90})


def hot_chunks(server: LiveServer) -> int:
    return count(server, "runs_chunk")


def test_nothing_changes_for_a_reader(server: LiveServer, http: Http) -> None:
    fill(http, "compacted", 12)
    run = newest_run(server)
    before = everything(http, "compacted")

    compact(server, run)

    assert count(server, "runs_chunk", f"run_id={run}") == 0
    assert count(server, "runs_segment", f"run_id={run}") >= 3
    assert everything(http, "compacted") == before
    assert http.rows("compacted") != []
    # The same batches once more, from a client that was not told: nothing is added.
    assert http.send("compacted", history=(0, rows(0, 40))) == 200
    assert everything(http, "compacted") == before


def test_long_run_is_the_same_across_row_groups(server: LiveServer, http: Http) -> None:
    http.make_run("long-run")
    total = 80_000
    for first in range(0, total, 8_000):
        sent = [{"_step": n, "loss": n / 3, "name": f"row {n}"} for n in range(first, first + 8_000)]
        assert http.send("long-run", history=(first, sent)) == 200
    assert http.send("long-run", exitcode=0) == 200
    before = http.read(
        "long-run", f"history(samples:500) sampledHistory(specs:{json.dumps([SPEC])}) historyKeys"
    )

    compact(server, newest_run(server))

    assert count(server, "runs_chunk", f"run_id={newest_run(server)}") == 0
    read = list(http.row_pages("long-run", 10_000))
    assert read == [{"_step": n, "loss": n / 3, "name": f"row {n}"} for n in range(total)]
    after = http.read(
        "long-run", f"history(samples:500) sampledHistory(specs:{json.dumps([SPEC])}) historyKeys"
    )
    assert after == before


def test_death_of_the_worker_before_every_act(own_server: LiveServer) -> None:
    """Each run is compacted by a process that dies before a later act on a disk; in the end one lives through it all."""
    http = Http(own_server.url)
    names = [f"dying-{number}" for number in range(1, 80 // EVERY + 2)]
    for name in names:
        http.make_run(name)
        assert (
            http.send(name, history=(0, rows(0, 15)), events=(0, rows(0, 3)), output=(0, ["a", "b"])) == 200
        )
        assert http.send(name, output=(1, ["c", "d"]), summary={"last": 1}, exitcode=0) == 200
    before = everything(http, names[0])

    first = 1 + turn(EVERY)
    codes = inside(own_server, "die", first, EVERY, *all_runs(own_server))

    assert len(codes) < len(names), "more runs are needed to reach the end of a compaction"
    assert codes == [DIED] * (len(codes) - 1) + [0]
    assert len(codes) > 20 // EVERY
    assert {everything(http, name) for name in names[: len(codes)]} == {before}
    inside(own_server, "task", "runs.sweep", "{}")
    inside(own_server, "later", "blobs.sweep_orphans")
    assert hot_chunks(own_server) == 0
    assert {as_text(http.rows(name)) for name in names} == {as_text(rows(0, 15))}
    # What the dead left lying is gone: one file for each segment.
    assert len(blob_sizes(own_server)) == count(own_server, "runs_segment") == count(own_server, "blobs_blob")


@pytest.mark.parametrize(
    ("sql", "is_one"),
    [
        ("SELECT 1", False),
        (vault_rows._ON_SQLITE, False),
        (vault_rows._ON_POSTGRESQL, False),
        ("WITH changed AS (UPDATE t SET n = 1 RETURNING 1) SELECT count(*) FROM changed", True),
        ("INSERT INTO t SELECT 1", True),
        ("COMMIT", True),
    ],
)
def test_what_is_an_act(sql: str, is_one: bool) -> None:
    assert is_act(sql) == is_one


def all_runs(server: LiveServer) -> list[int]:
    return [number for (number,) in select(server, "SELECT id FROM runs_run ORDER BY id")]


def test_two_workers_at_one_run(own_server: LiveServer) -> None:
    http = Http(own_server.url)
    names = [f"raced-{number}" for number in range(5)]
    for name in names:
        fill(http, name, 4)
    before = {name: everything(http, name) for name in names}

    codes = inside(own_server, "race", *all_runs(own_server))

    assert codes == [0] * 4 * len(names)
    assert {name: everything(http, name) for name in names} == before
    assert hot_chunks(own_server) == 0
    inside(own_server, "later", "blobs.sweep_orphans")
    assert {name: everything(http, name) for name in names} == before
    assert len(blob_sizes(own_server)) == count(own_server, "runs_segment")


def test_lines_that_come_during_compaction(server: LiveServer, http: Http) -> None:
    http.make_run("growing")
    run = newest_run(server)
    enough = threading.Event()
    written: list[int] = []

    def write() -> None:
        own = Http(http.url)
        for first in range(0, 100_000, 5):
            if enough.is_set():
                break
            lines = [f"line {n}" for n in range(first, first + 5)]
            assert own.send("growing", history=(first, rows(first, first + 5)), output=(first, lines)) == 200
            written.append(first)
            time.sleep(0.01)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(4):
            already = len(written)
            compact(server, run)
            assert len(written) > already, "no lines came during the compaction"
            assert [row["_step"] for row in http.rows("growing")][:already] == list(range(already))
    finally:
        enough.set()
        writer.join()

    assert count(server, "runs_segment", f"run_id={run} AND stream='history'") >= 3
    end = written[-1] + 5
    assert as_text(http.rows("growing")) == as_text(rows(0, end))
    assert http.console("growing") == [f"line {n}" for n in range(end)]


def test_work_is_found_when_every_message_is_lost(own_server: LiveServer) -> None:
    """The server has no broker that anybody listens to, so each message it sent is lost. The sweep alone does it."""
    http = Http(own_server.url)
    for name in ("one", "two", "three"):
        fill(http, name, 3)
    fill(http, "silent", 3, exitcode=None)
    silent = newest_run(own_server)
    before = {name: everything(http, name) for name in ("one", "two", "three")}
    assert hot_chunks(own_server) > 0
    fall_silent(own_server, silent, seconds=3600)

    inside(own_server, "task", "runs.sweep", "{}")

    assert hot_chunks(own_server) == 0
    assert {name: everything(http, name) for name in before} == before
    assert http.read("silent", "state")["state"] == "crashed"
    # The client was only asleep: its next lines are taken, and the run goes on.
    assert http.send("silent", history=(60, rows(60, 65))) == 200
    assert http.read("silent", "state")["state"] == "running"
    assert as_text(http.rows("silent")) == as_text(rows(0, 65))


def as_text(value: list[Row]) -> str:
    """As text, for NaN is not equal to itself."""
    return json.dumps(value, sort_keys=True)


def test_worker_compacts_on_its_own(whole_instance: LiveServer) -> None:
    """A finished run is compacted without anybody asking."""
    http = Http(whole_instance.url)
    fill(http, "by-itself", 5)
    before = everything(http, "by-itself")

    deadline = time.monotonic() + 90
    while hot_chunks(whole_instance) and time.monotonic() < deadline:
        time.sleep(0.1)

    assert hot_chunks(whole_instance) == 0
    assert everything(http, "by-itself") == before
