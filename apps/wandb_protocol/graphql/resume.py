"""What a resuming client wants to know: where each stream ends. Nothing here may be null."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apps.core import jsontext
from apps.runs.history import store
from apps.runs.types import Stream
from apps.wandb_protocol.graphql.context import Fields, Info, Source, budget_of
from apps.wandb_protocol.graphql.history import wire

if TYPE_CHECKING:
    from apps.runs.types import OpenRun


def history_tail(source: Source, info: Info) -> str:
    return _tail(source, info, Stream.HISTORY)


def events_tail(source: Source, info: Info) -> str:
    return _tail(source, info, Stream.EVENTS)


def _tail(source: Source, info: Info, stream: Stream) -> str:
    """JSON text of a list of the JSON text of the last row."""
    row = _last_row(source, info, stream)
    return jsontext.dumps([] if row is None else [jsontext.dumps(row)])


def _last_row(source: Source, info: Info, stream: Stream) -> dict[str, Any] | None:
    opened: OpenRun = source["_run"]
    budget_of(info).stream_of(0)
    return store.last_row(opened.run, stream)


def system_metrics(source: Source, info: Info) -> str:
    """JSON text of the latest system metrics."""
    return jsontext.dumps(_last_row(source, info, Stream.EVENTS) or {})


def history_keys(source: Source, info: Info) -> dict[str, Any] | None:
    """The metrics with their last values; `lastStep` tells the client how far to scan."""
    opened: OpenRun = source["_run"]
    budget_of(info).stream_of(0)
    return wire(store.key_list(opened.run))  # type: ignore[no-any-return]


FIELDS: Fields = {
    "Run.historyTail": history_tail,
    "Run.eventsTail": events_tail,
    "Run.systemMetrics": system_metrics,
    "Run.historyKeys": history_keys,
}
