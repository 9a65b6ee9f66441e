"""Pure parts of the pages: numbers, conditions, trees, console lines, addresses."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.web.columns import columns_for, ranked_measures
from apps.web.conditions import as_filter, read_conditions
from apps.web.console import console_lines
from apps.web.figures import ago, figure, grouped, lasting, named_figure, setting, size
from apps.web.links import run_url
from apps.web.machine import measure, system_sections
from apps.web.panels import sections

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.871, "0.8710"),
        (12.3456, "12.35"),
        (18612, "18\u2009612"),
        (18612.34, "18\u2009612.3"),
        (0.00039, "3.90e-4"),
        (0, "0"),
        (0.0, "0.0000"),
        (-0.5, "-0.5000"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (2**53 + 1, "9\u2009007\u2009199\u2009254\u2009740\u2009993"),
        (True, "true"),
        (None, "–"),
        (1e22, "1.00e22"),
    ],
)
def test_figure(value: object, text: str) -> None:
    assert figure(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (64, "64"),
        (0.1, "0.1"),
        (0.0005, "5e-4"),
        (3e-4, "3e-4"),
        (0.05, "0.05"),
        (1e-10, "1e-10"),
        (1.5e-5, "1.5e-5"),
        ("mixup", "mixup"),
        (None, "null"),
        (False, "false"),
        (64.0, "64"),
    ],
)
def test_setting(value: object, text: str) -> None:
    assert setting(value) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (11_000_000_000, "11.0 GB")]
)
def test_size(count: int, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 s"), (59, "59 s"), (61, "1 min 01 s"), (3661, "1 h 01 min"), (90_000, "1 d 1 h")],
)
def test_lasting(seconds: int, text: str) -> None:
    assert lasting(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "just now"),
        (240, "4 min ago"),
        (3600, "1 hour ago"),
        (7200, "2 hours ago"),
        (86_400, "yesterday"),
        (172_800, "2 days ago"),
        (2_000_000, "31 Oct 2026"),
    ],
)
def test_ago(seconds: int, text: str) -> None:
    assert ago(NOW - timedelta(seconds=seconds), now=NOW) == text


def test_grouped() -> None:
    assert grouped(1003552768) == "1\u2009003\u2009552\u2009768"


@pytest.mark.parametrize(
    ("typed", "meaning"),
    [
        ("state = running", {"state": {"$eq": "running"}}),
        ("state in finished, running", {"state": {"$in": ["finished", "running"]}}),
        ("config.lr > 1e-4", {"config.lr": {"$gt": 1e-4}}),
        (
            "val/acc >= .8",
            {"$or": [{"config.val/acc": {"$gte": 0.8}}, {"summary_metrics.val/acc": {"$gte": 0.8}}]},
        ),
        (
            "optim.lr != 1.",
            {"$and": [{"config.optim.lr": {"$ne": 1.0}}, {"summary_metrics.optim.lr": {"$ne": 1.0}}]},
        ),
        ("summary.note = 1.2.3", {"summary_metrics.note": {"$eq": "1.2.3"}}),
        ("summary.loss != 2", {"summary_metrics.loss": {"$ne": 2}}),
        ("Tag = paper", {"tags": {"$eq": "paper"}}),
        ("runtime > 60", {"duration": {"$gt": 60}}),
        ("name ~ vit.b", {"display_name": {"$regex": r"(?i)vit\.b"}}),
        ("name ~ /^vit/", {"display_name": {"$regex": "(?i)^vit"}}),
        (
            "vit-b16",
            {
                "$or": [
                    {key: {"$regex": r"(?i)vit\-b16"}} for key in ("display_name", "name", "tags", "notes")
                ]
            },
        ),
        ("config.on = true", {"config.on": {"$eq": True}}),
        ('{"state": "failed"}', {"state": "failed"}),
    ],
)
def test_condition(typed: str, meaning: dict[str, Any]) -> None:
    assert [each.meaning for each in read_conditions([typed])] == [meaning]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("_timestamp", 1795435200.4, "23 Nov 2026, 12:00"),
        ("_timestamp", 10**400, figure(10**400)),
        ("_timestamp", math.nan, "nan"),
        ("_timestamp", True, "true"),
        ("loss", 1795435200.4, figure(1795435200.4)),
    ],
)
def test_a_moment_in_a_summary_is_no_count_of_seconds(name: str, value: object, words: str) -> None:
    assert named_figure(name, value) == words


def test_conditions_join_and_repeat_nothing() -> None:
    read = read_conditions(["config.a = 1", "  config.a = 1 ", "", "{"])

    assert as_filter(read) == '{"$and": [{"config.a": {"$eq": 1}}]}'
    assert [bool(each.reason) for each in read] == [False, True]
    assert as_filter([]) is None


def test_console_lines_are_read_and_cleaned() -> None:
    raw = [
        "2026-11-23T06:38:02.1 plain",
        "ERROR 2026-11-23T06:38:03 \x1b[1;31mred\x1b[0m\x1b]0;title\x07",
        "no prefix\r",
    ]

    lines = console_lines(raw, first=9)

    assert [(line.number, line.time, line.spans[0].text, line.is_error) for line in lines] == [
        (10, "06:38:02", "plain", False),
        (11, "06:38:03", "red", True),
        (12, "", "no prefix", False),
    ]


def test_addresses_quote_each_part_whole() -> None:
    assert run_url("lab", "a b&c", "r/1?#%") == "/lab/a%20b%26c/runs/r%2F1%3F%23%25"


def test_sections_begin_with_what_is_held_out() -> None:
    found = sections(["grad/norm", "train/loss", "lr", "val/acc", "train/acc"])

    assert [(section.title, section.keys) for section in found] == [
        ("val", ["val/acc"]),
        ("train", ["train/loss", "train/acc"]),
        ("grad", ["grad/norm"]),
        ("", ["lr"]),
    ]


def test_system_sections_are_parts_of_the_machine() -> None:
    names = [
        "system.network.sent",
        "system.gpu.10.temp",
        "system.cpu",
        "system.gpu.2.gpu",
        "system.disk./.usageGB",
        "odd",
    ]

    found = system_sections([*names, "system.cpu.0.cpu_percent"])

    assert [(section.title, section.keys) for section in found] == [
        ("GPU 2", ["system.gpu.2.gpu"]),
        ("GPU 10", ["system.gpu.10.temp"]),
        ("CPU", ["system.cpu", "system.cpu.0.cpu_percent"]),
        ("Disk", ["system.disk./.usageGB"]),
        ("Network", ["system.network.sent"]),
        ("Other", ["odd"]),
    ]


@pytest.mark.parametrize(
    ("key", "part", "title", "unit"),
    [
        # As the client 0.31 sends them.
        ("system.memory_percent", "Memory", "In use", "%"),
        ("system.proc.memory.rssMB", "Memory", "This process", "MB"),
        ("system.proc.memory.availableMB", "Memory", "Free to use", "MB"),
        ("system.proc.cpu.threads", "CPU", "Threads of this process", ""),
        ("system.disk./.usagePercent", "Disk", "Used, /", "%"),
        ("system.disk./.usageGB", "Disk", "Used, /", "GB"),
        ("system.disk.vda.in", "Disk", "Read, vda", "MB"),
        ("system.network.recv", "Network", "Received", "B"),
        ("system.network.tcpRetransmits", "Network", "Sent again (TCP)", ""),
        ("system.cpu.3.cpu_percent", "CPU", "Core 3", "%"),
        ("system.gpu.0.gpu", "GPU 0", "In use", "%"),
        ("system.gpu.0.temp", "GPU 0", "Temperature", "°C"),
        ("system.gpu.1.powerWatts", "GPU 1", "Power", "W"),
        ("system.gpu.1.memoryAllocatedBytes", "GPU 1", "Memory in use", "B"),
        ("system.gpu.0.smClock", "GPU 0", "Clock of the processors", "MHz"),
        ("system.gpu.process.0.memoryAllocated", "GPU 0", "Memory in use, this process", "%"),
        ("system.tpu.0.dutyCycle", "TPU 0", "In use", "%"),
        ("system.new.thingPercent", "Other", "new.thingPercent", "%"),
        ("<b>", "Other", "<b>", ""),
    ],
)
def test_a_system_metric_in_words(key: str, part: str, title: str, unit: str) -> None:
    found = measure(key)

    assert (found.part, found.title, found.unit) == (part, title, unit)


def test_measures_are_ranked_as_people_look_at_them() -> None:
    assert ranked_measures(["lr", "train/loss", "val/acc", "tokens"]) == [
        "val/acc",
        "train/loss",
        "lr",
        "tokens",
    ]


def test_unasked_columns_do_not_depend_on_the_order_of_keys() -> None:
    measured = {"train/loss": 0.2, "val/loss": 0.1, "val/acc": 0.9, "lr": 1e-3, "train/loss_box": 0.3}
    chosen = [
        {"seed": 1, "lr": 0.1, "layer10": 1, "layer2": 1},
        {"layer2": 2, "layer10": 2, "lr": 0.2, "seed": 2},
    ]
    backwards = dict(reversed(measured.items()))

    found = columns_for([measured, backwards], chosen)

    assert [column.title for column in found] == [
        *("val/acc", "val/loss", "train/loss", "train/loss_box"),
        *("layer2", "layer10", "lr", "seed"),
    ]
    assert columns_for([backwards, measured], chosen[::-1]) == found


def test_a_setting_and_a_figure_of_one_name_are_told_apart() -> None:
    measured, chosen = {"acc": 0.9, "lr": 1e-9}, [{"lr": 0.1}, {"lr": 0.2}]

    unasked = columns_for([measured, measured], chosen)
    deep = columns_for([measured, measured], [{"optim.lr": 0.1}, {"optim.lr": 0.2}])
    named = columns_for([measured, measured], [{"acc": "top1"}, {"acc": "top5"}])
    asked = columns_for([measured], chosen, asked=["summary_metrics.lr", "config.lr", "tags"])

    assert [column.title for column in unasked] == ["acc", "lr"]
    assert unasked[1].order == "config.lr"
    assert [column.order for column in named] == [
        "summary_metrics.acc",
        "summary_metrics.lr",
        "config.acc",
    ]
    assert [column.title for column in deep] == ["acc", "optim.lr"]
    assert [column.title for column in asked] == ["summary.lr", "config.lr", "Tags"]


@pytest.mark.parametrize("typed", ["config.lr >>> 3", "loss == 3", "loss >< 3", "tag ~~ x", "lr > >3"])
def test_two_signs_in_a_row_are_told_as_a_mistake(typed: str) -> None:
    (read,) = read_conditions([typed])

    assert (read.meaning, bool(read.reason)) == (None, True)


def test_a_page_of_coloured_lines_is_read_within_bounds() -> None:
    """Each change of colour costs something; the lines after the first ones are read only as far as they show."""
    line = "".join(f"\x1b[3{n % 8}mabc" for n in range(5000))

    shown = console_lines([line] * 500)

    assert len(shown) == 500
    assert len(shown[0].spans) > len(shown[-1].spans)
    assert all(each.is_cut for each in shown[50:])
    assert len(shown[-1].spans) < 600
