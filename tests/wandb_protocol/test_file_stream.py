from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from django.db import OperationalError, connections
from django.test.utils import CaptureQueriesContext

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.accounts.services import revoke_api_key
from apps.runs.models import Run
from apps.runs.services import request_stop
from tests.wandb_protocol.asking import UPSERT, Asker, history

pytestmark = pytest.mark.django_db
PLACE = "alice/demo/run1"
READ = '{ project(name: "demo", entityName: "alice") { run(name: "run1") { history state exitcode summaryMetrics %s } } }'


@pytest.fixture
def streaming(ann: Asker) -> Asker:
    ann.start()
    return ann


def look(asker: Asker, more: str = "") -> dict[str, Any]:
    found: dict[str, Any] = asker.data(READ % more)["project"]["run"]
    return found


def steps(asker: Asker) -> list[int]:
    return [json.loads(text)["_step"] for text in look(asker)["history"]]


def test_lines_are_kept_once_however_often_they_come(streaming: Asker) -> None:
    for message in (
        history({"_step": 0}, {"_step": 1}),
        history({"_step": 0}, {"_step": 1}),
        history({"_step": 1}, {"_step": 2}, offset=1),
    ):
        response = streaming.stream(PLACE, message)
        assert (response.status_code, response.content) == (200, b"{}")

    assert steps(streaming) == [0, 1, 2]


def test_a_line_of_a_live_run_costs_few_statements(streaming: Asker) -> None:
    """The key with its owner, the run with its project and entity, their keys, and what is stored."""
    for number in range(2):
        streaming.stream(PLACE, history({"_step": number}, offset=number))

    with (
        CaptureQueriesContext(connections["default"]) as asked,
        CaptureQueriesContext(connections["vault"]) as keys,
    ):
        assert streaming.stream(PLACE, history({"_step": 2}, offset=2)).status_code == 200

    # PostgreSQL stores all by one statement; SQLite, which is no server, by one for each row.
    most = 3 if connections["default"].vendor == "postgresql" else 4
    assert (len(asked), len(keys)) == (most, 1), [each["sql"] for each in asked]
    assert steps(streaming) == [0, 1, 2]


def test_its_end_takes_the_lock_and_little_more(streaming: Asker) -> None:
    """Who asks, the run, its row and its writers under the lock, the act on the record, who has a
    webhook, the row as it is now."""
    streaming.stream(PLACE, history({"_step": 0}))

    with (
        CaptureQueriesContext(connections["default"]) as asked,
        CaptureQueriesContext(connections["vault"]) as keys,
    ):
        assert streaming.stream(PLACE, {"complete": True, "exitcode": 0}).status_code == 200

    statements = [each["sql"] for each in asked if "SAVEPOINT" not in each["sql"]]
    assert (len(statements), len(keys)) == (7, 1), statements
    assert look(streaming)["state"] == "finished"


def test_a_gap_is_to_be_sent_again(streaming: Asker) -> None:
    response = streaming.stream(PLACE, history({"_step": 5}, offset=5))

    assert (response.status_code, response["Retry-After"]) == (503, "2")
    assert steps(streaming) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"files":{}}',
        b'{"files":null}',
        b'{"dropped":3,"files":{"odd":{"offset":0,"content":["x"]}}}',
    ],
)
def test_heartbeat_in_any_form(streaming: Asker, body: bytes) -> None:
    assert streaming.stream(PLACE, body).status_code == 200


def test_line_breaks_of_older_clients_are_taken_off(streaming: Asker) -> None:
    output = {"output.log": {"offset": 0, "content": ["one\n", "two\r\n", "th\nree"]}}
    rows = {"wandb-history.jsonl": {"offset": 0, "content": ['{"_step":0,\n"a":1}\n']}}

    assert streaming.stream(PLACE, {"files": output | rows}).status_code == 200

    run = look(streaming, "logLines(first: 9) { edges { node { line } } }")
    assert [edge["node"]["line"] for edge in run["logLines"]["edges"]] == ["one", "two", "th ree"]
    assert [json.loads(text) for text in run["history"]] == [{"_step": 0, "a": 1}]


def test_end_with_summary_and_code(streaming: Asker) -> None:
    summary = {"files": {"wandb-summary.json": {"offset": 0, "content": ['{"a":1}', '{"loss":NaN,"b":2}']}}}

    streaming.stream(PLACE, summary | {"complete": True, "exitcode": 7, "uploaded": ["x"]})

    assert look(streaming) == {
        "history": [],
        "state": "failed",
        "exitcode": 7,
        "summaryMetrics": '{"loss":NaN,"b":2}',
    }


def test_preempting_is_a_state(streaming: Asker) -> None:
    streaming.stream(PLACE, {"preempting": True})

    assert look(streaming)["state"] == "preempting"


def test_stop_is_told_to_the_client(streaming: Asker, alice: User) -> None:
    request_stop(Run.objects.get(), by=Actor.person(alice))

    assert streaming.stream(PLACE, {}).json() == {"stopped": True}


def test_writers_of_a_shared_run_count_for_themselves(ann: Asker) -> None:
    shared = {"X-Wandb-Use-Async-Filestream": "true"}
    body = json.dumps(
        {"query": UPSERT, "variables": {"input": {"name": "run1", "modelName": "demo"}}}
    ).encode()
    for writer in ("one", "two"):
        bucket = ann.post("/graphql", body, **shared).json()["data"]["upsertBucket"]["bucket"]
        assert bucket["historyLineCount"] == 0
        sent = history({"_step": 0, "w": writer}, {"_step": 1, "w": writer})
        assert ann.stream(PLACE, sent, **shared, **{"X-Wandb-Async-Client-Id": writer}).status_code == 200

    rows = [json.loads(text) for text in look(ann)["history"]]
    assert sorted((row["w"], row["_step"]) for row in rows) == [
        ("one", 0),
        ("one", 1),
        ("two", 0),
        ("two", 1),
    ]


def test_rows_of_older_shared_writers_are_given_their_step(streaming: Asker) -> None:
    shared = {"X-Wandb-Use-Async-Filestream": "true", "X-Wandb-Async-Client-Id": "one"}
    lines = ['{"a":NaN}', "{}", '{ "_step":9}']
    message = {"files": {"wandb-history.jsonl": {"offset": 0, "content": lines}}}

    assert streaming.stream(PLACE, message, **shared).status_code == 200
    assert look(streaming)["history"] == ['{"_step":0,"a":NaN}', '{"_step":1}', '{"_step":9}']


def test_gzip_is_taken(streaming: Asker) -> None:
    body = gzip.compress(json.dumps(history({"_step": 0})).encode())

    assert streaming.stream(PLACE, body, **{"Content-Encoding": "gzip"}).status_code == 200
    assert steps(streaming) == [0]


def test_a_line_of_nine_megabytes_is_taken(streaming: Asker) -> None:
    assert streaming.stream(PLACE, history({"_step": 0, "x": "y" * 9_000_000})).status_code == 200


def part(offset: object, content: object, name: str = "wandb-history.jsonl") -> dict[str, object]:
    return {"files": {name: {"offset": offset, "content": content}}}


@pytest.mark.parametrize(
    "message",
    [
        b"{",
        b"[]",
        b'"x"',
        b"\xff",
        b"[" * 200_000,
        {"files": []},
        {"files": {"wandb-history.jsonl": []}},
        part(-1, ["{}"]),
        part("0", ["{}"]),
        part(True, ["{}"]),
        part(2**60, ["{}"]),
        part(0, "{}"),
        part(0, [1]),
        part(0, ["not json"]),
        part(0, ["[]"]),
        part(0, ['{"a":' + "[" * 5000 + "]" * 5000 + "}"]),
        part(0, ["[]"], "wandb-events.jsonl"),
        part(0, ["3"], "wandb-summary.json"),
        {"complete": True, "exitcode": "1"},
        {"complete": True, "exitcode": 2**40},
        {**part(0, ['{"_step":0}']), "exitcode": []},
    ],
)
def test_what_makes_no_sense_is_400_and_stores_nothing(streaming: Asker, message: Any) -> None:
    response = streaming.stream(PLACE, message)

    assert (response.status_code, bool(response.json()["errors"][0]["message"])) == (400, True)
    run = look(streaming)
    assert (run["history"], run["state"], run["summaryMetrics"]) == ([], "running", "{}")


def test_too_much_is_413(streaming: Asker) -> None:
    raw = b" " * 70_000_000

    assert streaming.stream(PLACE, raw).status_code == 413
    zipped = gzip.compress(raw, 1)
    assert streaming.stream(PLACE, zipped, **{"Content-Encoding": "gzip"}).status_code == 413


def test_the_longest_line_that_the_client_sends_is_taken_however_it_grows_by_escaping(
    streaming: Asker,
) -> None:
    """Refused as too large, it would cost the run all that came before and after."""
    line = json.dumps({"_step": 0, "text": '"\\' * 2_500_000})
    body = json.dumps(part(0, [line])).encode()
    assert len(line) < 10 * 1024 * 1024 < len(body) / 1.9

    assert streaming.stream(PLACE, body).status_code == 200
    assert look(streaming)["history"] == [line.replace(": ", ":").replace(", ", ",")]


def test_more_lines_than_the_client_can_send_are_413(streaming: Asker) -> None:
    assert streaming.stream(PLACE, part(0, ["{}"] * 500_001)).status_code == 413


def test_truncated_gzip_is_400(streaming: Asker) -> None:
    raw = gzip.compress(b"{}" + b" " * 1000)[:-6]

    assert streaming.stream(PLACE, raw, **{"Content-Encoding": "gzip"}).status_code == 400


def test_only_who_may_write(streaming: Asker, mal: Asker, alice: User) -> None:
    foreign, missing = mal.stream(PLACE, {}), mal.stream("alice/demo/none", {})
    assert (foreign.status_code, foreign.content) == (404, missing.content)
    assert mal.stream("alice/none/run1", {}).content == missing.content
    assert mal.stream("nobody/none/run1", {}).content == missing.content
    assert Asker().stream(PLACE, {}).status_code == 401

    revoke_api_key(Actor.person(alice), alice.api_keys.get().public_id)
    assert streaming.stream(PLACE, {}).status_code == 401


def test_storage_in_doubt_is_503(streaming: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (OperationalError("database or disk is full"), OSError(28, "no space"), KeyError("a bug")):

        def failing(*_: object, error: Exception = error, **__: object) -> None:
            raise error

        monkeypatch.setattr("apps.wandb_protocol.filestream.view.store.append", failing)
        response = streaming.stream(PLACE, {})
        assert (response.status_code, response["Retry-After"]) == (503, "2")


def test_ten_thousand_metric_names(streaming: Asker) -> None:
    assert (
        streaming.stream(PLACE, history({f"metric {i}": i for i in range(10_000)} | {"_step": 0})).status_code
        == 200
    )
    assert len(look(streaming, "historyKeys")["historyKeys"]["keys"]) == 10_001
