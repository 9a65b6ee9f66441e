"""The main database of one moment, written to a backup and put back: as one SQLite file, or as PostgreSQL's own binary copies."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from django.apps import apps
from django.core.management.color import no_style
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from apps.backups.errors import Refused
from apps.vault.moments import sqlite_as_of_now, write_sqlite

_PIECE = 1024 * 1024
# Objects that hold bytes: of a file that came in parts the parts do, and its own name is none.
_OBJECTS = (
    "SELECT object_name, stored_size FROM blobs_blob WHERE state = 'stored' AND part_count = 0 "
    "UNION ALL SELECT object_name, stored_size FROM blobs_blobpart"
)


class Moment(Protocol):
    """The main database as it was when this was made, until it is closed."""

    def write(self, folder: Path) -> None:
        """Into this folder of a backup."""

    def objects(self) -> Iterator[tuple[str, int]]:
        """Name and size of every object in the store that is in use."""

    def close(self) -> None: ...


def as_of_now() -> Moment:
    return _SqliteMoment() if is_sqlite() else _PostgresqlMoment()


def is_sqlite() -> bool:
    return connections[DEFAULT_DB_ALIAS].vendor == "sqlite"


def kind() -> str:
    return connections[DEFAULT_DB_ALIAS].vendor


def migrations() -> list[str]:
    """What the tables of this code came about by, both databases' alike."""
    found = MigrationLoader(None).disk_migrations
    return sorted(f"{app}.{name}" for app, name in found)


class _SqliteMoment:
    def __init__(self) -> None:
        self._source = sqlite_as_of_now(str(connections[DEFAULT_DB_ALIAS].settings_dict["NAME"]))

    def write(self, folder: Path) -> None:
        write_sqlite(self._source, folder / "main.sqlite3")

    def objects(self) -> Iterator[tuple[str, int]]:
        yield from self._source.execute(_OBJECTS)

    def close(self) -> None:
        self._source.close()


class _PostgresqlMoment:
    def __init__(self) -> None:
        self._wrapper = connections.create_connection(DEFAULT_DB_ALIAS)
        with self._wrapper.cursor() as cursor:
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SELECT 1")

    def write(self, folder: Path) -> None:
        for table in _tables():
            columns = ", ".join(_columns(self._wrapper, table))
            with (
                self._wrapper.cursor() as cursor,
                (folder / f"{table}.rows").open("wb") as file,
                cursor.copy(f'COPY "{table}" ({columns}) TO STDOUT (FORMAT binary)') as pieces,
            ):
                for piece in pieces:
                    file.write(piece)
            (folder / f"{table}.columns").write_text(columns)

    def objects(self) -> Iterator[tuple[str, int]]:
        with self._wrapper.cursor() as cursor, cursor.copy(f"COPY ({_OBJECTS}) TO STDOUT") as rows:
            rows.set_types(["text", "int8"])
            yield from rows.rows()

    def close(self) -> None:
        self._wrapper.close()


def _tables() -> list[str]:
    models = [model for model in apps.get_models(include_auto_created=True) if _is_here(model)]
    tables = {model._meta.db_table for model in models if model._meta.managed and not model._meta.proxy}
    return sorted({*tables, MigrationRecorder.Migration._meta.db_table})


def _is_here(model: Any) -> bool:
    return bool(model._meta.app_label != "vault")


def _columns(wrapper: Any, table: str) -> list[str]:
    with wrapper.cursor() as cursor:
        return [f'"{each.name}"' for each in wrapper.introspection.get_table_description(cursor, table)]


def is_empty() -> bool:
    """Whether nobody has an account here."""
    if not is_sqlite():
        return _has_nobody()
    place = Path(str(connections[DEFAULT_DB_ALIAS].settings_dict["NAME"]))
    return not place.exists() or not place.stat().st_size or _has_nobody()


def _has_nobody() -> bool:
    users = apps.get_model("accounts", "User")
    if users._meta.db_table not in connections[DEFAULT_DB_ALIAS].introspection.table_names():
        return True
    return not users._base_manager.exists()


def put_back(folder: Path) -> None:
    """Replace the main database, in which nobody has an account, by that of a backup: wholly or not at all."""
    if is_sqlite():
        _put_file_back(folder / "main.sqlite3")
    else:
        _put_rows_back(folder)


def _put_file_back(source: Path) -> None:
    target = Path(str(connections[DEFAULT_DB_ALIAS].settings_dict["NAME"]))
    connections[DEFAULT_DB_ALIAS].close()
    draft = target.with_name(f".{target.name}.new")
    with source.open("rb") as old, _private(draft) as new:
        while piece := old.read(_PIECE):
            new.write(piece)
        new.flush()
        os.fsync(new.fileno())
    for left in (target.with_name(f"{target.name}-wal"), target.with_name(f"{target.name}-shm")):
        left.unlink(missing_ok=True)
    draft.replace(target)


def _private(path: Path) -> Any:
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _put_rows_back(folder: Path) -> None:
    connection = connections[DEFAULT_DB_ALIAS]
    tables = _tables()
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        for table in tables:
            # What the migrations themselves have written. Foreign keys are looked at when it ends.
            cursor.execute(f'SELECT 1 FROM "{table}" LIMIT 1')  # noqa: S608
            if cursor.fetchone():
                cursor.execute(f'DELETE FROM "{table}"')  # noqa: S608
        for table in tables:
            columns = (folder / f"{table}.columns").read_text()
            if sorted(columns.split(", ")) != sorted(_columns(connection, table)):
                raise Refused(
                    f"The backup's table {table} has other columns than this one. Nothing was put back."
                )
            with (
                (folder / f"{table}.rows").open("rb") as file,
                cursor.copy(f'COPY "{table}" ({columns}) FROM STDIN (FORMAT binary)') as rows,
            ):
                while piece := file.read(_PIECE):
                    rows.write(piece)
        for sql in connection.ops.sequence_reset_sql(
            no_style(), list(apps.get_models(include_auto_created=True))
        ):
            if '"vault_' not in sql:
                cursor.execute(sql)
