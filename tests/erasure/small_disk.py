"""A disk of PostgreSQL's that is full while erasures run: for test_unwell.py, in the process and the world of unwell.py.

What an erasure writes to lies on a file system of a few hundred KiB, as a tablespace. That its server has no room is its own word: 53100.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from apps.vault.models import Receipt

if TYPE_CHECKING:
    from tests.erasure.unwell import World

_SIZE = 4 * 2**20
_PAGE = 8192
_DISK_FULL = "53100"
# Of each a page is full at a tenth, so that nearly whatever is added takes room.
_TABLES = {
    "default": ("erasure_remainder", "erasure_erasurejob", "audit_event", "blobs_blob"),
    "vault": ("vault_node", "vault_grant", "vault_tombstone", "vault_epoch", "vault_receipt"),
}


def may_mount() -> bool:
    """Whether this process may have a file system of its own; asked for where PostgreSQL is this machine's."""
    with tempfile.TemporaryDirectory() as folder:
        return mounted(Path(folder)) and unmounted(Path(folder))


def mounted(folder: Path, *, size: int = _SIZE) -> bool:
    if os.getuid() != 0 or shutil.which("mount") is None:
        return False
    owner = pwd.getpwnam("nobody")
    options = f"size={size},mode=700,uid={owner.pw_uid},gid={owner.pw_gid}"
    command = ["mount", "-t", "tmpfs", "-o", options, "ownlog-small-disk", str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def unmounted(folder: Path) -> bool:
    """Sessions may have files of it open still, which lie nowhere any more."""
    return subprocess.run(["umount", "-l", str(folder)], check=True).returncode == 0


@contextmanager
def small_disk(*, size: int = _SIZE) -> Iterator[Path]:
    """One of so many bytes that PostgreSQL may write to, mounted in the block; beside it there is room."""
    with tempfile.TemporaryDirectory(prefix="ownlog-disk-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        disk = Path(folder) / "disk"
        disk.mkdir()
        assert mounted(disk, size=size)
        try:
            yield disk
        finally:
            unmounted(disk)


class SmallDisk:
    """It is as full as it is told to be, and notes who was refused."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.refused: list[str] = []

    def leave(self, size: int) -> None:
        """Room for so many bytes."""
        ballast = self.folder / "ballast"
        ballast.unlink(missing_ok=True)
        there = os.statvfs(self.folder)
        with ballast.open("wb") as file:
            file.write(bytes(max(0, there.f_bfree * there.f_bsize - size)))

    def empty(self) -> None:
        (self.folder / "ballast").unlink(missing_ok=True)

    def hear(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        try:
            return execute(sql, params, many, context)
        except DatabaseError as error:
            if getattr(error.__cause__, "sqlstate", None) == _DISK_FULL:
                self.refused.append(context["connection"].alias)
            raise


@contextmanager
def _tables_on_it() -> Iterator[SmallDisk]:
    """What an erasure adds to lies there in the block, and where it lay before afterwards."""
    with ExitStack() as stack:
        disk = stack.enter_context(small_disk())
        small = SmallDisk(disk)
        name = f"small_{os.getpid()}"
        with _aside("default") as cursor:
            cursor.execute(f"CREATE TABLESPACE {name} LOCATION '{disk}'")
        stack.callback(_drop, name)
        for alias, tables in _TABLES.items():
            stack.callback(_move, alias, tables, "pg_default", "RESET (fillfactor)")
            _move(alias, tables, name, "SET (fillfactor=10)")
        for connection in connections.all():
            stack.enter_context(connection.execute_wrapper(small.hear))
        stack.callback(small.empty)
        yield small


def _move(alias: str, tables: tuple[str, ...], place: str, filled: str) -> None:
    with _aside(alias) as cursor:
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} {filled}, SET (autovacuum_enabled={place == 'pg_default'})")
            cursor.execute(f"ALTER TABLE {table} SET TABLESPACE {place}")


def _drop(name: str) -> None:
    with _aside("default") as cursor:
        cursor.execute("CHECKPOINT")  # what was moved away is removed by then
        cursor.execute(f"DROP TABLESPACE {name}")


@contextmanager
def _aside(alias: str) -> Iterator[Any]:
    aside: BaseDatabaseWrapper = connections.create_connection(alias)
    try:
        with aside.cursor() as cursor:
            yield cursor
    finally:
        aside.close()


def server_full(world: World) -> None:
    """With room for one page more at each try: nothing is half done, no receipt is there before its time, and somebody hears of it."""
    for begin in (world.begin, world.begin_part):
        with _tables_on_it() as disk:
            job, troubles = begin(), set[str]()
            for room in itertools.chain(*[(0, 1, 2, 3)] * 6):
                disk.leave(room * _PAGE)
                world.turn()
                job.refresh_from_db()
                troubles.add(job.trouble)
                if job.done_at is not None:
                    break
                assert not Receipt.objects.filter(job=job.public_id).exists()
            assert set(disk.refused) == set(connections), disk.refused
            assert troubles - {""} == {"OperationalError"}
            disk.empty()
            world.carry_on(job)


def stories() -> tuple[Callable[[World], None], ...]:
    return (server_full,) if may_mount() else ()
