"""A tracking server of MLflow, asked by its REST API."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from django.utils.translation import gettext as _

from apps.core import clock
from apps.core.errors import TooMuch
from apps.files.types import PastFile
from apps.imports.errors import Broken
from apps.imports.readers.asking import Site
from apps.imports.readers.mlflow.types import Experiment, Logged, Point, is_possible
from apps.imports.readers.said import Said, of_milliseconds
from apps.imports.types import Beat

_API = "/api/2.0/mlflow"
_AT_ONCE = 100
_POINTS_IN_ALL, _FEWEST_POINTS, _MOST_POINTS = 200_000, 100, 25_000
_MOST_FILES = 500_000
_DEEPEST = 50
_NOTE = "mlflow.note.content"


class ServerStore:
    """What is deleted there is not asked for. Its models and traces have no place here, and nobody counts them."""

    left_out = 0
    things = 0  # nobody knows before all is read

    def __init__(self, site: Site, *, only: Sequence[str] = ()) -> None:
        self._site, self._only = site, only
        self._found = [_experiment(each) for each in self._pages("experiments", "experiments/search", {})]
        if only:
            self._found = [each for each in self._found if each.name in only]
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
        return map(_logged, self._pages("runs", "runs/search", asked))

    def points(self, run: Logged, metric: str) -> Iterator[Point]:
        """As many at once as leave room for those of the run's other metrics beside them."""
        most = max(_FEWEST_POINTS, min(_MOST_POINTS, _POINTS_IN_ALL // max(1, len(run.metrics))))
        token = ""
        while True:
            paged: dict[str, Any] = {"page_token": token} if token else {}
            answer = Said(
                self._site.json(
                    f"{_API}/metrics/get-history",
                    run_id=run.key,
                    metric_key=metric,
                    max_results=most,
                    **paged,
                )
            )
            yield from [_point(each) for each in answer.objects("metrics")]
            token = _next(answer, token)
            if not token:
                return

    def series(self, run: Logged, metrics: Sequence[str]) -> Mapping[str, Iterator[Point]]:
        return {each: self.points(run, each) for each in metrics}

    def files(self, run: Logged) -> Iterator[PastFile]:
        ended = run.ended_at or clock.now()
        for path in self._paths(run, "", 0):
            yield PastFile(
                path, ended, partial(self._site.stream, "/get-artifact", path=path, run_uuid=run.key)
            )

    def _paths(self, run: Logged, folder: str, depth: int) -> Iterator[str]:
        if depth > _DEEPEST:
            raise TooMuch(_("Folders lie too deep in one another."))
        token, count = "", 0
        while True:
            paged: dict[str, Any] = {"page_token": token} if token else {}
            answer = Said(self._site.json(f"{_API}/artifacts/list", run_id=run.key, path=folder, **paged))
            for each in answer.objects("files"):
                count += 1
                path = each.text("path")
                if (
                    not path.startswith(f"{folder}/" if folder else "")
                    or path == folder
                    or count > _MOST_FILES
                ):
                    raise Broken(_("The server lists files that do not lie where it says."))
                if each.raw.get("is_dir"):
                    yield from self._paths(run, path, depth + 1)
                else:
                    yield path
            token = _next(answer, token)
            if not token:
                return

    def _pages(self, name: str, path: str, asked: Mapping[str, object]) -> Iterator[Said]:
        token = ""
        while True:
            body = dict(asked) | {"max_results": _AT_ONCE} | ({"page_token": token} if token else {})
            answer = Said(self._site.json(f"{_API}/{path}", body=body))
            yield from answer.objects(name)
            token = _next(answer, token)
            if not token:
                return


def _next(answer: Said, before: str) -> str:
    """Where the next page begins; nothing where there is none."""
    token = answer.text("next_page_token")
    if token and token == before:
        raise Broken(_("The server answers the same page again and again."))
    return token


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
        author=info.text("user_id"),
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
