"""A child of the launcher: started on a leash, stopped politely, started again when it dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

LEASH = Path(__file__).with_name("leash.py")
ROOT = Path(__file__).absolute().parents[2]
LONGEST_PAUSE = 30.0
# A child that lived this long was well; the next death starts the pauses from the shortest again.
WELL_AFTER = 60.0


@dataclass
class Child:
    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    patience: float
    """Seconds between the polite end and the impolite one."""
    stop_rank: int = 0
    """The lowest is stopped first."""
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    started_at: float = field(default=0.0, init=False)
    stop_asked_at: float = field(default=0.0, init=False)
    start_again_at: float | None = field(default=None, init=False)
    pause: float = field(default=1.0, init=False)

    def start(self) -> None:
        self.start_again_at = None
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(LEASH), *self.command],
            cwd=ROOT,
            env=dict(self.environment),
            stdin=subprocess.PIPE,
            process_group=0,
        )

    def has_died(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def bury(self) -> int:
        """End what the dead leash left behind in its group; return how the child ended."""
        assert self.process is not None
        code = self.process.wait()
        self._signal_group(signal.SIGKILL)
        self._forget()
        return code

    def plan_next_start(self) -> float:
        """Seconds until the next start: longer after each quick death."""
        if time.monotonic() - self.started_at > WELL_AFTER:
            self.pause = 1.0
        pause, self.pause = self.pause, min(self.pause * 2, LONGEST_PAUSE)
        self.start_again_at = time.monotonic() + pause
        return pause

    def is_due(self) -> bool:
        return self.start_again_at is not None and time.monotonic() >= self.start_again_at

    def ask_to_stop(self) -> None:
        self.start_again_at = None
        self.stop_asked_at = time.monotonic()
        if self.process is not None:
            self.process.terminate()

    def has_patience(self) -> bool:
        return self.process is not None and time.monotonic() - self.stop_asked_at < self.patience

    def end(self) -> bool:
        """After `ask_to_stop`: end whatever is left of the child. False when it had to be killed."""
        if self.process is None:
            return True
        ended = self.process.poll() is not None
        self._signal_group(signal.SIGKILL)
        self.process.wait()
        self._forget()
        return ended

    def _signal_group(self, number: signal.Signals) -> None:
        assert self.process is not None
        try:
            os.killpg(self.process.pid, number)
        except (ProcessLookupError, PermissionError):
            pass  # nobody is left; macOS says EPERM for a group of the dead

    def _forget(self) -> None:
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()
        self.process = None
