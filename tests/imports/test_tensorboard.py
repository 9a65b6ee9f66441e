"""Folders of TensorBoard's event files: as its own writer wrote them (tests/imports/data/record_tensorboard.py), and damaged ones."""

from __future__ import annotations

import math
import struct
import zipfile
from pathlib import Path

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core.errors import NotFound
from apps.imports.errors import Broken
from apps.imports.readers.tensorboard.events import _masked, events
from apps.imports.readers.tensorboard.reading import TensorBoardReader
from apps.imports.services import ask_for_import, bring
from apps.imports.types import Clash
from apps.projects.models import Project
from apps.runs.history import store
from apps.runs.queries import find_run
from apps.runs.types import Stream
from apps.teams.models import Entity
from tests.imports.test_beats import words_said

pytestmark = pytest.mark.django_db
DATA = Path(__file__).parent / "data"


def record(data: bytes) -> bytes:
    head = struct.pack("<Q", len(data))
    return head + struct.pack("<L", _masked(head)) + data + struct.pack("<L", _masked(data))


def scalar(at: float, step: int, tag: str, value: float) -> bytes:
    """An event with one number, as TensorBoard's writer puts it."""
    said = b"\x0a" + bytes([len(tag)]) + tag.encode() + b"\x15" + struct.pack("<f", value)
    summary = b"\x0a" + bytes([len(said)]) + said
    return record(
        b"\x09" + struct.pack("<d", at) + b"\x10" + bytes([step]) + b"\x2a" + bytes([len(summary)]) + summary
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    top = tmp_path / "logs"
    for name, values in (("train", [1.0, 0.5, math.inf]), ("eval/best", [0.25])):
        (top / name).mkdir(parents=True)
        data = record(b"\x09" + struct.pack("<d", 1_700_000_000.0) + b"\x1a\x0dbrain.Event:2")
        for step, value in enumerate(values):
            data += scalar(1_700_000_001.0 + step, step, "loss", value)
            data += scalar(1_700_000_001.5 + step, step, "lr", 0.125)
        (top / name / "events.out.tfevents.1.host").write_bytes(data)
    return top


def test_numbers_come_by_their_steps_with_their_moments(folder: Path, alice: User) -> None:
    home, by, reader = Entity.objects.get(user=alice), Actor.person(alice), TensorBoardReader(folder)

    job = bring(ask_for_import(home, reader, clash=Clash.SKIP, by=by, whose_runs=by), reader, by=by)

    assert (job.projects, job.runs) == (1, 2)
    run = find_run(Project.objects.get(entity=home), "train")
    assert run is not None
    assert [
        (row["_step"], row["_timestamp"], row["loss"], row["lr"])
        for row in store.rereadable(run, Stream.HISTORY)()
    ] == [
        (0, 1_700_000_001.0, 1.0, 0.125),
        (1, 1_700_000_002.0, 0.5, 0.125),
        (2, 1_700_000_003.0, math.inf, 0.125),
    ]
    assert run.created_at.timestamp() == 1_700_000_000.0
    assert find_run(Project.objects.get(entity=home), "eval.best") is not None


def test_what_its_own_writer_wrote_is_there_to_the_last_number(tmp_path: Path, alice: User) -> None:
    with zipfile.ZipFile(DATA / "tensorboard.zip") as packed:
        packed.extractall(tmp_path)
    home, by, reader = (
        Entity.objects.get(user=alice),
        Actor.person(alice),
        TensorBoardReader(tmp_path / "logs"),
    )

    job = bring(ask_for_import(home, reader, clash=Clash.SKIP, by=by, whose_runs=by), reader, by=by)

    assert (job.runs, job.left_out) == (2, 2)  # a histogram and a text
    project = Project.objects.get(entity=home)
    train, best = find_run(project, "train"), find_run(project, "eval.best 好き")
    assert train is not None and best is not None
    rows = list(store.rereadable(train, Stream.HISTORY)())
    values = [
        1.0,
        0.5,
        math.nan,
        math.inf,
        -math.inf,
        float(struct.unpack("<f", struct.pack("<f", 1e-30))[0]),
    ]
    assert [row["_step"] for row in rows] == [*range(6), 2**40, 3]
    for name in ("new", "old"):
        assert repr([row[name] for row in rows[:6]]) == repr(values)
    assert (rows[6]["new"], rows[7]["損失/é"], rows[0]["_timestamp"]) == (7.0, 0.25, 1_700_000_000.0)
    steps = [(row["_step"], row["loss"]) for row in store.rereadable(best, Stream.HISTORY)()]
    assert steps == [(-1, 2.0), (5, 3.0)]


def test_a_word_is_said_before_the_first_piece_comes(folder: Path) -> None:
    assert min(words_said(TensorBoardReader(folder))) > 0


def test_what_is_cut_off_ends_there_and_what_is_damaged_is_said(folder: Path) -> None:
    path = folder / "train/events.out.tfevents.1.host"
    whole = path.read_bytes()

    path.write_bytes(whole[:-3])
    assert len(list(events(path))) == 6
    path.write_bytes(b"\x01" + whole[1:])
    with pytest.raises(Broken):
        list(events(path))


@pytest.mark.parametrize("at", [math.nan, math.inf, -math.inf])
def test_a_moment_that_is_none_is_damage(at: float, folder: Path) -> None:
    (folder / "train" / "events.out.tfevents.2.host").write_bytes(scalar(at, 1, "loss", 0.5))

    with pytest.raises(Broken):
        TensorBoardReader(folder)


def test_a_number_that_is_called_as_the_step_does_not_stand_for_it(folder: Path) -> None:
    path = folder / "events.out.tfevents.3.host"
    path.write_bytes(scalar(1.0, 7, "_step", 0.5))

    assert [(each.step, each.numbers) for each in events(path)] == [(7, {"logged/_step": 0.5})]


def test_a_folder_without_event_files_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        TensorBoardReader(tmp_path)
