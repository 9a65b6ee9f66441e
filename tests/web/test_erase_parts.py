"""…/runs/{run}/erase/parts: what can be chosen, what would go, the erasure; and the ways that lead there"""

from __future__ import annotations

import html
import re

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.erasure.models import ErasureJob
from apps.projects.models import Project
from apps.runs.models import Run
from apps.runs.services import finish_run
from apps.runs.types import RunState
from tests.erasure.conftest import finish, full_run
from tests.web.conftest import Visit, text_of
from tests.web.hostile import NAMES

RUN = "/lab/vision/runs/full"
PARTS = f"{RUN}/erase/parts"


@pytest.fixture
def full(vision: Project, alice: User) -> Run:
    run = full_run(vision, "full", by=alice)
    return finish_run(run, state=RunState.FINISHED, by=Actor.person(alice))


def test_parts_are_chosen_counted_and_erased_and_the_run_is_back(
    visit: Visit, send: Visit, full: Run, mallory: User
) -> None:
    chooser = visit(PARTS, by="alice").content.decode()
    assert f'<a href="{RUN}/media">' in chooser and f'<li><a href="{RUN}" title="' in chooser
    assert re.findall(r'name="part" value="([^"]*)"', chooser) == ["metric:loss", "config:lr"]
    assert "config:lr" not in visit(f"{PARTS}?find=LOSS", by="alice").content.decode()
    assert "Nothing of this run has that" in text_of(visit(f"{PARTS}?find=absent", by="alice"))

    counted = text_of(visit(f"{PARTS}?part=metric:loss&part=config:lr", by="alice"))
    assert "Metric loss" in counted and "Value of the config lr" in counted
    assert "Values in the history 6 Files 0" in counted and "Erase these 2 now" in counted
    assert not ErasureJob.objects.exists()

    answer = send(PARTS, by="alice", part=["metric:loss", "config:lr"])

    job = ErasureJob.objects.get()
    place = f"/settings/erasures/{job.public_id}?entity=lab&project=vision&run=full"
    assert (answer.status_code, answer.headers["Location"]) == (302, place)
    closed = visit(RUN, by="alice")
    assert closed.status_code == 503 and "back in a moment" in text_of(closed)
    assert visit(RUN, by="mallory").status_code == 404
    begun = visit(place, by="alice")
    assert "2 parts of a run. The run stays." in text_of(begun) and "Back to the run" not in text_of(begun)
    assert f'hx-get="{html.escape(place)}"' in begun.content.decode()
    finish(job)
    page = visit(place, by="alice")
    assert "loss" not in text_of(page) and "Values of the history 6" in text_of(page)
    assert f'href="{RUN}">Back to the run' in page.content.decode()
    assert "Back to the run" not in text_of(visit(f"/settings/erasures/{job.public_id}", by="alice"))
    assert visit(RUN, by="alice").status_code == 200
    assert visit(f"{PARTS}?part=metric:loss", by="alice").status_code == 404


@pytest.mark.parametrize(
    ("who", "status"), [("alice", 200), ("bob", 403), ("vera", 403), ("mallory", 404), (None, 404)]
)
def test_only_who_may_erase_the_run(
    visit: Visit, send: Visit, full: Run, mallory: User, who: str | None, status: int
) -> None:
    for url in (PARTS, f"{PARTS}?part=metric:loss"):
        assert visit(url, by=who).status_code == status
    if status != 200:
        assert send(PARTS, by=who, part="metric:loss").status_code == status
    for page in (RUN, f"{RUN}/values/config?at=lr"):
        assert ("/erase/parts" in visit(page, by=who).content.decode()) is (status == 200), page
    assert not ErasureJob.objects.exists()


def test_a_run_that_goes_on_is_refused_with_a_word(
    visit: Visit, send: Visit, vision: Project, alice: User
) -> None:
    full_run(vision, "full", by=alice)

    assert "still going on" in text_of(visit(PARTS, by="alice"))
    preview = visit(f"{PARTS}?part=metric:loss", by="alice")
    assert (
        "still going on" in text_of(preview)
        and 'method="post" action="' + PARTS not in preview.content.decode()
    )
    refused = send(PARTS, by="alice", part="metric:loss")

    assert refused.status_code == 409 and "still going on" in text_of(refused)
    assert not ErasureJob.objects.exists()


@pytest.mark.parametrize(
    "words", ["", "metric", "metric:", "nothing:loss", "metric:absent", "config:_wandb", *NAMES.values()]
)
def test_words_that_name_nothing_do_nothing(visit: Visit, send: Visit, full: Run, words: str) -> None:
    assert visit(PARTS, by="alice", part=words).status_code in {400, 404}
    assert send(PARTS, by="alice", part=words).status_code in {400, 404}
    assert visit(PARTS, by="alice", find=words).status_code == 200
    assert not ErasureJob.objects.exists()


def test_ways_lead_there_from_where_a_thing_is_shown(visit: Visit, full: Run) -> None:
    values = html.unescape(visit(f"{RUN}/values/config?at=lr", by="alice").content.decode())
    assert f'href="{PARTS}?part=config%3Alr"' in values
    assert "/erase/parts?" not in visit(f"{RUN}/values/config", by="alice").content.decode()
    assert f'href="{PARTS}"' in visit(RUN, by="alice").content.decode()
