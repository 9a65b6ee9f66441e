"""Runs side by side: what they differ in, a baseline, the order of the columns, and the table to keep."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest

from apps.accounts.models import User
from apps.core import jsontext
from apps.projects.models import Project
from apps.runs.models import Run
from apps.runs.queries import open_run
from apps.web.comparing import compare, delta, last_histograms
from tests.factories import work
from tests.web.conftest import Visit, text_of

PAGE = "/lab/vision/compare"


def _config(python: str, **values: Any) -> str:
    entry = {
        "python_version": python,
        "e": {"w": {"os": "Linux-6.1", "gpu": "H100", "startedAt": "2026-11-01T10:00:00Z"}},
    }
    wrapped = {key: {"value": value} for key, value in values.items()}
    return jsontext.dumps(wrapped | {"_wandb": {"value": entry}})


@pytest.fixture
def pair(vision: Project, alice: User) -> tuple[Run, Run]:
    histogram = {"_type": "histogram", "values": [1, 3], "bins": [0, 1, 2]}
    return (
        work.run(
            vision,
            "a",
            by=alice,
            display_name="=first",
            config_text=_config("3.11.7", lr=0.1, seed=1, long="x" * 500 + "1"),
            summary_text=jsontext.dumps({"loss": 0.5, "w": histogram}),
            commit="a" * 40,
        ),
        work.run(
            vision,
            "b",
            by=alice,
            config_text=_config("3.12.1", lr=0.2, seed=1, long="x" * 500 + "2"),
            summary_text=jsontext.dumps({"loss": 0.25, "w": histogram, "only": 1}),
            commit="b" * 40,
        ),
    )


def test_differences_of_config_summary_environment_and_the_rest(pair: tuple[Run, Run]) -> None:
    groups = compare([open_run(run) for run in pair], everything=False)

    assert [(group.title, [row.key for row in group.rows], group.alike) for group in groups] == [
        # Two long texts that differ in their last letter differ.
        ("Config", ["long", "lr"], 1),
        ("Summary", ["loss", "only"], 1),
        ("Environment", ["Git", "Python"], 2),
        ("About", ["Id"], 3),
    ]


def test_keys_stand_in_one_order_whichever_run_has_them(vision: Project, alice: User) -> None:
    runs = [
        work.run(vision, name, by=alice, config_text=jsontext.dumps({key: {"value": 1} for key in keys}))
        for name, keys in (("one", ["z", "layer10"]), ("two", ["layer2", "a"]))
    ]

    config = compare([open_run(run) for run in runs], everything=True)[0]

    assert [row.key for row in config.rows] == ["a", "layer2", "layer10", "z"]


@pytest.mark.parametrize(
    ("value", "base", "text"),
    [
        (0.5, 0.25, "+0.2500 (+100.0\u2009%)"),
        (0.2, 0.25, "−0.0500 (−20.0\u2009%)"),
        (3, 0, "+3"),
        (1, -1, "+2"),
        (2, 2, ""),
        (True, 1, ""),
        ("a", 1, ""),
        (float("nan"), 1, ""),
        (float("inf"), 1, ""),
        (10**400, 1, ""),
        (2**60 + 1, 2**60, "+1 (+0.0\u2009%)"),
    ],
)
def test_how_far_a_number_is_from_the_baseline(value: Any, base: Any, text: str) -> None:
    assert delta(value, base) == text


def test_a_baseline_has_its_numbers_and_the_others_their_distance(
    visit: Visit, pair: tuple[Run, Run]
) -> None:
    ids = ",".join(run.public_id for run in pair)

    page = visit(PAGE, by="vera", runs=ids, base=pair[0].public_id)

    assert "lr 0.1 0.2 +0.1000 (+100.0 %)" in text_of(page)
    assert "baseline" in text_of(page)
    assert "baseline Column" not in text_of(visit(PAGE, by="vera", runs=ids, base="nobody"))


def test_columns_are_moved_and_left_out_by_their_addresses(visit: Visit, pair: tuple[Run, Run]) -> None:
    one, two = (run.public_id for run in pair)

    page = visit(PAGE, by="vera", runs=f"{one},{two}", base=one, all="1").content.decode()

    addresses = [
        link.replace("&amp;", "&") for link in re.findall(r'href="(/lab/vision/compare\?[^"]+)"', page)
    ]
    for expected in (
        f"{PAGE}?runs={two},{one}&base={one}&all=1",
        f"{PAGE}?runs={one}&base={one}&all=1",
        f"{PAGE}?runs={two}&all=1",
        f"{PAGE}?runs={one},{two}&base={two}&all=1",
        f"{PAGE}?runs={one},{two}&all=1",
    ):
        assert expected in addresses


def test_the_comparison_to_keep_has_all_keys_as_they_are(visit: Visit, pair: tuple[Run, Run]) -> None:
    response = visit(f"{PAGE}/csv", by="vera", runs=",".join(run.public_id for run in pair))

    text = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    head, *rows = list(csv.reader(io.StringIO(text)))
    found = {row[1]: row[2:] for row in rows}
    # A name that a spreadsheet would run is marked as text.
    assert head[:3] == ["", "key", "'=first"]
    assert found["lr"] == ["0.1", "0.2"]
    assert found["only"] == ["", "1"]
    assert found["long"] == ["x" * 500 + "1", "x" * 500 + "2"]
    assert found["Python"] == ["3.11.7", "3.12.1"]


def test_last_histograms_lie_over_each_other(visit: Visit, pair: tuple[Run, Run]) -> None:
    (found,) = last_histograms([open_run(run) for run in pair], [1, 2])
    page = visit(PAGE, by="vera", runs=",".join(run.public_id for run in pair)).content.decode()

    assert (found.key, len(found.lines)) == ("w", 2)
    assert page.count('class="over run-') == 2


def test_a_great_many_keys_are_bounded_and_said_to_be_in_the_csv(
    vision: Project, alice: User, visit: Visit
) -> None:
    runs = [
        work.run(
            vision,
            name,
            by=alice,
            config_text=jsontext.dumps({f"k{n}": {"value": f"{name}{n}"} for n in range(13_000)}),
        )
        for name in ("a", "b")
    ]

    page = visit(PAGE, by="vera", runs=",".join(run.public_id for run in runs))

    assert "1000 more keys are in the CSV" in text_of(page)


def test_runs_of_others_are_in_no_table(visit: Visit, pair: tuple[Run, Run], mallory: User) -> None:
    work.project("mallory", "own", by=mallory)
    response = visit("/mallory/own/compare/csv", by="mallory", runs=",".join(run.public_id for run in pair))

    assert b"".join(response.streaming_content) == b",key\r\n"  # type: ignore[attr-defined]
