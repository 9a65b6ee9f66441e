"""…/runs/{run}/erase/parts: what can be chosen, what would go, the erasure, of parts and of files; and the ways that lead there"""

from __future__ import annotations

import html
import re
from urllib.parse import quote

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.erasure.models import ErasureJob
from apps.erasure.types import Scope
from apps.files.queries import file_names
from apps.files.services import announce_files, store_file
from apps.projects.models import Project
from apps.runs.models import Run
from apps.runs.services import finish_run
from apps.runs.types import RunState
from apps.teams.choices import SettingName
from apps.teams.models import Entity
from apps.teams.services import choose
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
    "words",
    [
        *("", "metric", "metric:", "nothing:loss", "metric:absent", "config:_wandb"),
        *("file", "file:", "file:absent", "file:out", "file:out/a.txt/", "file:../a.txt", "FILE:out/a.txt"),
        *NAMES.values(),
    ],
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


# ── Files ──

FILE = f"{PARTS}?part=file:out/a.txt"


def names_in(run: Run) -> list[str]:
    return [each.name for each in file_names(run)]


def test_a_file_is_counted_and_erased_and_nothing_else_of_the_run_is_touched(
    visit: Visit, send: Visit, full: Run
) -> None:
    key = full.vault_node
    counted = text_of(visit(FILE, by="alice"))
    assert "Erase this file" in counted and "out/a.txt" in counted and "Files 1 Bytes as they" in counted
    assert "out/b.txt" not in counted and names_in(full) == ["out/a.txt", "out/b.txt"]

    answer = send(PARTS, by="alice", part="file:out/a.txt")

    job = ErasureJob.objects.get()
    place = f"/settings/erasures/{job.public_id}?entity=lab&project=vision&run=full"
    assert (answer.status_code, answer.headers["Location"], job.scope) == (302, place, Scope.FILES)
    assert names_in(full) == ["out/b.txt"]
    assert visit(RUN, by="alice").status_code == 200
    for gone in (FILE, f"{RUN}/preview/out%2Fa.txt", f"{RUN}/files/out%2Fa.txt"):
        assert visit(gone, by="alice").status_code == 404, gone
    assert send(PARTS, by="alice", part="file:out/a.txt").status_code == 404
    finish(job)
    page = visit(place, by="alice")
    assert "out/a.txt" not in text_of(page) and "Files 1" in text_of(page)
    assert f'href="{RUN}">Back to the run' in page.content.decode()
    assert visit(f"/settings/erasures/{job.public_id}/receipt", by="alice").status_code == 200
    full.refresh_from_db()
    assert full.vault_node == key


def test_files_go_together_of_a_run_that_goes_on_but_not_with_other_parts_nor_when_one_is_not_there(
    visit: Visit, send: Visit, vision: Project, lab: Entity, alice: User
) -> None:
    run = full_run(vision, "full", by=alice)
    both = ["file:out/a.txt", "file:out/b.txt"]

    for mixed, status in (([*both, "metric:loss"], 400), ([*both, "file:absent"], 404)):
        assert visit(PARTS, by="alice", part=mixed).status_code == status
        assert send(PARTS, by="alice", part=mixed).status_code == status
    assert not ErasureJob.objects.exists()
    choose(lab, SettingName.GRACE_DAYS, 7, by=Actor.person(alice))
    page = text_of(visit(PARTS, by="alice", part=both))
    assert "Erase these 2 files" in page and "can take it back" in page and "Erase it for good now" in page
    place = send(PARTS, by="alice", part=[*both, both[0]]).headers["Location"].partition("?")[0]
    assert ErasureJob.objects.get().asked == 2 and names_in(run) == []
    assert send(f"{place}/restore", by="alice").status_code == 302
    assert names_in(run) == ["out/a.txt", "out/b.txt"]

    send(PARTS, by="alice", part=both, now="1")

    assert names_in(run) == [] and ErasureJob.objects.latest("pk").due_at is None


@pytest.mark.parametrize(
    ("who", "status"), [("alice", 200), ("bob", 403), ("vera", 403), ("mallory", 404), (None, 404)]
)
def test_only_who_may_erase_the_files_of_the_run_is_led_there_and_let_in(
    visit: Visit, send: Visit, full: Run, mallory: User, who: str | None, status: int
) -> None:
    assert visit(FILE, by=who).status_code == status
    for page in (f"{RUN}/files?in=out", f"{RUN}/preview/out%2Fa.txt"):
        assert ("/erase/parts?part=file" in visit(page, by=who).content.decode()) is (status == 200), page
    for words in ("file:out/a.txt", "file:absent", ["file:out/a.txt", "metric:loss"]):
        if status != 200:
            assert send(PARTS, by=who, part=words).status_code == status
    assert not ErasureJob.objects.exists() and names_in(full) == ["out/a.txt", "out/b.txt"]


def test_a_file_of_any_name_is_erased_by_the_way_that_its_pages_show_and_no_other_file(
    visit: Visit, send: Visit, full: Run
) -> None:
    names = [f"{NAMES[each][:180]}.txt" for each in ("markup", "turned", "emoji")]
    names += ["file:a.txt", "a%2Fb+c&part=file:out/a.txt#x?.py", " ", "out/a.txt/a.txt"]
    for each in announce_files(full, names):
        assert each.file is not None
        store_file(each.file, [b"x"])
    stored = names_in(full)

    for name in stored:
        (found,) = re.findall(
            r'href="([^"]*/erase/parts[?]part=[^"]*)"',
            visit(f"{RUN}/preview/{quote(name, safe='')}", by="alice").content.decode(),
        )
        page = visit(html.unescape(found), by="alice").content.decode()
        (word,) = re.findall(r'name="part" value="([^"]*)"', page)
        assert send(PARTS, by="alice", part=html.unescape(word)).status_code == 302, name
        left = names_in(full)
        assert name not in left and len(left) == len(stored) - ErasureJob.objects.count(), name

    assert names_in(full) == []
