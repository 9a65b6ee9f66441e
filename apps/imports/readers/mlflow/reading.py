"""MLflow: an experiment is a project here, its runs are runs with their parameters as config and their metrics as history."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from apps.core import clock, jsontext
from apps.files.types import PastFile
from apps.imports.readers.mlflow.rows import history_rows, system_rows
from apps.imports.readers.mlflow.types import Experiment, Logged, Store
from apps.imports.readers.naming import fit_metric, project_names
from apps.imports.readers.stretches import stretches
from apps.imports.types import Beat, BroughtCollection, BroughtProject, BroughtRun, Origin, WholeRun
from apps.projects.types import PastProject
from apps.runs.types import PastRun, RunPatch, RunState, Stream

_STATES = {"FINISHED": RunState.FINISHED, "FAILED": RunState.FAILED, "KILLED": RunState.KILLED}
_SYSTEM = "system/"
_OWN = "mlflow."  # what the program notes by itself: of the machine and its user, mostly
_NOTE, _NAME, _PARENT = "mlflow.note.content", "mlflow.runName", "mlflow.parentRunId"
_COMMIT, _PROGRAM, _USER = "mlflow.source.git.commit", "mlflow.source.name", "mlflow.user"
_LONGEST_TAG = 100
_LONG_TAGS = "mlflow_tags"
_NUMBER = re.compile(r"-?[0-9.e+-]{1,40}|-?inf|nan")
_WORDS: Mapping[str, bool | None] = {"True": True, "False": False, "None": None}


class MlflowReader:
    """Everything of a store but what was deleted there, and what has no place here: that is counted."""

    origin = Origin.MLFLOW

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def beat(self) -> Beat:
        return self._store.beat

    @property
    def fingerprint(self) -> bytes:
        return self._store.fingerprint

    @property
    def things(self) -> int:
        return self._store.things

    @property
    def left_out(self) -> int:
        return self._store.left_out

    def close(self) -> None:
        self._store.close()

    def projects(self) -> Iterator[BroughtProject]:
        found = self._store.experiments()
        for experiment, name in zip(found, project_names([each.name for each in found]), strict=True):
            yield BroughtProject(
                key=experiment.key,
                name=name,
                was=_past_project(experiment),
                runs=partial(self._runs, experiment),
                collections=_no_artifacts,
            )

    def _runs(self, experiment: Experiment) -> Iterator[BroughtRun]:
        for run in self._store.runs(experiment):
            yield BroughtRun(run.key, partial(self._read, run))

    def _read(self, run: Logged) -> WholeRun:
        return WholeRun(
            was=self._past(run),
            lines={
                Stream.HISTORY: partial(self._history, run),
                Stream.EVENTS: partial(self._events, run),
            },
            files=partial(self._files, run),
        )

    def _past(self, run: Logged) -> PastRun:
        last, heard = self._last(run)
        ended = max(run.began_at, run.ended_at or heard or run.began_at)
        return PastRun(
            name=run.key,
            patch=RunPatch(
                display_name=run.name or run.tags.get(_NAME) or None,
                notes=run.tags.get(_NOTE),
                tags=_tags(run),
                group=run.tags.get(_PARENT),
                commit=run.tags.get(_COMMIT),
                program=run.tags.get(_PROGRAM),
                config_text=jsontext.dumps(_config(run)),
                summary_text=jsontext.dumps(last),
            ),
            # Nothing goes on here that went on there.
            state=_STATES.get(run.status, RunState.CRASHED),
            login=run.login or run.tags.get(_USER, ""),
            created_at=run.began_at,
            heartbeat_at=ended,
            finished_at=ended,
        )

    def _last(self, run: Logged) -> tuple[dict[str, float], datetime | None]:
        """Of each metric the value at its last step, and when the last of all came."""
        last: dict[str, float] = {}
        newest = 0
        for metric in run.metrics:
            best: tuple[int, int] | None = None
            for point in self._store.points(run, metric):
                newest = max(newest, point.at)
                if best is None or (point.step, point.at) >= best:
                    best = (point.step, point.at)
                    if not metric.startswith(_SYSTEM):
                        last[fit_metric(metric)] = point.value
        return last, min(datetime.fromtimestamp(newest / 1000, tz=UTC), clock.now()) if newest else None

    def _history(self, run: Logged) -> Iterable[Sequence[str]]:
        found = self._store.series(run, [each for each in run.metrics if not each.startswith(_SYSTEM)])
        named = {fit_metric(name): points for name, points in found.items()}
        return stretches(map(jsontext.dumps, history_rows(named)))

    def _events(self, run: Logged) -> Iterable[Sequence[str]]:
        """What MLflow measured of the machine is no history of the run."""
        found = self._store.series(run, [each for each in run.metrics if each.startswith(_SYSTEM)])
        named = {
            f"system.{name.removeprefix(_SYSTEM).replace('/', '.')}": points for name, points in found.items()
        }
        return stretches(map(jsontext.dumps, system_rows(named, run.began_at)))

    def _files(self, run: Logged) -> Iterator[PastFile]:
        return self._store.files(run)


def _past_project(experiment: Experiment) -> PastProject:
    created = experiment.created_at or experiment.changed_at or clock.now()
    changed = max(experiment.changed_at or created, created)
    return PastProject(description=experiment.notes, created_at=created, last_activity_at=changed)


def _tags(run: Logged) -> list[str]:
    return [
        said
        for name, value in run.tags.items()
        if not name.startswith(_OWN) and len(said := _tag(name, value)) <= _LONGEST_TAG
    ]


def _tag(name: str, value: str) -> str:
    return f"{name}: {value}" if value else name


def _config(run: Logged) -> dict[str, Any]:
    """As the client sends it: each value beside what may be said of it. Tags too long for one stand here."""
    config = {name: {"value": _value(text)} for name, text in run.params.items()}
    long = {
        name: value
        for name, value in run.tags.items()
        if not name.startswith(_OWN) and len(_tag(name, value)) > _LONGEST_TAG
    }
    return config | ({_LONG_TAGS: {"value": long}} if long and _LONG_TAGS not in config else {})


def _value(text: str) -> Any:
    """MLflow keeps a parameter as Python wrote it. What reads as what it was is that again; all else stays the text that it is."""
    if text in _WORDS:
        return _WORDS[text]
    if _NUMBER.fullmatch(text):
        for kind in (int, float):
            try:
                number: int | float = kind(text)
            except ValueError:
                continue
            if str(number) == text:
                return number
    return text


def _no_artifacts() -> Iterator[BroughtCollection]:
    return iter(())
