"""A SQLite file gives back what was deleted from it.

Lines lie in the database until they are compacted into files. Without this it would stay as large as it was at its fullest.
PostgreSQL sees to that by itself.
"""

from __future__ import annotations

import time

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

_INCREMENTAL = 2
# Kept, since the next lines need them again: 2 MiB of pages.
_KEPT_PAGES = 512
# In one transaction, during which nobody else writes: some milliseconds.
_PAGES_AT_ONCE = 500
_ASKED = 20


def is_file(alias: str = "default") -> bool:
    return connections[alias].vendor == "sqlite"


def can_give_back(alias: str = "default") -> bool:
    """Whether the database is one that gives pages back when it is asked to."""
    if not is_file(alias):
        return False
    with connections[alias].cursor() as cursor:
        return _number(cursor, "auto_vacuum") == _INCREMENTAL


def learn_to_give_back(alias: str = "default") -> None:
    """Turn a database made by an earlier version into one that can. The whole file is written anew."""
    with connections[alias].cursor() as cursor:
        cursor.execute(f"PRAGMA auto_vacuum = {_INCREMENTAL}")
        cursor.execute("VACUUM")


def give_back_space(alias: str = "default") -> None:
    """Shorten the file by its free pages, but for a few."""
    if not can_give_back(alias):
        return
    with connections[alias].cursor() as cursor:
        while (free := _number(cursor, "freelist_count") - _KEPT_PAGES) > 0:
            cursor.execute(f"PRAGMA incremental_vacuum({min(free, _PAGES_AT_ONCE)})")
            cursor.fetchall()  # a page is given back for each row that is asked for


def empty_the_log(alias: str = "default") -> bool:
    """Have all that stands in the write-ahead log written to the file, and the log cut to nothing; False while somebody reads it,
    or where this is asked inside a transaction. Then the next checkpoint does it."""
    return emptied_log_of(connections[alias])


def emptied_log_of(connection: BaseDatabaseWrapper) -> bool:
    return not connection.in_atomic_block and is_log_emptied(connection)


def is_log_emptied(connection: BaseDatabaseWrapper, *, tries: int = _ASKED) -> bool:
    """Empty it now, or in a moment in which nobody reads; False where there was none. For a connection outside a transaction."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")  # most of it while others write
        patience = _number(cursor, "busy_timeout")
        # While it waits for readers to end, writers wait for it: so it waits briefly, and asks again.
        cursor.execute("PRAGMA busy_timeout = 50")
        try:
            for _ in range(tries):
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                if not cursor.fetchone()[0]:
                    return True
                time.sleep(0.1)
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {patience:d}")
    return False


def _number(cursor: CursorWrapper, name: str) -> int:
    cursor.execute(f"PRAGMA {name}")
    return int(cursor.fetchone()[0])
