"""Which media a run has, and what a step of it holds."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import User
from apps.core import jsontext
from apps.files.media.reading import MediaKey, media_keys, shown_at
from apps.files.media.types import Kind
from apps.projects.models import Project
from apps.runs.history import store
from apps.runs.models import Run
from apps.runs.types import Lines, Stream, StreamRequest
from tests.factories import work
from tests.files.media.recorded import ROW


@pytest.fixture
def run(vision: Project, alice: User) -> Run:
    """Twelve rows, of which every fourth has an image and two keys share their dots."""
    held = work.run(vision, "kinds", by=alice)
    rows: list[dict[str, Any]] = [{"_step": step * 10, "loss": 1.0} for step in range(12)]
    for place in (0, 4, 8):
        rows[place] |= {"image": ROW["image"] | {"path": f"media/{place}.png"}, "val": {"deep": ROW["jpg"]}}
    rows[8]["grid"] = ROW["grid"]
    rows[11]["image"] = "no longer an image"
    store.append(
        held, StreamRequest(streams={Stream.HISTORY: Lines(first=0, lines=list(map(jsontext.dumps, rows)))})
    )
    held.refresh_from_db()
    return held


def test_keys_come_from_the_list_that_is_kept(run: Run) -> None:
    found = media_keys(store.keys_of(run))

    assert sorted(found, key=lambda each: each.name) == [
        MediaKey("grid", Kind.IMAGE, 1),
        MediaKey("image", Kind.IMAGE, 3),
        MediaKey("val.deep", Kind.IMAGE, 3),
    ]


@pytest.mark.parametrize("is_compacted", [False, True])
@pytest.mark.parametrize(
    ("asked", "step", "path"),
    [(0, 0, "media/0.png"), (61, 80, "media/8.png"), (-5, 0, "media/0.png"), (55, 40, "media/4.png")],
)
def test_the_nearest_step_is_shown(
    run: Run, is_compacted: bool, asked: float, step: float, path: str
) -> None:
    if is_compacted:
        store.compact(run)

    found = shown_at(run, ["image"], asked)["image"]

    assert list(found.steps) == [0, 40, 80, 110]
    assert found.step == step
    assert [item.path for item in found.items] == [path]


def test_the_last_step_is_shown_when_none_is_asked_for(run: Run) -> None:
    found = shown_at(run, ["image", "val.deep", "grid", "nothing"])

    assert (found["image"].step, found["image"].items) == (110, ())
    assert (found["val.deep"].step, len(found["val.deep"].items)) == (80, 1)
    assert (found["grid"].steps, len(found["grid"].items)) == ((80,), 4)
    assert found["nothing"].steps == ()


def test_many_keys_are_read_by_as_many_queries_as_one(run: Run) -> None:
    with CaptureQueriesContext(
        connection,
    ) as one:
        shown_at(run, ["image"])
    with CaptureQueriesContext(connection) as many:
        shown_at(run, ["image", "val.deep", "grid"])

    assert len(many) == len(one)


def test_a_run_without_rows_has_nothing(vision: Project, alice: User) -> None:
    found = shown_at(work.run(vision, "empty", by=alice), ["image"])

    assert found["image"].steps == ()
