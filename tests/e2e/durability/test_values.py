"""What goes in comes out: the same numbers, texts and shapes, through chunks, segments and wandb.Api()."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from tests.e2e.clients import Client, Http, Row, read_run
from tests.e2e.durability.stored import compact, count, newest_run
from tests.live import LiveServer

pytestmark = [pytest.mark.live, pytest.mark.enable_socket]

# Rows as text, because a Python number would hide how it was written.
LINES = [
    '{"_step":0,"x":1,"y":NaN,"z":Infinity,"w":-Infinity,"none":null,"empty":"","yes":true,"no":false}',
    '{"_step":1,"x":9007199254740993,"y":-9007199254740993,"z":9223372036854775807,"w":-9223372036854775808}',
    '{"_step":2,"x":18446744073709551616,"y":1180591620717411303424,"z":-1180591620717411303424,"w":18446744073709551615}',
    '{"_step":3,"x":1.5,"y":-0.0,"z":5e-324,"w":1.7976931348623157e+308,"none":0.1}',
    '{"_step":4,"x":"text now","y":[1,[2.5,[null,"a",{"b":[true]}]],[]],"z":{},"w":[],"none":false}',
    '{"_step":5,"x":null,"nested":{"a":{"b":{"c":1,"d.e":2},"":3}},"a.b":4,"a":{"b":5},"":6}',
    '{"_step":6,"損失":0.25,"ключ/точка":"значение","e\\u0301":1,"\\u00e9":2,"🦆":"🦆","__proto__":1,"a b\\"c\\\\":2}',
    '{"_step":7,"x":"\\u0000\\u001f\\u2028\\u202e","y":"\\ud83e\\udd86","z":"line\\nbreak\\r\\ttab","w":"null"}',
    '{"_step":8,"x":{"_type":"histogram","bins":[0,0.5,1],"values":[3,9007199254740993]},"y":{"deep":{"deeper":[{"_type":"x"}]}}}',
    '{"_step":9,"x":true,"y":1e400,"z":-1e400,"w":0.1000000000000000055511151231257827}',
    '{"_step":12,"x":2,"y":1.0,"z":100000000000000000000.0,"w":"1"}',
    '{"_step":1000000,"x":3}',
]


def written(rows: list[Row]) -> list[str]:
    """Comparable to the letter: 1 is not 1.0, NaN equals NaN, -0.0 is not 0.0."""
    return [json.dumps(row, sort_keys=True) for row in rows]


def sent() -> list[Row]:
    return [json.loads(line) for line in LINES]


def as_scanned(value: Any) -> Any:
    """scan_history goes through the client's Go half: no integers beyond 64 bits, and whole doubles become integers."""
    if type(value) is int:
        return value if -(2**63) <= value < 2**63 else float(value)
    if type(value) is float:
        return int(value) if value.is_integer() and abs(value) < 2**63 else value
    if isinstance(value, dict):
        return {key: as_scanned(item) for key, item in value.items()}
    return [as_scanned(item) for item in value] if isinstance(value, list) else value


def test_values_survive_chunks_segments_and_the_api(server: LiveServer, http: Http, client: Client) -> None:
    http.make_run("values")
    for place, line in enumerate(LINES):
        assert http.send("values", history=(place, [line]), summary=line) == 200
    run = newest_run(server)

    fresh = written(list(http.row_pages("values", 10_000)))
    assert http.send("values", exitcode=0) == 200
    compact(server, run)

    assert fresh == written(sent())
    assert count(server, "runs_chunk", f"run_id={run} AND stream='history'") == 0
    assert count(server, "runs_segment", f"run_id={run} AND stream='history'") >= 1
    assert written(list(http.row_pages("values", 10_000))) == written(sent())
    read = read_run(client, "alice/demo/values", page_size=100_000)
    assert written(as_scanned(read["scanned"])) == written(as_scanned(sent()))
    assert written(read["sampled"]) == written(sent())
    assert read["last_step"] == 1_000_000


@pytest.mark.parametrize("line", LINES)
def test_summary_and_config_are_kept_to_the_letter(http: Http, line: str) -> None:
    name = f"letter-{LINES.index(line)}"
    http.make_run(name, config=f'{{"it":{{"value":{line}}}}}')
    assert http.send(name, summary=line) == 200

    read = http.read(name, "config summaryMetrics")

    assert written([json.loads(read["summaryMetrics"])]) == written([json.loads(line)])
    assert written([json.loads(read["config"])["it"]["value"]]) == written([json.loads(line)])


# Before anything leaves it, the client makes doubles of integers beyond 64 bits, integers of whole doubles, and in its
# config null of NaN; what it drops by itself is not logged here.
LOG = """
import math, wandb
run = wandb.init(project="demo", id="logged", config={
    "inf": math.inf, "big": 2**53 + 1, "none": None, "empty": "", "deep": {"a": [1, [2, None]]},
    "損失": "値", "with.dot": 1, "list": [],
})
run.log({"nan": math.nan, "inf": math.inf, "minus": -math.inf, "odd": 2**53 + 1, "huge": 2**64, "huger": 2**70})
run.log({"none": None, "empty": "", "list": [[1, [2.5, None]], []], "損失": 0.25, "a.b": 1, "a": {"b": 2, "c.d": 3}})
run.log({"odd": "a text", "none": 1, "empty": [1], "a.b": None, "minus": 1, "inf": 2})
run.log({"odd": 1.5, "none": True, "nan": 2.0}, step=9)
run.summary["big"] = 2**53 + 1
run.summary["損失"] = math.inf
run.finish()
"""
LOGGED: list[Row] = [
    {
        "nan": float("nan"),
        "inf": float("inf"),
        "minus": float("-inf"),
        "odd": 2**53 + 1,
        "huge": 2.0**64,
        "huger": 2.0**70,
    },
    {
        "none": None,
        "empty": "",
        "list": [[1, [2.5, None]], []],
        "損失": 0.25,
        "a.b": 1,
        "a": {"b": 2, "c.d": 3},
    },
    {"odd": "a text", "none": 1, "empty": [1], "a.b": None, "minus": 1, "inf": 2},
    {"odd": 1.5, "none": True, "nan": 2},
]


def without_times(rows: list[Row]) -> list[Row]:
    return [{key: value for key, value in row.items() if not key.startswith("_")} for row in rows]


def test_values_of_the_real_client(server: LiveServer, client: Client) -> None:
    client.run(LOG)
    fresh = read_run(client, "alice/demo/logged")
    compact(server, newest_run(server))
    settled = read_run(client, "alice/demo/logged")

    for read in (fresh, settled):
        assert written(without_times(read["scanned"])) == written(LOGGED)
        assert written(without_times(read["sampled"])) == written(LOGGED)
        assert [row["_step"] for row in read["scanned"]] == [0, 1, 2, 9]
        kept = {key: value for key, value in read["config"].items() if not key.startswith("_")}
        assert written([kept]) == written([CONFIG])
        assert read["summary"]["big"] == 2**53 + 1
        assert read["summary"]["損失"] == math.inf
        assert read["summary"]["a"] == {"b": 2, "c.d": 3}


CONFIG: Row = {
    "inf": float("inf"),
    "big": 2**53 + 1,
    "none": None,
    "empty": "",
    "deep": {"a": [1, [2, None]]},
    "損失": "値",
    "with.dot": 1,
    "list": [],
}

MANY = """
import wandb
run = wandb.init(project="demo", id="many")
for step in range(3):
    run.log({f"metric/{n:05}": n + 0.125 + step / 4 for n in range(10_000)})
run.finish()
"""


def test_ten_thousand_metric_names(server: LiveServer, client: Client, http: Http) -> None:
    expected: list[dict[str, Any]] = [
        {f"metric/{n:05}": n + 0.125 + step / 4 for n in range(10_000)} for step in range(3)
    ]
    client.run(MANY)

    fresh = http.rows("many")
    compact(server, newest_run(server))
    settled = read_run(client, "alice/demo/many")

    assert written(without_times(fresh)) == written(expected)
    assert written(without_times(settled["scanned"])) == written(expected)
    assert len(http.read("many", "historyKeys")["historyKeys"]["keys"]) >= 10_000
    keys = json.dumps({"keys": ["_step", "metric/09999"], "samples": 10})
    sampled = http.graphql(SAMPLED, {"specs": [keys]})["project"]["run"]["sampledHistory"]
    assert sampled == [[{"_step": step, "metric/09999": 9999.125 + step / 4} for step in range(3)]]


SAMPLED = """
query Sampled($specs:[JSONString!]!){
  project(name:"demo",entityName:"alice"){run(name:"many"){sampledHistory(specs:$specs)}}
}"""


SCAN = """
import wandb
run = wandb.Api(timeout=60).run("alice/demo/long")
answer([list(run.scan_history(keys=keys, page_size=int(sys.argv[1]))) for keys in (None, ["_step", "loss"])])
"""


@pytest.mark.parametrize("page_size", [1_000, 50_000])
def test_scan_reads_every_row_however_large_its_pages(
    long_shared_run: list[Row], client: Client, page_size: int
) -> None:
    whole, picked = client.ask(SCAN, str(page_size))

    assert whole == long_shared_run
    assert picked == [{"_step": row["_step"], "loss": row["loss"]} for row in long_shared_run]


@pytest.fixture
def long_shared_run(http: Http) -> list[Row]:
    """The rows of a run in which two writers share each of 6000 steps."""
    http.make_run("long")
    steps, writers = range(6_000), ("a", "b")
    for writer in writers:
        rows = [{"_step": n, "_timestamp": n, "loss": n + 0.5, "by": writer} for n in steps]
        assert http.send("long", history=(0, rows), writer=f"writer-{writer}") == 200
    read = http.rows("long")
    assert sorted((row["_step"], row["by"]) for row in read) == [(n, by) for n in steps for by in writers]
    return read
