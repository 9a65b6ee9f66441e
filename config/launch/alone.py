"""Run a command while no other runs that was given to this file: `make up` and `make demo` may both begin where nothing is installed.

A file by itself, for no package is there yet: `python -I config/launch/alone.py COMMAND`. Each command asks first whether
it is still needed.
"""

from __future__ import annotations

import fcntl
import os
import sys
from pathlib import Path


def main(command: str) -> None:
    lock = os.open(Path(__file__), os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("Another make is installing here; waiting for it", flush=True)
        fcntl.flock(lock, fcntl.LOCK_EX)
    # The command holds it: whoever stops this process by force does not let the next one in beside it.
    os.set_inheritable(lock, True)
    os.execv("/bin/sh", ["sh", "-c", command])  # noqa: S606 - the command is of the Makefile


if __name__ == "__main__":
    main(sys.argv[1])
