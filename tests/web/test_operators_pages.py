"""GET /admin/sizes and /admin/jobs"""

from __future__ import annotations

import io
import re

import pytest

from apps.accounts.models import User
from apps.files.services import announce_files, store_file
from apps.projects.models import Project
from apps.runs.history import store
from apps.runs.models import Chunk, Run
from apps.runs.types import Lines, Stream, StreamRequest
from tests.factories import work
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

    found = {row[0]: row[1:] for row in cells(visit, "/admin/sizes")}

    assert found["lab"][1:] == ["1", "1", "1"]
    assert found["alice"] == ["0 B", "1", "0", "0"]
    assert next(iter(found)) == "lab", "the largest first"
    chunk = Chunk.objects.get().stored_bytes
    blob = kept.files.get().blob
    assert blob is not None and blob.stored_size is not None
    assert f'title="{chunk + blob.stored_size}"' in visit("/admin/sizes", by="alice").content.decode()


def test_work_that_waits_is_counted(visit: Visit, kept: Run) -> None:
    Run.objects.update(state="finished")

    found = {row[0]: row[1] for row in cells(visit, "/admin/jobs")}

    assert found["Runs whose lines become files"] == "1"
    assert found["Runs that fell silent"] == "0"
    assert int(found["Events to be linked"]) > 3
    store.compact(Run.objects.get())
    assert {row[0]: row[1] for row in cells(visit, "/admin/jobs")}["Runs whose lines become files"] == "0"


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
