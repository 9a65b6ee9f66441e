"""What Neptune's exporter left: its projects are projects here, its runs are runs with their fields as config and their series as history."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice, takewhile
from pathlib import PurePosixPath
from typing import Any

from django.utils.translation import gettext as _

from apps.core import clock, jsontext
from apps.core.errors import TooMuch
from apps.files.types import PastFile
from apps.imports.errors import Broken
from apps.imports.readers.naming import fit_metric, fit_name, project_names
from apps.imports.readers.neptune.parts import Found, Parts, Point, found_in, in_order
from apps.imports.readers.said import of_milliseconds
from apps.imports.readers.stretches import stretches
from apps.imports.readers.trees import OfTree, Tree
from apps.imports.types import BroughtCollection, BroughtProject, BroughtRun, Origin, WholeRun
from apps.projects.types import PastProject
from apps.runs.types import PastRun, RunPatch, RunState, Stream

_FIELDS = ("int", "float", "string", "bool", "datetime", "string_set")
_SERIES = ("float_series", "string_series", "histogram_series")
_FILES = ("file", "file_set", "artifact", "file_series")
_MILLION = 1_000_000
_OWN, _MEASURED = "sys/", ("monitoring/", "runtime/")
_CONSOLE = ("/stdout", "/stderr")
_FORKED = ("sys/forking/parent", "sys/forking/step")
_STEP = "neptune/step"
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_WORDS = 32 * 2**20  # of the fields of one run
_EACH = 50  # letters that one of them takes at least
_MOST_DIGEST = 16


@dataclass(slots=True)
class _Facts:
    """What is said of a run besides its series, and how these end."""

    fields: dict[str, Any] = field(default_factory=dict)
    own: dict[str, Any] = field(default_factory=dict)
    last: dict[str, tuple[int, Any]] = field(default_factory=dict)
    began: int = 0
    ended: int = 0
    has_whole_steps: bool = True


class NeptuneReader(OfTree):
    """Runs whose export is whole. Models, and others, are counted as left out, and so are files that are named and not there."""

    origin = Origin.NEPTUNE

    def __init__(self, tree: Tree) -> None:
        super().__init__(tree)
        self._parts = Parts(tree)
        self._runs: dict[str, list[Found]]
        self._runs, others = found_in(tree)
        self._left_out += others
        self._known = sorted(tree.paths)
        self._owners: dict[str, str] = {}  # of each file the run that names it
        if not self._runs:
            raise Broken(_("There is no run of Neptune in it."))

    def close(self) -> None:
        self._parts.close()
        super().close()

    def projects(self) -> Iterator[BroughtProject]:
        folders = list(self._runs)
        said = [self._parts.head(self._runs[each][0])[0] for each in folders]
        for folder, name in zip(
            folders, project_names([each.rpartition("/")[2] for each in said]), strict=True
        ):
            made = min(self._tree.moment(each.parts[0]) for each in self._runs[folder])
            yield BroughtProject(
                key=folder,
                name=name,
                was=PastProject(created_at=made, last_activity_at=made),
                runs=partial(self._of_project, folder),
                collections=_no_artifacts,
            )

    def _of_project(self, folder: str) -> Iterator[BroughtRun]:
        for run in self._runs[folder]:
            yield BroughtRun(f"{folder}/{run.name}", partial(self._read, run))

    def _read(self, run: Found) -> WholeRun:
        facts = self._facts(run)
        return WholeRun(
            was=self._past(run, facts),
            lines={
                Stream.HISTORY: partial(self._history, run, facts.has_whole_steps),
                Stream.EVENTS: partial(self._events, run, facts.began),
                Stream.OUTPUT: partial(self._console, run),
            },
            files=partial(self._files, run),
        )

    # ── what is said ──

    def _facts(self, run: Found) -> _Facts:
        facts, size = _Facts(), 0
        for point in self._parts.points(run, *_FIELDS, *_SERIES):
            if point.kind in _FIELDS:
                place = (
                    facts.own if point.name.startswith(_OWN) and point.name not in _FORKED else facts.fields
                )
                place[point.name] = _value(point)
                size = self._grown(run, size, _EACH + len(point.name) + len(str(point.value)))
                continue
            facts.began = min(facts.began or point.at, point.at)
            facts.ended = max(facts.ended, point.at)
            if not _is_measured(point):
                facts.has_whole_steps &= point.step % _MILLION == 0
                if (
                    point.kind == "float_series"
                    and point.step >= facts.last.get(name := fit_metric(point.name), (point.step,))[0]
                ):
                    before = facts.last.get(name)
                    more = _EACH + len(name) if before is None else -len(str(before[1]))
                    size = self._grown(run, size, more + len(str(point.value)))
                    facts.last[name] = point.step, point.value
        return facts

    def _grown(self, run: Found, size: int, more: int) -> int:
        if size + more > _MOST_WORDS:
            raise TooMuch(_("More is said of a run than can be kept: %(path)s.") % {"path": run.name})
        return size + more

    def _past(self, run: Found, facts: _Facts) -> PastRun:
        _project, name = self._parts.head(run)
        own = facts.own
        moment = self._tree.moment(run.parts[0])
        began = _moment(own, "sys/creation_time") or of_milliseconds(facts.began, "timestamp") or moment
        ended = of_milliseconds(facts.ended, "timestamp") or _moment(own, "sys/modification_time") or began
        is_open = str(own.get("sys/state", "")).lower() in ("active", "running")
        state = RunState.FAILED if own.get("sys/failed") is True else RunState.FINISHED
        return PastRun(
            name=_run_name(name, run),
            patch=RunPatch(
                display_name=_text(own, "sys/name") or name[:100],
                notes=_text(own, "sys/description"),
                tags=[*_texts(own, "sys/tags"), *_texts(own, "sys/group_tags")],
                config_text=jsontext.dumps({each: {"value": value} for each, value in facts.fields.items()}),
                summary_text=jsontext.dumps({each: value for each, (_step, value) in facts.last.items()}),
            ),
            # Nothing goes on here that went on there.
            state=RunState.CRASHED if is_open else state,
            author=(_text(own, "sys/owner") or "")[:200],
            created_at=began,
            heartbeat_at=max(began, ended),
            finished_at=max(began, ended),
        )

    # ── what was logged ──

    def _history(self, run: Found, has_whole_steps: bool) -> Iterable[Sequence[str]]:
        def read() -> Iterator[Point]:
            return (each for each in self._parts.points(run, *_SERIES) if not _is_measured(each))

        return stretches(map(jsontext.dumps, _rows(in_order(read, "step", run.name), has_whole_steps)))

    def _events(self, run: Found, began: int) -> Iterable[Sequence[str]]:
        def read() -> Iterator[Point]:
            return (each for each in self._parts.points(run, "float_series") if _is_measured(each))

        return stretches(map(jsontext.dumps, _measured(in_order(read, "at", run.name), began)))

    def _console(self, run: Found) -> Iterable[Sequence[str]]:
        return stretches(
            f"{'ERROR ' if each.name.endswith('stderr') else ''}{_iso(each.at)} {line}"
            for each in self._parts.points(run, "string_series")
            if _is_measured(each)
            for line in str(each.value).splitlines() or [""]
        )

    def _files(self, run: Found) -> Iterator[PastFile]:
        top = PurePosixPath(run.top.rstrip("/")).parent if run.top else PurePosixPath()
        folder = str(top / "files" / run.project)
        named: set[str] = set()
        for point in self._parts.points(run, *_FILES):
            place = point.value.get("path") if isinstance(point.value, dict) else None
            if not isinstance(place, str) or not place:
                raise Broken(
                    _("What was to be imported says something unusable of “%(name)s”.") % {"name": "path"}
                )
            path = f"{folder}/{place}"
            inside = self._inside(path)
            self._left_out += not inside
            for each in inside:
                # Else a short table could ask for a large file again and again.
                if each in named or self._owners.setdefault(each, run.name) != run.name:
                    raise Broken(
                        _("Two fields of what is to be imported name the same file: %(path)s.")
                        % {"path": each}
                    )
                named.add(each)
                yield PastFile(
                    _file_name(point, each.removeprefix(path), place),
                    self._tree.moment(each),
                    partial(self._tree.stream, each),
                )

    def _inside(self, path: str) -> list[str]:
        """The file itself, or those in a folder that is called so."""
        at = bisect_left(self._known, path)
        if at < len(self._known) and self._known[at] == path:
            return [path]
        start = f"{path}/"
        at = bisect_left(self._known, start)
        return list(takewhile(lambda each: each.startswith(start), islice(self._known, at, None)))


def _is_measured(point: Point) -> bool:
    """What Neptune noted by itself: numbers of the machine, and the console."""
    if not point.name.startswith(_MEASURED):
        return False
    return point.kind == "float_series" or (point.kind == "string_series" and point.name.endswith(_CONSOLE))


def _rows(points: Iterator[Point], has_whole_steps: bool) -> Iterator[dict[str, Any]]:
    """Steps may be fractions there. Where some are, rows are counted, and each says what its step was."""
    row: dict[str, Any] = {}
    at = count = None
    for point in points:
        name = fit_metric(point.name)
        if row and (point.step != at or name in row):
            yield row
            row = {}
        if not row:
            at, count = point.step, 0 if count is None else count + 1
            row = {"_step": at // _MILLION if has_whole_steps else count, "_timestamp": point.at / 1000}
            row |= {} if has_whole_steps else {_STEP: at / _MILLION}
        row[name] = _value(point)
    if row:
        yield row


def _measured(points: Iterator[Point], began: int) -> Iterator[dict[str, Any]]:
    row: dict[str, Any] = {}
    at = 0
    for point in points:
        name = f"system.{point.name.partition('/')[2].replace('/', '.')}"
        if row and (point.at != at or name in row):
            yield row
            row = {}
        if not row:
            at = point.at
            row = {"_timestamp": at / 1000, "_runtime": max(0, at - began) / 1000}
        row[name] = point.value
    if row:
        yield row


def _value(point: Point) -> Any:
    value = point.value
    if point.kind == "datetime":
        return _iso(value)
    if point.kind == "histogram_series":
        return {"_type": "histogram", "bins": value["edges"], "values": value["values"]}
    return value


def _file_name(point: Point, below: str, place: str) -> str:
    """As its field is called, with the ending that it has there."""
    name, ending = point.name, PurePosixPath(place).suffix
    if point.kind == "file_series":
        step = point.step / _MILLION
        name = f"{name}/{int(step) if math.floor(step) == step else step}"
    return name + (below or ("" if name.endswith(ending) else ending))


def _run_name(name: str, run: Found) -> str:
    """As it was, where a run may be called so; else with the digest that the exporter gave it."""
    fit = fit_name(name)
    return fit if fit == name else f"{fit[:100]}-{run.name[-_MOST_DIGEST:]}"


def _moment(own: Mapping[str, Any], name: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(own[name]))
    except (KeyError, ValueError):
        return None
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return found if _FIRST <= found <= clock.now() + timedelta(days=1) else None


def _iso(milliseconds: object) -> str:
    if not isinstance(milliseconds, int) or abs(milliseconds) >= 2**43:
        raise Broken(
            _("What was to be imported says something unusable of “%(name)s”.") % {"name": "datetime_value"}
        )
    return (_FIRST + timedelta(milliseconds=milliseconds)).isoformat()


def _text(own: Mapping[str, Any], name: str) -> str | None:
    value = own.get(name)
    return value if isinstance(value, str) else None


def _texts(own: Mapping[str, Any], name: str) -> list[str]:
    value = own.get(name)
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _no_artifacts() -> Iterator[BroughtCollection]:
    return iter(())
