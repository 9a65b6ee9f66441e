"""Processes that an earlier launcher of the same data folder left behind.

A leash ends its child when the launcher dies. When the leashes were killed as well, the next start has to clean up. It
knows its own by a mark in their environment, made from the data folder: a process id alone may belong to somebody else
by now.
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

MARK = "OWNLOG_LAUNCHED_FOR"
PATIENCE = 8.0


def mark_of(data: Path) -> str:
    return hashlib.sha256(str(data.resolve()).encode()).hexdigest()


def end_leftovers(data: Path) -> int:
    """End every process that carries the folder's mark. Returns how many there were."""
    mark = mark_of(data)
    found = processes_with(mark)
    for number in (signal.SIGTERM, signal.SIGKILL):
        if not _signal_all(processes_with(mark), number):
            break
        _wait_until(lambda: not processes_with(mark), PATIENCE)
    return len(found)


def processes_with(mark: str) -> list[int]:
    """Ids of this user's processes that were started with the mark, but not of this one."""
    pids = _from_proc(mark) if sys.platform == "linux" else _from_ps(mark)
    return [pid for pid in pids if pid != os.getpid()]


def _from_proc(mark: str) -> list[int]:
    entry = f"{MARK}={mark}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            if entry in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except OSError:
            continue  # it ended just now, or is somebody else's
    return found


def _from_ps(mark: str) -> list[int]:
    listing = subprocess.run(
        ["ps", "-axEwwo", "pid=,command="], capture_output=True, text=True, check=False
    ).stdout
    return [int(line.split(None, 1)[0]) for line in listing.splitlines() if f"{MARK}={mark}" in line]


def _signal_all(pids: list[int], number: signal.Signals) -> bool:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
    return bool(pids)


def _wait_until(done: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not done() and time.monotonic() < deadline:
        time.sleep(0.1)
