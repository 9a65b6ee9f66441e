"""A tracking server of MLflow, asked by its REST API."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from django.utils.translation import gettext as _

from apps.core import clock
from apps.core.errors import NotThere, TooMuch
from apps.files.types import PastFile
from apps.imports.errors import Broken
from apps.imports.readers.asking import OneAlone, Site, broke_off
from apps.imports.readers.mlflow.types import Experiment, Logged, Point, is_possible
from apps.imports.readers.paging import Once, Pages, at_most, too_long
from apps.imports.readers.said import Said, of_milliseconds
from apps.imports.types import Beat

_API = "/api/2.0/mlflow"
_AT_ONCE = 100
_POINTS_IN_ALL, _FEWEST_POINTS, _MOST_POINTS = 200_000, 100, 25_000
_MOST_FILES = 500_000
_MOST_EXPERIMENTS, _MOST_SAID = 100_000, 64 * 2**20  # and letters of what is said of them
_DEEPEST = 50
_NOTE = "mlflow.note.content"


class ServerStore:
    """What is deleted there is not asked for. Its models and traces have no place here, and nobody counts them."""

    left_out = 0
    things = 0  # nobody knows before all is read

    def __init__(self, site: Site, *, only: Sequence[str] = ()) -> None:
        self._site, self._only = site, only
        self._found: list[Experiment] = []
        found = map(_experiment, self._posted("experiments", "experiments/search", {}))
        wanted = (each for each in found if not only or each.name in only)
        self._found = list(_small(at_most(_MOST_EXPERIMENTS, wanted)))
        if not self._found:
            raise Broken(_("There is no experiment of MLflow in it."))

    @property
    def beat(self) -> Beat:
        return self._site.beat

    @property
    def fingerprint(self) -> bytes:
        """Not of what it holds: that grows while it is read."""
        said = "\n".join([self._site.address, *sorted(each.key for each in self._found)])
        return hashlib.sha256(said.encode("utf-8", "surrogatepass")).digest()

    def close(self) -> None:
        """Nothing stays open."""

    def experiments(self) -> Sequence[Experiment]:
        return self._found

    def runs(self, experiment: Experiment) -> Iterator[Logged]:
        asked = {
            "experiment_ids": [experiment.key],
            "order_by": ["attributes.start_time ASC"],
            "run_view_type": "ACTIVE_ONLY",
        }
        once = Once()
        found = map(_logged, self._posted("runs", "runs/search", asked))
        return (each for each in found if once.is_new(each.key))

    def points(self, run: Logged, metric: str) -> Iterator[Point]:
        """As many at once as leave room for those of the run's other metrics beside them."""
        most = max(_FEWEST_POINTS, min(_MOST_POINTS, _POINTS_IN_ALL // max(1, len(run.metrics))))
        ask = partial(self._json, "metrics/get-history", run_id=run.key, metric_key=metric)
        return map(_point, self._pages("metrics", ask, most))

    def series(self, run: Logged, metrics: Sequence[str]) -> Mapping[str, Iterator[Point]]:
        return {each: self.points(run, each) for each in metrics}

    def files(self, run: Logged) -> Iterator[PastFile]:
        ended = run.ended_at or clock.now()
        for path, size in at_most(_MOST_FILES, self._files(run, "", 0, Once())):
            yield PastFile(path, ended, partial(self._whole_bytes, partial(self._bytes, run, path, size)))

    def _whole_bytes(self, read: Callable[[], Iterator[bytes]]) -> Iterator[bytes]:
        return self._site.whole(read, partial(self._json, "experiments/search", body={"max_results": 1}))

    def _bytes(self, run: Logged, path: str, size: int | None) -> Iterator[bytes]:
        """Held to the size that the server says, where it says any."""
        came = 0
        for piece in self._site.stream("/get-artifact", most=size, path=path, run_uuid=run.key):
            came += len(piece)
            yield piece
        if size is not None and came != size:
            raise Broken(_("A file is not what the server says of it: %(name)s.") % {"name": path})

    def _files(self, run: Logged, folder: str, depth: int, once: Once) -> Iterator[tuple[str, int | None]]:
        """Each with its size."""
        if depth > _DEEPEST:
            raise TooMuch(_("Folders lie too deep in one another."))

        def ask(*, max_results: int, **paged: Any) -> dict[str, Any]:
            return self._json("artifacts/list", run_id=run.key, path=folder, **paged)

        for each in self._pages("files", ask, _AT_ONCE):
            path = each.text("path")
            if not path.startswith(f"{folder}/" if folder else "") or path == folder:
                raise Broken(_("The server lists files that do not lie where it says."))
            if not once.is_new(path):
                continue
            if each.raw.get("is_dir"):
                yield from self._files(run, path, depth + 1, once)
            else:
                yield path, None if each.raw.get("file_size") is None else _whole(each.raw["file_size"])

    def _json(self, path: str, /, **asked: Any) -> dict[str, Any]:
        """What it has not itself, it says by name. Else, where it has answered before, it is a proxy that has lost its way."""
        try:
            return self._site.json(f"{_API}/{path}", **asked)
        except OneAlone:
            raise
        except NotThere:
            if self._found:
                raise broke_off() from None
            raise

    def _posted(self, name: str, path: str, asked: Mapping[str, object]) -> Iterator[Said]:
        def ask(**paged: str | int) -> dict[str, Any]:
            return self._json(path, body={**asked, **paged})

        return self._pages(name, ask, _AT_ONCE)

    def _pages(self, name: str, ask: Callable[..., dict[str, Any]], size: int) -> Iterator[Said]:
        """What a list holds. Where a page is too much to be read, smaller ones are asked for."""
        pages, paged = Pages(), dict[str, str]()
        while True:
            try:
                answer = Said(ask(max_results=size, **paged))
            except TooMuch:
                if size == 1:
                    raise
                size = max(1, size // 4)
                continue
            found = answer.objects(name)
            yield from found
            token = pages.following(answer.text("next_page_token"), came=len(found))
            if not token:
                return
            paged = {"page_token": token}


def _small(found: Iterable[Experiment]) -> Iterator[Experiment]:
    """They are held to the end, with what is said of them."""
    letters = 0
    for each in found:
        letters += len(each.key) + len(each.name) + len(each.notes)
        if letters > _MOST_SAID:
            raise too_long()
        yield each


def _whole(said: Any) -> int:
    """A number of bytes, which may come as a text like all numbers of 64 bits."""
    try:
        size = int(said)
    except (TypeError, ValueError, OverflowError):
        size = -1
    if not 0 <= size < 2**53:
        raise Broken(
            _("What was to be imported says something unusable of “%(name)s”.") % {"name": "file_size"}
        )
    return size


def _experiment(said: Said) -> Experiment:
    key = said.text("experiment_id")
    return Experiment(
        key=key,
        name=said.text("name") or key,
        created_at=of_milliseconds(said.maybe_number("creation_time"), "creation_time"),
        changed_at=of_milliseconds(said.maybe_number("last_update_time"), "last_update_time"),
        notes=_words(said, "tags").get(_NOTE, ""),
    )


def _logged(said: Said) -> Logged:
    info, data = said.object("info"), said.object("data")
    key = info.text("run_id") or info.text("run_uuid")
    return Logged(
        key=key,
        name=info.text("run_name"),
        status=info.text("status"),
        login=info.text("user_id"),
        began_at=of_milliseconds(info.maybe_number("start_time"), "start_time") or clock.now(),
        ended_at=of_milliseconds(info.maybe_number("end_time"), "end_time"),
        params=_words(data, "params"),
        tags=_words(data, "tags"),
        metrics=sorted(each.text("key") for each in data.objects("metrics")),
    )


def _words(said: Said, name: str) -> dict[str, str]:
    return {each.text("key"): each.text("value") for each in said.objects(name)}


def _point(said: Said) -> Point:
    """Numbers of 64 bits, and those that are none, may come as texts."""
    raw = said.raw
    try:
        point = Point(int(raw["timestamp"]), float(raw["value"]), int(raw.get("step") or 0))
    except (KeyError, TypeError, ValueError, OverflowError):
        raise Broken(_("The server says something unusable of a metric.")) from None
    if not is_possible(point):
        raise Broken(_("The server says something unusable of a metric."))
    return point
