"""The main database of one moment, written to a backup and put back: as one SQLite file, or as PostgreSQL's own binary copies.

Neither ever has a name of anybody in the clear (`names`): the query that copies does not ask for it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

from django.apps import apps
from django.core.management.color import no_style
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from apps.backups import names
from apps.backups.errors import Refused
from apps.vault.moments import sqlite_as_of_now

_PIECE = 1024 * 1024
# Objects that hold bytes: of a file that came in parts the parts do, and its own name is none.
_OBJECTS = (
    "SELECT object_name, stored_size FROM blobs_blob WHERE state = 'stored' AND part_count = 0 "
    "UNION ALL SELECT object_name, stored_size FROM blobs_blobpart"
)


class Moment(Protocol):
    """The main database as it was when this was made, until it is closed."""

    def write(self, folder: Path) -> names.Unsealed:
        """Into this folder of a backup. What could not be sealed there as it should."""

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

    def write(self, folder: Path) -> names.Unsealed:
        unsealed = names.write(folder, lambda sql, _: self._source.execute(sql))
        _write_file(self._source, folder / "main.sqlite3")
        return unsealed

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

    def write(self, folder: Path) -> names.Unsealed:
        unsealed = names.write(folder, lambda sql, width: self._rows(sql, ["text"] * width))
        for table in _tables():
            columns = _columns(self._wrapper, table)
            asked = ", ".join(_copied(table, [column.strip('"') for column in columns]))
            with (
                self._wrapper.cursor() as cursor,
                (folder / f"{table}.rows").open("wb") as file,
                cursor.copy(f'COPY (SELECT {asked} FROM "{table}") TO STDOUT (FORMAT binary)') as pieces,  # noqa: S608
            ):
                for piece in pieces:
                    file.write(piece)
            (folder / f"{table}.columns").write_text(", ".join(columns))
        return unsealed

    def objects(self) -> Iterator[tuple[str, int]]:
        yield from self._rows(_OBJECTS, ["text", "int8"])

    def _rows(self, sql: str, types: list[str]) -> Iterator[tuple[Any, ...]]:
        with self._wrapper.cursor() as cursor, cursor.copy(f"COPY ({sql}) TO STDOUT") as rows:
            rows.set_types(types)
            yield from rows.rows()

    def close(self) -> None:
        self._wrapper.close()


def _copied(table: str, columns: list[str]) -> list[str]:
    """What is asked of these columns for a backup."""
    these, left_out = names.named().get(table), names.left_out().get(table, set())
    in_words = {field.column for field in these.fields} if these else set()
    return [
        "NULL"
        if column in left_out
        else these.instead(column)
        if these and column in in_words
        else f'"{table}"."{column}"'
        for column in columns
    ]


def _write_file(source: sqlite3.Connection, target: Path) -> None:
    """Row by row into a new file: it has no pages in which something was that is not there any more."""
    with closing(sqlite3.connect(target, isolation_level=None)) as copy:
        copy.execute("PRAGMA journal_mode=OFF")  # a backup that breaks off is thrown away
        copy.execute("PRAGMA synchronous=OFF")
        copy.execute("PRAGMA auto_vacuum=INCREMENTAL")  # or a restored one is written anew by its start
        copy.execute("BEGIN")
        made = source.execute(
            "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT GLOB 'sqlite_*'"
        ).fetchall()
        tables = [(name, sql) for kind, name, sql in made if kind == "table"]
        for _, sql in tables:
            copy.execute(sql)
        for name, _ in tables:
            columns = [about[1] for about in source.execute(f'PRAGMA table_info("{name}")')]
            rows = source.execute(f'SELECT {", ".join(_copied(name, columns))} FROM "{name}"')  # noqa: S608
            into = ", ".join(f'"{column}"' for column in columns)
            copy.executemany(
                f'INSERT INTO "{name}" ({into}) VALUES ({", ".join("?" * len(columns))})',  # noqa: S608
                rows,
            )
        # Numbers that were given once are not given again.
        copy.execute("DELETE FROM sqlite_sequence")
        copy.executemany(
            "INSERT INTO sqlite_sequence VALUES (?, ?)",
            source.execute("SELECT name, seq FROM sqlite_sequence"),
        )
        for kind, _, sql in made:
            if kind != "table":
                copy.execute(sql)
        copy.execute("COMMIT")


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


def put_back(folder: Path, words: Iterable[names.Batch] = ()) -> None:
    """Replace the main database, in which nobody has an account, by that of a backup with these names: wholly or not at all."""
    if is_sqlite():
        _put_file_back(folder / "main.sqlite3", words)
    else:
        _put_rows_back(folder, words)


def _put_file_back(source: Path, words: Iterable[names.Batch]) -> None:
    target = Path(str(connections[DEFAULT_DB_ALIAS].settings_dict["NAME"]))
    connections[DEFAULT_DB_ALIAS].close()
    draft = target.with_name(f".{target.name}.new")
    with source.open("rb") as old, _private(draft) as new:
        while piece := old.read(_PIECE):
            new.write(piece)
    _say(draft, words)
    with draft.open("rb+") as new:
        os.fsync(new.fileno())
    for left in (target.with_name(f"{target.name}-wal"), target.with_name(f"{target.name}-shm")):
        left.unlink(missing_ok=True)
    draft.replace(target)


def _say(draft: Path, words: Iterable[names.Batch]) -> None:
    with closing(sqlite3.connect(draft, isolation_level=None)) as there:
        there.execute("PRAGMA journal_mode=OFF")  # one that breaks off is thrown away
        there.execute("BEGIN")
        for model, field, some in words:
            of_row = model._meta.pk.column
            there.executemany(
                f'UPDATE "{model._meta.db_table}" SET "{field.column}" = ? WHERE "{of_row}" = ?',  # noqa: S608
                some,
            )
        there.execute("COMMIT")


def _private(path: Path) -> Any:
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _put_rows_back(folder: Path, words: Iterable[names.Batch]) -> None:
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
        for model, field, some in words:
            of_row = model._meta.pk
            cursor.execute(
                f'UPDATE "{model._meta.db_table}" AS kept SET "{field.column}" = CAST(said.word AS {field.db_type(connection)}) '  # noqa: S608
                f"FROM unnest(%s::text[], %s::text[]) AS said(word, row) "
                f'WHERE kept."{of_row.column}" = CAST(said.row AS {of_row.rel_db_type(connection)})',
                [[word for word, _ in some], [row for _, row in some]],
            )
        for sql in connection.ops.sequence_reset_sql(
            no_style(), list(apps.get_models(include_auto_created=True))
        ):
            if '"vault_' not in sql:
                cursor.execute(sql)
