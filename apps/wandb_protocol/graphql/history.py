"""A run's rows under the client's names. NaN and infinities travel as words where JSON has none for them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from apps.core import jsontext
from apps.core.errors import Invalid
from apps.runs.history import store
from apps.runs.history.paths import weight
from apps.runs.types import Stream
from apps.wandb_protocol.graphql.context import Fields, Info, Source, budget_of
from apps.wandb_protocol.translate import whole_step

if TYPE_CHECKING:
    from apps.runs.types import OpenRun

_DEFAULT_SAMPLES = 500
_MOST_ROWS = 10_000
_ROWS_IN_PAGE = 1_000_000
_MOST_SPECS = 20
_MOST_KEYS = 1000


def history(
    source: Source,
    info: Info,
    min_step: int | None = None,
    max_step: int | None = None,
    samples: int | None = None,
) -> list[str]:
    """Whole rows: those from one step up to another, or a sample of all, evenly spread."""
    opened: OpenRun = source["_run"]
    budget_of(info).stream_of(opened.run.history_lines)
    if min_step is None and max_step is None:
        return _texts(info, store.sample_rows(opened.run, Stream.HISTORY, _bounded(samples)))
    last = None if max_step is None else max_step - 1
    rows = store.scan(opened.run, Stream.HISTORY, first_step=min_step, last_step=last)
    return _texts(info, rows)


def events(source: Source, info: Info, samples: int | None = None) -> list[str]:
    opened: OpenRun = source["_run"]
    budget_of(info).stream_of(opened.run.event_lines)
    return _texts(info, store.sample_rows(opened.run, Stream.EVENTS, _bounded(samples)))


def sampled_history(source: Source, info: Info, specs: Sequence[str]) -> list[list[dict[str, Any]]]:
    if len(specs) > _MOST_SPECS:
        raise Invalid(f"At most {_MOST_SPECS} samples can be asked for at once.")
    opened: OpenRun = source["_run"]
    return [_sampled(info, opened, jsontext.loads(spec)) for spec in specs]


def _sampled(info: Info, opened: OpenRun, spec: Any) -> list[dict[str, Any]]:
    """Rows that have all the keys, evenly spread with the last; the client counts `maxStep` in."""
    keys = spec.get("keys") if isinstance(spec, dict) else None
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys) or len(keys) > _MOST_KEYS:
        raise Invalid("A sample needs a list of keys.")
    first, last = (_step(spec.get(name)) for name in ("minStep", "maxStep"))
    samples = _bounded(_count(spec.get("samples")))
    if first is not None and last is not None and last - first <= samples:
        # A page of a scan: a step that several writers share has several rows, and each of them is wanted.
        samples = _ROWS_IN_PAGE
    budget, rows = budget_of(info), []
    budget.stream_of(opened.run.history_lines)
    for row in store.sample_keys(opened.run, keys, samples, first_step=first, last_step=last):
        budget.text(weight(row))
        rows.append(wire(row))
    return rows


def _step(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Invalid("A step is a number.")
    return whole_step(max(value, 0))


def _count(value: Any) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise Invalid("The number of samples is a whole number.")
    return value


def _bounded(samples: int | None) -> int:
    return _DEFAULT_SAMPLES if samples is None else max(0, min(samples, _MOST_ROWS))


def _texts(info: Info, rows: Iterable[dict[str, Any]]) -> list[str]:
    """Every row, or an error: the client would take an answer cut short for all there is."""
    budget, texts = budget_of(info), []
    for row in rows:
        texts.append(jsontext.dumps(row))
        budget.text(len(texts[-1]))
    return texts


def wire(value: Any) -> Any:
    """The value as strict JSON can carry it: wandb's readers know these words."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: wire(item) for key, item in value.items()}
    if isinstance(value, list):
        return [wire(item) for item in value]
    return value


def parquet_history(_: Source, __: Info, live_keys: Sequence[str] | None = None) -> Source:
    """No files are handed out: the client would keep them, unsealed, on its disk. It reads live rows instead."""
    return {"parquetUrls": [], "liveData": []}


FIELDS: Fields = {
    "Run.history": history,
    "Run.events": events,
    "Run.sampledHistory": sampled_history,
    "Run.parquetHistory": parquet_history,
}
