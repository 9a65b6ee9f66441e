"""When a run began. What is logged offline arrives later, so the client's own word goes before the time of arrival."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from apps.runs.history import store
from apps.runs.history.codec import as_number
from apps.runs.types import OpenRun, Stream
from apps.vault.errors import Tampered
from apps.web.values import client_facts

_STARTED, _MACHINES, _FORK = "startedAt", "e", "branch_point"
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_AHEAD = timedelta(days=1)  # a client's clock may be wrong
_SAME = timedelta(minutes=1)  # the client says hello a little after it began
TIME, RUNTIME = "_timestamp", "_runtime"


@dataclass(frozen=True, slots=True)
class Beginning:
    """`arrived_at` is there when a run came to the instance well after it began; `again` holds later starts."""

    started_at: datetime
    arrived_at: datetime | None
    again: list[datetime]


def beginning_of(opened: OpenRun) -> Beginning:
    """By what the client says at each start, else by its first row, else by when it was first heard here."""
    arrived = opened.run.created_at
    starts = sorted(
        filter(None, (_moment(each.get(_STARTED), arrived) for each in starts_of(opened.config_text)))
    )
    started = starts[0] if starts else _before_first_row(opened, arrived) or arrived
    is_late = arrived - started > _SAME
    return Beginning(started, arrived if is_late else None, starts[1:])


def starts_of(config_text: str) -> list[dict[str, Any]]:
    """What the client said of the machine at each start of the run."""
    machines = client_facts(config_text).get(_MACHINES)
    return (
        [each for each in machines.values() if isinstance(each, dict)] if isinstance(machines, dict) else []
    )


def fork_of(config_text: str) -> tuple[str, str] | None:
    """The run and the step that this one was forked from."""
    point = client_facts(config_text).get(_FORK)
    if not isinstance(point, dict) or not isinstance(point.get("run_id"), str):
        return None
    step = point.get("step")
    return point["run_id"], str(step) if isinstance(step, int | float) else ""


def _moment(text: Any, arrived: datetime) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) and len(text) < 64 else None
    except ValueError:
        return None
    return _believed(moment, arrived) if moment is not None else None


def _believed(moment: datetime, arrived: datetime) -> datetime | None:
    """None for what no clock says; a time without a zone is taken for UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment if _EARLIEST < moment < arrived + _AHEAD else None


def _before_first_row(opened: OpenRun, arrived: datetime) -> datetime | None:
    if opened.run.history_lines == 0 or fork_of(opened.config_text):
        return None
    try:
        row: dict[str, Any] = next(iter(store.scan(opened.run, Stream.HISTORY, keys=[TIME, RUNTIME])), {})
    except Tampered:  # what is damaged is told where it is read; the run is no less here for it
        return None
    time, runtime = as_number(row, TIME), as_number(row, RUNTIME)
    if time is None or not 0 < time < 2**37:
        return None
    began = time - (runtime if runtime is not None and 0 <= runtime < time else 0)
    return _believed(datetime.fromtimestamp(began, tz=UTC), arrived)
