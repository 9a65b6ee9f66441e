"""…/runs/{run}/history, /events, /history/keys, /console"""

from __future__ import annotations

import csv
import io
import json
import math
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from apps.accounts.models import User
from apps.core import jsontext
from apps.projects.models import Project
from apps.runs.history import store
from apps.runs.models import Run
from apps.runs.services import finish_run
from apps.runs.types import Lines, RunState, Stream, StreamRequest
from tests.api.conftest import LADDER, RUN, WRITERS, Ask, Log
from tests.factories import people, work

HISTORY = f"{RUN}/history"
PARQUET = "application/vnd.apache.parquet"
ARROW = "application/vnd.apache.arrow.stream"
ODD = [
    '{"_step":0,"i":9007199254740993,"f":0.1,"b":true,"s":"a,\\"b\\"\\nc","mixed":1,"huge":123456789012345678901}',
    '{"_step":1,"i":-9223372036854775808,"f":NaN,"b":false,"s":"","mixed":"1","nested":{"x":1.5,"l":[1,{"a":2}]}}',
    '{"_step":2,"f":Infinity,"n":null,"mixed":null}',
    '{"_step":3,"f":5e-324,"f2":3,"half":"\\ud83d"}',
    '{"_step":4,"f":-0.0,"f2":2.5,"nested":{"x":1e308}}',
]


@pytest.fixture(params=["hot", "compacted"])
def odd(request: pytest.FixtureRequest, vision: Project, alice: User, log: Log) -> str:
    """The address of the history of a run with every kind of value."""
    run = work.run(vision, "odd", by=alice)
    log(run, ODD)
    if request.param == "compacted":
        store.compact(run)
    return "/api/v1/projects/lab/vision/runs/odd/history"


def same(found: Any, wanted: Any) -> bool:
    """Equal, of the same type, and the same number to the last bit."""
    if isinstance(wanted, float) and isinstance(found, float):
        return found.hex() == wanted.hex() or (math.isnan(found) and math.isnan(wanted))
    if isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(same(found[key], wanted[key]) for key in wanted)
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(same, found, wanted))
    return type(found) is type(wanted) and bool(found == wanted)


@pytest.mark.parametrize(("who", "status"), LADDER)
@pytest.mark.parametrize("place", ["history", "history/keys", "events", "console"])
def test_who_reads_it(ask: Ask, told: Run, place: str, who: str | None, status: int) -> None:
    assert ask("GET", f"{RUN}/{place}", by=who).status == status


@pytest.mark.parametrize(("who", "status"), WRITERS)
def test_who_adds_rows(ask: Ask, told: Run, who: str | None, status: int) -> None:
    assert ask("POST", HISTORY, {"rows": [{"a": 1}]}, by=who).status == status


def test_json_is_exact(ask: Ask, odd: str) -> None:
    rows = json.loads(ask("GET", odd, by="vera").body)

    assert same(rows, [json.loads(line) for line in ODD])


def test_json_lines_are_exact(ask: Ask, odd: str) -> None:
    answer = ask("GET", odd, by="vera", Accept="application/x-ndjson")

    rows = [json.loads(line) for line in answer.text.splitlines()]
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    assert same(rows, [json.loads(line) for line in ODD])


def test_csv_holds_every_number_exactly(ask: Ask, odd: str) -> None:
    answer = ask("GET", odd, by="vera", Accept="text/csv")

    head, *rows = csv.reader(io.StringIO(answer.text))
    found = [dict(zip(head, row, strict=True)) for row in rows]
    assert [row["i"] for row in found] == ["9007199254740993", "-9223372036854775808", "", "", ""]
    assert [row["f"] for row in found] == ["0.1", "NaN", "Infinity", "5e-324", "-0.0"]
    assert (found[0]["s"], found[0]["huge"]) == ('a,"b"\nc', "123456789012345678901")
    assert (found[1]["nested.x"], found[1]["nested.l"], found[1]["b"]) == ("1.5", '[1,{"a":2}]', "false")


def read_table(kind: str, body: bytes) -> pa.Table:
    if kind == PARQUET:
        return pq.read_table(io.BytesIO(body))
    return pa.ipc.open_stream(io.BytesIO(body)).read_all()


@pytest.mark.parametrize("kind", [PARQUET, ARROW])
def test_tables_are_exact_and_typed(ask: Ask, odd: str, kind: str) -> None:
    answer = ask("GET", odd, by="vera", Accept=kind)

    assert answer.headers["Content-Type"] == kind
    table = read_table(kind, answer.body)
    types = {field.name: str(field.type) for field in table.schema}
    assert (types["i"], types["f"], types["b"], types["s"], types["f2"]) == (
        "int64",
        "double",
        "bool",
        "large_string",
        "double",
    )
    columns = table.to_pydict()
    assert columns["i"] == [9007199254740993, -9223372036854775808, None, None, None]
    assert same(columns["f"], [0.1, float("nan"), float("inf"), 5e-324, -0.0])
    assert columns["mixed"] == ["1", '"1"', None, None, None]
    assert columns["nested.x"] == [None, 1.5, None, None, 1e308]
    assert json.loads(columns["huge"][0]) == 123456789012345678901
    assert json.loads(columns["half"][3]) == "\ud83d"
    assert table.schema.field("mixed").metadata[b"ownlog.json"] == b"1"


@pytest.mark.parametrize("kind", ["application/json", "application/x-ndjson", "text/csv", PARQUET, ARROW])
def test_a_run_without_rows_has_an_empty_answer_in_each_format(
    ask: Ask, vision: Project, alice: User, kind: str
) -> None:
    work.run(vision, "told", by=alice)

    answer = ask("GET", HISTORY, by="vera", Accept=kind)

    assert answer.status == 200
    if kind in {PARQUET, ARROW}:
        assert read_table(kind, answer.body).num_rows == 0
    else:
        assert answer.text.strip() in {"[]", "", "[\n]"}


def test_a_format_can_be_named_in_the_address(ask: Ask, told: Run) -> None:
    answer = ask("GET", f"{HISTORY}?format=csv&key=_step", by="vera")

    assert answer.text.splitlines()[:3] == ["_step", "0", "1"]
    assert answer.headers["Content-Disposition"] == 'attachment; filename="history.csv"'


def test_a_format_that_is_not_spoken_is_refused(ask: Ask, told: Run) -> None:
    answer = ask("GET", HISTORY, by="vera", Accept="application/xml")

    assert (answer.status, answer.headers["Content-Type"]) == (406, "application/problem+json")


@pytest.mark.parametrize(
    ("query", "steps"),
    [
        ("first_step=17", [17, 18, 19]),
        ("last_step=1", [0, 1]),
        ("first_step=3&last_step=4", [3, 4]),
        ("samples=3", [0, 9, 19]),
        ("samples=2&key=_step&first_step=5&last_step=9", [5, 9]),
        ("key=_step&last_step=0", [0]),
    ],
)
def test_a_part_of_the_rows(ask: Ask, told: Run, query: str, steps: list[int]) -> None:
    rows = ask("GET", f"{HISTORY}?{query}", by="vera").json

    assert [row["_step"] for row in rows] == steps


def test_rows_without_the_keys_are_left_out(ask: Ask, told: Run, log: Log) -> None:
    log(told, [{"acc": 0.5, "_step": 20}])

    assert ask("GET", f"{HISTORY}?key=acc", by="vera").json == [{"acc": 0.5}]
    assert ask("GET", f"{HISTORY}?key=nothing", by="vera").json == []


@pytest.mark.parametrize(
    "query", ["first_step=x", "samples=0", "samples=10001", "samples=2&first_step=1", f"first_step={2**60}"]
)
def test_a_question_that_means_nothing_is_refused(ask: Ask, told: Run, query: str) -> None:
    assert ask("GET", f"{HISTORY}?{query}", by="vera").status == 400


def test_keys(ask: Ask, told: Run) -> None:
    found = ask("GET", f"{HISTORY}/keys", by="vera").json

    assert found["keys"][0] == {"name": "loss", "types": {"number": 20}, "count": 20, "last_step": 19}
    assert found["last_step"] == 19


def test_events(ask: Ask, told: Run) -> None:
    assert ask("GET", f"{RUN}/events?key=_runtime", by="vera").json == [
        {"_runtime": 0.0},
        {"_runtime": 10.0},
        {"_runtime": 20.0},
    ]


def test_console_whole_and_in_part(ask: Ask, told: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.api.views.console.LINES_AT_ONCE", 2)

    assert ask("GET", f"{RUN}/console", by="vera").text == "".join(f"line {n}\n" for n in range(5))
    assert ask("GET", f"{RUN}/console?first=3&count=1", by="vera").text == "line 3\n"
    assert ask("GET", f"{RUN}/console?first=9", by="vera").text == ""


# ── Adding ──


def test_rows_come_after_those_there_are(ask: Ask, told: Run) -> None:
    body = {"rows": [{"loss": float("nan"), "big": 2**70}, {"loss": 0.5, "_step": 30}, {"loss": 0.25}]}

    answer = ask("POST", HISTORY, body, by="bob")

    assert answer.json == {"first_line": 20, "line_count": 3}
    rows = jsontext.loads(ask("GET", f"{HISTORY}?first_step=20", by="vera").body)
    assert [row["_step"] for row in rows] == [20, 30, 31]
    assert math.isnan(rows[0]["loss"]) and rows[0]["big"] == 2**70
    assert all(row["_timestamp"] > 1.7e9 for row in rows)


def test_lines_are_added_as_they_are(ask: Ask, told: Run) -> None:
    lines = b'{"_step": 20, "_timestamp": 1, "a": 1e5}\n\n{"_step": 21, "_timestamp": 2, "a": NaN}\n'

    answer = ask("POST", HISTORY, lines, by="bob", Content_Type="application/x-ndjson")

    assert answer.json["line_count"] == 2
    assert ask("GET", f"{HISTORY}?first_step=20&key=a&last_step=20", by="vera").json == [{"a": 1e5}]


@pytest.mark.parametrize("step", [-1, 10**20, 2**53 + 2, 0.5, "3", True, [3]])
def test_a_step_that_no_client_would_count_is_refused_and_nothing_is_added(
    ask: Ask, told: Run, step: object
) -> None:
    answer = ask("POST", HISTORY, {"rows": [{"a": 1}, {"a": 2, "_step": step}]}, by="bob")

    assert (answer.status, answer.json["code"]) == (400, "invalid")
    assert answer.json["detail"] == "The step of a row is a whole number from 0 to 9007199254740992."
    assert ask("GET", f"{HISTORY}?first_step=20", by="vera").json == []


def test_a_row_of_very_many_keys_is_refused_and_nothing_is_added(ask: Ask, told: Run) -> None:
    answer = ask("POST", HISTORY, {"rows": [{f"k{n}": n for n in range(200_000)}]}, by="bob")

    assert (answer.status, answer.json["detail"]) == (400, "A row has at most 10000 keys.")
    assert ask("GET", f"{HISTORY}?first_step=20", by="vera").json == []


def test_adding_answers_in_json_only(ask: Ask, told: Run) -> None:
    assert ask("POST", HISTORY, {"rows": []}, by="bob", Accept="text/csv").status == 406
    assert ask("POST", HISTORY, {"rows": []}, by="bob", Accept="*/*").json["line_count"] == 0


def test_a_run_that_has_ended_stays_so(ask: Ask, told: Run, alice: User) -> None:
    finish_run(told, state=RunState.FAILED, by=people.actor(alice))

    assert ask("POST", HISTORY, {"rows": [{"a": 1}]}, by="bob").status == 200
    assert ask("GET", RUN, by="vera").json["state"] == "failed"


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b'{"rows": [1]}', "application/json", 400),
        (b'{"rows": {}}', "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"a": 1}\n[1]', "application/x-ndjson", 400),
        (b"\xff", "application/x-ndjson", 400),
        (b"a,b", "text/csv", 415),
    ],
)
def test_what_is_no_row_is_refused(ask: Ask, told: Run, body: bytes, kind: str, status: int) -> None:
    assert ask("POST", HISTORY, body, by="bob", Content_Type=kind).status == status
    told.refresh_from_db()
    assert told.history_lines == 20


def test_what_comes_in_meanwhile_is_not_in_the_table(vision: Project, alice: User) -> None:
    from apps.runs.formats.arrow import parquet

    run = work.run(vision, "live", by=alice)
    rows = [f'{{"_step":{n},"a":{n}}}' for n in range(100)]
    store.append(run, StreamRequest(streams={Stream.HISTORY: Lines(0, rows)}))
    reread = store.rereadable(run, Stream.HISTORY)
    store.append(run, StreamRequest(streams={Stream.HISTORY: Lines(100, ['{"_step":100,"a":"text"}'])}))

    table = pq.read_table(io.BytesIO(b"".join(parquet(reread))))

    assert (table.num_rows, str(table.schema.field("a").type)) == (100, "int64")
