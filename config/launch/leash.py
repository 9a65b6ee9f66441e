"""Hold one child, and end it when the launcher is gone.

Run as a script with the standard library only (`python -I -S leash.py COMMAND...`), because one runs beside every
child. Its standard input is a pipe that only the launcher holds open: when the launcher ends, for whatever reason and
on whatever system, the pipe ends too. The leash leads a process group of its own, so that nothing its child started
outlives it.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time

# Long enough for requests and tasks in flight; work that takes longer is taken up again at the next start.
GRACE_SECONDS = 5.0


def main(command: list[str]) -> int:
    # The pipe wakes the loop when the child ends, so that nothing has to poll.
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    launcher = sys.stdin.fileno()
    while child.poll() is None:
        ready, _, _ = select.select([launcher, wake_read], [], [])
        if wake_read in ready:
            os.read(wake_read, 512)
        if launcher in ready and not os.read(launcher, 512):
            _end_the_group(child)
    return _exit_code(child.returncode)


def _end_the_group(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    deadline = time.monotonic() + GRACE_SECONDS
    while child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(os.getpgrp(), signal.SIGKILL)  # this process included


def _exit_code(returncode: int) -> int:
    return returncode if returncode >= 0 else 128 - returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
