"""What the real client sent once, sent again: the same rows must be there, without any client at hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.wandb_protocol.asking import UPSERT, Asker

pytestmark = pytest.mark.django_db
RECORDED = Path(__file__).with_name("recorded")
# The client's variables have other names than the fields of the input.
RENAMED = {"project": "modelName", "entity": "entityName", "program": "jobProgram", "repo": "jobRepo"}


def exchanges(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (RECORDED / f"{name}.jsonl").read_text().splitlines()]


def replay(asker: Asker, name: str) -> list[str]:
    """Send everything again, each part of the stream twice. Returns the history lines that were sent."""
    sent: list[str] = []
    for seen in exchanges(name):
        headers = {key: value for key, value in seen["headers"].items() if key.startswith("X-Wandb")}
        if seen.get("operation") == "UpsertBucket":
            fields = {RENAMED.get(key, key): value for key, value in seen["variables"].items() if key != "id"}
            body = json.dumps({"query": UPSERT, "variables": {"input": fields}}).encode()
            assert "errors" not in asker.post("/graphql", body, **headers).json()
        elif seen["path"].endswith("/file_stream"):
            for _ in range(2):
                response = asker.post(seen["path"], json.dumps(seen["body"]).encode(), **headers)
                assert (response.status_code, response.json()) == (200, {})
            sent += seen["body"].get("files", {}).get("wandb-history.jsonl", {}).get("content", [])
    return sent


@pytest.mark.parametrize(("name", "run"), [("plain", "plain1"), ("resume", "plain1"), ("shared", "shared1")])
def test_recorded_traffic_is_kept_whole(ann: Asker, name: str, run: str) -> None:
    sent = replay(ann, name)

    found = ann.data(f'{{ project(name: "demo") {{ run(name: "{run}") {{ state history config }} }} }}')[
        "project"
    ]["run"]
    assert sorted(map(stable, found["history"])) == sorted(map(stable, sent))
    assert (len(sent) > 0, found["state"]) == (True, "finished")
    assert "somehost" not in found["config"] and "/somewhere" not in found["config"]


def stable(line: str) -> str:
    return json.dumps(json.loads(line), sort_keys=True)
