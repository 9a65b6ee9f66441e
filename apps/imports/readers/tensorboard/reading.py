"""A folder of TensorBoard: each folder in it with event files is a run."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from apps.core import clock, jsontext
from apps.core.errors import NotFound, TooMuch
from apps.files.types import PastFile
from apps.imports.readers.said import past
from apps.imports.readers.stretches import stretches
from apps.imports.readers.tensorboard.events import Event, events
from apps.imports.types import Beat, BroughtCollection, BroughtProject, BroughtRun, Origin, WholeRun
from apps.projects.types import PastProject
from apps.runs.types import PastRun, RunPatch, RunState, Stream

_FILES = "*tfevents*"
_LATEST = 2**35
_MOST_TAGS = 100_000


@dataclass(slots=True)
class Logged:
    """One run, read once for what is said of it."""

    name: str
    files: Sequence[Path]
    began: datetime
    ended: datetime
    last: dict[str, Any]
    left_out: int


class TensorBoardReader:
    """Its numbers. What is drawn of other things (images, histograms, graphs) is counted as left out."""

    origin = Origin.TENSORBOARD

    def __init__(self, path: Path) -> None:
        self._path, self.beat = path, Beat()
        found = sorted(each for each in path.rglob(_FILES) if each.is_file() and not each.is_symlink())
        if not found:
            raise NotFound(_("There are no event files in this folder."))
        self._files = found
        folders: dict[Path, list[Path]] = defaultdict(list)
        for each in found:
            folders[each.parent].append(each)
        self._runs = [_logged(path, folder, files) for folder, files in folders.items()]

    @property
    def fingerprint(self) -> bytes:
        digest = hashlib.sha256()
        for each in self._files:
            digest.update(
                f"{each.relative_to(self._path)} {each.stat().st_size}\n".encode("utf-8", "surrogateescape")
            )
        return digest.digest()

    @property
    def things(self) -> int:
        return len(self._runs)

    @property
    def left_out(self) -> int:
        return sum(each.left_out for each in self._runs)

    def close(self) -> None:
        """Nothing stays open."""

    def projects(self) -> Iterator[BroughtProject]:
        name = self._path.resolve().name or "tensorboard"
        was = PastProject(
            created_at=min(each.began for each in self._runs),
            last_activity_at=max(each.ended for each in self._runs),
        )
        yield BroughtProject(
            name,
            name,
            was,
            runs=lambda: (_brought(each, self.beat) for each in self._runs),
            collections=_no_artifacts,
        )


def _logged(top: Path, folder: Path, files: Sequence[Path]) -> Logged:
    last: dict[str, Any] = {}
    moments: list[float] = []
    others = 0
    for event in chain.from_iterable(map(events, files)):
        last |= event.numbers
        others += event.others
        if len(last) > _MOST_TAGS:
            raise TooMuch(_("More is said of a run than can be kept: %(path)s.") % {"path": folder.name})
        moments = [min([event.at, *moments]), max([event.at, *moments])]
    began, ended = (_moment(moments[0]), _moment(moments[-1])) if moments else (clock.now(), clock.now())
    name = folder.relative_to(top).as_posix()
    return Logged("run" if name == "." else name, files, began, ended, last, others)


def _moment(at: float) -> datetime:
    return past(datetime.fromtimestamp(min(max(at, 0.0), _LATEST), tz=UTC), "wall_time")


def _brought(run: Logged, beat: Beat) -> BroughtRun:
    return BroughtRun(run.name, partial(_read, run, beat))


def _read(run: Logged, beat: Beat) -> WholeRun:
    return WholeRun(
        was=PastRun(
            name=run.name.replace("/", "."),
            patch=RunPatch(display_name=run.name, summary_text=jsontext.dumps(run.last)),
            state=RunState.FINISHED,
            created_at=run.began,
            heartbeat_at=run.ended,
            finished_at=run.ended,
        ),
        lines={Stream.HISTORY: partial(_lines, run, beat)},
        files=_no_files,
    )


def _lines(run: Logged, beat: Beat) -> Iterable[Sequence[str]]:
    found = chain.from_iterable(events(each, beat) for each in run.files)
    return stretches(map(jsontext.dumps, _rows(found)))


def _rows(found: Iterable[Event]) -> Iterator[dict[str, Any]]:
    """What follows one another of one step is one row: an event holds a single number, mostly."""
    row: dict[str, Any] = {}
    for event in found:
        if not event.numbers:
            continue
        if row and (row["_step"] != event.step or not row.keys().isdisjoint(event.numbers)):
            yield row
            row = {}
        row = row or {"_step": event.step, "_timestamp": event.at}
        row |= event.numbers
    if row:
        yield row


def _no_artifacts() -> Iterator[BroughtCollection]:
    return iter(())


def _no_files() -> Iterator[PastFile]:
    return iter(())
