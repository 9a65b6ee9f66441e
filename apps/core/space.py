"""A SQLite file gives back what was deleted from it.

Lines lie in the database until they are compacted into files. Without this it would stay as large as it was at its fullest.
PostgreSQL sees to that by itself.
"""

from __future__ import annotations

from django.db import connections
from django.db.backends.utils import CursorWrapper

_INCREMENTAL = 2
# Kept, since the next lines need them again: 2 MiB of pages.
_KEPT_PAGES = 512
# In one transaction, during which nobody else writes: some milliseconds.
_PAGES_AT_ONCE = 500


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


def _number(cursor: CursorWrapper, name: str) -> int:
    cursor.execute(f"PRAGMA {name}")
    return int(cursor.fetchone()[0])
