"""Points over any axis and any part of it, as CSV and as a table."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.projects.models import Project
from apps.runs.models import Run
from apps.web.downloads import csv_lines
from apps.web.figures import place_on
from tests.factories import work
from tests.web.conftest import Log, Visit, text_of
from tests.web.test_project_page import HOSTILE

RUN = "/lab/vision/runs/told/series"
PROJECT = "/lab/vision/series"


@pytest.fixture
def by_epoch(told: Run, alice: User, log: Log) -> Run:
    run = work.run(told.project, "epochs", by=alice, display_name="=HYPERLINK(1)")
    log(
        run,
        [
            {"loss": 10.0 - step, "epoch": step // 4, "_runtime": step * 90.0, "_step": step}
            for step in range(9)
        ],
    )
    return run


def _points(visit: Visit, url: str, **query: Any) -> dict[str, Any]:
    (one,) = json.loads(visit(url, by="vera", key="loss", **query).content)["series"]
    return dict(one)


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ({"x": "epoch"}, [0, 0, 0, 0, 1, 1, 1, 1, 2]),
        ({"x": "_runtime", "first": "200", "last": "400"}, [270, 360]),
        ({"first": "3", "last": "5"}, [3, 4, 5]),
        ({"first": "nan", "last": "x" * 100}, list(range(9))),
        ({"x": "nothing"}, []),
    ],
)
def test_any_axis_and_any_part_of_it(
    visit: Visit, by_epoch: Run, query: dict[str, str], places: list[int]
) -> None:
    assert _points(visit, "/lab/vision/runs/epochs/series", **query)["x"] == places


def test_a_part_is_sampled_anew(visit: Visit, told: Run, alice: User, log: Log) -> None:
    run = work.run(told.project, "long", by=alice)
    log(run, [{"loss": float(step % 7), "_step": step} for step in range(8000)])

    whole = _points(visit, "/lab/vision/runs/long/series", points=100)
    part = _points(visit, "/lab/vision/runs/long/series", points=100, first=4000, last=4080)

    assert len(whole["x"]) < 500
    assert part["x"] == list(range(4000, 4081))


def _csv(url: str, client: Client, **query: Any) -> list[list[str]]:
    response = client.get(url, query)
    assert response.status_code == 200
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    body = b"".join(response.streaming_content)  # type: ignore[attr-defined]
    return list(csv.reader(io.StringIO(body.decode())))


def test_csv_holds_every_point_and_no_formula(client: Client, by_epoch: Run, told: Run, vera: User) -> None:
    client.force_login(vera, backend="django.contrib.auth.backends.ModelBackend")

    lines = _csv(f"{PROJECT}/csv", client, key="loss", run=[by_epoch.public_id, told.public_id])

    assert lines[0] == ["run", "_step", "loss"]
    assert lines[1] == ["'=HYPERLINK(1)", "0.0", "10.0"]
    assert len(lines) == 1 + 9 + 20


def test_the_name_of_a_download_is_harmless(visit: Visit, told: Run) -> None:
    response = visit(f"{RUN}/csv", by="vera", key=f"../{HOSTILE}\r\nX: y")

    header = response["Content-Disposition"]
    assert header.startswith("attachment")
    assert not {"\n", "\r", "/", "\u202e"} & set(header)


def test_csv_of_many_rows_comes_in_parts() -> None:
    parts = list(csv_lines(["n"], ([n] for n in range(2500))))

    assert len(parts) == 3
    assert b"".join(parts).count(b"\r\n") == 2501


def test_a_panel_as_a_table(visit: Visit, by_epoch: Run, told: Run) -> None:
    page = visit(f"{PROJECT}/table", by="vera", key="loss", run=[by_epoch.public_id, told.public_id])

    words = text_of(page)
    assert "=HYPERLINK(1) 2.0000 @ 8 2.0000 @ 8 10.00 @ 0" in words
    assert "a run that tells 0.0500 @ 19 0.0500 @ 19 1.0000 @ 0" in words
    assert page.content.count(b"<h1") == 1


def test_the_same_table_as_a_part_of_a_page(client: Client, told: Run, vera: User) -> None:
    client.force_login(vera, backend="django.contrib.auth.backends.ModelBackend")

    page = client.get(f"{RUN}/table", {"key": "loss"}, headers={"HX-Request": "true"})

    assert page.content.lstrip().startswith(b"<table")


def test_names_in_a_table_are_harmless(visit: Visit, vision: Project, alice: User, log: Log) -> None:
    run = work.run(vision, "odd", by=alice, display_name=HOSTILE)
    log(run, [{HOSTILE: 1.0, "_step": 0}])

    for query in ({"key": HOSTILE}, {"key": HOSTILE, "x": HOSTILE}):
        assert b"<img" not in visit("/lab/vision/runs/odd/series/table", by="vera", **query).content


@pytest.mark.parametrize(
    ("axis", "place", "text"),
    [
        ("_step", 1234.0, "1\u2009234"),
        ("_runtime", 3900.0, "1 h 05 min"),
        ("_timestamp", 1795435200.0, "23 Nov 2026, 12:00"),
        ("_timestamp", -1.0, "-1"),
        ("epoch", 0.5, "0.5"),
        ("_runtime", 1e300, "1e300"),
    ],
)
def test_places_on_an_axis(axis: str, place: float, text: str) -> None:
    assert place_on(axis, place) == text
