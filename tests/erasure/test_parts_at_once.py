"""Who writes to a run at the moment in which parts of it are erased: nothing comes under its old key, and nothing comes back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import copy
from typing import Any

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.blobs.services import write_blob
from apps.code_saving.credentials import Detector
from apps.core.errors import Conflict, Erased, NotFound, Unavailable
from apps.erasure import steps
from apps.erasure.parts import erase_parts
from apps.erasure.plan import parts_of
from apps.erasure.types import Scope
from apps.files import thumbnails
from apps.files.models import Thumbnail
from apps.files.queries import find_file, read_file
from apps.files.services import announce_files, store_file
from apps.files.thumbnails import make_thumbnail
from apps.leaks import services as leaks
from apps.leaks.notes import note
from apps.leaks.types import Place, Spot
from apps.projects.models import Project
from apps.runs.history import compaction, masking, store
from apps.runs.models import Run, Segment
from apps.runs.queries import open_run, run_key
from apps.runs.services import finish_run, update_run
from apps.runs.types import Lines, RunPatch, RunState, Stream, StreamRequest
from apps.vault.errors import Tampered
from apps.vault.models import Grant
from apps.vault.tree import erase_nodes
from tests.erasure.conftest import finish
from tests.erasure.rich import (
    LOSS,
    fresh,
    image,
    log,
    put,
    sealed_of,
)
from tests.factories import work
from tests.files.test_thumbnails import noise

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-09")]


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.person(alice)


def written_under_the_old_key(run: Run) -> set[str]:
    """Models with a row that today's key of the run does not open."""
    key = run_key(fresh(run))
    rows = [each for part in parts_of(Scope.RUNS) for each in part.model._default_manager.all()]
    return {
        each._meta.label for each in rows for _, value in sealed_of(each) if bytes(value)[1:17] != key.key_id
    }


def stale_append(run: Run) -> None:
    line = json.dumps({"_step": 12, "loss": 5, "acc": 12})
    store.append(run, StreamRequest(streams={Stream.HISTORY: Lines(12, [line])}))


def stale_announce(run: Run) -> None:
    announce_files(run, ["late.txt", "code/late.py"])


def stale_compaction(run: Run) -> None:
    compaction.compact(run)


def stale_masking(run: Run) -> None:
    masking.change_lines(run, b"", range(2), lambda _: "masked")


def stale_note(run: Run) -> None:
    note(run, [Spot(Place.CONSOLE, Detector.PRIVATE_KEY, line=3)])


def stale_scan(run: Run) -> None:
    leaks.scan(run)


def stale_patch(run: Run) -> None:
    update_run(run, RunPatch(notes="late"), by=Actor.system())


WRITERS: list[Callable[[Run], None]] = [
    stale_append,
    stale_announce,
    stale_compaction,
    stale_masking,
    stale_note,
    stale_scan,
    stale_patch,
]


@pytest.mark.parametrize("when", ["while it is closed", "when it is back", "before its old key is gone"])
def test_who_had_the_run_before_writes_nothing_under_its_old_key(
    rich: Run, by: Actor, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    stale = fresh(rich)
    open_run(stale)
    job = erase_parts(rich, [LOSS], by=by)
    came: list[str] = []

    def late() -> None:
        for write in WRITERS:
            came.append(write.__name__)
            try:
                write(copy(stale))
            except (Unavailable, NotFound, Erased, Conflict, Tampered):
                pass

    if when == "while it is closed":
        late()
    elif when == "before its old key is gone":

        def erase_nodes_late(nodes: Any) -> int:
            late()
            return erase_nodes(nodes)

        monkeypatch.setattr(steps, "erase_nodes", erase_nodes_late)
    finish(job)
    if when == "when it is back":
        late()

    assert len(came) == len(WRITERS)
    assert written_under_the_old_key(rich) == set()
    assert all("loss" not in each for each in list(store.scan(fresh(rich), Stream.HISTORY))[:12])
    rewritten = {each.blob.vault_node for each in Segment.objects.filter(run=rich).select_related("blob")}
    mine = Grant.objects.filter(owner_id=fresh(rich).vault_node).values_list("blob_id", flat=True)
    assert rewritten <= set(mine)
    compaction.compact(fresh(rich))
    assert len(list(store.scan(fresh(rich), Stream.HISTORY))) >= 12


def test_a_compaction_that_began_before_does_not_bring_the_metric_back(
    rich: Run, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has read the lines, and is about to put its file in their place."""
    real = write_blob

    def meanwhile(*args: Any, **kwargs: Any) -> Any:
        stored = real(*args, **kwargs)
        monkeypatch.setattr(compaction, "write_blob", real)
        finish(erase_parts(rich, [LOSS], by=by))
        return stored

    monkeypatch.setattr(compaction, "write_blob", meanwhile)
    compaction.compact(fresh(rich))

    assert all("loss" not in each for each in store.scan(fresh(rich), Stream.HISTORY))


def test_an_upload_that_began_before_is_sent_again(
    rich: Run, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = find_file(rich, "out/a.txt").file
    file.run = fresh(rich)

    def slowly() -> Iterator[bytes]:
        yield b"new "
        finish(erase_parts(rich, [LOSS], by=by))
        yield b"bytes"

    with pytest.raises(Unavailable):
        store_file(file, slowly())

    assert b"".join(read_file(find_file(fresh(rich), "out/a.txt").file)) == b"out"
    store_file(find_file(fresh(rich), "out/a.txt").file, [b"new bytes"])
    assert b"".join(read_file(find_file(fresh(rich), "out/a.txt").file)) == b"new bytes"


def test_a_small_picture_that_was_being_made_is_made_again(
    rich: Run, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = noise(400, 400)
    file = put(fresh(rich), image(0), picture)
    real = write_blob

    def meanwhile(*args: Any, **kwargs: Any) -> Any:
        stored = real(*args, **kwargs)
        finish(erase_parts(fresh(rich), [LOSS], by=by))
        return stored

    with monkeypatch.context() as patch:
        patch.setattr(thumbnails, "write_blob", meanwhile)
        make_thumbnail(file.pk)

    assert Thumbnail.objects.get(file=file).blob is None
    make_thumbnail(file.pk)
    small = thumbnails.small_bytes(find_file(fresh(rich), image(0)).file)
    assert small


def test_a_named_writer_goes_on_where_it_was(vision: Project, alice: User, by: Actor) -> None:
    """What it was known by went with the key: it is taken at its word where it goes on, and its first line cannot come again."""
    run = work.run(vision, "shared", by=alice)
    for writer in ("one", "two"):
        log(run, 0, 3, writer=writer)
    run.refresh_from_db()
    finish_run(run, state=RunState.CRASHED, by=by)
    finish(erase_parts(fresh(run), [LOSS], by=by))

    lines = [json.dumps({"_step": 3, "acc": 3})]
    store.append(fresh(run), StreamRequest(streams={Stream.HISTORY: Lines(3, lines)}, writer="one"))
    store.append(fresh(run), StreamRequest(streams={Stream.HISTORY: Lines(3, lines)}, writer="one"))

    rows = list(store.scan(fresh(run), Stream.HISTORY))
    assert sorted(each["_step"] for each in rows) == [0, 0, 1, 1, 2, 2, 3]
