from __future__ import annotations

import json

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from apps.runs import table
from apps.runs.models import Run
from tests.factories import people
from tests.wandb_protocol.asking import Asker

pytestmark = pytest.mark.django_db
RUNS = """query($filters: JSONString, $order: String, $first: Int, $after: String) { project(name: "demo") {
    runCount(filters: $filters) readOnly internalId
    runs(filters: $filters, order: $order, first: $first, after: $after) {
      edges { cursor node { id name state tags projectId readOnly user { username } config summaryMetrics createdAt } }
      pageInfo { endCursor hasNextPage } } } }"""


@pytest.fixture(autouse=True)
def _empty_run_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rolled-back test gives its row numbers to the next one, which never happens outside of tests."""
    monkeypatch.setattr(table, "_tables", table.Tables())


def names(asker: Asker, **variables: object) -> list[str]:
    edges = asker.data(RUNS, **variables)["project"]["runs"]["edges"]
    return [edge["node"]["name"] for edge in edges]


def test_a_list_costs_the_same_for_one_run_and_for_many(ann: Asker) -> None:
    counts = []
    for wave in (1, 4):
        for number in range(wave):
            ann.start(f"r{wave}-{number}")
        names(ann)
        with (
            CaptureQueriesContext(connections["default"]) as main,
            CaptureQueriesContext(connections["vault"]) as vault,
        ):
            names(ann)
        counts.append((len(main), len(vault)))

    assert counts[0] == counts[1]


def test_a_list_of_many_peoples_runs_costs_what_one_persons_costs(ann: Asker) -> None:
    for number in range(4):
        ann.start(f"r{number}")
    counts = []
    for authors in (1, 4):
        for number in range(authors):
            user = people.person(f"author{authors}{number}")
            Run.objects.filter(number=number + 1).update(created_by=user)
        names(ann)
        with CaptureQueriesContext(connections["default"]) as asked:
            names(ann)
        counts.append(len(asked))

    assert counts[0] == counts[1]


def test_pages_follow_each_other(ann: Asker) -> None:
    for number in range(5):
        ann.start(f"r{number}")

    first = ann.data(RUNS, first=2)["project"]
    second = names(ann, first=2, after=first["runs"]["edges"][-1]["cursor"])

    assert (first["runCount"], first["runs"]["pageInfo"]["hasNextPage"]) == (5, True)
    assert [edge["node"]["name"] for edge in first["runs"]["edges"]] + second == ["r0", "r1", "r2", "r3"]
    assert names(ann, order="-created_at", first=1) == ["r4"]
    assert int(first["internalId"]) == first["runs"]["edges"][0]["node"]["projectId"] < 2**31


@pytest.mark.parametrize(
    "sent",
    [
        {"filters": "{"},
        {"filters": '{"$where":"1"}'},
        {"filters": '{"name":{"$regex":"("}}'},
        {"filters": '{"$and":' * 500 + "{}" + "}" * 500},
        {"order": "-nonsense\u0000"},
        {"after": "xx"},
        {"after": "YXQ6LTU="},
        {"first": -1},
    ],
)
def test_questions_that_make_no_sense_get_an_error(ann: Asker, sent: dict[str, object]) -> None:
    ann.start("r")

    assert ann.error(RUNS, **sent)


def test_filters_reach_what_is_sealed(ann: Asker) -> None:
    ann.start("a", config='{"lr":{"value":0.1}}', tags=["x"])
    ann.start("b", config='{"lr":{"value":0.2}}')

    assert names(ann, filters=json.dumps({"config.lr": {"$gt": 0.15}})) == ["b"]
    assert names(ann, filters=json.dumps({"config.lr.value": 0.1})) == ["a"]
    assert names(ann, filters=json.dumps({"tags": {"$in": ["x"]}})) == ["a"]
