from __future__ import annotations

import json
import random
import uuid
from datetime import timedelta

import pytest
from django.db import transaction

from apps.accounts.actors import Actor
from apps.core import clock, jsontext
from apps.core.errors import Erased, Invalid, TooMuch, Unavailable
from apps.runs.history import appending, store
from apps.runs.models import Chunk, Run
from apps.runs.queries import open_run
from apps.runs.services import request_stop
from apps.runs.types import Lines, RunState, Stream, StreamRequest
from tests.runs.history.sending import complete, facts, rows_from, send, steps
from tests.runs.history.values import ODD_LINES, same

pytestmark = pytest.mark.django_db


def test_what_is_appended_is_read_back(run: Run) -> None:
    send(run, 0, ODD_LINES)

    assert same(list(store.scan(run, Stream.HISTORY)), [json.loads(line) for line in ODD_LINES])


def test_payloads_are_sealed(run: Run) -> None:
    send(run, 0, ['{"canary-6f1d":"canary-77aa","_step":0}'])

    row = Run.objects.get(pk=run.pk)
    for sealed in (Chunk.objects.get().payload, row.sealed_keys):
        assert sealed
        assert b"canary" not in bytes(sealed)


def test_a_repeated_request_changes_nothing(run: Run) -> None:
    send(run, 0, rows_from(0, 5), summary_text='{"loss":1}')
    before, chunks = facts(run), Chunk.objects.count()

    send(run, 0, rows_from(0, 5))
    send(run, 2, rows_from(2, 2))

    assert (facts(run), Chunk.objects.count()) == (before, chunks)
    assert steps(run) == [0, 1, 2, 3, 4]


def test_an_overlapping_batch_adds_only_what_is_new(run: Run) -> None:
    send(run, 0, rows_from(0, 5))
    send(run, 3, rows_from(3, 4))

    assert steps(run) == [*range(7)]
    assert store.keys_of(Run.objects.get(pk=run.pk)).keys["loss",].count == 7


def test_a_gap_is_refused_so_that_the_client_asks_again(run: Run) -> None:
    send(run, 0, rows_from(0, 2))
    before = facts(run)

    with pytest.raises(Unavailable):
        send(run, 3, rows_from(3, 1), summary_text="{}")

    assert facts(run) == before


def fresh(run: Run) -> Run:
    return Run.objects.get(pk=run.pk)


def test_a_run_that_goes_on_as_it_went_is_not_locked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(appending, "_append_locked", None)

    send(fresh(run), 0, rows_from(0, 2), summary_text='{"loss":1}')
    send(fresh(run), 0, rows_from(0, 2))
    send(fresh(run), 2, ["one"], stream=Stream.OUTPUT)
    store.append(
        fresh(run),
        StreamRequest(streams={Stream.HISTORY: Lines(1, rows_from(1, 3)), Stream.OUTPUT: Lines(3, ["two"])}),
    )

    assert steps(run) == [0, 1, 2, 3]
    assert fresh(run).output_lines == 4
    assert open_run(fresh(run)).summary_text == '{"loss":1}'


@pytest.mark.promise("P-22")
@pytest.mark.parametrize("between", ["the same", "those before", "another writer's", "its end", "a rewind"])
def test_who_reads_the_run_before_others_change_it_stores_nothing_by_that(run: Run, between: str) -> None:
    send(run, 0, rows_from(0, 3))
    read = fresh(run)
    if between == "the same":
        send(run, 3, rows_from(3, 2))
    elif between == "those before":
        send(run, 3, rows_from(3, 1))
    elif between == "another writer's":
        send(run, 0, rows_from(90, 2), writer="w")
    elif between == "its end":
        complete(run, 0)
    else:
        store.rewind(run, last_step=1)

    if between == "a rewind":
        with pytest.raises(Unavailable):
            send(read, 3, rows_from(3, 2))
        assert steps(run) == [0, 1]
        return
    if between == "those before":
        send(read, 4, rows_from(4, 1))
    else:
        send(read, 3, rows_from(3, 2))
    assert sorted(steps(run)) == [*range(5), *([90, 91] if between == "another writer's" else [])]
    assert fresh(run).state == "running"


def test_nothing_comes_into_a_run_that_was_erased_meanwhile(run: Run) -> None:
    read = fresh(run)
    Run.objects.update(
        erased_at=clock.now(), erasure_job=uuid.uuid4()
    )  # as a whole project's are, without a new version

    with pytest.raises(Erased):
        send(read, 0, rows_from(0, 1))
    assert not Chunk.objects.exists()


def test_of_a_shared_run_every_writer_is_counted_for_itself(run: Run) -> None:
    send(fresh(run), 0, rows_from(0, 2))
    send(fresh(run), 0, rows_from(50, 3), writer="w")
    send(fresh(run), 2, rows_from(2, 2))
    send(fresh(run), 3, rows_from(3, 2))

    assert sorted(steps(run)) == [0, 1, 2, 3, 4, 50, 51, 52]


@pytest.mark.promise("P-22")
def test_any_order_of_retries_ends_with_every_line_once(run: Run) -> None:
    dice = random.Random(7)
    lines = rows_from(0, 60)
    pending = [(start, lines[start : start + 7]) for start in range(0, 60, 5)]
    while pending:
        start, batch = pending.pop(dice.randrange(len(pending)))
        for _ in range(dice.choice([1, 1, 2])):
            try:
                send(run, start, batch)
            except Unavailable:
                pending.append((start, batch))
                break

    assert steps(run) == [*range(60)]
    assert Run.objects.get(pk=run.pk).history_lines == 60


def test_a_request_that_breaks_off_leaves_nothing(run: Run) -> None:
    before = facts(run)

    def send_and_break() -> None:
        with transaction.atomic():
            send(run, 0, rows_from(0, 3), summary_text='{"a":1}')
            raise RuntimeError

    with pytest.raises(RuntimeError):
        send_and_break()

    assert facts(run) == before
    assert steps(run) == []


@pytest.mark.parametrize("line", ["", "[]", "{", '{"a":\n1}', "null"])
def test_a_line_that_is_no_object_is_refused_and_nothing_is_stored(run: Run, line: str) -> None:
    before = facts(run)

    with pytest.raises(Invalid):
        send(run, 0, ['{"_step":0}', line])

    assert facts(run) == before


@pytest.mark.parametrize("first", [-1, 2**60])
def test_a_line_number_out_of_range_is_refused(run: Run, first: int) -> None:
    with pytest.raises(Invalid):
        send(run, first, ["{}"])


@pytest.mark.parametrize("text", ["", "[]", "{", "nonsense"])
def test_a_summary_that_is_no_object_is_refused(run: Run, text: str) -> None:
    with pytest.raises(Invalid):
        store.append(run, StreamRequest(summary_text=text))


def test_a_run_that_is_gone(run: Run) -> None:
    Run.objects.all().delete()

    with pytest.raises(Erased):
        send(run, 0, ["{}"])


def test_the_summary_is_kept_to_the_letter(run: Run) -> None:
    text = '{ "b":NaN, "a" : 1180591620717411303424,"c":{"_type":"x"}}'
    store.append(run, StreamRequest(summary_text='{"old":1}'))
    store.append(run, StreamRequest(summary_text=text))

    assert open_run(Run.objects.get(pk=run.pk)).summary_text == text


def test_history_and_events_count_apart(run: Run) -> None:
    send(run, 0, rows_from(0, 3))
    send(run, 0, ['{"system.cpu":1,"_timestamp":1}'], stream=Stream.EVENTS)

    row = Run.objects.get(pk=run.pk)
    assert (row.history_lines, row.event_lines, row.output_lines) == (3, 1, 0)
    assert store.last_row(run, Stream.EVENTS) == {"system.cpu": 1, "_timestamp": 1}
    assert store.last_row(run, Stream.HISTORY)["_step"] == 2  # type: ignore[index]
    assert ("system.cpu",) not in store.keys_of(row).keys


# ── States ──


def test_a_heartbeat_moves_the_heartbeat_alone(run: Run) -> None:
    Run.objects.update(heartbeat_at=clock.now() - timedelta(hours=1))
    before = facts(run)

    store.append(run, StreamRequest())

    assert facts(run) == before
    assert Run.objects.get(pk=run.pk).heartbeat_at > clock.now() - timedelta(minutes=1)


@pytest.mark.parametrize(("code", "state"), [(0, "finished"), (1, "failed"), (255, "failed")])
def test_completing(run: Run, code: int, state: str) -> None:
    assert complete(run, code) == state

    row = Run.objects.get(pk=run.pk)
    assert (row.state, row.exit_code) == (state, code)
    assert row.finished_at is not None


def test_completing_twice_and_a_late_heartbeat_change_nothing(run: Run) -> None:
    send(run, 0, rows_from(0, 2))
    complete(run)
    before = facts(run)

    complete(run)
    store.append(run, StreamRequest())
    send(run, 0, rows_from(0, 2))

    assert facts(run) == before


def test_new_lines_revive_a_finished_run(run: Run) -> None:
    send(run, 0, rows_from(0, 2))
    complete(run)

    send(run, 2, rows_from(2, 1))

    row = Run.objects.get(pk=run.pk)
    assert (row.state, row.finished_at, row.exit_code) == ("running", None, None)
    assert complete(run, 3) == "failed"


def test_a_run_taken_up_again_without_a_line_ends_as_its_client_says(run: Run) -> None:
    send(run, 0, rows_from(0, 1))
    complete(run, 1)
    store.append(run, StreamRequest(summary_text='{"fixed": true}'))

    assert (complete(run, 0), facts(run)["exit_code"]) == ("finished", 0)
    ended = facts(run)
    assert (complete(run, 0), facts(run)) == ("finished", ended)


def test_what_a_person_said_of_the_end_stays(run: Run) -> None:
    Run.objects.update(state="killed")

    assert complete(run, 0) == "killed"


def test_any_word_revives_a_crashed_run(run: Run) -> None:
    Run.objects.update(state="crashed")

    assert store.append(run, StreamRequest()).state == "running"


def test_a_stop_is_told_until_the_client_obeys(run: Run) -> None:
    request_stop(run, by=Actor.system())

    assert store.append(run, StreamRequest()).is_stop_requested
    assert complete(run, 255) == "killed"
    assert not send(run, 0, rows_from(0, 1)).is_stop_requested


def test_preempting_waits_and_may_end_as_preempted(run: Run) -> None:
    assert store.append(run, StreamRequest(is_preempting=True)).state == "preempting"
    assert store.append(run, StreamRequest()).state == "preempting"
    assert complete(run, 1) == "preempted"
    assert store.append(run, StreamRequest()).state == "running"


# ── Shared mode ──


def test_two_writers_count_for_themselves_and_merge_by_step_then_time(run: Run) -> None:
    def line(step: int, time: float, who: str) -> str:
        return json.dumps({"_step": step, "_timestamp": time, "who": who})

    send(run, 0, [line(0, 1.0, "a"), line(1, 5.0, "a"), line(2, 6.0, "a")], writer="a")
    send(run, 0, [line(0, 2.0, "b"), line(1, 3.0, "b")], writer="b")
    send(run, 0, [line(0, 2.0, "b"), line(1, 3.0, "b")], writer="b")
    with pytest.raises(Unavailable):
        send(run, 4, ["{}"], writer="b")
    send(run, 2, [line(9, 9.0, "b")], writer="b")

    found = [(row["_step"], row["who"]) for row in store.scan(run, Stream.HISTORY)]
    assert found == [(0, "a"), (0, "b"), (1, "b"), (1, "a"), (2, "a"), (9, "b")]
    assert [(row["_step"], row["who"]) for row in store.sample_rows(run, Stream.HISTORY, 100)] == found
    assert Run.objects.get(pk=run.pk).history_lines == 6
    assert store.last_row(run, Stream.HISTORY)["_step"] == 9  # type: ignore[index]


def test_writers_summaries_merge_by_key(run: Run) -> None:
    store.append(run, StreamRequest(writer="a", summary_text='{"a":1,"x":1}'))
    store.append(run, StreamRequest(writer="b", summary_text='{"b":NaN,"x":2}'))

    merged = jsontext.loads(open_run(Run.objects.get(pk=run.pk)).summary_text)
    assert same(merged, {"a": 1, "x": 2, "b": float("nan")})


def test_a_shared_run_ends_with_its_last_writer(run: Run) -> None:
    store.append(run, StreamRequest(writer="a"))
    store.append(run, StreamRequest(writer="b"))

    assert complete(run, writer="a") == RunState.RUNNING
    assert complete(run, writer="a") == RunState.RUNNING
    assert complete(run, writer="b") == RunState.FINISHED
    assert send(run, 0, rows_from(0, 1), writer="a").state == RunState.RUNNING
    assert complete(run, writer="a") == RunState.FINISHED


def test_a_shared_run_can_be_resumed_by_one_writer(run: Run) -> None:
    send(run, 0, rows_from(0, 3), writer="a")
    send(run, 0, rows_from(3, 2), writer="b")

    send(run, 5, rows_from(5, 2))
    send(run, 5, rows_from(5, 2))
    send(run, 7, rows_from(7, 1))
    send(run, 3, rows_from(8, 1), writer="a")

    assert steps(run) == [*range(9)]


def test_the_writers_of_a_run_are_bounded(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(appending, "MOST_WRITERS", 2)
    for writer in "aab":
        store.append(run, StreamRequest(writer=writer))

    with pytest.raises(TooMuch):
        send(run, 0, ["{}"], writer="c")


def test_one_request_with_all_streams(run: Run) -> None:
    store.append(
        run,
        StreamRequest(
            streams={
                Stream.HISTORY: Lines(0, rows_from(0, 2)),
                Stream.EVENTS: Lines(0, ["{}"]),
                Stream.OUTPUT: Lines(0, ["hello", "world"]),
            },
            summary_text="{}",
            is_complete=True,
            exit_code=0,
        ),
    )

    row = Run.objects.get(pk=run.pk)
    assert (row.history_lines, row.event_lines, row.output_lines, row.state) == (2, 1, 2, "finished")
