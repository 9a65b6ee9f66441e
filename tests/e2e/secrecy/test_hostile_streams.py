"""file_stream as an enemy uses it. Each request ends as a clear error, and nothing of it is stored."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.e2e.secrecy.conftest import Instance
from tests.e2e.secrecy.door import RUN, Door, changes, history, stored
from tests.e2e.secrecy.test_hostile_http import MIB, ONE, QUICK_SECONDS, REFUSALS, run

__all__ = ["run"]  # the fixture

pytestmark = pytest.mark.live


def content(alice: Door, project: str) -> Any:
    found = alice.data(RUN, {"entity": "alice", "project": project, "run": "mine"})["project"]["run"]
    return {
        name: found[name]
        for name in ("state", "config", "summaryMetrics", "historyLineCount", "history", "logLines")
    }


BAD_STREAMS: dict[str, bytes] = {
    "no JSON": b"{nope",
    "half of JSON": b'{"files": {"wandb-history.jsonl": {"offset": 1, "content": ["{',
    "a list": b"[1, 2]",
    "a text": b'"files"',
    "deep": b'{"files":' * 50_000 + b"1" + b"}" * 50_000,
    "bad UTF-8": b'{"files": {"output.log": {"offset": 0, "content": ["\xff\xfe"]}}}',
    "files are a list": b'{"files": []  , "complete": "x", "exitcode": "y", "files": [1]}',
    "files are a text": b'{"files": "all"}',
    "a part is null": b'{"files": {"wandb-history.jsonl": null}}',
    "a part is a list": b'{"files": {"wandb-history.jsonl": ["{}"]}}',
    "no content": b'{"files": {"wandb-history.jsonl": {"offset": 1}}}',
    "content is a text": b'{"files": {"wandb-history.jsonl": {"offset": 1, "content": "{}"}}}',
    "content is an object": b'{"files": {"wandb-history.jsonl": {"offset": 1, "content": {"a": 1}}}}',
    "lines are numbers": b'{"files": {"wandb-history.jsonl": {"offset": 1, "content": [1, 2]}}}',
    "lines are objects": b'{"files": {"wandb-history.jsonl": {"offset": 1, "content": [{"loss": 1}]}}}',
    "a line is null": b'{"files": {"wandb-history.jsonl": {"offset": 1, "content": ["{}", null]}}}',
    "offset is negative": b'{"files": {"wandb-history.jsonl": {"offset": -1, "content": ["{}"]}}}',
    "offset is huge": b'{"files": {"wandb-history.jsonl": {"offset": 99999999999999999999999, "content": ["{}"]}}}',
    "offset is 2**63": b'{"files": {"output.log": {"offset": 9223372036854775808, "content": ["x"]}}}',
    "offset is NaN": b'{"files": {"wandb-history.jsonl": {"offset": NaN, "content": ["{}"]}}}',
    "offset is infinite": b'{"files": {"output.log": {"offset": Infinity, "content": ["x"]}}}',
    "offset is a truth": b'{"files": {"wandb-history.jsonl": {"offset": true, "content": ["{}"]}}}',
    "offset is a text": b'{"files": {"wandb-history.jsonl": {"offset": "1", "content": ["{}"]}}}',
    "offset is a fraction": b'{"files": {"wandb-history.jsonl": {"offset": 1.5, "content": ["{}"]}}}',
    "offset is missing": b'{"files": {"wandb-history.jsonl": {"content": ["{}"]}}}',
    "a line is no JSON": json.dumps(history(ONE, "not json", offset=1)).encode(),
    "a line is a list": json.dumps(history(ONE, "[1]", offset=1)).encode(),
    "a line is a number": json.dumps(history("7", offset=1)).encode(),
    "a line is empty": json.dumps(history("", offset=1)).encode(),
    "a line is deep": json.dumps(history(ONE, '{"a":' * 5000 + "1" + "}" * 5000, offset=1)).encode(),
    "a line has a break": json.dumps(history('{"a": 1}\n{"b": 2}', offset=1)).encode(),
    "exit code is a text": b'{"complete": true, "exitcode": "0"}',
    "exit code is a truth": b'{"complete": true, "exitcode": true}',
    "exit code is huge": b'{"complete": true, "exitcode": 99999999999999}',
    "summary is no JSON": b'{"files": {"wandb-summary.json": {"offset": 0, "content": ["nope"]}}}',
    "summary is a list": b'{"files": {"wandb-summary.json": {"offset": 0, "content": ["[1]"]}}}',
    "good lines, bad summary": json.dumps(
        {"files": {**history(ONE, offset=1)["files"], "wandb-summary.json": {"offset": 0, "content": ["nope"]}}}
    ).encode(),
    "good lines, bad console": json.dumps(
        {"files": {**history(ONE, offset=1)["files"], "output.log": {"offset": -7, "content": ["x"]}}}
    ).encode(),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD_STREAMS)
def test_a_stream_that_makes_no_sense_is_refused_whole(
    kind: str, unbroken: Instance, alice: Door, project: str, run: str
) -> None:
    before, rows = content(alice, project), stored(unbroken.data)
    answered = alice.stream("alice", project, run, BAD_STREAMS[kind])
    assert answered.status in REFUSALS, answered.body[:300]
    assert answered.messages and all(len(message) < 400 for message in answered.messages)
    assert answered.seconds < QUICK_SECONDS
    assert changes(rows, stored(unbroken.data)) == []
    assert content(alice, project) == before


def test_a_line_of_more_than_ten_mebibytes_is_refused(
    unbroken: Instance, alice: Door, project: str, run: str
) -> None:
    rows = stored(unbroken.data)
    answered = alice.stream(
        "alice", project, run, history(ONE, '{"x": "' + "a" * (10 * MIB) + '"}', offset=1)
    )
    assert answered.status in REFUSALS and answered.messages, answered.body[:300]
    assert changes(rows, stored(unbroken.data)) == []


def test_a_gap_is_sent_again_rather_than_lost(
    unbroken: Instance, alice: Door, project: str, run: str
) -> None:
    rows = stored(unbroken.data)
    answered = alice.stream("alice", project, run, history(ONE, offset=1000))
    assert answered.status == 503 and answered.headers.get("retry-after")
    assert changes(rows, stored(unbroken.data)) == []


def test_a_console_line_in_the_far_distance_costs_nothing(
    unbroken: Instance, alice: Door, project: str, run: str
) -> None:
    body = {"files": {"output.log": {"offset": 2**40, "content": ["far away"]}}}
    answered = alice.stream("alice", project, run, body)
    assert answered.status in {200, 503, *REFUSALS}
    assert answered.seconds < QUICK_SECONDS
    read = alice.graphql(RUN, {"entity": "alice", "project": project, "run": run})
    assert read.seconds < QUICK_SECONDS and read.status == 200, read.body[:300]


@pytest.mark.parametrize(
    "key", ["NaN", "__proto__", "", "a\u0000b", "\ud800", "\u202e", "x" * 10_000, "_step", "config.__class__"]
)
def test_odd_metric_names_come_back_as_they_went_in(
    key: str, unbroken: Instance, alice: Door, project: str, run: str
) -> None:
    line = json.dumps({key: 0.5, "_runtime": 1})
    answered = alice.stream("alice", project, run, history(line, offset=1))
    assert answered.status in {200, 400}, answered.body[:300]
    read = alice.graphql(RUN, {"entity": "alice", "project": project, "run": run})
    assert read.status == 200 and not read.messages, read.body[:300]
    if answered.status == 200:
        assert key in json.loads(read.json["data"]["project"]["run"]["history"][-1])


def test_ten_thousand_metric_names_in_one_line(
    unbroken: Instance, alice: Door, project: str, run: str
) -> None:
    line = json.dumps({f"metric/{number}/損失": number for number in range(10_000)} | {"_step": 1})
    started = time.monotonic()
    for offset in range(1, 4):
        answered = alice.stream("alice", project, run, history(line, offset=offset))
        assert answered.status in {200, *REFUSALS}, answered.body[:300]
    read = alice.graphql(RUN, {"entity": "alice", "project": project, "run": run})
    assert read.status == 200 and not read.messages
    assert time.monotonic() - started < 30


@pytest.mark.parametrize("files", [{"../../x": {"offset": 0, "content": ["x"]}}, {"wandb-unknown.jsonl": 7}])
def test_streams_nobody_knows_are_left_aside(
    files: dict[str, Any], unbroken: Instance, alice: Door, project: str, run: str
) -> None:
    before = content(alice, project)
    assert alice.stream("alice", project, run, {"files": files}).status in {200, 400}
    assert content(alice, project) == before


def test_uploaded_tells_nothing_by_itself(unbroken: Instance, alice: Door, project: str, run: str) -> None:
    for claim in (["never-sent.txt"], "x", 7, [None], {"a": 1}, ["../../x"] * 10_000):
        assert alice.stream("alice", project, run, {"uploaded": claim}).status in {200, 400}
    found = alice.data(RUN, {"entity": "alice", "project": project, "run": run})
    assert found["project"]["run"]["files"]["edges"] == []
