"""The folders of all that the suite starts lie in memory, where Linux offers some: docs/adr/0191."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = Path("/dev/shm")
# Several times what one run of the suite has there at once.
ROOM = 4 * 2**30


@contextmanager
def in_memory(memory: Path = MEMORY) -> Iterator[None]:
    """For as long as the block lasts, for this process and those it starts. Whoever set TMPDIR knows better."""
    if "TMPDIR" in os.environ or not _is_fit(memory):
        yield
        return
    with tempfile.TemporaryDirectory(
        prefix="ownlog-suite-", dir=memory, ignore_cleanup_errors=True
    ) as folder:
        Path(folder).chmod(0o1777)  # as /tmp is: PostgreSQL runs as somebody else
        os.environ["TMPDIR"], tempfile.tempdir = folder, None
        try:
            yield
        finally:
            del os.environ["TMPDIR"]
            tempfile.tempdir = None


def _is_fit(memory: Path) -> bool:
    """There is room, and programs may run there: PostgreSQL's are copied beside its data."""
    if not memory.is_dir() or not os.access(memory, os.W_OK):
        return False
    return shutil.disk_usage(memory).free >= ROOM and not os.statvfs(memory).f_flag & os.ST_NOEXEC
