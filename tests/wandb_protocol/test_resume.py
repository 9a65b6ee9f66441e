"""What a client is told that takes up a run again."""

from __future__ import annotations

import json

import pytest

from tests.wandb_protocol.asking import Asker, history

pytestmark = pytest.mark.django_db
STATUS = """query RunResumeStatus($project: String, $entity: String, $name: String!) {
  model(name: $project, entityName: $entity) { id name entity { id name } bucket(name: $name, missingOk: true) {
    id name summaryMetrics displayName logLineCount historyLineCount eventsLineCount historyTail eventsTail config tags notes
    wandbConfig(keys: ["t"]) } } }"""


def test_new_project_and_new_run_are_null(ann: Asker) -> None:
    assert ann.data(STATUS, project="none", name="r") == {"model": None}
    ann.start("other")
    assert ann.data(STATUS, project="demo", name="r")["model"]["bucket"] is None


def test_nothing_is_null_for_a_run_without_data(ann: Asker) -> None:
    ann.start("r")

    bucket = ann.data(STATUS, project="demo", name="r")["model"]["bucket"]

    assert [key for key, value in bucket.items() if value is None] == []
    assert (bucket["historyTail"], bucket["eventsTail"], bucket["wandbConfig"]) == ("[]", "[]", "{}")


def test_counts_and_tails(ann: Asker) -> None:
    ann.start("r", config='{"_wandb":{"value":{"t":{"5":"0.31.0"},"m":[]}}}')
    ann.stream("alice/demo/r", history({"_step": 0}, {"_step": 7, "x": "ü"}))
    ann.stream("alice/demo/r", {"files": {"output.log": {"offset": 0, "content": ["a", "b", "c"]}}})

    bucket = ann.data(STATUS, project="demo", name="r")["model"]["bucket"]

    assert [bucket[key] for key in ("historyLineCount", "eventsLineCount", "logLineCount")] == [2, 0, 3]
    assert [json.loads(text) for text in json.loads(bucket["historyTail"])] == [{"_step": 7, "x": "ü"}]
    assert json.loads(bucket["wandbConfig"]) == {"t": {"5": "0.31.0"}}
