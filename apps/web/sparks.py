"""The tiny chart beside a project: its most telling metric over the newest run that logged one."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.core.errors import Erased
from apps.runs.errors import BackSoon
from apps.runs.history import store
from apps.runs.queries import newest_with_history
from apps.vault.damage import leave_out
from apps.vault.errors import Tampered
from apps.vault.tree import open_keys
from apps.vault.types import NodeId
from apps.web.columns import ranked_measures
from apps.web.figures import figure
from apps.web.panels import metric_names
from apps.web.states import state_of

if TYPE_CHECKING:
    from apps.projects.models import Project
    from apps.runs.models import Run
    from apps.runs.types import Series

MOST_AT_ONCE = 24
WIDTH, HEIGHT = 120, 24
_COLUMNS = 40
_EDGE = 2.5  # so that neither the line nor the dot at its end is cut
# A run may hold millions of points. Rows that are not drawn in this time are asked for once more.
_SECONDS_AT_ONCE = 0.4


@dataclass(frozen=True, slots=True)
class Spark:
    """What stands in the row of one project; without a `path` nothing was logged that a line could show."""

    project: Project
    metric: str = ""
    last: str = ""
    path: str = ""
    end: tuple[float, float] = (0, 0)
    is_live: bool = False


def sparks(projects: Iterable[Project]) -> Iterator[Spark]:
    """The tiny charts of these projects, as many as are drawn in a moment, and one at the least."""
    held = list(projects)[:MOST_AT_ONCE]
    newest = newest_with_history(held)
    open_keys(NodeId(run.vault_node) for run in newest.values())  # all with one question; they stay open
    until = time.monotonic() + _SECONDS_AT_ONCE
    for project in held:
        run = newest.get(project.pk)
        yield Spark(project) if run is None else _spark_if_whole(project, run)
        if time.monotonic() > until:
            return


def _spark_if_whole(project: Project, run: Run) -> Spark:
    try:
        return _spark(project, run)
    except Tampered as error:
        leave_out(error)
    except (BackSoon, Erased):  # while this page was made
        pass
    return Spark(project)


def _spark(project: Project, run: Run) -> Spark:
    metrics = ranked_measures(metric_names([store.keys_of(run)]))
    if not metrics:
        return Spark(project)
    points = _finite(store.sample_metric(run, metrics[0], _COLUMNS))
    if not points:
        return Spark(project)
    places = _placed(points)
    return Spark(
        project,
        metric=metrics[0],
        last=figure(points[-1][1]),
        path="M" + "L".join(f"{x:.4g} {y:.4g}" for x, y in places),
        end=places[-1],
        is_live=state_of(run).is_running,
    )


def _finite(series: Series) -> list[tuple[float, float]]:
    return [(x, y) for x, y in zip(series.x, series.y, strict=True) if math.isfinite(y)]


def _placed(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points in the picture's own units, y growing downwards."""
    left, right = points[0][0], points[-1][0]
    low, high = min(y for _, y in points), max(y for _, y in points)
    return [
        (
            _between(_share(x, left, right), _EDGE, WIDTH - _EDGE),
            _between(_share(y, low, high), HEIGHT - _EDGE, _EDGE),
        )
        for x, y in points
    ]


def _share(value: float, low: float, high: float) -> float:
    """Where the value stands between the two; in the middle when there is nothing between. Halved: no overflow."""
    width = high / 2 - low / 2
    return (value / 2 - low / 2) / width if width > 0 else 0.5


def _between(share: float, start: float, stop: float) -> float:
    return round(start + share * (stop - start), 1)
