"""Whoever brings an import is not taken for dead while its reader reads: a word is said with each piece, however late something comes of it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core import clock
from apps.core.errors import TooMuch
from apps.imports.models import Import
from apps.imports.readers import trees
from apps.imports.readers.opening import open_file, open_reader
from apps.imports.readers.ownlog import apart, tables
from apps.imports.readers.ownlog.reading import OwnlogReader
from apps.imports.services import ask_for_import, bring
from apps.imports.types import Beat, Clash, ImportState, Origin, Reader
from apps.teams.models import Entity

pytestmark = pytest.mark.django_db
DATA = Path(__file__).parent / "data"


def words_said(reader: Reader) -> list[int]:
    """How many before the first stretch came, of each stream that has one."""
    said: list[int] = []
    counts: list[int] = []
    reader.beat.tell = lambda: said.append(1)
    for run in (each.read() for project in reader.projects() for each in project.runs()):
        for read in run.lines.values():
            said.clear()
            if next(iter(read()), None) is not None:
                counts.append(len(said))
    return counts


def _unpacked(_archive: bytes, into: Path) -> Reader:
    with zipfile.ZipFile(DATA / "mlruns.zip") as packed:
        packed.extractall(into)
    return open_reader(into / "mlruns", Origin.MLFLOW)


OPENED: dict[str, Callable[[bytes, Path], Reader]] = {
    "ownlog": lambda archive, _into: OwnlogReader(io.BytesIO(archive)),
    "mlflow, a folder": _unpacked,
    "mlflow, a ZIP": lambda _archive, _into: open_reader(DATA / "mlruns.zip", Origin.MLFLOW),
    "neptune": lambda _archive, _into: open_reader(DATA / "neptune.zip", Origin.NEPTUNE),
}


@pytest.mark.parametrize("what", OPENED)
def test_a_word_is_said_before_the_first_piece_comes(what: str, archive: bytes, tmp_path: Path) -> None:
    with closing(OPENED[what](archive, tmp_path)) as reader:
        counts = words_said(reader)

    assert counts and min(counts) > 0


def test_an_import_is_held_while_its_tables_are_read_over_and_over(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A minute goes by with each piece: after two in silence another worker would take it over."""
    minutes, begun, real = [0], clock.now(), trees.ZipTree.stream
    monkeypatch.setattr(clock, "now", lambda: begun + timedelta(minutes=minutes[0]))
    monkeypatch.setattr("apps.imports.holding._WORD_SECONDS", -1)

    def slowly(tree: trees.ZipTree, path: str, **how: int) -> Iterator[bytes]:
        for piece in real(tree, path, **how):
            yield piece
            if job.pk is not None:
                minutes[0] += 1
                assert Import.objects.get(pk=job.pk).busy_until > clock.now()  # type: ignore[operator]

    job, by = Import(), Actor.person(alice)
    home = Entity.objects.get(user=alice)
    with closing(open_file((DATA / "neptune.zip").open("rb"), Origin.NEPTUNE)) as reader:
        monkeypatch.setattr(trees.ZipTree, "stream", slowly)
        job = ask_for_import(home, reader, clash=Clash.SKIP, by=by, whose_runs=by)
        done = bring(job, reader, by=by)

    assert done.state == ImportState.DONE and minutes[0] > 10


def test_a_word_is_said_while_a_table_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that opens one may be silent for minutes."""
    monkeypatch.setattr(tables, "_BETWEEN_BEATS", 0.05)
    said: list[int] = []
    asleep = tables.Apart(apart.__name__, Beat(lambda: said.append(1)))  # nobody asks it anything
    monkeypatch.setattr(tables, "_PATIENCE", 0.3)

    with pytest.raises(TooMuch):
        asleep._hear(1, "h.parquet")
    asleep.end()

    assert len(said) > 3
