"""One run that goes on while somebody looks at the demo: curves that grow, a console that moves, a button that stops it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.core import clock, jsontext
from apps.demo.curves import Recipe, machine, training
from apps.demo.world import clockwork, console_line, patch_of
from apps.projects.queries import get_project
from apps.runs.history import store
from apps.runs.models import Run
from apps.runs.services import start_run
from apps.runs.types import AppendResult, Lines, Stream, StreamRequest

NAME = "demo-live"
_SECONDS_A_STEP = 2.0
_STEPS_A_LOOK_AT_THE_MACHINE = 15
_STOPPED = 255  # what a script ends with that was told to stop
_RECIPE = Recipe(
    model="convnext-s", learning_rate=5e-4, batch_size=128, augmentation="mixup", epochs=60, seed=41
)


def log_live(
    by: Actor, *, steps: int = 1800, before: int = 240, wait: Callable[[float], object] = time.sleep
) -> Run:
    """Log until the last step, until somebody stops it from a page, or until Ctrl-C; `before` so many steps it has already."""
    project = get_project(by, Permission.RUN_CREATE, entity="alice", name="vision")
    opened, _ = start_run(project, name=NAME, by=by, patch=patch_of(_RECIPE))
    sender = _Sender(opened.run)
    began = clock.now() - timedelta(seconds=before * _SECONDS_A_STEP)
    looks = machine(_RECIPE, minutes=steps // _STEPS_A_LOOK_AT_THE_MACHINE + 1)
    try:
        for step, row in enumerate(training(_RECIPE, steps=steps)):
            moment = clockwork(step, began, seconds=_SECONDS_A_STEP)
            sender.take(Stream.HISTORY, jsontext.dumps(row | moment))
            sender.summary |= row | moment
            if step % _STEPS_A_LOOK_AT_THE_MACHINE == 0:
                sender.take(Stream.EVENTS, jsontext.dumps(next(looks) | moment))
            if line := console_line(step, row):
                sender.take(Stream.OUTPUT, line)
            if step < before:
                continue
            if sender.send().is_stop_requested:
                sender.send(exit_code=_STOPPED)
                return opened.run
            wait(_SECONDS_A_STEP)
    except KeyboardInterrupt:
        pass  # a script that ends by itself
    sender.send(exit_code=0)
    return opened.run


class _Sender:
    """What the client does: lines of each stream one after the other, with the summary as it stands."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.summary: dict[str, float] = {}
        self._sent = dict.fromkeys(Stream, 0)
        self._held: dict[Stream, list[str]] = {}

    def take(self, stream: Stream, line: str) -> None:
        self._held.setdefault(stream, []).append(line)

    def send(self, *, exit_code: int | None = None) -> AppendResult:
        streams = {
            stream: Lines(first=self._sent[stream], lines=lines) for stream, lines in self._held.items()
        }
        result = store.append(
            self.run,
            StreamRequest(
                streams=streams,
                summary_text=jsontext.dumps(self.summary),
                is_complete=exit_code is not None,
                exit_code=exit_code,
            ),
        )
        # Only now: what Ctrl-C broke off is sent again, under the same numbers.
        for stream, lines in self._held.items():
            self._sent[stream] += len(lines)
        self._held.clear()
        return result
