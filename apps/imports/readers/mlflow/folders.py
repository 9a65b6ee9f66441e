"""The file store of MLflow: a folder `mlruns`, of which each folder is an experiment and each folder in that a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from django.utils.translation import gettext as _

from apps.core.errors import TooMuch
from apps.files.types import PastFile
from apps.imports.errors import Broken
from apps.imports.readers.mlflow.plain_yaml import read_yaml
from apps.imports.readers.mlflow.types import Experiment, Logged, Point, is_possible
from apps.imports.readers.said import Said, of_milliseconds
from apps.imports.readers.stretches import lines_of
from apps.imports.readers.trees import OfTree, Tree, whole

_META = "meta.yaml"
_METRICS, _PARAMS, _TAGS, _ARTIFACTS = "metrics", "params", "tags", "artifacts"
_TRASH, _MODELS, _TRACES = ".trash", "models", "traces"
_MOST_META = 16 * 1024  # MLflow writes less than two
_MOST_SAID = 64 * 2**20  # of all experiments and runs, which are kept while the store is open
# What is looked at of them; whatever else they say is let go.
_LOOKED_AT = frozenset(
    {
        *("experiment_id", "name", "creation_time", "last_update_time", "lifecycle_stage"),
        *("run_id", "run_uuid", "run_name", "status", "user_id", "artifact_uri", "start_time", "end_time"),
    }
)
_MOST_WORDS = 32 * 2**20  # of the parameters and tags of one run
_PIECE = 8 * 1024  # of a file of which hundreds are open beside it
_MOST_NAMES = 100_000  # of them, and of its metrics
_MOST_STREAMS, _MOST_READ = 500, 128 * 2**20  # metrics that are read as they go, and bytes of all others
_STATUSES = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
_NOTE = "mlflow.note.content"
_DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder with what is said of it, and what else lies in it by the folder in there."""

    path: str
    said: Said
    below: Mapping[str, Sequence[str]]


class FolderStore(OfTree):
    def __init__(self, tree: Tree) -> None:
        super().__init__(tree)
        metas = [path for path in tree.paths if path.rpartition("/")[2] == _META]
        if not metas:
            raise Broken(_("There is no experiment of MLflow in it."))
        if sum(map(tree.size, metas)) > _MOST_SAID:
            raise TooMuch(_("More is said of a run than can be kept: %(path)s.") % {"path": _META})
        self._experiments: dict[str, _Folder] = {}
        self._runs: dict[str, list[_Folder]] = {}
        depth = min(path.count("/") for path in metas)
        for folder, paths in _grouped(tree.paths, depth).items():
            if _under(folder, _META) in paths:
                self._add(self._folder(folder, paths))
            elif folder.rpartition("/")[2] in (_TRASH, _MODELS):
                self._left_out += len(_grouped(paths, depth + 1))

    def _add(self, experiment: _Folder) -> None:
        key = str(experiment.said.raw.get("experiment_id", ""))
        if not key or key in self._experiments:
            raise Broken(
                _("A folder does not say which experiment it is: %(name)s.") % {"name": experiment.path}
            )
        if experiment.said.text("lifecycle_stage") == _DELETED:
            self._left_out += 1
            return
        runs = []
        for name, paths in experiment.below.items():
            folder = _under(experiment.path, name)
            if name in (_TRACES, _MODELS):
                self._left_out += len({each[len(folder) + 1 :].partition("/")[0] for each in paths})
            elif f"{folder}/{_META}" in paths:
                runs.append(self._folder(folder, paths))
        alive = [each for each in runs if each.said.text("lifecycle_stage") != _DELETED]
        self._left_out += len(runs) - len(alive)
        self._experiments[key] = experiment
        self._runs[key] = sorted(alive, key=lambda each: (each.said.number("start_time"), each.path))

    def _folder(self, folder: str, paths: Sequence[str]) -> _Folder:
        depth = folder.count("/") + 1 if folder else 0
        below = _grouped(paths, depth + 1)
        return _Folder(
            folder,
            self._yaml(_under(folder, _META)),
            {path.rpartition("/")[2]: inside for path, inside in below.items() if path != folder},
        )

    def _yaml(self, path: str) -> Said:
        try:
            said = Said(read_yaml(whole(self._tree, path, most=_MOST_META)))
        except ValueError:
            raise Broken(_("A file of MLflow cannot be read: %(path)s.") % {"path": path}) from None
        held = {name: value for name, value in said.raw.items() if name in _LOOKED_AT}
        if any(isinstance(value, dict | list) for value in held.values()):  # many times what they take here
            raise Broken(_("A file of MLflow cannot be read: %(path)s.") % {"path": path})
        return Said(held)

    # ── what it holds ──

    def experiments(self) -> Sequence[Experiment]:
        return [self._experiment(key, folder) for key, folder in self._experiments.items()]

    def _experiment(self, key: str, folder: _Folder) -> Experiment:
        said = folder.said
        return Experiment(
            key=key,
            name=said.text("name") or key,
            created_at=of_milliseconds(said.maybe_number("creation_time"), "creation_time")
            or self._tree.moment(_under(folder.path, _META)),
            changed_at=of_milliseconds(said.maybe_number("last_update_time"), "last_update_time"),
            notes=self._words(folder, _TAGS).get(_NOTE, ""),
        )

    def runs(self, experiment: Experiment) -> Iterator[Logged]:
        return map(self._logged, self._runs[experiment.key])

    def _logged(self, folder: _Folder) -> Logged:
        said = folder.said
        key = said.text("run_id") or said.text("run_uuid")
        if key != folder.path.rpartition("/")[2]:
            raise Broken(_("A folder does not say which run it is: %(name)s.") % {"name": folder.path})
        if "://" in (place := said.text("artifact_uri")) and not place.startswith("file:"):
            self._left_out += 1  # its files lie elsewhere
        start = f"{folder.path}/{_METRICS}/"
        return Logged(
            key=key,
            name=said.text("run_name"),
            status=_status(said.raw.get("status")),
            login=said.text("user_id"),
            began_at=of_milliseconds(said.maybe_number("start_time"), "start_time")
            or self._tree.moment(f"{folder.path}/{_META}"),
            ended_at=of_milliseconds(said.maybe_number("end_time"), "end_time"),
            params=self._words(folder, _PARAMS),
            tags=self._words(folder, _TAGS),
            metrics=[path.removeprefix(start) for path in folder.below.get(_METRICS, ())],
            place=folder.path,
            artifacts=folder.below.get(_ARTIFACTS, ()),
        )

    def _words(self, folder: _Folder, kind: str) -> dict[str, str]:
        """Files of a word each, by their names, which may have folders in them."""
        start, paths = f"{_under(folder.path, kind)}/", folder.below.get(kind, ())
        if sum(map(self._tree.size, paths)) > _MOST_WORDS or len(paths) > _MOST_NAMES:
            raise TooMuch(_("More is said of a run than can be kept: %(path)s.") % {"path": folder.path})
        return {path.removeprefix(start): self._text(path) for path in paths}

    def _text(self, path: str) -> str:
        try:
            return whole(self._tree, path).decode()
        except UnicodeDecodeError:
            raise Broken(_("A text that was to be imported is not UTF-8.")) from None

    def points(self, run: Logged, metric: str) -> Iterator[Point]:
        path = f"{run.place}/{_METRICS}/{metric}"
        return _points(lines_of(self._tree.stream(path, piece_size=_PIECE)), path)

    def series(self, run: Logged, metrics: Sequence[str]) -> Mapping[str, Iterator[Point]]:
        """The longest are read as they go. Of all others, which may be very many, what is open takes more than what is in them."""
        paths = {each: f"{run.place}/{_METRICS}/{each}" for each in metrics}
        longest = sorted(metrics, key=lambda each: self._tree.size(paths[each]), reverse=True)
        short = longest[_MOST_STREAMS:]
        if len(metrics) > _MOST_NAMES or sum(self._tree.size(paths[each]) for each in short) > _MOST_READ:
            raise TooMuch(
                _("A run has more metrics than can be read side by side: %(path)s.") % {"path": run.place}
            )
        read = {each: whole(self._tree, paths[each], most=_MOST_READ) for each in short}
        return {
            each: _points(lines_of([read[each]]), paths[each]) if each in read else self.points(run, each)
            for each in metrics
        }

    def files(self, run: Logged) -> Iterator[PastFile]:
        start = f"{run.place}/{_ARTIFACTS}/"
        for path in run.artifacts:
            yield PastFile(
                path.removeprefix(start), self._tree.moment(path), partial(self._tree.stream, path)
            )


def _grouped(paths: Sequence[str], depth: int) -> dict[str, list[str]]:
    """The paths by the first so many folders of each; one that has fewer is by itself in its own."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        found["/".join(path.split("/")[:-1][:depth])].append(path)
    return found


def _under(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _status(value: object) -> str:
    return _STATUSES.get(value, "RUNNING") if isinstance(value, int) else str(value)


def _points(lines: Iterable[str], path: str) -> Iterator[Point]:
    return (_point(line, path) for line in lines if line.strip())


def _point(line: str, path: str) -> Point:
    """`milliseconds value step`; the oldest files have no step, newer ones say of which data set it is."""
    words = line.split(maxsplit=3)
    try:
        point = Point(int(words[0]), float(words[1]), int(words[2]) if len(words) > 2 else 0)
    except (IndexError, ValueError):
        raise Broken(_("A line of a metric cannot be read: %(path)s.") % {"path": path}) from None
    if not is_possible(point):
        raise Broken(_("A line of a metric cannot be read: %(path)s.") % {"path": path})
    return point
