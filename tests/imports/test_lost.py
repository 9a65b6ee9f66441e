"""What a server that is asked as W&B's names and has not, for a moment or for good."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from contextlib import suppress
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.accounts.models import User
from apps.artifacts.models import StoredFile, Version
from apps.artifacts.queries import list_entries, open_version
from apps.blobs.models import Blob, BlobState
from apps.core.errors import Invalid, Unavailable
from apps.files.queries import list_files
from apps.imports.bringing import Bringing
from apps.imports.models import Import, ImportItem
from apps.imports.types import ImportState
from apps.runs.models import Run
from apps.teams.models import Entity
from tests.imports.pretended import (
    DATA,
    XXH128,
    Json,
    Pretended,
    imported,
    listed,
    with_version,
)
from tests.imports.pretended import there as there

pytestmark = pytest.mark.django_db


def _digest(paths: list[str], md5: str = "") -> str:
    md5 = md5 or base64.b64encode(hashlib.md5(DATA, usedforsecurity=False).digest()).decode()
    text = "wandb-artifact-manifest-v1\n" + "".join(f"{path}:{md5}\n" for path in paths)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@pytest.fixture
def with_two_files(there: Pretended) -> list[Json]:
    """A version of these, of which the second lies at /signed/gone: what its list says of each."""
    md5 = base64.b64encode(hashlib.md5(DATA, usedforsecurity=False).digest()).decode()
    other = base64.b64encode(hashlib.md5(b"others", usedforsecurity=False).digest()).decode()
    listing = [{"digest": md5, "size": 7}, {"digest": other, "size": 6}]
    with_version(there, XXH128 | {"contents": {"w.bin": listing[0], "gone.bin": listing[1]}})
    there.answers["ArtifactFiles"] = {
        "artifact": {
            "files": listed(
                {"name": "gone.bin", "directUrl": "/signed/gone"}, {"name": "w.bin", "directUrl": "/signed/w"}
            )
        }
    }
    said = there.answers["ArtifactByID"]
    assert isinstance(said, dict)
    text = f"wandb-artifact-manifest-v1\ngone.bin:{other}\nw.bin:{md5}\n"
    said["artifact"]["digest"] = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    return listing


@pytest.mark.parametrize("kind", [{}, {"extra": {"alg": "XXH128"}}])
def test_a_version_comes_without_the_file_that_its_server_lost_and_has_the_digest_of_the_others(
    kind: Json, there: Pretended, with_two_files: list[Json], home: Entity, alice: User
) -> None:
    with_version_of = with_two_files
    for each in with_version_of:
        each |= kind
    there.files_at["/signed/list"] = json.dumps(
        XXH128 | {"contents": {"w.bin": with_version_of[0], "gone.bin": with_version_of[1]}}
    ).encode()
    there.lost, lost = {"/signed/gone"}, list[str]()

    job = imported(there, home, alice, lost=lost)

    assert (job.state, job.runs, job.versions, job.left_out) == (ImportState.DONE, 1, 1, 1)
    assert lost == ["model:v0/gone.bin"]
    version = Version.objects.get()
    assert [each.path for each in list_entries(version)] == ["w.bin"]
    assert (version.size, open_version(version).words.digest) == (7, _digest(["w.bin"]))
    assert StoredFile.objects.count() == 1
    assert not Blob.objects.filter(state=BlobState.UPLOADING).exists()


def test_where_a_file_is_lost_the_list_that_names_it_is_held_to_its_digest_still(
    there: Pretended, with_two_files: list[Json], home: Entity, alice: User
) -> None:
    said = there.answers["ArtifactByID"]
    assert isinstance(said, dict)
    said["artifact"]["digest"] = _digest(["w.bin"])  # as if the list had grown behind it
    there.lost = {"/signed/gone"}

    with pytest.raises(Invalid, match="digest of this artifact"):
        imported(there, home, alice)

    assert Import.objects.get().state == ImportState.GIVEN_UP


def test_what_was_lost_of_a_version_is_told_also_by_who_goes_on_behind_it(
    there: Pretended,
    with_two_files: list[Json],
    home: Entity,
    alice: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there.lost, lost = {"/signed/gone"}, list[str]()
    note = Bringing._note

    def dies(self: Bringing, item: ImportItem, **what: Any) -> None:
        if "version" in what:
            raise KeyboardInterrupt
        note(self, item, **what)

    with monkeypatch.context() as patch:
        patch.setattr(Bringing, "_note", dies)
        with pytest.raises(KeyboardInterrupt):
            imported(there, home, alice)

    assert imported(there, home, alice, lost=lost).left_out == 1
    assert lost == ["model:v0/gone.bin"]


def test_of_two_files_with_the_same_bytes_one_is_enough(
    there: Pretended, with_two_files: list[Json], home: Entity, alice: User
) -> None:
    with_two_files[1] |= with_two_files[0]
    there.files_at["/signed/list"] = json.dumps(
        XXH128 | {"contents": {"w.bin": with_two_files[0], "gone.bin": with_two_files[1]}}
    ).encode()
    said = there.answers["ArtifactByID"]
    assert isinstance(said, dict)
    said["artifact"]["digest"] = _digest(["gone.bin", "w.bin"])
    there.lost, lost = {"/signed/gone"}, list[str]()

    job = imported(there, home, alice, lost=lost)

    assert (job.versions, job.left_out, lost) == (1, 0, [])
    assert [each.path for each in list_entries(Version.objects.get())] == ["gone.bin", "w.bin"]


def test_a_version_whose_list_is_lost_is_left_out_and_a_file_of_a_run_is_named(
    there: Pretended, with_two_files: list[Json], home: Entity, alice: User
) -> None:
    there.lost, lost = {"/signed/list", "/signed"}, list[str]()

    job = imported(there, home, alice, lost=lost)

    assert (job.state, job.runs, job.versions, job.left_out) == (ImportState.DONE, 1, 0, 2)
    assert lost == ["r1/w.bin", "model: v"]


@pytest.fixture
def with_three_files(there: Pretended) -> Pretended:
    (edge,) = there.files()["project"]["run"]["files"]["edges"]
    files = (edge["node"] | {"name": f"{n}.bin", "directUrl": f"/signed/{n}"} for n in range(3))
    there.answers["RunFiles"] = there.of_run(files=listed(*files))
    return there


def names() -> list[str]:
    return [each.name for each in list_files(Run.objects.get())]


def names_newest(there: Pretended, *urls: str) -> None:
    runs = ({"files": listed({"directUrl": url})} for url in urls)
    there.answers["NewestFiles"] = {"project": {"runs": listed(*runs)}}


@pytest.mark.parametrize("first", [1, 2], ids=["from the first on", "behind one that came"])
def test_a_server_that_has_none_of_its_files_just_now_is_asked_again_and_all_of_them_come(
    first: int, with_three_files: Pretended, home: Entity, alice: User
) -> None:
    with_three_files.away, lost = set(range(first, 99)), list[str]()

    with pytest.raises(Unavailable, match="none of the files"):
        imported(with_three_files, home, alice)
    with_three_files.away = set()
    job = imported(with_three_files, home, alice, lost=lost)

    assert (job.state, job.runs, job.left_out, lost) == (ImportState.DONE, 1, 0, [])
    assert names() == ["0.bin", "1.bin", "2.bin"]


def test_a_file_that_is_not_there_for_a_moment_is_not_lost(
    with_three_files: Pretended, home: Entity, alice: User
) -> None:
    with_three_files.away = {1, 4}

    assert imported(with_three_files, home, alice).left_out == 0


def test_files_of_which_the_store_itself_says_that_it_has_them_no_more_are_lost_and_asked_for_once(
    with_three_files: Pretended, home: Entity, alice: User
) -> None:
    with_three_files.lost = {f"/signed/{n}" for n in range(3)}
    with_three_files.words = b"<Error><Code>NoSuchKey</Code></Error>"

    job = imported(with_three_files, home, alice)

    assert (job.state, job.runs, job.left_out) == (ImportState.DONE, 1, 3)
    assert len(with_three_files.keys) == 3


def test_where_all_that_was_logged_first_is_lost_what_was_logged_last_tells_that_the_store_is_there(
    with_three_files: Pretended, home: Entity, alice: User
) -> None:
    """So also for whoever goes on in the middle of what is lost."""
    with_three_files.lost = {f"/signed/{n}" for n in range(3)} | {"/signed/newest"}
    names_newest(with_three_files, "/signed/newest", "/signed/last")

    assert imported(with_three_files, home, alice).left_out == 3


def test_where_what_was_logged_last_is_not_there_either_none_is_taken_for_lost(
    with_three_files: Pretended, home: Entity, alice: User
) -> None:
    with_three_files.lost, lost = {"/signed/0", "/signed/a", "/signed/b"}, list[str]()
    names_newest(with_three_files, "/signed/a", "/signed/b")

    with pytest.raises(Unavailable, match="none of the files"):
        imported(with_three_files, home, alice, lost=lost)

    assert (lost, Import.objects.get().left_out, len(with_three_files.keys)) == ([], 0, 6)


def by_command(there: Pretended, *more: str) -> str:
    said = io.StringIO()
    call_command("import", there.url, "--from", "wandb", "--into", "alice", *more, stderr=said)
    return said.getvalue()


def test_whoever_knows_that_all_of_its_files_are_lost_says_so_and_the_rest_comes(
    with_three_files: Pretended, home: Entity
) -> None:
    with_three_files.lost = {f"/signed/{n}" for n in range(3)}
    for _try in range(2):
        with pytest.raises(CommandError, match="ask with --leave-missing-out: the rest comes"):
            by_command(with_three_files)
    with_three_files.keys.clear()

    said = by_command(with_three_files, "--leave-missing-out")

    assert said.count("not there any more") == 3 and "1 run, 0 versions of artifacts; 3 things" in said
    assert (Import.objects.get().state, names()) == (ImportState.DONE, [])
    assert len(with_three_files.keys) == 3


def test_an_address_that_ran_out_is_asked_for_anew(
    with_three_files: Pretended, with_two_files: list[Json], home: Entity, alice: User
) -> None:
    there, lost = with_three_files, list[str]()
    there.denied = {"/signed/1", "/signed/w"}
    there.files_at["/signed/gone"] = b"others"
    there.answers["RunFile"] = lambda asked: there.of_run(
        files=listed({"name": asked["names"][0], "directUrl": "/signed/anew"})
    )
    there.answers["ArtifactFile"] = lambda asked: {
        "artifact": {"files": listed({"name": asked["names"][0], "directUrl": "/signed/anew"})}
    }

    job = imported(there, home, alice, lost=lost)

    assert (job.state, job.versions, job.left_out, lost) == (ImportState.DONE, 1, 0, [])
    assert names() == ["0.bin", "1.bin", "2.bin"]
    assert [each.path for each in list_entries(Version.objects.get())] == ["gone.bin", "w.bin"]


@pytest.mark.parametrize("knows", [True, False])
def test_a_file_that_a_server_does_not_let_be_read_is_never_lost(
    knows: bool, with_three_files: Pretended, home: Entity, alice: User
) -> None:
    there, lost = with_three_files, list[str]()
    there.denied = {"/signed/1", "/signed/anew"}
    there.answers["RunFile"] = {"errors": [{"message": "unknown argument"}]}
    if knows:
        there.answers["RunFile"] = there.of_run(files=listed({"name": "1.bin", "directUrl": "/signed/anew"}))

    for _try in range(2):
        with pytest.raises(Unavailable, match="does not let it be read"):
            imported(there, home, alice, lost=lost)
    there.denied = set()

    job = imported(there, home, alice, lost=lost)
    assert (job.state, job.left_out, lost) == (ImportState.DONE, 0, [])
    assert names() == ["0.bin", "1.bin", "2.bin"]


@pytest.mark.parametrize("is_lost", [True, False])
def test_an_address_that_ran_out_says_nothing_of_whether_its_store_is_there(
    is_lost: bool, with_three_files: Pretended, home: Entity, alice: User
) -> None:
    """The last file that came, an hour ago."""
    there, lost = with_three_files, list[str]()
    there.good_once, there.lost = {"/signed/0"}, {"/signed/1"}
    there.lost |= set() if is_lost else {"/signed/a", "/signed/b"}
    names_newest(there, "/signed/a", "/signed/b")

    if is_lost:
        assert imported(there, home, alice, lost=lost).left_out == 1
    else:
        with pytest.raises(Unavailable, match="none of the files"):
            imported(there, home, alice, lost=lost)
    assert lost == (["r1/1.bin"] if is_lost else [])


NO_ANSWERS = [(200, b"<p>Back soon"), (302, b""), (204, b""), (200, b'{"data": {"project"')]


@pytest.mark.parametrize("page", [(404, b""), *NO_ANSWERS])
def test_a_proxy_that_has_lost_its_way_to_what_answered_before_is_waited_for(
    page: tuple[int, bytes], there: Pretended, home: Entity, alice: User
) -> None:
    there.astray, there.page = set(range(5, 99)), page

    with pytest.raises(Unavailable, match=r"cannot be reached|something else|not what was expected"):
        imported(there, home, alice)
    assert Import.objects.get().state == ImportState.RUNNING
    there.astray = set()

    assert imported(there, home, alice).state == ImportState.DONE
    assert names() == ["w.bin"]


@pytest.mark.parametrize("page", [(404, b""), *NO_ANSWERS])
def test_what_answers_once_in_place_of_each_question_and_file_gives_no_import_up(
    page: tuple[int, bytes], there: Pretended, home: Entity, alice: User
) -> None:
    """A file that was longer than it says is asked for once more when the same is imported again."""
    with_version(there, XXH128)
    there.page, there.stutters, lost, job = page, True, list[str](), None

    for _try in range(4):
        with suppress(Unavailable):
            job = imported(there, home, alice, lost=lost)
            break

    assert job is not None
    assert (job.state, job.runs, job.versions, job.left_out, lost) == (ImportState.DONE, 1, 1, 0, [])
    assert names() == ["w.bin"]
    assert Import.objects.count() == 1


@pytest.mark.parametrize("question", ["RunHistory", "RunFiles", "ArtifactByID"])
@pytest.mark.parametrize("page", NO_ANSWERS)
def test_where_one_question_alone_is_answered_by_another_the_import_waits(
    page: tuple[int, bytes], question: str, there: Pretended, home: Entity, alice: User
) -> None:
    with_version(there, XXH128)
    there.page, there.never = page, question

    with pytest.raises(Unavailable):
        imported(there, home, alice)
    assert Import.objects.get().state == ImportState.RUNNING
    there.never = ""

    job = imported(there, home, alice)
    assert (job.state, job.runs, job.versions, job.left_out) == (ImportState.DONE, 1, 1, 0)


@pytest.mark.parametrize("page", NO_ANSWERS[1:3])
def test_an_address_that_leads_elsewhere_once_it_ran_out_is_asked_for_anew(
    page: tuple[int, bytes], there: Pretended, home: Entity, alice: User
) -> None:
    """To where people sign in."""
    there.page, there.never = page, "a file"

    def anew(asked: Json) -> Json:
        there.never = ""
        return there.of_run(files=listed({"name": asked["names"][0], "directUrl": "/signed/anew"}))

    there.answers["RunFile"] = anew

    assert imported(there, home, alice).left_out == 0
    assert names() == ["w.bin"]
