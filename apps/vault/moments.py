"""The vault as of one moment, in which nobody changes it: what others read meanwhile fits to it.

A key is there before the row that it seals, and a row is marked before its key goes. So a main database that is read in such
a moment misses no key that it still needs.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from django.db import connections, transaction

from apps.vault.copies import write_rows
from apps.vault.models import Grant, Node
from apps.vault.rows import DATABASE

_PATIENCE = 20.0
_PAGES = 2_000  # copied at once


@contextmanager
def held(meanwhile: Callable[[], None]) -> Iterator[Callable[[Path], None]]:
    """Call `meanwhile` while the vault stands still, for a moment only. What is yielded writes the vault of that moment to a file."""
    with ExitStack() as stack:
        if connections[DATABASE].vendor == "sqlite":
            yield stack.enter_context(_sqlite(meanwhile))
        else:
            yield stack.enter_context(_postgresql(meanwhile))


@contextmanager
def _sqlite(meanwhile: Callable[[], None]) -> Iterator[Callable[[Path], None]]:
    place = str(connections[DATABASE].settings_dict["NAME"])
    with closing(sqlite3.connect(place, timeout=_PATIENCE, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with closing(sqlite_as_of_now(place)) as reader:
            meanwhile()
            writer.execute("ROLLBACK")
            yield lambda target: write_sqlite(reader, target)


@contextmanager
def _postgresql(meanwhile: Callable[[], None]) -> Iterator[Callable[[Path], None]]:
    other = connections.create_connection(DATABASE)
    tables = ", ".join(other.ops.quote_name(model._meta.db_table) for model in (Node, Grant))
    try:
        with transaction.atomic(using=DATABASE, durable=True):
            with connections[DATABASE].cursor() as reader, other.cursor() as writer:
                reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                writer.execute("BEGIN")
                writer.execute(f"LOCK TABLE {tables} IN SHARE MODE")
                reader.execute("SELECT 1")  # from here on it sees this moment
                meanwhile()
                writer.execute("ROLLBACK")
            yield write_rows
    finally:
        other.close()


def sqlite_as_of_now(place: str) -> sqlite3.Connection:
    """A connection that sees the file as it is now for as long as it is open."""
    connection = sqlite3.connect(place, timeout=_PATIENCE, isolation_level=None)
    connection.execute("BEGIN")
    connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    return connection


def write_sqlite(source: sqlite3.Connection, target: Path) -> None:
    """A file of what the connection sees, without pages that are no longer used: what was deleted may stand in them."""
    with closing(sqlite3.connect(target, isolation_level=None)) as copy:
        source.backup(copy, pages=_PAGES)
        copy.execute("PRAGMA journal_mode=DELETE")
        copy.execute("VACUUM")
