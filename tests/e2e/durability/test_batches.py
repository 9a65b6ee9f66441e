"""What the client may send twice, twisted or at the same time, and what must be there afterwards."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable

import pytest

from tests.e2e.clients import Http, Row

pytestmark = [pytest.mark.live, pytest.mark.enable_socket]


def rows(first: int, end: int) -> list[Row]:
    return [
        {"_step": n, "_timestamp": 1.79e9 + n, "loss": 1 / (n + 1), "at": f"step {n}"}
        for n in range(first, end)
    ]


def batch(first: int, end: int) -> tuple[int, list[Row]]:
    return first, rows(first, end)


def together(acts: list[Callable[[], None]]) -> None:
    """Run all at once; the first error of any of them is raised."""
    errors: list[BaseException] = []
    gate = threading.Barrier(len(acts))

    def guarded(act: Callable[[], None]) -> None:
        try:
            gate.wait(timeout=30)
            act()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    if errors:
        raise errors[0]


# ── history and events: every line once ──


def test_repeated_batch_changes_nothing(http: Http) -> None:
    http.make_run("repeated")

    answers = [
        http.send("repeated", history=batch(0, 5), events=batch(0, 2), output=(0, ["a", "b"]))
        for _ in range(3)
    ]

    assert answers == [200, 200, 200]
    assert http.rows("repeated") == rows(0, 5)
    assert http.events("repeated") == rows(0, 2)
    assert http.console("repeated") == ["a", "b"]
    assert http.read("repeated", "historyLineCount eventsLineCount logLineCount") == {
        "historyLineCount": 5,
        "eventsLineCount": 2,
        "logLineCount": 2,
    }


def test_overlapping_batch_adds_only_what_is_new(http: Http) -> None:
    http.make_run("overlapping")

    answers = [
        http.send("overlapping", history=batch(*ends)) for ends in [(0, 5), (3, 8), (1, 3), (0, 8), (7, 9)]
    ]

    assert answers == [200] * 5
    assert http.rows("overlapping") == rows(0, 9)


def test_gap_is_refused_so_that_the_client_comes_again(http: Http) -> None:
    http.make_run("gap")

    too_early = http.post(
        "gap", {"files": {"wandb-history.jsonl": {"offset": 5, "content": ['{"_step":5}']}}}
    )

    assert too_early.status_code == 503
    assert int(too_early.headers["Retry-After"]) <= 5
    assert http.rows("gap") == []
    assert http.send("gap", history=batch(0, 5)) == 200
    assert http.send("gap", history=batch(5, 7)) == 200
    assert http.rows("gap") == rows(0, 7)


def test_request_with_a_gap_is_refused_as_a_whole(http: Http) -> None:
    http.make_run("whole")

    status = http.send(
        "whole", history=batch(3, 5), events=batch(0, 2), output=(0, ["early"]), summary={"early": 1}
    )

    assert status == 503
    counts = http.read("whole", "historyLineCount eventsLineCount logLineCount summaryMetrics")
    assert counts == {"historyLineCount": 0, "eventsLineCount": 0, "logLineCount": 0, "summaryMetrics": "{}"}


def test_bad_line_is_refused_as_a_whole(http: Http) -> None:
    """A line that is no JSON never becomes one; what came with it must not be half stored."""
    http.make_run("bad-line")

    status = http.send("bad-line", history=(0, ['{"_step":0}', '{"_step":']), output=(0, ["early"]))

    assert 400 <= status < 500
    assert http.read("bad-line", "historyLineCount logLineCount") == {
        "historyLineCount": 0,
        "logLineCount": 0,
    }


def test_batches_in_any_order_at_once_are_all_there_in_order(http: Http) -> None:
    http.make_run("reordered")
    batches = [batch(start, start + 7) for start in range(0, 84, 7)]
    random.Random(3).shuffle(batches)

    def send_until_taken(sent: tuple[int, list[Row]]) -> Callable[[], None]:
        def act() -> None:
            own = Http(http.url)
            deadline = time.monotonic() + 60
            while (status := own.send("reordered", history=sent)) != 200:
                assert status == 503
                assert time.monotonic() < deadline
                time.sleep(0.05)

        return act

    together([send_until_taken(sent) for sent in batches])

    assert http.rows("reordered") == rows(0, 84)


def test_same_batch_from_many_threads_is_stored_once(http: Http) -> None:
    http.make_run("at-once")
    lines = [f"line {n}" for n in range(30)]
    answers: list[int] = []

    def send() -> None:
        own = Http(http.url)
        for first in range(0, 30, 10):
            sent, end = batch(0, first + 10), first + 10
            status = own.send(
                "at-once", history=sent, events=sent, output=(0, lines[:end]), summary={"n": first}
            )
            answers.append(status)

    together([send] * 8)

    assert answers == [200] * 24
    assert http.rows("at-once") == rows(0, 30)
    assert http.events("at-once") == rows(0, 30)
    assert http.console("at-once") == lines
    assert http.read("at-once", "historyLineCount")["historyLineCount"] == 30


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_any_mixture_of_batches_ends_as_the_lines_say(http: Http, seed: int) -> None:
    """Random windows over a history and a console, kept beside a model of what must be stored."""
    choose = random.Random(seed)
    name = f"mixture-{seed}"
    http.make_run(name)
    stored = 0
    console: dict[int, str] = {}

    for turn in range(60):
        first = choose.randint(max(0, stored - 6), stored + 2)
        end = first + choose.randint(1, 8)
        start = choose.randint(0, 40)
        words = [f"turn {turn} line {n}" for n in range(choose.randint(0, 5))]
        status = http.send(name, history=batch(first, end), output=(start, words))
        assert status == (503 if first > stored else 200)
        if status == 200:
            stored = max(stored, end)
            console.update(enumerate(words, start=start))

    assert http.rows(name) == rows(0, stored)
    assert http.console(name) == [console.get(n, "") for n in range(max(console) + 1)]


# ── console: by line number, the last word counts ──


def test_console_lines_are_rewritten_in_place(http: Http) -> None:
    http.make_run("bars")

    http.send("bars", output=(0, ["start", "10 %", "other"]))
    http.send("bars", output=(1, ["50 %"]))
    http.send("bars", output=(1, ["100 %", "other", "end"]))

    assert http.console("bars") == ["start", "100 %", "other", "end"]
    assert http.read("bars", "logLineCount")["logLineCount"] == 4


def test_console_stretches_come_out_of_order(http: Http) -> None:
    http.make_run("stretches")
    lines = [f"line {n}" for n in range(20)]

    answers = [
        http.send("stretches", output=(first, lines[first:end]))
        for first, end in [(12, 20), (0, 4), (6, 12), (4, 7)]
    ]

    assert answers == [200] * 4
    assert http.console("stretches") == lines


# ── shared mode: each writer counts for itself ──


def shared_rows(writer: str, steps: range) -> list[Row]:
    return [{"_step": step, "_timestamp": 1.79e9 + step, f"{writer}/loss": step / 8} for step in steps]


def test_two_writers_each_count_from_zero(http: Http) -> None:
    http.make_run("shared")
    a, b = shared_rows("a", range(0, 20, 2)), shared_rows("b", range(1, 21, 2))

    for first in range(0, 10, 2):
        sent = [http.send("shared", history=(first, a[first : first + 2]), writer="writer-a")]
        sent += [
            http.send("shared", history=(first, b[first : first + 2]), writer="writer-b") for _ in range(2)
        ]
        assert sent == [200, 200, 200]

    read = http.rows("shared")
    assert sorted(read, key=lambda row: row["_step"]) == read
    assert read == sorted(a + b, key=lambda row: row["_step"])
    assert http.send("shared", history=(11, a[:1]), writer="writer-a") == 503


def test_shared_run_ends_with_its_last_writer(http: Http) -> None:
    http.make_run("two-ends")
    states = []

    http.send(
        "two-ends", history=(0, shared_rows("a", range(3))), summary={"a": 1, "both": 1}, writer="writer-a"
    )
    http.send(
        "two-ends", history=(0, shared_rows("b", range(3))), summary={"b": 2, "both": 2}, writer="writer-b"
    )
    for writer in ["writer-a", "writer-a", "writer-b"]:
        http.send("two-ends", exitcode=0, writer=writer)
        states.append(http.read("two-ends", "state")["state"])

    assert states == ["running", "running", "finished"]
    assert json.loads(http.read("two-ends", "summaryMetrics")["summaryMetrics"]) == {
        "a": 1,
        "b": 2,
        "both": 2,
    }


def test_shared_run_has_failed_when_one_writer_has(http: Http) -> None:
    http.make_run("one-failed")
    for writer in ("writer-a", "writer-b"):
        http.send("one-failed", history=(0, shared_rows(writer, range(3))), writer=writer)

    http.send("one-failed", exitcode=1, writer="writer-a")
    http.send("one-failed", exitcode=0, writer="writer-b")

    assert http.read("one-failed", "state exitcode") == {"state": "failed", "exitcode": 1}


def test_shared_writers_at_once(http: Http) -> None:
    http.make_run("shared-at-once")
    steps = 40

    def write(number: int) -> Callable[[], None]:
        def act() -> None:
            own, mine = Http(http.url), shared_rows(str(number), range(steps))
            for first in range(0, steps, 8):
                lines = [f"writer {number} line {n}" for n in range(first, first + 8)]
                for _ in range(2):
                    status = own.send(
                        "shared-at-once",
                        history=(first, mine[first : first + 8]),
                        output=(first, lines),
                        summary={str(number): first},
                        writer=f"w{number}",
                    )
                    assert status == 200
            assert own.send("shared-at-once", exitcode=0, writer=f"w{number}") == 200

        return act

    together([write(number) for number in range(4)])

    read = http.rows("shared-at-once")
    assert [row["_step"] for row in read] == sorted(step for step in range(steps) for _ in range(4))
    for number in range(4):
        assert [row for row in read if f"{number}/loss" in row] == shared_rows(str(number), range(steps))
        assert [line for line in http.console("shared-at-once") if line.startswith(f"writer {number} ")] == [
            f"writer {number} line {n}" for n in range(steps)
        ]
    summary = json.loads(http.read("shared-at-once", "summaryMetrics")["summaryMetrics"])
    assert summary == {str(number): 32 for number in range(4)}
    assert http.read("shared-at-once", "state")["state"] == "finished"


# ── end and after ──


def test_finish_sent_twice_is_one_finish(http: Http) -> None:
    http.make_run("ended")

    answers = [http.send("ended", history=batch(0, 3), exitcode=3) for _ in range(2)]

    assert answers == [200, 200]
    assert http.read("ended", "state historyLineCount exitcode") == {
        "state": "failed",
        "historyLineCount": 3,
        "exitcode": 3,
    }


def test_lines_after_the_end_revive_the_run(http: Http) -> None:
    http.make_run("revived")
    http.send("revived", history=batch(0, 3), exitcode=0)

    status = http.send("revived", history=batch(2, 5))

    assert status == 200
    assert http.read("revived", "state")["state"] == "running"
    assert http.rows("revived") == rows(0, 5)
