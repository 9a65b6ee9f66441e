"""Metrics that were kept one by one, as the rows of a history: what was logged at one step stands together."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from apps.imports.readers.mlflow.types import Point

_Named = tuple[str, Point]


def history_rows(series: Mapping[str, Iterable[Point]]) -> Iterator[dict[str, Any]]:
    """Row by row in the order of the steps; each series is read as it goes. What came twice at one step has two rows."""
    merged = heapq.merge(*map(_named, series.items()), key=lambda found: found[1].step)
    row: dict[str, Any] = {}
    for name, point in merged:
        if row and (row["_step"] != point.step or name in row):
            yield row
            row = {}
        row = row or {"_step": point.step, "_timestamp": point.at / 1000}
        row[name] = point.value
    if row:
        yield row


def system_rows(series: Mapping[str, Iterable[Point]], began: datetime) -> Iterator[dict[str, Any]]:
    """The same by moments, as the client sends system metrics."""
    row: dict[str, Any] = {}
    for name, point in heapq.merge(*map(_named, series.items()), key=lambda found: found[1].at):
        at = point.at / 1000
        if row and (row["_timestamp"] != at or name in row):
            yield row
            row = {}
        row = row or {"_timestamp": at, "_runtime": max(0.0, at - began.timestamp())}
        row[name] = point.value
    if row:
        yield row


def _named(item: tuple[str, Iterable[Point]]) -> Iterator[_Named]:
    name, points = item
    return ((name, point) for point in points)
