"""/projects/{entity}/{project}/runs/{run}/secrets and …/secrets/dismiss"""

from __future__ import annotations

import json

import pytest

from apps.accounts.models import User
from apps.leaks.services import scan
from apps.projects.models import Project
from apps.runs.history import store
from apps.runs.models import Run
from apps.runs.types import Lines, Stream, StreamRequest
from tests.api.conftest import VISION, Ask
from tests.factories import work

KEY = "hf" + "_" + "Ab" * 17
SECRETS = f"{VISION}/runs/leaky/secrets"


@pytest.fixture
def leaky(vision: Project, alice: User) -> Run:
    run = work.run(vision, "leaky", by=alice, config_text=json.dumps({"a": {"value": [1, KEY]}}))
    store.append(run, StreamRequest(streams={Stream.OUTPUT: Lines(0, ["one", f"key {KEY}"])}))
    run.refresh_from_db()
    assert scan(run)
    return run


def test_they_are_listed_by_where_they_stand_and_dismissed(ask: Ask, leaky: Run) -> None:
    answer = ask("GET", SECRETS, by="alice")

    assert KEY not in answer.text
    said = [{key: each[key] for key in each.keys() - {"id", "found_at"}} for each in answer.json["items"]]
    same = {"decision": "open", "kind": "hugging_face", "file": "", "version": ""}
    assert said == [
        same | {"place": "config", "path": ["a", "value", "1"], "line": None},
        same | {"place": "console", "path": [], "line": 1},
    ]
    ids = [answer.json["items"][0]["id"], "x" * 20]
    for _twice in range(2):
        assert ask("POST", f"{SECRETS}/dismiss", {"ids": ids}, by="alice").status == 204
    states = [each["decision"] for each in ask("GET", SECRETS, by="alice").json["items"]]
    assert sorted(states) == ["dismissed", "open"]


@pytest.mark.parametrize(
    "body", [{}, {"ids": "x"}, {"ids": ["x" * 21]}, {"ids": ["\u0000"]}, {"ids": [], "x": 1}]
)
def test_what_makes_no_sense_is_refused(ask: Ask, leaky: Run, body: object) -> None:
    assert ask("POST", f"{SECRETS}/dismiss", body, by="alice").status == 400


@pytest.mark.parametrize(
    ("who", "reads", "writes"),
    [("bob", 200, 204), ("vera", 403, 403), ("mallory", 404, 404), (None, 404, 404)],
)
def test_who_reads_and_who_decides(
    ask: Ask, leaky: Run, mallory: User, who: str | None, reads: int, writes: int
) -> None:
    assert ask("GET", SECRETS, by=who).status == reads
    assert ask("POST", f"{SECRETS}/dismiss", {"ids": []}, by=who).status == writes
