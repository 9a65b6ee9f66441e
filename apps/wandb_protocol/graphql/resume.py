"""What a resuming client wants to know: where each stream ends. Nothing here may be null."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apps.core import jsontext
from apps.runs.history import store
from apps.runs.types import Stream
from apps.wandb_protocol.graphql.context import Fields, Info, Source
from apps.wandb_protocol.graphql.history import wire

if TYPE_CHECKING:
    from apps.runs.types import OpenRun


def history_tail(source: Source, _: Info) -> str:
    return _tail(source, Stream.HISTORY)


def events_tail(source: Source, _: Info) -> str:
    return _tail(source, Stream.EVENTS)


def _tail(source: Source, stream: Stream) -> str:
    """JSON text of a list of the JSON text of the last row."""
    row = _last_row(source, stream)
    return jsontext.dumps([] if row is None else [jsontext.dumps(row)])


def _last_row(source: Source, stream: Stream) -> dict[str, Any] | None:
    opened: OpenRun = source["_run"]
    return store.last_row(opened.run, stream)


def system_metrics(source: Source, _: Info) -> str:
    """JSON text of the latest system metrics."""
    return jsontext.dumps(_last_row(source, Stream.EVENTS) or {})


def history_keys(source: Source, _: Info) -> dict[str, Any] | None:
    """The metrics with their last values; `lastStep` tells the client how far to scan."""
    opened: OpenRun = source["_run"]
    return wire(store.key_list(opened.run))  # type: ignore[no-any-return]


FIELDS: Fields = {
    "Run.historyTail": history_tail,
    "Run.eventsTail": events_tail,
    "Run.systemMetrics": system_metrics,
    "Run.historyKeys": history_keys,
}
