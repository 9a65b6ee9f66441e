"""A reader of tables that says one thing, and then reckons for ever, or for the seconds that it is asked for, without a word to
anybody: run by test_bombs.py."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

from apps.imports.readers.ownlog.apart import serve


def rows(_opened: Any, mark: bytes) -> Iterator[str]:
    yield "x" * 2**20
    until = time.process_time() + float(mark or "inf")
    while time.process_time() < until:
        pass


if __name__ == "__main__":
    serve(sys.stdin.buffer, int(sys.argv[1]), int(sys.argv[2]), rows)
