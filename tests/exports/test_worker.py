"""Made piece by piece: after any crash the next worker goes on behind what is written, and turns are fair."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, NoReturn
from uuid import uuid4

import pytest
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core import background, clock
from apps.core.errors import NotFound, TooMuch
from apps.erasure.exports import erase_exports
from apps.exports import services, tasks, writing
from apps.exports.entries import entries_of
from apps.exports.models import Export, ExportItem, ExportPiece
from apps.exports.queries import get_archive, progress_of, read_archive
from apps.exports.services import advance, due_exports, export_project, export_runs, retry
from apps.exports.types import ExportState
from apps.projects.models import Project
from apps.runs.models import Run
from apps.teams.models import Membership
from apps.vault.errors import KeyGone
from apps.vault.models import Node
from apps.vault.tree import create_node
from apps.vault.types import NodeKind
from tests.exports.conftest import contents, full_run, make, opened
from tests.factories import artifacts

pytestmark = pytest.mark.django_db


class Killed(BaseException):
    """As kill -9 would: nothing in between cleans up."""


@pytest.fixture
def several(vision: Project, alice: User) -> list[Run]:
    runs = [full_run(vision, f"run{n}", by=alice) for n in range(4)]
    artifacts.version(vision, "set", {"a": b"a" * 1000, "b": b"b"}, by=Actor.person(alice), run=runs[0])
    return runs


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """One item a piece."""
    monkeypatch.setattr(writing, "_PIECE_BYTES", 0)


def abandoned(export: Export) -> None:
    """The worker's lease is over."""
    Export.objects.filter(pk=export.pk).update(busy_until=clock.now() - timedelta(seconds=1))


def test_in_many_pieces_or_in_one_it_is_the_same_archive(
    several: list[Run], vision: Project, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = make(export_project(vision, by=Actor.person(alice)))
    monkeypatch.setattr(writing, "_PIECE_BYTES", 0)

    split = make(export_project(vision, by=Actor.person(alice)))

    assert (
        1 < whole.pieces.count() < split.pieces.count() == ExportItem.objects.filter(export=split).count() + 1
    )
    assert contents(split) == contents(whole)
    assert opened(split).namelist() == opened(whole).namelist()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.usefixtures("small_pieces")
def test_a_worker_that_dies_anywhere_is_carried_on_and_nothing_is_there_twice(
    several: list[Run], vision: Project, alice: User, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = random.Random(seed)
    export = export_project(vision, by=Actor.person(alice))
    moments = 0

    def dies_at(owner: Any, name: str, *, after: bool) -> None:
        real: Callable[..., Any] = getattr(owner, name)

        def mortal(*args: Any, **kwargs: Any) -> Any:
            nonlocal moments
            made = real(*args, **kwargs) if after else None
            if chance.random() < 0.15:
                moments += 1
                raise Killed
            return made if after else real(*args, **kwargs)

        monkeypatch.setattr(owner, name, mortal)

    dies_at(services, "write_blob", after=True)
    dies_at(services, "sealed_entries", after=False)
    dies_at(services, "expand", after=True)
    real_content = vars(writing)["content_of"]

    def broken_content(*args: Any) -> Iterator[Any]:
        for each in real_content(*args):
            if chance.random() < 0.02:
                raise Killed
            yield each

    monkeypatch.setattr(writing, "content_of", broken_content)

    for _turn in range(400):
        export.refresh_from_db()
        if export.state == ExportState.READY:
            break
        try:
            advance(export.pk)
        except Killed:
            abandoned(export)
            Export.objects.filter(pk=export.pk).update(tries=0)

    assert export.state == ExportState.READY
    assert [piece.number for piece in export.pieces.order_by("number")] == list(range(export.pieces.count()))
    monkeypatch.undo()
    assert contents(export) == contents(make(export_project(vision, by=Actor.person(alice))))
    assert len(opened(export).namelist()) == len(set(opened(export).namelist()))


@pytest.mark.usefixtures("small_pieces")
def test_a_part_of_the_archive_is_read_from_any_byte_to_any_other(export: Export) -> None:
    export = make(export)
    whole, chance = b"".join(read_archive(export)), random.Random(1)

    assert len(whole) == export.size
    for _try in range(60):
        start, end = sorted(chance.randrange(export.size + 1) for _ in range(2))
        assert b"".join(read_archive(export, start=start, end=end)) == whole[start:end]


@pytest.mark.usefixtures("small_pieces")
def test_a_turn_ends_and_the_others_have_theirs(
    several: list[Run], vision: Project, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "_TURN_SECONDS", 0.0)  # one step a turn
    large, small = (
        export_project(vision, by=Actor.person(alice)),
        export_runs(several[:1], by=Actor.person(bob)),
    )
    ready: list[int] = []

    while len(ready) < 2:
        pk = next(iter(due_exports()))
        advance(pk)
        if Export.objects.filter(pk=pk, state=ExportState.READY).exists():
            ready.append(pk)

    assert ready == [small.pk, large.pk]


def test_the_other_thread_of_a_worker_is_left_to_everybody_else(export: Export) -> None:
    with tasks._turn:
        tasks.advance(export.pk)
        tasks.sweep()
        export.refresh_from_db()
        assert (export.state, export.tries) == (ExportState.QUEUED, 0)

    tasks.sweep()

    export.refresh_from_db()
    assert export.state == ExportState.READY


def test_progress_is_told_in_what_was_read_and_ends_at_everything(export: Export) -> None:
    assert progress_of(export).percent == 0

    export = make(export)

    assert (progress_of(export).percent, progress_of(export).seconds_left) == (100, 0)
    assert (export.weight_done, export.runs) == (export.weight, 1)
    assert export.expires_at is not None and export.ready_at is not None
    assert export.expires_at - export.ready_at == timedelta(days=7)


@pytest.mark.parametrize(
    ("done", "spent", "left", "words"),
    [
        (25, 60, 180, "25 % are read, about 3 min 00 s left at the pace so far"),
        (90, 90, 10, "90 % are read, about 10 s left at the pace so far"),
        (2, 60, 2940, "2 % are read, about 49 min 00 s left at the pace so far"),
        (1, 60, None, "1 % are read<"),  # nothing to reckon by yet
        (0, 60, None, "0 % are read<"),
    ],
)
def test_how_long_the_rest_takes_is_reckoned_by_the_pace_so_far_and_said(
    export: Export,
    alice: User,
    monkeypatch: pytest.MonkeyPatch,
    done: int,
    spent: int,
    left: int | None,
    words: str,
) -> None:
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)
    begun = now - timedelta(seconds=spent)
    Export.objects.update(state=ExportState.RUNNING, weight=100, weight_done=done, started_at=begun)
    export.refresh_from_db()
    client = Client()
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")

    assert (progress_of(export).percent, progress_of(export).seconds_left) == (done, left)
    page = client.get(f"/settings/exports/{export.public_id}").content.decode()
    assert words in page and f'max="100" value="{done}"' in page


def test_how_long_one_is_kept_is_the_operators_to_say(export: Export, settings: Settings) -> None:
    settings.OWNLOG_EXPORT_DAYS = 2

    export = make(export)

    assert export.expires_at is not None and export.ready_at is not None
    assert export.expires_at - export.ready_at == timedelta(days=2)


def test_one_that_always_breaks_off_fails_and_goes_on_when_asked(
    export: Export, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: Any) -> NoReturn:
        raise ValueError("a fault of ours")

    with monkeypatch.context() as patched:
        patched.setattr(writing, "content_of", broken)
        for _try in range(20):
            tasks.sweep()
    export.refresh_from_db()
    assert (export.state, export.trouble) == (ExportState.FAILED, "ValueError")

    retry(export, by=Actor.person(alice))

    assert make(export).state == ExportState.READY
    assert len(contents(export)) > 0


@pytest.mark.usefixtures("small_pieces")
def test_whoever_left_meanwhile_gets_nothing_more(vision: Project, full: Run, bob: User) -> None:
    by = Actor.person(bob)
    ready, begun = make(export_project(vision, by=by)), export_project(vision, by=by)
    assert get_archive(by, public_id=ready.public_id) == ready

    Membership.objects.filter(entity=vision.entity, user=bob).delete()

    with pytest.raises(NotFound):
        get_archive(by, public_id=ready.public_id)
    assert make(begun).state == ExportState.FAILED
    assert not ExportPiece.objects.filter(export=begun).exists()


def test_at_most_a_few_are_made_at_once_for_one_person(vision: Project, alice: User, bob: User) -> None:
    for _ in range(services._MOST_AT_ONCE):
        export_project(vision, by=Actor.person(alice))

    with pytest.raises(TooMuch):
        export_project(vision, by=Actor.person(alice))
    assert export_project(vision, by=Actor.person(bob)).state == ExportState.QUEUED


@pytest.mark.django_db(transaction=True, databases=["default", "vault"])
def test_nor_are_more_made_where_they_are_asked_for_at_one_moment(
    vision: Project, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "enqueue", lambda *_args, **_named: None)
    together = threading.Barrier(7)

    def once_all_are_there(*args: Any, **named: Any) -> Any:
        together.wait()
        return create_node(*args, **named)

    monkeypatch.setattr(services, "create_node", once_all_are_there)

    def ask(_: int) -> bool:
        try:
            export_project(vision, by=Actor.person(alice))
        except TooMuch:
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(7) as pool:
        assert sum(pool.map(ask, range(7))) == 5
    assert (Export.objects.count(), Node.objects.filter(kind=NodeKind.EXPORT).count()) == (5, 5)


def test_one_that_is_revoked_while_it_is_fetched_breaks_off_at_its_next_piece(
    vision: Project, alice: User, several: list[Run], small_pieces: None
) -> None:
    export = make(export_project(vision, by=Actor.person(alice)))
    assert ExportPiece.objects.filter(export=export).count() > 2
    came = read_archive(export)
    next(came)

    # Closed, as the first step of its erasure does: its key is there for a moment still.
    Export.objects.filter(pk=export.pk).update(erased_at=clock.now(), erasure_job=uuid4())

    with pytest.raises(KeyGone):
        list(came)


def test_a_run_whose_words_are_damaged_fails_nothing_and_is_named_by_its_id(
    several: list[Run], vision: Project, alice: User
) -> None:
    damaged = several[1]
    head = bytearray(damaged.sealed_head)
    head[-1] ^= 1
    Run.objects.filter(pk=damaged.pk).update(sealed_head=bytes(head))

    export = make(export_project(vision, by=Actor.person(alice)))

    assert export.state == ExportState.READY
    archive = opened(export)
    assert json.loads(archive.read("manifest.json"))["not_included"] == [
        {"path": f"{kind} {damaged.public_id}", "why": "damaged"} for kind in ("run", "files")
    ]
    page = archive.read("README.html").decode()
    assert [f"projects/vision/runs/run{n}<" in page for n in range(4)] == [True, False, True, True]


def test_a_project_whose_words_are_damaged_fails_nothing_and_is_named_by_its_id(
    full: Run, vision: Project, alice: User
) -> None:
    export = export_project(vision, by=Actor.person(alice))
    words = bytearray(vision.sealed_name)
    words[-1] ^= 1
    Project.objects.filter(pk=vision.pk).update(sealed_name=bytes(words))

    archive = opened(make(export))

    assert archive.namelist() == ["manifest.json", "README.html"]
    left_out = [each["path"] for each in json.loads(archive.read("manifest.json"))["not_included"]]
    assert left_out == [
        f"project {vision.public_id}",
        *(f"{kind} {full.public_id}" for kind in ("run", "files")),
    ]


@pytest.mark.usefixtures("small_pieces")
def test_the_lists_of_what_lies_in_the_pieces_are_read_one_at_a_time_and_for_the_ending_alone(
    export: Export,
) -> None:
    export = make(export)

    with CaptureQueriesContext(connection) as asked:
        sum(1 for _ in entries_of(export))
    with CaptureQueriesContext(connection) as fetched:
        sum(map(len, read_archive(export)))

    def lists(queries: CaptureQueriesContext) -> int:
        return sum("sealed_entries" in each["sql"] for each in queries.captured_queries)

    assert export.pieces.count() > 2
    assert (lists(asked), lists(fetched)) == (export.pieces.count(), 0)


def test_at_most_some_are_kept_of_one_person_until_their_time_is_over(
    full: Run, vision: Project, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "_MOST_KEPT", 2)
    by = Actor.person(alice)
    first, _second = (make(export_project(vision, by=by)) for _ in range(2))

    with pytest.raises(TooMuch, match="At most 2 exports of yours are kept"):
        export_project(vision, by=by)

    assert export_project(vision, by=Actor.person(bob)).state == ExportState.QUEUED
    erase_exports([first], by=by)
    assert export_project(vision, by=by).state == ExportState.QUEUED
