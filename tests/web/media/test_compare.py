"""The same media of several runs side by side."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import User
from apps.files.media.reading import shown_in_runs
from apps.projects.models import Project
from apps.runs.models import Run
from tests.factories import work
from tests.files.media.recorded import ROW
from tests.web.conftest import Log, Visit, text_of
from tests.web.media.conftest import Store, png

PAGE = "/lab/vision/compare/media"


@pytest.fixture
def runs(kinds: Run, vision: Project, alice: User, log: Log, store: Store) -> list[Run]:
    """Beside the run with every kind one with images at other steps, and one with none."""
    other, bare = (work.run(vision, name, by=alice) for name in ("other", "bare"))
    log(
        other,
        [{"_step": step, "image": {"_type": "image-file", "path": f"media/{step}.png"}} for step in (1, 7)],
    )
    log(bare, [{"_step": 0, "loss": 1.0}])
    store(other, {"media/1.png": png(), "media/7.png": png()})
    return [Run.objects.get(pk=each.pk) for each in (kinds, other, bare)]


def test_runs_stand_side_by_side_each_at_its_nearest_step(visit: Visit, runs: list[Run]) -> None:
    page = visit(PAGE, by="vera", runs="kinds,other,bare", key="image", at="2")

    images = re.findall(r'<img class="base[^"]*" src="([^"]+)"', page.content.decode())
    assert images == [
        f"/lab/vision/runs/kinds/image/{ROW['image']['path']}",
        "/lab/vision/runs/other/image/media/1.png",
    ]
    assert 'data-source="/lab/vision/runs/other/media"' in page.content.decode()
    assert "This run logs nothing under this key." in text_of(page)


def test_a_comparison_leads_there_when_there_are_media(visit: Visit, runs: list[Run]) -> None:
    with_media = visit("/lab/vision/compare", by="vera", runs="other,bare").content.decode()
    without = visit("/lab/vision/compare", by="vera", runs="bare").content.decode()

    assert f'href="{PAGE}?runs=' in with_media
    assert PAGE not in without


def test_runs_without_media_have_nothing_to_compare(visit: Visit, runs: list[Run]) -> None:
    assert "No media to compare" in text_of(visit(PAGE, by="vera", runs="bare"))


def test_many_runs_are_read_by_as_many_queries_as_one(runs: list[Run]) -> None:
    with CaptureQueriesContext(connection) as one:
        shown_in_runs(runs[:1], "image")
    with CaptureQueriesContext(connection) as many:
        found = shown_in_runs(runs, "image")

    assert len(many) == len(one)
    assert [list(found[each.pk].steps) for each in runs] == [[0, 5], [1, 7], []]


def test_outsiders_compare_nothing(visit: Visit, runs: list[Run], mallory: User) -> None:
    assert visit(PAGE, by="mallory", runs="kinds,other").status_code == 404
