"""Imports go on where they broke off, are given up whole, and change nothing that is there."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.accounts.actors import OPERATOR_ID, Actor
from apps.accounts.models import User
from apps.artifacts.models import Version
from apps.artifacts.services import bring_role, bring_version, settle_collection, sweep_versions
from apps.artifacts.services.uploads import insert_version
from apps.audit.models import Event
from apps.blobs.models import Blob
from apps.core import clock
from apps.core.errors import Conflict, Erased, NotFound
from apps.erasure.code import erase_code, saved_code_of
from apps.erasure.models import ErasureJob
from apps.erasure.retention import erase_old_versions, erase_what_is_old
from apps.erasure.services import advance as advance_erasure
from apps.erasure.teams import erase_team
from apps.files import services as files
from apps.files.models import RunFile
from apps.files.queries import withheld_names
from apps.files.thumbnails import LEAST_BYTES, due_thumbnails
from apps.imports import bringing, holding, services
from apps.imports.models import Import
from apps.imports.readers.ownlog.archive import Archive
from apps.imports.readers.ownlog.reading import OwnlogReader
from apps.imports.types import Clash, ImportState, Origin
from apps.projects.models import Project
from apps.projects.queries import open_project
from apps.runs.models import Run
from apps.runs.queries import find_run, open_run
from apps.runs.services import finish_run
from apps.runs.types import RunState
from apps.teams.choices import SettingName
from apps.teams.models import Entity
from apps.teams.services import choose
from tests.exports.conftest import keep
from tests.factories import artifacts, work
from tests.imports.conftest import archive_of, files_of, imported, run_that_keeps_code, with_ids
from tests.imports.test_equality import public_ids, told

pytestmark = pytest.mark.django_db


@pytest.fixture
def home(alice: User) -> Entity:
    return Entity.objects.get(user=alice)


class _Died(BaseException):
    """As a process that is gone: nothing is caught, nothing cleared away."""


def dies_at(name: str, nth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The so-manieth call of this act is the last thing that happens."""
    real: Callable[..., Any] = getattr(bringing, name)
    left = [nth]

    def mortal(*args: Any, **kwargs: Any) -> Any:
        made = real(*args, **kwargs)
        left[0] -= 1
        if left[0] < 0:
            raise _Died
        return made

    monkeypatch.setattr(bringing, name, mortal)


# Before and behind what is noted; OWNLOG_DEATHS=all for all.
_PLACES = [
    ("bring_project", 0),
    ("bring_run", 0),
    ("bring_run", 2),
    ("bring_lines", 0),
    ("bring_lines", 2),
    ("bring_files", 1),
    ("settle_run", 0),
    ("bring_collection", 0),
    ("bring_version", 0),
    ("settle_collection", 0),
    ("bring_link", 0),
    ("bring_role", 3),
]
_ASKED = _PLACES if os.environ.get("OWNLOG_DEATHS") == "all" else _PLACES[4::4]


@pytest.mark.parametrize(("name", "nth"), _ASKED)
def test_what_broke_off_is_gone_on_with_and_nothing_is_there_twice(
    world: Project, home: Entity, alice: User, name: str, nth: int
) -> None:
    before = archive_of(world, alice)
    with pytest.MonkeyPatch.context() as patch:
        dies_at(name, nth, patch)
        with pytest.raises(_Died):
            imported(before, home, by=alice)
    assert not Project.objects.filter(entity=home).exists()

    job = imported(before, home, by=alice)

    assert (Import.objects.count(), job.runs, job.versions) == (1, 3, 2)
    (brought,) = Project.objects.filter(entity=home)
    ids = dict(zip(public_ids(brought), public_ids(world), strict=True))
    assert told(files_of(archive_of(brought, alice)), ids) == told(files_of(before), {})


def test_of_what_is_done_nothing_is_read_again(
    archive: bytes, home: Entity, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        dies_at("bring_version", 1, patch)
        with pytest.raises(_Died):
            imported(archive, home, by=alice)
    real, read = Archive.stream, list[str]()

    def noting(opened: Archive, path: str) -> Iterator[bytes]:
        read.append(path)
        return real(opened, path)

    monkeypatch.setattr(Archive, "stream", noting)

    job = imported(archive, home, by=alice)

    assert (job.runs, job.versions, job.left_out) == (3, 2, 0)
    assert [path for path in read if "/runs/" in path or "/v0/" in path] == []
    assert [path.rpartition("/")[2] for path in read if "/v1/" in path] == ["version.json"]


def test_a_file_behind_whose_bytes_the_worker_died_has_its_moments_and_its_small_picture(
    vision: Project, home: Entity, alice: User
) -> None:
    run = work.run(vision, "run", by=alice)
    keep(run, **{"media/images/large_0.png": bytes(LEAST_BYTES + 1)})
    finish_run(run, state=RunState.FINISHED, by=Actor.person(alice))
    archive = archive_of(vision, alice)

    def died(*_args: Any) -> None:
        raise _Died

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "note_picture", died)
        with pytest.raises(_Died):
            imported(archive, home, by=alice)

    imported(archive, home, by=alice)

    there, here = RunFile.objects.order_by("pk")
    assert (here.created_at, here.updated_at) == (there.created_at, there.updated_at)
    assert due_thumbnails() == [there.pk, here.pk]


def test_a_version_behind_whose_row_the_worker_died_has_the_id_that_it_had(
    world: Project, home: Entity, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = {each: each[::-1] for each in public_ids(world)}
    archive = with_ids(archive_of(world, alice), ids)
    real = insert_version

    def mortal(*args: Any, **kwargs: Any) -> Version:
        real(*args, **kwargs)
        raise _Died

    with monkeypatch.context() as patch:
        patch.setattr("apps.artifacts.services.bringing.insert_version", mortal)
        with pytest.raises(_Died):
            imported(archive, home, by=alice)

    imported(archive, home, by=alice)

    views = world.saved_views.count()  # they have new ones
    assert public_ids(Project.objects.get(entity=home))[:-views] == list(ids.values())[:-views]


def test_what_is_given_up_is_erased_to_the_last_byte(
    archive: bytes, home: Entity, alice: User, monkeypatch: pytest.MonkeyPatch, empty_store: None
) -> None:
    held = Blob.objects.count()
    with pytest.MonkeyPatch.context() as patch:
        dies_at("bring_version", 1, patch)
        with pytest.raises(_Died):
            imported(archive, home, by=alice)
    job = Import.objects.get()
    assert Blob.objects.count() > held

    services.give_up(job, by=Actor.person(alice))
    services.give_up(job, by=Actor.person(alice))

    job.refresh_from_db()
    assert job.state == ImportState.GIVEN_UP
    (erasure,) = ErasureJob.objects.all()
    for _turn in range(20):
        advance_erasure(erasure.pk)
    assert not Project.everything.filter(entity=home).exists()
    assert Blob.objects.count() == held


def test_a_project_whose_name_is_in_use_is_left_out_or_gets_a_number(
    archive: bytes, world: Project, lab: Entity, alice: User
) -> None:
    skipped = imported(archive, lab, by=alice, clash=Clash.SKIP)
    imported(archive, lab, by=alice, clash=Clash.RENAME)
    imported(archive, lab, by=alice, clash=Clash.RENAME)

    assert (skipped.state, skipped.projects, skipped.left_out) == (ImportState.DONE, 0, 1)
    names = [open_project(each).name for each in Project.objects.filter(entity=lab).order_by("pk")]
    assert names == ["vision", "vision-2", "vision-3"]
    assert Run.objects.filter(project=world).count() == 3


def test_the_command_says_how_what_was_left_out_for_its_name_comes_after_all(
    path: Path, home: Entity, alice: User
) -> None:
    work.project("alice", "vision", by=alice)

    left_out, renamed = (by_command(path, *more) for more in ([], ["--on-clash", "rename"]))

    assert "0 projects" in left_out
    assert "1 project was left out since the name is in use: with --on-clash rename" in left_out
    assert "1 project, 3 runs" in renamed and "--on-clash" not in renamed


def by_command(path: Path, *more: str) -> str:
    said = io.StringIO()
    call_command("import", str(path), "--into", "alice", *more, stderr=said)
    return said.getvalue()


def test_whose_a_run_is_and_who_made_it(archive: bytes, bob: User, lab: Entity) -> None:
    imported(archive, lab, by=bob)

    brought = Project.objects.filter(entity=lab).latest("pk")
    run = find_run(brought, "full")
    assert run is not None
    assert (run.created_by, open_run(run).head.author) == (bob, "alice")


def test_two_do_not_bring_the_same_at_once(archive: bytes, home: Entity, alice: User) -> None:
    by, reader = Actor.person(alice), OwnlogReader(io.BytesIO(archive))
    job = services.ask_for_import(home, reader, clash=Clash.SKIP, by=by, whose_runs=by)
    Import.objects.filter(pk=job.pk).update(busy_until=clock.now() + timedelta(minutes=1))

    with pytest.raises(Conflict):
        services.bring(job, reader, by=by)

    assert not Project.everything.filter(entity=home).exists()


def _asked(archive: bytes, home: Entity, alice: User) -> tuple[Import, OwnlogReader, Actor]:
    by, reader = Actor.person(alice), OwnlogReader(io.BytesIO(archive))
    return services.ask_for_import(home, reader, clash=Clash.SKIP, by=by, whose_runs=by), reader, by


def test_while_the_bytes_of_one_thing_come_nobody_else_begins(
    archive: bytes, home: Entity, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, reader, by = _asked(archive, home, alice)
    monkeypatch.setattr(holding, "_WORD_SECONDS", 0.0)
    begun, minutes = clock.now(), [0]
    monkeypatch.setattr(clock, "now", lambda: begun + timedelta(minutes=minutes[0]))
    real, refused = Archive.stream, list[int]()

    def slow(opened: Archive, path: str) -> Iterator[bytes]:
        data = b"".join(real(opened, path))
        if data != b"a" * 100:
            yield data
            return
        for byte in data:
            minutes[0] += 1
            with pytest.raises(Conflict):
                services.claim(job)
            refused.append(minutes[0])
            yield bytes([byte])

    monkeypatch.setattr(Archive, "stream", slow)

    services.bring(job, reader, by=by)

    assert refused == list(range(1, 101))
    assert Import.objects.get().state == ImportState.DONE


@pytest.mark.parametrize("name", ["bring_files", "bring_role"])
def test_a_slow_worker_that_was_taken_for_dead_stops_and_does_no_harm(
    archive: bytes, home: Entity, alice: User, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    job, reader, by = _asked(archive, home, alice)
    real, others = getattr(bringing, name), list[holding.Held]()

    def slow(*args: Any, **kwargs: Any) -> Any:
        made = real(*args, **kwargs)
        if not others:
            late = clock.now() + timedelta(minutes=3)
            with monkeypatch.context() as later:
                later.setattr(clock, "now", lambda: late)
                others.append(services.claim(job))
        return made

    monkeypatch.setattr(bringing, name, slow)

    with pytest.raises(holding.Lost):
        services.bring(job, reader, by=by)

    (other,) = others
    assert other.is_held()  # and goes on with all of it
    other.rows().update(busy_until=None)
    assert services.bring(job, OwnlogReader(io.BytesIO(archive)), by=by).runs == 3


def test_what_fails_behind_a_worker_that_may_live_is_tried_once_more_alone(
    archive: bytes, home: Entity, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, reader, by = _asked(archive, home, alice)
    Import.objects.update(busy_until=clock.now() - timedelta(minutes=1))
    real, calls = bring_version, list[int]()

    def in_the_way(*args: Any, **kwargs: Any) -> Version:
        calls.append(1)
        if len(calls) == 1:
            raise Conflict("This version is complete: nothing is added to it.")
        return real(*args, **kwargs)

    monkeypatch.setattr(bringing, "bring_version", in_the_way)

    with pytest.raises(Conflict):
        services.bring(job, reader, by=by)

    assert Import.objects.get().state == ImportState.RUNNING
    assert services.bring(job, OwnlogReader(io.BytesIO(archive)), by=by).versions == 2


@pytest.mark.parametrize("name", ["bring_lines", "bring_files"])
def test_what_comes_for_a_team_that_is_erased_meanwhile_is_not_tried_again(
    archive: bytes, lab: Entity, alice: User, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    real = getattr(bringing, name)

    def meanwhile(*args: Any, **kwargs: Any) -> Any:
        erase_team(lab, by=Actor.person(alice), at_once=True)
        return real(*args, **kwargs)

    monkeypatch.setattr(bringing, name, meanwhile)

    with pytest.raises(Erased):
        imported(archive, lab, by=alice)

    assert Import.objects.get().state == ImportState.GIVEN_UP


def test_what_was_imported_is_kept_as_long_as_what_was_made_on_that_day(
    archive: bytes, home: Entity, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (SettingName.RUN_RETENTION_DAYS, SettingName.ARTIFACT_TTL_DAYS):
        choose(home, name, 30, by=Actor.person(alice))
    job, reader, by = _asked(archive, home, alice)
    made = clock.now()

    def a_year_later(days: int) -> None:
        monkeypatch.setattr(clock, "now", lambda: made + timedelta(days=365 + days))

    a_year_later(0)
    swept = list[object]()
    real = settle_collection

    def meanwhile(*args: Any) -> None:
        real(*args)
        swept.append((sweep_versions(), erase_what_is_old(), erase_old_versions()))

    monkeypatch.setattr(bringing, "settle_collection", meanwhile)
    services.bring(job, reader, by=by)
    given = Version.objects.filter(collection__project__entity=home).order_by("pk")[0]
    Version.objects.filter(pk=given.pk).update(ttl_seconds=20 * 24 * 3600)
    gone = []
    for days in (19, 21, 29, 31):
        a_year_later(days)
        gone.append((erase_what_is_old(), erase_old_versions()))

    assert set(swept) == {(0, 0, 0)}
    assert gone == [(0, 0), (0, 1), (0, 0), (3, 1)]


def test_code_that_came_before_its_owner_let_no_code_be_kept_is_erased_with_the_last_step(
    vision: Project, home: Entity, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    by = Actor.person(alice)
    run = run_that_keeps_code(vision, home, by)
    keep(run, **{"code/train.py": b"print()", "loss.txt": b"1"})
    artifacts.version(vision, "source-vision", {"train.py": b"print()"}, by=by, run=run, type_name="code")
    artifacts.version(vision, "set", {"a": b"1"}, by=by, run=run)
    finish_run(run, state=RunState.FINISHED, by=by)
    archive = archive_of(vision, alice)
    real = bring_role

    def meanwhile(*args: Any) -> None:
        real(*args)
        choose(home, SettingName.CODE_SAVING, False, by=by)
        with suppress(NotFound):
            erase_code(home, by=by)

    monkeypatch.setattr(bringing, "bring_role", meanwhile)

    imported(archive, home, by=alice)

    (brought,) = Project.objects.filter(entity=home)
    assert saved_code_of(home).files == 0
    assert Version.objects.filter(collection__project=brought).count() == 1
    assert RunFile.objects.filter(run__project=brought, blob__isnull=False).count() == 1


def test_code_that_may_not_be_kept_once_its_turn_comes_is_left_out_and_the_rest_is_brought(
    vision: Project, home: Entity, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    by = Actor.person(alice)
    run = run_that_keeps_code(vision, home, by)
    keep(run, **{"loss.txt": b"1", "code/train.py": b"print()", "more.txt": b"2"})
    finish_run(run, state=RunState.FINISHED, by=by)
    archive = archive_of(vision, alice)
    real = Archive.stream

    def meanwhile(opened: Archive, path: str) -> Iterator[bytes]:
        data = b"".join(real(opened, path))
        if data == b"1":  # all of the run's files are announced by then
            choose(home, SettingName.CODE_SAVING, False, by=by)
        yield data

    monkeypatch.setattr(Archive, "stream", meanwhile)

    job = imported(archive, home, by=alice)

    assert (job.state, job.runs, job.left_out) == (ImportState.DONE, 1, 1)
    brought = Run.objects.get(project__entity=home)
    assert RunFile.objects.filter(run=brought, blob__isnull=False).count() == 2
    assert withheld_names(brought) == ["code/train.py"]


def test_the_machine_imports_a_file(path: Path, home: Entity, alice: User) -> None:
    told_there = io.StringIO()
    call_command("import", str(path), "--into", "alice", "--for", "alice", stderr=told_there)

    job = Import.objects.get()
    assert told_there.getvalue() == (
        f"import {job.public_id}: 1 project, 3 runs, 2 versions of artifacts; 0 things were left out\n"
    )
    assert set(Run.objects.filter(project__entity=home).values_list("created_by__username", flat=True)) == {
        "alice"
    }
    assert [(each.kind, each.by) for each in Event.objects.filter(kind__startswith="import.")] == [
        ("import.asked", OPERATOR_ID),
        ("import.done", OPERATOR_ID),
    ]


def test_a_folder_or_a_file_in_the_others_place_is_told_from_what_is_not_there(path: Path) -> None:
    for source, origin, words in (
        (path.parent, Origin.OWNLOG, "This is a folder"),
        (path, Origin.TENSORBOARD, "This is a file"),
    ):
        with pytest.raises(CommandError, match=words):
            call_command("import", str(source), "--into", "alice", "--from", origin.value)


@pytest.mark.parametrize(
    "words", [("nothing.zip", "alice"), ("export.zip", "nobody"), ("export.zip", "alice", "--for", "nobody")]
)
def test_what_is_not_there_is_said(path: Path, words: tuple[str, ...]) -> None:
    name, into, *more = words
    with pytest.raises(CommandError):
        call_command("import", str(path.parent / name), "--into", into, *more)

    assert not Import.objects.exists()
