"""GraphQL as an enemy writes it: malformed, endless, multiplied, aimed at the seams. Each ends as a clear error."""

from __future__ import annotations

import json
import secrets
from typing import Any

import pytest

from tests.e2e.secrecy.conftest import Instance
from tests.e2e.secrecy.door import CREATE_FILES, PROJECTS, RUN, RUNS, UPSERT, Door, changes, stored

pytestmark = pytest.mark.live

VIEWER = "query Viewer { viewer { id } }"
# A refusal is found while the client waits; a document that multiplies must not be worked off first.
QUICK_SECONDS = 2.0
NASTY_NAMES = {
    "parent folder": "../../etc/passwd",
    "backslash": "..\\..\\windows",
    "NUL": "a\0b",
    "quotes": "a'b\"c`; DROP TABLE runs_run;--",
    "percent": "100%_%",
    "emoji": "🧪🔥",
    "right to left": "\u202egpj.exe\u2066x",
    "lone surrogate": "a\ud800b",
    "half pair at the end": "tail\udc00",
    "line breaks": "a\r\nSet-Cookie: x=1",
    "template": "{{ 7 * 7 }}{% debug %}<script>alert(1)</script>",
    "dots": "..",
    "blank": "   ",
    "long": "x" * 100_000,
    "combining": "e\u0301" * 300,
    "overlong path": "/".join("ab" * 200),
}


def aliases(count: int) -> str:
    return "query Many { " + " ".join(f"a{i}: viewer {{ id }}" for i in range(count)) + " }"


def nested(levels: int) -> str:
    return (
        "query Deep { viewer { "
        + "teams { edges { node { user { " * levels
        + "id"
        + " } } } }" * levels
        + " } }"
    )


def fragments_that_double(levels: int) -> str:
    doubling = "".join(f"fragment F{i} on User {{ ...F{i + 1} ...F{i + 1} }} " for i in range(levels))
    return f"query Bomb {{ viewer {{ ...F0 }} }} {doubling} fragment F{levels} on User {{ id }}"


BOMBS = {
    "a thousand aliases": aliases(1000),
    "a hundred thousand aliases": aliases(100_000),
    "aliases inside": "query { viewer { " + " ".join(f"a{i}: id" for i in range(3000)) + " } }",
    "one field ten thousand times": "query { viewer { " + "id " * 10_000 + "} }",
    "a thousand levels": nested(250),
    "brackets only": "{" * 50_000,
    "list brackets": "query { users(query: " + "[" * 20_000 + "]" * 20_000 + ") { edges { cursor } } }",
    "object brackets": "query { users(query: " + "{a:" * 5_000 + "1" + "}" * 5_000 + ") { edges { cursor } } }",
    "fragments that double": fragments_that_double(40),
    "a circle of fragments": "query { viewer { ...A } } fragment A on User { ...B } fragment B on User { ...A }",
    "a fragment of itself": "query { viewer { ...A } } fragment A on User { id ...A }",
    "a thousand fragments unused": VIEWER + "".join(f" fragment U{i} on User {{ id }}" for i in range(1500)),
    "a thousand operations": " ".join(f"query Q{i} {{ viewer {{ id }} }}" for i in range(1000)),
    "a thousand variables": "query V(" + " ".join(f"$v{i}: String" for i in range(1300)) + ") { viewer { id } }",
    "directives upon directives": "query { viewer { id " + "@include(if: true) " * 1200 + "} }",
    "same alias, other arguments": "query { "
    + " ".join(f'project(name: "p{i}") {{ id }}' for i in range(9))
    + " viewer { "
    + " ".join(f"x: id x: name x{i}: id" for i in range(90))
    + " } }",
    "introspection in depth": "query { __schema { types { fields { type { fields { type { fields { type { name } } } } } } } } }",
    "a megabyte of commas": "query { viewer { nope " + "," * 1_000_000 + " } }",
    "a megabyte of comment": "#" + "x" * 1_000_000 + "\n" + "query {",
    "a megabyte of name": "query { " + "a" * 1_000_000 + " }",
    "a megabyte of text": 'query { users(query: "' + "a" * 1_000_000 + '" bad: 1) { edges { cursor } } }',
    "mutations in a heap": "mutation { " + " ".join(
        f'm{i}: upsertBucket(input: {{modelName: "heap", name: "r{i}"}}) {{ inserted }}' for i in range(200)
    ) + " }",
}  # fmt: skip


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_document_that_asks_for_too_much_is_refused_quickly(
    bomb: str, unbroken: Instance, alice: Door
) -> None:
    before = stored(unbroken.data)
    answered = alice.graphql(BOMBS[bomb])
    assert answered.status in {200, 400, 413}, answered.body[:300]
    assert answered.messages, "a refusal says why"
    assert all(len(message) < 1000 for message in answered.messages), "an error does not echo what was sent"
    assert len(answered.body) < 20_000
    assert answered.seconds < QUICK_SECONDS
    assert changes(before, stored(unbroken.data)) == []


def test_the_server_answers_others_while_bombs_arrive(unbroken: Instance, alice: Door, mallory: Door) -> None:
    for bomb in BOMBS.values():
        mallory.graphql(bomb)
    assert alice.data(VIEWER)["viewer"]["id"]


MALFORMED: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"{query: viewer}",
    "half of JSON": b'{"query": "query { vie',
    "a list": b"[]",
    "a batch": json.dumps([{"query": VIEWER}] * 500).encode(),
    "a number": b"7",
    "null": b"null",
    "no query": b'{"variables": {}}',
    "query is null": b'{"query": null}',
    "query is a number": b'{"query": 7}',
    "query is a list": b'{"query": ["query { viewer { id } }"]}',
    "query is empty": b'{"query": ""}',
    "variables are a text": json.dumps({"query": VIEWER, "variables": "x"}).encode(),
    "variables are a list": json.dumps({"query": VIEWER, "variables": [1]}).encode(),
    "operation name is an object": json.dumps({"query": VIEWER, "operationName": {"a": 1}}).encode(),
    "operation that is not there": json.dumps({"query": VIEWER, "operationName": "Other"}).encode(),
    "deep JSON": b'{"query": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep variables": b'{"query": "query { viewer { id } }", "variables": {"a":'
    + b"[" * 90_000
    + b"]" * 90_000
    + b"}}",
    "a huge number": b'{"query": "query { viewer { id } }", "variables": {"a": ' + b"9" * 100_000 + b"}}!",
    "bad UTF-8": b'{"query": "\xff\xfe"}',
    "UTF-16": json.dumps({"query": VIEWER}).encode("utf-16"),
    "a query with a lone surrogate": b'{"query": "query { viewer { \\ud800 } }"}',
    "a query with NUL": b'{"query": "query { viewer { \\u0000 } }"}',
}


@pytest.mark.parametrize("body", MALFORMED)
def test_a_malformed_body_is_a_clear_error(body: str, unbroken: Instance, alice: Door) -> None:
    answered = alice.ask("POST", "/graphql", MALFORMED[body], {"Content-Type": "application/json"})
    assert answered.status in {200, 400}, answered.body[:300]
    assert answered.messages and all(len(message) < 1000 for message in answered.messages)
    assert answered.seconds < QUICK_SECONDS


@pytest.mark.parametrize(
    "query",
    [
        "query { secretField }",
        "query { viewer { password } }",
        "query { viewer { apiKeys { edges { node { secret_sha256_hex } } } } }",
        "query { project(name: 1) { id } }",
        "query { project(nam: \"x\") { id } }",
        "mutation { dropEverything { ok } }",
        "subscription { runs { id } }",
        "query { viewer { ... on Run { config } } }",
        "query { viewer { __class__ _me _run } }",
        "query($x: Nonsense) { viewer { id } }",
        "query($x: String!) { project(name: $x) { id } }",
    ],
)  # fmt: skip
def test_what_the_schema_does_not_know_is_told_plainly(query: str, unbroken: Instance, alice: Door) -> None:
    answered = alice.graphql(query)
    assert answered.status == 200
    assert answered.messages
    assert "own_" not in answered.body.decode(), "no key in an answer"


@pytest.mark.parametrize("kind", NASTY_NAMES)
@pytest.mark.parametrize(
    "place", ["modelName", "name", "entityName", "displayName", "groupName", "notes", "sweep"]
)
def test_nasty_names_are_kept_to_the_letter_or_refused(
    place: str, kind: str, unbroken: Instance, alice: Door, project: str
) -> None:
    name = NASTY_NAMES[kind]
    run = f"run-{secrets.token_hex(4)}"
    sent: dict[str, Any] = {"modelName": project, "name": run, "config": "{}", place: name}
    before = stored(unbroken.data)
    answered = alice.graphql(UPSERT, {"input": sent})
    assert answered.status == 200, answered.body[:300]
    if answered.messages:
        assert all(len(message) < 400 for message in answered.messages)
        assert changes(before, stored(unbroken.data)) == [], "a refusal leaves nothing behind"
        return
    bucket = answered.json["data"]["upsertBucket"]["bucket"]
    read = alice.graphql(
        RUN, {"entity": "alice", "project": bucket["project"]["name"], "run": bucket["name"]}
    )
    found = read.json["data"]["project"]["run"]
    field = {"groupName": "group", "modelName": "name", "sweep": "name", "entityName": "name"}.get(
        place, place
    )
    if place in {"displayName", "groupName", "notes"}:
        assert found[field] == name
    assert (
        alice.data(RUNS, {"entity": "alice", "project": bucket["project"]["name"]})["project"]["runCount"]
        >= 1
    )


@pytest.mark.parametrize("kind", NASTY_NAMES)
def test_nasty_file_names_are_refused_alone(kind: str, unbroken: Instance, alice: Door, project: str) -> None:
    """The client loses the whole batch unless every name comes back in its order."""
    alice.start_run(project, "files")
    asked = ["good.txt", NASTY_NAMES[kind], "also good.txt"]
    sent = {"entityName": "alice", "projectName": project, "runName": "files", "files": asked}
    files = alice.data(CREATE_FILES, {"input": sent})["createRunFiles"]["files"]
    assert [file["name"] for file in files] == asked
    assert files[0]["uploadUrl"] and files[2]["uploadUrl"]
    if kind in {
        "parent folder",
        "backslash",
        "NUL",
        "lone surrogate",
        "half pair at the end",
        "line breaks",
        "dots",
        "long",
    }:
        assert files[1]["uploadUrl"] is None


def test_nasty_names_do_not_break_the_lists(unbroken: Instance, alice: Door, project: str) -> None:
    for number, name in enumerate(NASTY_NAMES.values()):
        alice.graphql(
            UPSERT,
            {"input": {"modelName": project, "name": f"r{number}", "displayName": name, "tags": [name]}},
        )
    found = alice.data(RUNS, {"entity": "alice", "project": project})["project"]["runs"]
    assert found["totalCount"] == len(NASTY_NAMES)
    assert alice.data(PROJECTS, {"entity": "alice"})["models"]["edges"]


BAD_INPUTS: dict[str, dict[str, Any]] = {
    "config is no JSON": {"config": "{nope"},
    "config is a list": {"config": "[]"},
    "config is a number": {"config": "7"},
    "config is deep": {"config": '{"a":' * 20_000 + "1" + "}" * 20_000},
    "config's entry is odd": {
        "config": '{"_wandb": {"value": {"e": [1], "branch_point": {"run_id": 7, "step": "x"}}}}'
    },
    "a fork of nothing": {
        "config": '{"_wandb": {"value": {"branch_point": {"run_id": "not-there", "step": 3}}}}'
    },
    "a fork at no step": {"config": '{"_wandb": {"value": {"branch_point": {"run_id": "x", "step": NaN}}}}'},
    "a fork at minus one": {"config": '{"_wandb": {"value": {"branch_point": {"run_id": "x", "step": -1}}}}'},
    "a fork at a truth": {"config": '{"_wandb": {"value": {"branch_point": {"run_id": "x", "step": true}}}}'},
    "summary is no JSON": {"summaryMetrics": "nope"},
    "summary is a text": {"summaryMetrics": '"x"'},
    "a state nobody knows": {"state": "sleeping"},
    "tags are a number": {"tags": 7},
    "ten thousand tags": {"tags": [f"t{i}" for i in range(10_000)]},
    "name is a number": {"name": 7},
    "name is a list": {"name": ["a", "b"]},
    "debug is a text": {"debug": "yes"},
    "an id of another kind": {"id": "UHJvamVjdDphYmM="},
    "an id that is no base64": {"id": "%%%"},
    "an id with other letters": {"id": "ünïcode"},
    "an id with NUL": {"id": "UnVuOgAA"},
    "a field nobody knows": {"isAdmin": True},
    "config is an object": {"config": {"a": 1}},
}


@pytest.mark.parametrize("kind", BAD_INPUTS)
def test_a_run_that_cannot_be_made_leaves_nothing(
    kind: str, unbroken: Instance, alice: Door, project: str
) -> None:
    alice.start_run(project, "there-already")
    before = stored(unbroken.data)
    answered = alice.graphql(UPSERT, {"input": {"modelName": project, "name": "new-run", **BAD_INPUTS[kind]}})
    assert answered.status == 200, answered.body[:300]
    assert answered.messages and all(len(message) < 1000 for message in answered.messages)
    assert answered.seconds < QUICK_SECONDS
    assert changes(before, stored(unbroken.data)) == []


@pytest.mark.parametrize("kind", BAD_INPUTS)
def test_a_bad_change_leaves_the_run_as_it_was(
    kind: str, unbroken: Instance, alice: Door, project: str
) -> None:
    alice.start_run(project, "mine", notes="as before", config='{"lr":{"value":0.1}}')
    before = alice.data(RUN, {"entity": "alice", "project": project, "run": "mine"})
    rows = stored(unbroken.data)
    sent = {"modelName": project, "name": "mine", "notes": "changed", **BAD_INPUTS[kind]}
    answered = alice.graphql(UPSERT, {"input": sent})
    if kind in {
        "a fork of nothing"
    }:  # it is where a run came from: of a run that is there already it is only told
        return
    assert answered.messages, answered.body[:300]
    assert alice.data(RUN, {"entity": "alice", "project": project, "run": "mine"}) == before
    assert changes(rows, stored(unbroken.data)) == []


HUGE = 2**62
BAD_READS = {
    "negative page": "runs(first: -1) { totalCount }",
    "a page of two thousand millions": "runs(first: 2147483647) { totalCount }",
    "a page too large for an Int": "runs(first: 99999999999) { totalCount }",
    "a made-up cursor": 'runs(after: "YXQ6LTU=") { totalCount }',
    "a cursor of rubbish": 'runs(after: "\\u0000") { totalCount }',
    "filters of rubbish": 'runs(filters: "{nope") { totalCount }',
    "filters are a list": 'runs(filters: "[1]") { totalCount }',
    "an operator nobody knows": 'runs(filters: "{\\"$where\\": \\"1\\"}") { totalCount }',
    "a value operator nobody knows": 'runs(filters: "{\\"config.a\\": {\\"$function\\": 1}}") { totalCount }',
    "and of a text": 'runs(filters: "{\\"$and\\": \\"x\\"}") { totalCount }',
    "a regex that does not close": 'runs(filters: "{\\"display_name\\": {\\"$regex\\": \\"(((\\"}}") { totalCount }',
    "a regex of a number": 'runs(filters: "{\\"display_name\\": {\\"$regex\\": 7}}") { totalCount }',
    "order by nothing": 'runs(order: "") { totalCount }',
    "order by rubbish": 'runs(order: "+++;DROP") { totalCount }',
    "order by a dunder": 'runs(order: "+config.__class__.__mro__") { totalCount }',
    "history of minus samples": 'run(name: "r") { history(samples: -5) }',
    "history of zero samples": 'run(name: "r") { history(samples: 0) }',
    "history of a million samples": 'run(name: "r") { history(samples: 2147483647) }',
    "history of huge steps": f'run(name: "r") {{ history(minStep: {-HUGE}, maxStep: {HUGE}) }}',
    "history of steps past 64 bits": f'run(name: "r") {{ history(minStep: {2**70}) }}',
    "sampled by rubbish": 'run(name: "r") { sampledHistory(specs: ["nope"]) }',
    "sampled by a list": 'run(name: "r") { sampledHistory(specs: ["[1]"]) }',
    "sampled by odd keys": 'run(name: "r") { sampledHistory(specs: ["{\\"keys\\": 7, \\"samples\\": \\"x\\"}"]) }',
    "sampled by NaN": 'run(name: "r") { sampledHistory(specs: ["{\\"keys\\": [\\"_step\\"], \\"samples\\": NaN}"]) }',
    "sampled by minus": 'run(name: "r") { sampledHistory(specs: ["{\\"keys\\": [\\"_step\\"], \\"samples\\": -3}"]) }',
    "sampled by many specs": 'run(name: "r") { sampledHistory(specs: ['
    + ",".join(['"{\\"keys\\": [\\"_step\\"]}"'] * 900)
    + "]) }",
    "log lines from minus": 'run(name: "r") { logLines(first: -1) { edges { cursor } } }',
    "log lines, the last millions": 'run(name: "r") { logLines(last: 2147483647) { edges { cursor } } }',
    "log lines after rubbish": 'run(name: "r") { logLines(after: "zzz") { edges { cursor } } }',
    "files by a greedy pattern": 'run(name: "r") { files(pattern: "' + "%a" * 200 + '%b") { totalCount } }',
    "files by many names": 'run(name: "r") { files(names: ["a\\u0000", "../x", "'
    + "n" * 5000
    + '"]) { totalCount } }',
    "config keys by rubbish": 'run(name: "r") { wandbConfig(keys: ["__class__", "t", ""]) }',
}


@pytest.mark.parametrize("kind", BAD_READS)
def test_reading_with_odd_arguments(kind: str, unbroken: Instance, alice: Door, project: str) -> None:
    alice.start_run(project, "r", displayName="a" * 2000)
    alice.upload_urls("alice", project, "r", "a" * 900)
    alice.upload("alice", project, "r", "a" * 900, b"x")
    answered = alice.graphql(
        f'query {{ project(name: "{project}", entityName: "alice") {{ {BAD_READS[kind]} }} }}'
    )
    assert answered.status in {200, 400}, answered.body[:300]
    assert answered.seconds < QUICK_SECONDS
    assert all(len(message) < 1000 for message in answered.messages)


@pytest.mark.parametrize("shape", ["$and", "$not"])
def test_filters_nested_without_end_are_refused(
    shape: str, unbroken: Instance, alice: Door, project: str
) -> None:
    alice.start_run(project, "r")
    opening, closing = ('{"$and":[', "]}") if shape == "$and" else ('{"config.a":{"$not":', "}}")
    tree = opening * 5000 + '{"state":"running"}' + closing * 5000
    answered = alice.graphql(RUNS, {"entity": "alice", "project": project, "filters": tree})
    assert answered.status in {200, 400} and answered.messages, answered.body[:200]
    assert answered.seconds < QUICK_SECONDS


def test_a_wide_filter_and_an_evil_regex_stay_quick(unbroken: Instance, alice: Door, project: str) -> None:
    for number in range(5):
        alice.start_run(project, f"r{number}", displayName="a" * 5000, tags=["b" * 3000])
    evil = {"$or": [{"display_name": {"$regex": "(a+)+$x"}}, {"tags": {"$regex": "(b|bb|b*)*c"}}] * 200}
    answered = alice.graphql(RUNS, {"entity": "alice", "project": project, "filters": json.dumps(evil)})
    assert answered.status == 200
    assert answered.seconds < QUICK_SECONDS


def test_a_program_of_a_million_letters_is_read_in_linear_time(
    unbroken: Instance, alice: Door, project: str
) -> None:
    """Paths are looked for in what the client says of its machine; looking must not take the square of its length."""
    program = "a" * 1_000_000
    machine = {
        "_wandb": {
            "value": {"e": {"w": {"args": ["a.b-" * 100_000], "os": "/" * 200_000, "gpu": "~" * 200_000}}}
        }
    }
    sent = {"modelName": project, "name": "r", "jobProgram": program, "config": json.dumps(machine)}
    answered = alice.graphql(UPSERT, {"input": sent})
    assert answered.status == 200, answered.body[:300]
    assert answered.seconds < QUICK_SECONDS
