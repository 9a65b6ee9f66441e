"""Run a command while no other runs with this lock: `make up` and `make demo` may both begin where nothing is installed.

A file by itself, for no package is there yet: `python -I config/launch/alone.py LOCK COMMAND`. Each command asks first
whether it is still needed. The lock is a file of its own, which nobody replaces: with one that is tracked, who begins
after a `git pull` would not meet who began before it.
"""

from __future__ import annotations

import fcntl
import os
import sys


def main(path: str, command: str) -> None:
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("Another make is installing here; waiting for it", flush=True)
        fcntl.flock(lock, fcntl.LOCK_EX)
    # The command holds it: whoever stops this process by force does not let the next one in beside it.
    os.set_inheritable(lock, True)
    os.execv("/bin/sh", ["sh", "-c", command])  # noqa: S606 - the command is of the Makefile


if __name__ == "__main__":
    main(*sys.argv[1:])
