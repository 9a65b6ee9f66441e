"""A run's state as a mark and a word."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apps.core import clock
from apps.runs.durations import duration_seconds
from apps.runs.types import RunState

if TYPE_CHECKING:
    from apps.runs.models import Run

_MARKS = {
    RunState.RUNNING: "running",
    RunState.FINISHED: "finished",
    RunState.FAILED: "failed",
    RunState.CRASHED: "failed",
    RunState.KILLED: "stopped",
    RunState.PREEMPTED: "stopped",
}
_RUNNING = frozenset({RunState.RUNNING, RunState.PREEMPTING})


@dataclass(frozen=True, slots=True)
class StateMark:
    """`mark` is the shape, `word` the state in words."""

    mark: str
    word: str
    is_running: bool


# Each in the language of whoever asks, so none is looked up before.
_WORDS: dict[RunState, Callable[[], str]] = {
    RunState.PENDING: lambda: _("pending"),
    RunState.RUNNING: lambda: _("running"),
    RunState.FINISHED: lambda: _("finished"),
    RunState.FAILED: lambda: _("failed"),
    RunState.CRASHED: lambda: _("crashed"),
    RunState.KILLED: lambda: _("killed"),
    RunState.PREEMPTING: lambda: _("preempting"),
    RunState.PREEMPTED: lambda: _("preempted"),
}


def state_word(state: RunState) -> str:
    return _WORDS[state]()


def state_of(run: Run) -> StateMark:
    state = RunState(run.state)
    is_running = state in _RUNNING
    is_stopping = is_running and run.stop_requested_at is not None
    return StateMark(_MARKS.get(state, ""), _("stopping") if is_stopping else state_word(state), is_running)


def duration_of(run: Run, summary: Mapping[str, Any], *, now: datetime | None = None) -> timedelta:
    """How long the run took; for one that goes on, how long ago it began."""
    is_running = run.state in _RUNNING
    last_heard_at = (now or clock.now()) if is_running else (run.finished_at or run.heartbeat_at)
    seconds = duration_seconds(
        summary, created_at=run.created_at, last_heard_at=last_heard_at, is_running=is_running
    )
    return timedelta(seconds=seconds)
