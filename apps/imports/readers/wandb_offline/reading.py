"""Folders that the client of W&B left where it had no server: `offline-run-…`, one of them or the `wandb` that holds them."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from pathlib import Path

from django.utils.translation import gettext as _

from apps.core import clock
from apps.core.errors import NotFound
from apps.files.types import PastFile
from apps.imports.readers.said import past
from apps.imports.readers.stretches import stretches
from apps.imports.readers.wandb_offline.folders import Folder, together
from apps.imports.types import Beat, BroughtCollection, BroughtProject, BroughtRun, Origin, WholeRun
from apps.projects.services.projects import DEFAULT_NAME
from apps.projects.types import PastProject
from apps.runs.types import PastRun, RunPatch, RunState, Stream

_PIECE = 256 * 1024
_LOG = "run-*.wandb"


class OfflineReader:
    """Each run of a folder, or of the folders in it; those of one run, which went on, together."""

    origin = Origin.WANDB_OFFLINE

    def __init__(self, path: Path) -> None:
        self._logs, self.beat = _logs(path), Beat()
        if not self._logs:
            raise NotFound(_("There is no offline run in this folder."))
        self._projects: dict[str, dict[str, list[Folder]]] = defaultdict(lambda: defaultdict(list))
        folders = [Folder.read(log.parent, log, self.beat) for log in self._logs]
        for folder in sorted(folders, key=lambda each: (each.started, each.path.name)):
            self._projects[folder.words.get("project", DEFAULT_NAME)][folder.run_id].append(folder)
        self._left_out = sum(each.left_out + each.links() for each in folders)

    @property
    def fingerprint(self) -> bytes:
        digest = hashlib.sha256()
        for log in self._logs:
            seen = log.stat()
            digest.update(
                f"{log.parent.name}/{log.name} {seen.st_size} {seen.st_mtime_ns}\n".encode(
                    "utf-8", "surrogateescape"
                )
            )
        return digest.digest()

    @property
    def things(self) -> int:
        return sum(map(len, self._projects.values()))

    @property
    def left_out(self) -> int:
        return self._left_out

    def close(self) -> None:
        """Nothing stays open."""

    def projects(self) -> Iterator[BroughtProject]:
        for name, runs in self._projects.items():
            folders = list(chain.from_iterable(runs.values()))
            was = PastProject(
                created_at=past(min(each.started for each in folders), "start_time"),
                last_activity_at=past(max(each.last_heard for each in folders), "timestamp"),
            )
            yield BroughtProject(
                key=name, name=name, was=was, runs=partial(_runs, name, runs), collections=_no_artifacts
            )


def _logs(path: Path) -> list[Path]:
    """The one in the folder itself, or those of the folders in it. `latest-run` is a link to one of them."""
    if path.suffix == ".wandb" and path.is_file():
        return [path]
    found = _logs_in(path)
    below = (
        (each for each in sorted(path.iterdir()) if each.is_dir() and not each.is_symlink())
        if path.is_dir()
        else ()
    )
    return found or [log for folder in below for log in _logs_in(folder)]


def _logs_in(folder: Path) -> list[Path]:
    return sorted(each for each in folder.glob(_LOG) if not each.is_symlink())


def _no_artifacts() -> Iterator[BroughtCollection]:
    return iter(())


def _runs(project: str, runs: dict[str, list[Folder]]) -> Iterator[BroughtRun]:
    for name, folders in runs.items():
        yield BroughtRun(f"{project}/{name}", partial(_read, name, folders))


def _read(name: str, folders: Sequence[Folder]) -> WholeRun:
    return WholeRun(
        was=_past(name, folders),
        lines={stream: partial(_lines, folders, stream) for stream in Stream},
        files=partial(_files, folders),
    )


def _past(name: str, folders: Sequence[Folder]) -> PastRun:
    """The last of its folders has the last word."""
    last = together(folders)
    words = last.words
    heard = past(max(each.last_heard for each in folders), "timestamp")
    return PastRun(
        name=name,
        patch=RunPatch(
            display_name=words.get("display_name"),
            notes=words.get("notes"),
            tags=last.tags,
            group=words.get("group"),
            job_type=words.get("job_type"),
            commit=last.commit,
            sweep=words.get("sweep"),
            config_text=last.config_text(),
            summary_text=last.summary_text(),
        ),
        state=_state(last.exit_code),
        exit_code=last.exit_code,
        created_at=past(folders[0].started, "start_time"),
        heartbeat_at=heard,
        finished_at=heard,
    )


def _state(exit_code: int | None) -> RunState:
    if exit_code is None:
        return RunState.CRASHED
    return RunState.FAILED if exit_code else RunState.FINISHED


def _lines(folders: Sequence[Folder], stream: Stream) -> Iterable[Sequence[str]]:
    return stretches(chain.from_iterable(each.rows(stream) for each in folders))


def _files(folders: Sequence[Folder]) -> Iterator[PastFile]:
    """Of files of one name the last."""
    found = {name: path for each in folders for name, path in each.files()}
    for name, path in found.items():
        changed = datetime.fromtimestamp(path.stat().st_mtime, tz=UTC)
        yield PastFile(name, min(changed, clock.now()), partial(_bytes, path))


def _bytes(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece
