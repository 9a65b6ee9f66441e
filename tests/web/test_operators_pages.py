"""GET /admin/sizes and /admin/jobs"""

from __future__ import annotations

import io
import re

import pytest
from django.apps import apps
from pytest_django.fixtures import Settings

from apps.accounts.models import User
from apps.audit.models import Event
from apps.blobs.models import Blob, BlobPart
from apps.erasure.services import erase_run
from apps.files.models import Thumbnail
from apps.files.services import announce_files, store_file
from apps.plans.services import ask_for_plan, ask_question
from apps.plans.types import Plan, RequestWords
from apps.projects.models import Project
from apps.projects.stored import bytes_of, tables
from apps.runs.history import store
from apps.runs.models import Chunk, Run
from apps.runs.types import Lines, Stream, StreamRequest
from apps.teams.models import Entity
from apps.web.views import operators
from tests.erasure.conftest import finish
from tests.factories import artifacts, people, work
from tests.web.conftest import Visit

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-03")]


@pytest.fixture
def kept(run: Run) -> Run:
    """Lines of a run that wait to be compacted, and a file."""
    store.append(run, StreamRequest(streams={Stream.HISTORY: Lines(0, ['{"_step": 0, "canary": 1}'])}))
    announced = announce_files(run, ["canary.txt"])[0].file
    assert announced is not None
    store_file(announced, io.BytesIO(b"x" * 5000))
    return run


def rows(visit: Visit, url: str) -> list[list[str]]:
    page = visit(url, by="alice").content.decode()
    body = page.split("<tbody>")[1].split("</tbody>")[0]
    return [re.sub(r"<[^>]*>", "|", row).split("|") for row in re.findall(r"<tr>(.*?)</tr>", body)]


def cells(visit: Visit, url: str) -> list[list[str]]:
    return [[cell for cell in row if cell] for row in rows(visit, url)]


def test_sizes_are_counted_for_each_owner(visit: Visit, kept: Run, alice: User) -> None:
    work.project("alice", "empty", by=alice)
    artifacts.version(kept.project, "ds", {"a.txt": b"y" * 700}, by=people.actor(alice))
    Thumbnail.objects.create(file=kept.files.get())  # one that is due has no bytes

    found = {row[0]: row[1:] for row in cells(visit, "/admin/sizes")}

    assert found["lab"][1:] == ["1", "1", "2"]
    assert found["alice"] == ["0 B", "1", "0", "0"]
    assert next(iter(found)) == "lab", "the largest first"
    chunk = Chunk.objects.get().stored_bytes
    sizes = [each or 0 for each in Blob.objects.values_list("stored_size", flat=True)]
    assert len(sizes) == 3 and all(sizes), "the file, that of the artifact and its manifest"
    assert f'title="{chunk + sum(sizes)}"' in visit("/admin/sizes", by="alice").content.decode()
    assert bytes_of([kept.project.entity]) == {kept.project.entity.pk: chunk + sum(sizes)}


def test_no_table_that_holds_bytes_is_left_out_of_the_sums() -> None:
    """Parts become the blob that they are of: what came whole is counted."""
    holding = {
        model
        for model in apps.get_models()
        if any(field.related_model is Blob for field in model._meta.fields)
    }

    assert holding - {BlobPart} == {each.model for each in tables()} - {Chunk}


def test_each_owner_who_is_shown_reads_of_it(
    visit: Visit, kept: Run, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operators, "_ON_A_PAGE", 1)
    lab, mine = kept.project.entity.public_id, Entity.objects.get(user=alice).public_id

    first = cells(visit, "/admin/sizes")
    assert seen() == [lab]
    visit("/admin/sizes", by="alice")
    assert seen() == [lab], "within the hour it is the same look"

    names = [
        row[0] for n in range(1, Entity.objects.count() + 1) for row in cells(visit, f"/admin/sizes?page={n}")
    ]
    assert names[0] == first[0][0] == "lab"
    assert sorted(names) == sorted(Entity.objects.values_list("name", flat=True))
    assert mine in seen() and len(seen()) == len(names)


def seen() -> list[str]:
    events = Event.objects.filter(kind="admin.seen", facts__via="teams.entity.list")
    return list(events.order_by("pk").values_list("entity", flat=True))


@pytest.mark.parametrize("page", ["0", "x", "9" * 5000, "%00", "-1"])
def test_a_page_that_there_is_not_is_the_nearest(visit: Visit, kept: Run, page: str) -> None:
    assert cells(visit, f"/admin/sizes?page={page}")[0][0] == "lab"


def test_work_that_waits_is_counted(visit: Visit, kept: Run) -> None:
    Run.objects.update(state="finished")

    found = {row[0]: row[1] for row in cells(visit, "/admin/jobs")}

    assert found["Runs whose lines become files"] == "1"
    assert found["Runs that fell silent"] == "0"
    assert int(found["Events to be linked"]) > 3
    store.compact(Run.objects.get())
    assert {row[0]: row[1] for row in cells(visit, "/admin/jobs")}["Runs whose lines become files"] == "0"


def test_erasures_wait_until_they_are_done_and_requests_until_somebody_answers(
    visit: Visit, kept: Run, alice: User, bob: User, settings: Settings
) -> None:
    def waiting() -> list[str]:
        found = {row[0]: row[1] for row in cells(visit, "/admin/jobs")}
        return [found[name] for name in ("Erasures on their way", "Requests for a plan to be decided")]

    settings.OWNLOG_HOSTED = True
    assert waiting() == ["0", "0"]

    job = erase_run(kept, by=people.actor(alice))
    words = RequestWords("https://example.org/lab", "canary", "canary")
    asked = ask_for_plan(Plan.ACADEMIC, words, by=people.actor(bob))
    assert waiting() == ["1", "1"]

    ask_question(asked, "Which group is it?", by=people.actor(alice))
    finish(job)
    assert waiting() == ["0", "0"]


@pytest.mark.parametrize("url", ["/admin/sizes", "/admin/jobs"])
def test_they_show_no_content_and_are_the_operators(
    visit: Visit, kept: Run, vision: Project, url: str
) -> None:
    page = visit(url, by="alice").content.decode()

    assert "canary" not in page and "vision" not in page and "run1" not in page
    assert visit("/admin/", by="alice").content.decode().count(url) == 1
    for who in ("bob", None):
        answer = visit(url, by=who)
        assert answer.status_code == 302 and "/admin/login/" in answer.headers["Location"]
