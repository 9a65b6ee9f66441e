from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.core.errors import Invalid
from apps.runs.fields import Listed
from apps.runs.filters import MOST_DEPTH, compile_filter, parse_order, parse_orders
from apps.runs.types import Head

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def listed(**given: Any) -> Listed:
    head = Head(
        name="r1", display_name="amber-owl-1", tags=["paper", "v2"], group="g", job_type="train", notes=""
    )
    whole: dict[str, Any] = {
        "id": 1,
        "public_id": "abcdefgh",
        "version": 1,
        "head": head,
        "config": {
            "lr": 0.001,
            "model": {"depth": 3, "value": 9},
            "value": 5,
            "layers": [1, 2],
            "a.b": "x",
            "flag": True,
        },
        "summary": {"loss": 0.5, "acc": {"val": 1}, "nan": float("nan"), "none": None, "half": "\ud800"},
        "state": "finished",
        "author": 1,
        "username": "alice",
        "created_at": NOON,
        "heartbeat_at": NOON + timedelta(seconds=90),
        "finished_at": None,
    }
    return Listed(**(whole | given))


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        ({}, True),
        ({"state": "finished"}, True),
        ({"state": {"$in": ["failed", "finished"]}}, True),
        ({"state": {"$nin": ["failed", "finished"]}}, False),
        ({"state": {"$ne": "finished"}}, False),
        ({"displayName": "amber-owl-1", "name": "r1"}, True),
        ({"display_name": {"$regex": "^amber-.*-1$"}}, True),
        ({"display_name": {"$regex": "AMBER"}}, False),
        ({"display_name": {"$regex": "AMBER", "$options": "i"}}, True),
        ({"display_name": {"$regex": "(?i)AMBER"}}, True),
        ({"config.lr": 0.001}, True),
        ({"config.lr.value": 0.001}, True),
        ({"config.lr": {"$gt": 1e-4, "$lt": 1e-2}}, True),
        ({"config.lr": {"$gte": 0.001, "$lte": 0.001}}, True),
        ({"config.lr": {"$gt": "0"}}, False),
        ({"config.model.depth": 3}, True),
        ({"config.model.value.depth": 3}, True),
        ({"config.model.value": 9}, True),
        ({"config.value": 5}, True),
        ({"config.value.value": 5}, True),
        ({"config.a.b": "x"}, True),
        ({"config.a.b": {"$regex": "x"}}, True),
        ({"config.layers": 2}, True),
        ({"config.layers": [1, 2]}, True),
        ({"config.layers": {"$gt": 1}}, True),
        ({"config.flag": True}, True),
        ({"config.flag": 1}, False),
        ({"config.gone": None}, True),
        ({"config.gone": {"$exists": False}}, True),
        ({"config.gone": {"$exists": True}}, False),
        ({"config.gone": {"$ne": 3}}, True),
        ({"config.gone": {"$gt": 3}}, False),
        ({"summary_metrics.loss": {"$lt": 1}}, True),
        ({"summary_metrics.acc.val": {"$gte": 1}}, True),
        ({"summary_metrics.nan": {"$gt": 0}}, False),
        ({"summary_metrics.none": None}, True),
        ({"summary_metrics.none": {"$exists": True}}, True),
        ({"summary_metrics.half": {"$regex": "."}}, True),
        ({"tags": "paper"}, True),
        ({"tags": {"$in": ["x", "v2"]}}, True),
        ({"tags": {"$nin": ["x", "v2"]}}, False),
        ({"tags": {"$ne": "paper"}}, False),
        ({"tags": {"$regex": "^v"}}, True),
        ({"$and": [{"tags": "paper"}, {"tags": "v2"}]}, True),
        ({"$or": [{"tags": "nope"}, {"group": "g"}]}, True),
        ({"$or": []}, False),
        ({"$and": []}, True),
        ({"$nor": [{"group": "g"}]}, False),
        ({"$not": {"group": "g"}}, False),
        ({"config.lr": {"$not": {"$gt": 1}}}, True),
        ({"jobType": "train"}, True),
        ({"notes": {"$exists": False}}, True),
        ({"host": {"$exists": True}}, False),
        ({"username": "alice"}, True),
        ({"duration": {"$gt": 89, "$lt": 91}}, True),
        ({"created_at": {"$gt": "2026-11-23T11:59:59"}}, True),
        ({"created_at": {"$gt": "2026-11-23T12:00:00Z"}}, False),
        ({"createdAt": {"$lt": "2026-11-24"}}, True),
        ({"created_at": {"$gte": NOON.timestamp()}}, True),
        ({"heartbeat_at": {"$gt": "2026-11-23T13:01:00+01:00"}}, True),
    ],
)
def test_a_filter_by_hand(tree: Any, expected: bool) -> None:
    passes = compile_filter(json.dumps(tree))

    assert (passes is None or passes(listed())) is expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{nope", "not JSON"),
        ("[1]", "JSON object"),
        ('{"$where": "1"}', "“$where” is no operator between filters"),
        ('{"config.a": {"$function": 1}}', "“$function” is no operator"),
        ('{"$and": "x"}', "“$and” takes a list"),
        ('{"$or": ["x"]}', "JSON object"),
        ('{"config.a": {"$in": 3}}', "“$in” takes a list"),
        ('{"display_name": {"$regex": "((("}}', "“(((” is no regular expression"),
        ('{"display_name": {"$regex": "(?=x)"}}', "RE2"),
        ('{"display_name": {"$regex": 7}}', "regular expression as text"),
        ('{"config.a": {"$gt": null}}', "Only numbers, texts and times"),
        ('{"created_at": {"$gt": "noon"}}', "2026-11-23T12:00:00Z"),
        ('{"__class__": 1}', "Runs have no “__class__”"),
        ('{"config": 1}', "Runs have no “config”"),
        ('{"display_name": {"$regex": "' + "a" * 2000 + '"}}', "at most"),
        (json.dumps({"$or": [{"state": "x"}] * 2000}), "conditions"),
        (json.dumps({"state": {"$in": ["x"] * 3000}}), "conditions"),
    ],
)
def test_what_cannot_be_understood_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(Invalid) as refused:
        compile_filter(text)

    assert words in refused.value.message


@pytest.mark.parametrize("wrap", [lambda tree: {"$and": [tree]}, lambda tree: {"$not": tree}])
def test_nesting_is_bounded(wrap: Any) -> None:
    tree: Any = {"state": "running"}
    for _ in range(MOST_DEPTH + 2):
        tree = wrap(tree)

    with pytest.raises(Invalid):
        compile_filter(json.dumps(tree))


def test_patterns_that_take_long_are_given_up_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """RE2 takes linear time, of which each letter of such a pattern is a part: a few requests held all threads for minutes."""
    monkeypatch.setattr("apps.runs.filters._PATIENCE_SECONDS", 0.1)
    head = replace(listed().head, notes="x" * 3_000)
    many = {"$nor": [{"notes": {"$regex": f"(x?){{300}}y{n}"}} for n in range(50)]}
    passes = compile_filter(json.dumps(many))
    assert passes is not None
    began = time.thread_time()

    with pytest.raises(Invalid, match="takes too long"):
        passes(listed(head=head))

    assert time.thread_time() - began < 1.0


def test_a_bad_pattern_is_not_written_to_the_log(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Invalid):
        compile_filter('{"name": {"$regex": "canary((("}}')

    assert "canary" not in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("+summary_metrics.loss", [2, 3, 1, 4, 5]),
        ("summary_metrics.loss", [2, 3, 1, 4, 5]),
        ("-summary_metrics.loss", [1, 3, 2, 4, 5]),
        ("-created_at", [5, 4, 3, 2, 1]),
        (None, [1, 2, 3, 4, 5]),
        ("", [1, 2, 3, 4, 5]),
    ],
)
def test_orders_by_hand_with_nothing_last(order: str | None, expected: list[int]) -> None:
    losses: list[Any] = ["text", 1, 2.5, None, float("nan")]
    runs = [
        listed(id=n, summary={"loss": loss}, created_at=NOON + timedelta(seconds=n))
        for n, loss in enumerate(losses, 1)
    ]

    assert [run.id for run in parse_order(order).sort(runs)] == expected


def test_several_orders_the_first_matters_most() -> None:
    runs = [
        listed(id=n, summary={"loss": loss}, config={"size": size})
        for n, (size, loss) in enumerate([(1, 2.0), (2, 1.0), (1, 1.0), (2, None), (None, 0.0)], 1)
    ]

    assert [run.id for run in parse_orders(["-config.size", "+summary_metrics.loss"]).sort(runs)] == [
        2,
        4,
        3,
        1,
        5,
    ]
    assert [run.id for run in parse_orders([]).sort(runs)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("order", ["+++;DROP", "+__class__", "config", "-"])
def test_an_order_by_nothing_known_is_refused(order: str) -> None:
    with pytest.raises(Invalid):
        parse_order(order)
