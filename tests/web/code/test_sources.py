"""What `run.log_code()` sends is an artifact; the Code tab, the comparison and erasing take it for the code that it is."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import Collection, EntryPage, RunVersion, Version
from apps.artifacts.queries import code, open_versions
from apps.artifacts.queries.code import code_collections_of
from apps.artifacts.types import OpenVersion, RunRole, VersionState
from apps.projects.models import Project
from apps.runs.models import Run
from apps.teams.choices import SettingName
from apps.teams.models import Entity
from apps.teams.services import choose
from apps.web.code import kept
from apps.web.code.kept import count_sources
from apps.web.secrets import written_makers
from tests.factories import artifacts, work
from tests.questions import questions
from tests.web.code.test_pages import keep
from tests.web.conftest import Visit, text_of

RUN = "/lab/vision/runs/one"
FILES = {"train.py": b"x = 1\n", "pkg/model.py": b"class A: ...\n", "notes.ipynb.bak": b"<b>"}


@pytest.fixture
def one(vision: Project, lab: Entity, alice: User) -> Run:
    """A run of which a script sent the folder, and the client the main file."""
    choose(lab, SettingName.CODE_SAVING, True, by=Actor.person(alice))
    run = work.run(vision, "one", by=alice)
    send_folder(run, alice, FILES)
    keep(run, **{"code/train.py": b"x = 1\n"})
    return run


def send_folder(run: Run, who: User, files: dict[str, bytes], **more: str) -> Version:
    more = {"name": "source-vision-train.py", "type_name": "code"} | more
    return artifacts.version(run.project, files=files, by=Actor.person(who), run=run, **more)


def test_the_tab_shows_the_folder_and_what_came_both_ways_once(visit: Visit, one: Run, alice: User) -> None:
    send_folder(one, alice, {"a.txt": b"a"}, name="mine")  # named by a script: an artifact as any other

    page = visit(f"{RUN}/code", by="vera", file="code/pkg/model.py")
    body, words = page.content.decode(), text_of(page)
    assert "3 files, 22 B" in words
    assert "class A : ..." in words
    assert body.count("file=code%2Ftrain.py") == 1
    assert "a.txt" not in body
    assert f'href="{RUN}/code"' in visit(RUN, by="vera").content.decode()

    link = body.partition('<a class="btn" href="')[2].partition('"')[0]
    assert link == "/lab/vision/artifacts/code/source-vision-train.py/v0/files/pkg%2Fmodel.py"
    assert b"".join(visit(link.replace("%2F", "/"), by="vera")) == FILES["pkg/model.py"]
    whole = zipfile.ZipFile(io.BytesIO(b"".join(visit(f"{RUN}/code/zip", by="vera"))))
    assert {name: whole.read(name) for name in whole.namelist()} == {
        f"code/{name}": content for name, content in FILES.items()
    }


def test_code_that_is_a_file_of_the_run_is_offered_for_erasing_and_a_file_of_its_folder_is_not(
    visit: Visit, one: Run
) -> None:
    way = f'href="{RUN}/erase/parts?part=file%3Acode%2Ftrain.py"'

    for who, name, offered in (
        ("alice", "code/train.py", True),
        ("vera", "code/train.py", False),
        ("alice", "code/pkg/model.py", False),
    ):
        body = visit(f"{RUN}/code", by=who, file=name).content.decode()
        assert (way in body) is ("erase/parts?" in body) is offered, (who, name)


def test_a_file_that_differs_from_the_one_that_the_client_sent_stands_beside_it(
    visit: Visit, one: Run, alice: User
) -> None:
    send_folder(one, alice, {"train.py": b"x = 2\n"})  # the last of a name counts

    names = ["code/train.py", "source-vision-train.py/train.py"]
    pages = [text_of(visit(f"{RUN}/code", by="vera", file=name)) for name in names]
    assert ["x = 1" in pages[0], "x = 2" in pages[1]] == [True, True]
    assert "2 files, 12 B" in pages[0]
    assert visit(f"{RUN}/code", by="vera", file="code/pkg/model.py").status_code == 404


def test_folders_are_compared_with_files_of_the_run_and_with_each_other(
    visit: Visit, one: Run, vision: Project, alice: User
) -> None:
    two = work.run(vision, "two", by=alice)
    send_folder(two, alice, FILES | {"train.py": b"x = 3\n", "new.py": b""})

    page = visit("/lab/vision/compare/code", by="vera", runs="one,two", file="code/train.py")
    words, body = text_of(page), page.content.decode()
    assert "code/train.py changed" in words
    assert "code/new.py added" in words
    assert "code/pkg/model.py the same" in words
    assert body.index("code/train.py") < body.index("code/pkg/model.py")
    assert ["x = 1" in words, "x = 3" in words] == [True, True]


def test_erasing_saved_code_takes_folders_and_jobs_and_nothing_that_a_script_named(
    visit: Visit, send: Visit, one: Run, alice: User
) -> None:
    mine = send_folder(one, alice, {"a.txt": b"a"}, name="mine")
    send_folder(one, alice, {"wandb-job.json": b"{}"}, name="job-vision-train.py", type_name="job")
    page = "/teams/lab/code-saving"
    send(page, by="alice", name="code_saving")

    offered = text_of(visit(page, by="alice"))
    assert "5 files of code, 30 B, are still kept with runs: 1." in offered
    assert send(f"{page}/erase", by="alice", agreed="on").status_code == 302

    assert "are still kept" not in text_of(visit(page, by="alice"))
    left = Version.objects.exclude(state=VersionState.DELETED.value)
    assert list(left) == [mine]
    assert f'href="{RUN}/code"' not in visit(RUN, by="vera").content.decode()


def test_a_damaged_folder_costs_its_run_no_page_and_erasing_saved_code_nothing_else(
    visit: Visit, send: Visit, one: Run, alice: User
) -> None:
    broken = send_folder(one, alice, {"lost.py": b"lost"}, name="source-broken")
    cut = send_folder(one, alice, {"cut.py": b"cut"}, name="source-cut")
    job = send_folder(one, alice, {"wandb-job.json": b"{}"}, name="job-x", type_name="job")
    Collection.objects.filter(pk__in=[broken.collection_id, job.collection_id]).update(
        sealed_words=b"\0" * 64
    )
    EntryPage.objects.filter(version=cut).update(sealed_entries=b"\0" * 64)

    assert visit(RUN, by="vera").status_code == 200
    page = visit(f"{RUN}/code", by="vera", file="code/pkg/model.py")
    assert (page.status_code, "class A : ..." in text_of(page)) == (200, True)
    assert text_of(page).count("Not shown:") == 2

    setting = "/teams/lab/code-saving"
    send(setting, by="alice", name="code_saving")
    assert visit(setting, by="alice").status_code == 200
    assert send(f"{setting}/erase", by="alice", agreed="on").status_code == 302
    left = Version.objects.exclude(state=VersionState.DELETED.value)
    assert list(left) == [broken]  # nobody can say whether it is code


def test_code_of_many_projects_and_its_makers_are_found_in_as_many_questions_as_of_one(
    one: Run, alice: User, bob: User
) -> None:
    actor, lab = Actor.person(bob), one.project.entity
    version = send_folder(one, alice, {"a.py": b"a"}, name="source-a")
    code_before = questions(lambda: code_collections_of(lab))
    makers_before = questions(lambda: written_makers(actor, version))
    for number in range(3):
        run = work.run(work.project("lab", f"p{number}", by=alice), "r", by=alice)
        send_folder(run, alice, {"b.py": b"b"}, name="source-b")
        send_folder(run, alice, {"c.txt": b"c"}, name="mine")
        again = work.run(one.project, f"again{number}", by=alice)
        RunVersion.objects.create(run=again, version=version, role=RunRole.OUTPUT.value)
    code_after = questions(lambda: code_collections_of(lab))
    makers_after = questions(lambda: written_makers(actor, version))

    assert (len(code_before[1]), len(code_after[1])) == (2, 5)
    assert (len(makers_before[1]), len(makers_after[1])) == (1, 4)
    assert (code_after[0], makers_after[0]) == (code_before[0], makers_before[0])


def test_of_many_files_the_first_are_kept_in_hand_and_the_others_counted(
    visit: Visit, one: Run, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_folder(one, alice, {"z.py": b"z"}, name="source-z")
    monkeypatch.setattr(kept, "MOST", 2)
    monkeypatch.setattr(kept, "_STRETCH", 1)

    page = visit(f"{RUN}/code", by="vera")
    assert "2 files, 9 B" in text_of(page)
    assert "2 more files" in text_of(page)
    assert "z.py" not in page.content.decode()
    assert count_sources(one) == 2
    assert "The first 2, as ZIP" in text_of(page)


def test_an_archive_that_is_not_whole_says_so(
    visit: Visit, one: Run, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def names() -> list[str]:
        answer = visit(f"{RUN}/code/zip", by="vera")
        with zipfile.ZipFile(io.BytesIO(b"".join(answer))) as archive:
            said.append(archive.read(archive.namelist()[0]).decode())
            return archive.namelist()

    said: list[str] = []
    send_folder(one, alice, {"z.py": b"z"}, name="source-z")
    whole = names()
    monkeypatch.setattr(kept, "MOST", 2)
    monkeypatch.setattr(kept, "_STRETCH", 1)

    assert "NOT-ALL-FILES.txt" not in whole
    assert len(whole) == 4
    assert names() == ["NOT-ALL-FILES.txt", "code/notes.ipynb.bak", "code/train.py"]
    assert said[-1].startswith("2 files of this run’s code are not in this archive: it holds the first 2 ")


def test_no_words_are_read_of_versions_that_are_not_shown(
    one: Run, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = send_folder(one, alice, {"train.py": b"x = 2\n"})
    send_folder(one, alice, {"z.py": b"z"}, name="source-z")
    monkeypatch.setattr(code, "_MOST_FOLDERS", 1)
    asked: list[list[Version]] = []

    def noted(versions: Iterable[Version]) -> list[OpenVersion]:
        asked.append(list(versions))
        return open_versions(asked[-1])

    monkeypatch.setattr(code, "open_versions", noted)

    assert [each.version for each in code.source_versions_of(one)] == [newest]
    assert asked == [[newest]]
