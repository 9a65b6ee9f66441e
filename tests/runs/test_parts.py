"""What is left of rows, words and lists when parts of a run are taken out: by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apps.core import jsontext
from apps.runs.defined import Definitions, without_definitions
from apps.runs.history.keys import KeyList
from apps.runs.parts import (
    Cut,
    PartKind,
    Removed,
    RunPart,
    config_names,
    files_in,
    media_names,
    row_names,
)
from apps.runs.types import Stream

IMAGE = {"_type": "image-file", "path": "media/images/a.png", "caption": "said"}


def cut(*parts: str) -> Cut:
    named = [part.partition(":") for part in parts]
    return Cut.of(RunPart(PartKind(kind), name) for kind, _, name in named)


def left(row: dict[str, Any], *parts: str, stream: Stream = Stream.HISTORY) -> dict[str, Any]:
    (found,) = cut(*parts).rows(stream, [row], Removed())
    return found


@pytest.mark.parametrize(
    ("row", "part", "after"),
    [
        ({"a": 1, "b": 2}, "metric:a", {"b": 2}),
        ({"a": {"b": 1, "c": 2}}, "metric:a.b", {"a": {"c": 2}}),
        ({"a.b": 1, "a": {"b": 2}, "c": 3}, "metric:a.b", {"c": 3}),
        ({"a": {"b": 1}, "c": 3}, "metric:a.b", {"c": 3}),
        ({"a": {"b": {"c": 1}}, "x": {}}, "metric:a", {"x": {}}),
        ({"ab": 1}, "metric:a", {"ab": 1}),
        ({"a": IMAGE, "b": 1}, "media:media/images/a.png", {"b": 1}),
        ({"a": [IMAGE, IMAGE], "b": 1}, "media:media/images/a.png", {"b": 1}),
        ({"g": {"a": IMAGE, "b": 1}}, "media:media/images/a.png", {"g": {"b": 1}}),
        ({"a": "media/images/a.png"}, "media:media/images/a.png", {"a": "media/images/a.png"}),
        ({"a": IMAGE}, "media:media/images/b.png", {"a": IMAGE}),
        ({"a": IMAGE}, "metric:a.caption", {"a": IMAGE}),
        ({"a": 1}, "system:a", {"a": 1}),
        ({"a": 1}, "config:a", {"a": 1}),
    ],
)
def test_rows(row: dict[str, Any], part: str, after: dict[str, Any]) -> None:
    assert left(row, part) == after


def test_rows_of_the_machine_lose_what_was_asked_of_the_machine() -> None:
    row = {"system.cpu": 1, "system.gpu.0": 2}

    assert left(row, "system:system.cpu", "metric:system.gpu.0", stream=Stream.EVENTS) == {"system.gpu.0": 2}
    assert left(row, "system:system.cpu", stream=Stream.OUTPUT) == row


def test_what_was_taken_out_is_counted_as_the_list_of_keys_counts_it() -> None:
    rows: list[dict[str, Any]] = [
        {"a": 1, "i": IMAGE},
        {"a": 2.5},
        {"a": True},
        {"a": None},
        {"a": "x"},
        {"a": [1]},
        {"a": {"_type": "histogram"}},
        {"a": {}},
    ]
    keys, removed = KeyList(), Removed()
    keys.add(rows)
    assert keys.keys[("a",)].types == {
        "number": 2, "boolean": 1, "nil": 1, "string": 1, "list": 1, "histogram": 1, "map": 1
    }  # fmt: skip

    list(cut("metric:a").rows(Stream.HISTORY, rows, removed))

    assert {kind: n for (path, kind), n in removed.values.items() if path == ("a",)} == keys.keys[
        ("a",)
    ].types
    assert Removed.from_bytes(removed.to_bytes()) == removed
    kept = cut("metric:a").keys(keys, removed)
    assert list(kept.keys) == [("i",)] and kept.rewinds == keys.rewinds + 1


def test_of_media_as_many_are_taken_off_the_list_as_went() -> None:
    rows = [{"i": IMAGE}, {"i": {**IMAGE, "path": "media/images/b.png"}}, {"j": IMAGE}]
    keys, removed = KeyList(), Removed()
    keys.add(rows)
    one = cut("media:media/images/a.png")
    list(one.rows(Stream.HISTORY, rows, removed))

    after = one.keys(keys, removed)

    assert {path: facts.types for path, facts in after.keys.items()} == {("i",): {"image-file": 1}}
    assert removed.files == {"media/images/a.png"}


def test_lines_of_which_nothing_goes_stay_to_the_letter() -> None:
    payload = b'{"x": 1.50, "big":36893488147419103232}\n{"a":1,"n":NaN,"s":"\xed\xa0\x80"}\n{}'
    removed = Removed()

    after = cut("metric:a").lines(Stream.HISTORY, payload, removed)

    first, second, third = after.split(b"\n")
    assert (first, third) == (b'{"x": 1.50, "big":36893488147419103232}', b"{}")
    assert set(jsontext.loads(second)) == {"n", "s"} and removed.count == 1
    assert cut("metric:a").lines(Stream.OUTPUT, payload, removed) == payload


def test_words_of_a_summary_and_a_config() -> None:
    summary = b'{"a": 1,  "b": {"c": 1e400, "d": 2}}'
    assert cut("metric:absent").summary(summary) == summary
    assert jsontext.loads(cut("metric:a").summary(summary)) == {"b": {"c": float("inf"), "d": 2}}
    assert jsontext.loads(cut("summary:b.d", "summary:a").summary(summary)) == {"b": {"c": float("inf")}}

    config = json.dumps(
        {"lr": {"value": 1, "desc": None}, "m": {"value": {"a": {"b": 1}, "c": [1]}}, "n": 1}
    ).encode()
    assert cut("metric:lr").config(config) == config
    assert json.loads(cut("config:lr").config(config)) == {"m": {"value": {"a": {"b": 1}, "c": [1]}}, "n": 1}
    assert json.loads(cut("config:m.a.b").config(config))["m"] == {"value": {"c": [1]}}
    assert json.loads(cut("config:n", "config:m").config(config)) == {"lr": {"value": 1, "desc": None}}
    assert config_names(json.loads(config)) >= {"lr", "m", "m.a", "m.a.b", "m.c", "n"}
    assert row_names(jsontext.loads(summary)) == {"a", "b", "b.c", "b.d"}


def test_what_a_script_said_of_a_metric_goes_and_others_keep_their_places() -> None:
    listed = [{"1": "epoch"}, {"1": "loss", "5": 1}, {"1": "acc", "4": "loss"}, {"2": "val/*", "5": 2}]
    config = json.dumps({"_wandb": {"value": {"m": listed, "t": {}}}, "lr": 1}).encode()

    after = without_definitions(config, {"loss"})

    assert json.loads(after)["_wandb"]["value"]["m"] == [listed[0], {}, {"1": "acc"}, listed[3]]
    assert Definitions.of_config(after.decode()).axis_of("acc") == ""
    for text in (b"{}", b'{"_wandb": 1}', b'{"_wandb": {"value": {"m": 1}}}', config):
        assert without_definitions(text, {"absent"}) == text


def test_a_cut_comes_back_as_it_was_noted() -> None:
    one = cut("metric:\ud800é\u202e", "media:media/x", "config:a.b")

    assert Cut.from_bytes(one.to_bytes()) == one


def test_segments_are_opened_only_where_something_may_go() -> None:
    paths = [("a",), ("b", "c"), ("i",)]

    assert cut("metric:a").touches(Stream.HISTORY, paths, frozenset("i")) == {"a"}
    assert cut("metric:b").touches(Stream.HISTORY, paths, frozenset("i")) == {"b.c"}
    assert cut("media:media/x").touches(Stream.HISTORY, paths, frozenset("i")) == {"i"}
    assert cut("media:media/x").touches(Stream.HISTORY, paths, None) == {"a", "b.c", "i"}
    assert cut("metric:z").touches(Stream.HISTORY, paths, frozenset("i")) == frozenset()
    assert cut("metric:a").touches(Stream.EVENTS, paths, frozenset("i")) == frozenset()


def test_files_are_found_wherever_they_are_named() -> None:
    value = {"a": [{"path": "media/1"}, "media/2", 3], "masks": {"m": {"path": "media/3"}}, "b": "other/4"}

    assert sorted(files_in(value)) == ["media/1", "media/2", "media/3"]
    keys = KeyList()
    keys.add([{"n": 1, "s": "x", "i": IMAGE, "l": [1]}])
    assert media_names(keys) == frozenset({"i", "l"})
    keys.left_out = 1
    assert media_names(keys) is None
