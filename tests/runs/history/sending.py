"""Sending to a run as the client does, in few words."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from apps.runs.history import store
from apps.runs.models import Run
from apps.runs.types import AppendResult, Lines, RunState, Stream, StreamRequest


def rows_from(first: int, count: int, **more: Any) -> list[str]:
    return [
        json.dumps({"loss": 1 / (step + 1), "_step": step, "_timestamp": 1000.0 + step} | more)
        for step in range(first, first + count)
    ]


def send(
    run: Run, first: int, lines: Iterable[str], *, stream: Stream = Stream.HISTORY, **more: Any
) -> AppendResult:
    return store.append(run, StreamRequest(streams={stream: Lines(first, list(lines))}, **more))


def complete(run: Run, code: int = 0, **more: Any) -> RunState:
    return store.append(run, StreamRequest(is_complete=True, exit_code=code, **more)).state


def steps(run: Run, **more: Any) -> list[Any]:
    return [row.get("_step") for row in store.scan(run, Stream.HISTORY, **more)]


def facts(run: Run) -> dict[str, Any]:
    """All of the run's row but the heartbeat."""
    found = dict(Run.objects.filter(pk=run.pk).values().get())
    return {name: value for name, value in found.items() if name != "heartbeat_at"}
