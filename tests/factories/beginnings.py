"""What most tests begin with, stored once and then put back: the rows, not the two hundred questions on the way to them.

The first test of a worker that asks for alice has her made by the product's own services, and what they wrote is kept. The
next one finds the same rows, written by a statement for each table. A test in which anything could make them come out
differently (a setting of its own, something patched, a row written before, a transaction that is committed) has them made
by the services, as the first one had. What is kept is made anew every few seconds: somebody of an hour ago is not somebody
who has just signed up. Measured and decided in docs/adr/0190.
"""

from __future__ import annotations

import pickle
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pytest
from django.conf import Settings, settings
from django.db import connections

from apps.runs import table

T = TypeVar("T")
Row = tuple[Any, ...]
# Rows of one table by their primary key, each under the names of its columns.
Table = tuple[tuple[str, ...], dict[Row, Row]]
Statement = tuple[str, list[Any]]

FRESH_SECONDS = 15.0
_READS = re.compile(r"\s*(SELECT|SAVEPOINT|RELEASE|PRAGMA|EXPLAIN|LOCK|SET|SHOW)\b", re.IGNORECASE)


@dataclass(eq=False, slots=True)
class Step:
    """What one fixture adds to what those before it stored."""

    writes: dict[str, list[Statement]]
    result: bytes
    keys: dict[str, bytes]
    made_at: float
    then: dict[str, Step] = field(default_factory=dict)

    def put_back(self) -> Any:
        for alias, statements in self.writes.items():
            with connections[alias].cursor() as cursor:
                for sql, values in _in_one(statements, alias):
                    cursor.execute(sql, values)
        return pickle.loads(self.result)


class Beginning:
    """How far the database of one test has come on the ways that are known."""

    _first: Step | None = None  # of this process

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._request = request
        self._at: Step | None = None
        self._is_known = True
        self._is_writing = False

    @contextmanager
    def watched(self) -> Iterator[None]:
        for connection in connections.all():
            connection.execute_wrappers.append(self._look)
        try:
            yield
        finally:
            self._look_away()

    def _look_away(self) -> None:
        """Once there is something of the test's own: it may ask thousands of times after that."""
        for connection in connections.all():
            if self._look in connection.execute_wrappers:
                connection.execute_wrappers.remove(self._look)

    def root(self, make: Callable[[], None]) -> None:
        """The vault's first key; each of the other ways begins here."""
        _forget_runs()
        first = Beginning._first
        if not self._is_ordinary():
            self._is_known = False
            make()
        elif first is None or time.monotonic() - first.made_at > FRESH_SECONDS or not _fits(first.keys):
            Beginning._first, _ = self._make(make)
            self._at = Beginning._first
        else:
            self._put_back(first)

    def step(self, name: str, make: Callable[[], T]) -> T:
        if self._at is None or not self._is_ordinary():
            self._is_known = False
            return make()
        if name in self._at.then:
            kept: T = self._put_back(self._at.then[name])
            return kept
        self._at.then[name], made = self._make(make)
        self._at = self._at.then[name]
        return made

    def _is_ordinary(self) -> bool:
        """Whether nothing makes this test's people others than the last test's."""
        if not self._is_known or not isinstance(getattr(settings, "_wrapped", None), Settings):
            return False
        names, marker = self._request.fixturenames, self._request.node.get_closest_marker("django_db")
        if "transactional_db" in names or (marker is not None and marker.kwargs.get("transaction")):
            return False
        if "monkeypatch" in names:
            patched = self._request.getfixturevalue("monkeypatch")
            return not patched._setattr and not patched._setitem
        return True

    def _look(self, execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if not self._is_writing and not _READS.match(sql):
            self._is_known = False
            self._look_away()
        return execute(sql, *rest)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._is_writing = True
        try:
            yield
        finally:
            self._is_writing = False

    def _put_back(self, step: Step) -> Any:
        with self._writing():
            self._at = step
            return step.put_back()

    def _make(self, make: Callable[[], T]) -> tuple[Step, T]:
        with self._writing():
            before = {alias: _everything(alias) for alias in connections}
            made = make()
            writes = {alias: list(_written(alias, tables)) for alias, tables in before.items()}
        # As it was before the test had it in its hands.
        return Step(writes, pickle.dumps(made), _key_files(), time.monotonic()), made


def _forget_runs() -> None:
    """What this process remembers of runs by their numbers and versions: the next test's runs have the same."""
    with table._tables._lock:
        table._tables._tables.clear()


def _fits(kept: dict[str, bytes]) -> bool:
    """Whether the root keys are still those; if so the vault's mark is beside them again, as at its first start."""
    found = _key_files()
    if {name: text for name, text in found.items() if name != "vault"} != {
        name: text for name, text in kept.items() if name != "vault"
    }:
        return False
    if found.get("vault") != kept["vault"]:
        mark = Path(settings.OWNLOG_KEY_DIR, "vault")
        mark.write_bytes(kept["vault"])
        mark.chmod(0o600)
    return True


def _key_files() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(settings.OWNLOG_KEY_DIR).iterdir()}


def _everything(alias: str) -> dict[str, Table]:
    connection = connections[alias]
    tables = {}
    with connection.cursor() as cursor:
        for name, key in _tables(alias).items():
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(name)}")
            columns = tuple(column[0] for column in cursor.description)
            places = [columns.index(each) for each in key]
            tables[name] = columns, {tuple(row[n] for n in places): row for row in cursor.fetchall()}
    return tables


@cache
def _tables(alias: str) -> dict[str, list[str]]:
    """Each table's name and its primary key."""
    with connections[alias].cursor() as cursor:
        introspection = connections[alias].introspection
        return {
            name: introspection.get_primary_key_columns(cursor, name) or []
            for name in introspection.table_names(cursor)
        }


def _written(alias: str, before: dict[str, Table]) -> Iterator[Statement]:
    quote = connections[alias].ops.quote_name
    for name, (columns, rows) in _everything(alias).items():
        old = before[name][1]
        assert old.keys() <= rows.keys(), f"a beginning takes rows of {name} away"
        new = [row for key, row in rows.items() if key not in old]
        if new:
            one = f"({', '.join(['%s'] * len(columns))})"
            yield (
                f"INSERT INTO {quote(name)} ({', '.join(map(quote, columns))}) VALUES {', '.join([one] * len(new))}",
                [value for row in new for value in row],
            )
        changes = ", ".join(f"{quote(column)} = %s" for column in columns)
        this = " AND ".join(f"{quote(column)} = %s" for column in _tables(alias)[name])
        for key, row in rows.items():
            if key in old and old[key] != row:
                yield f"UPDATE {quote(name)} SET {changes} WHERE {this}", [*row, *key]


def _in_one(statements: list[Statement], alias: str) -> list[Statement]:
    """PostgreSQL takes them all at once, which saves as many ways there and back."""
    if connections[alias].vendor != "postgresql" or not statements:
        return statements
    return [
        ("; ".join(sql for sql, _ in statements), [value for _, values in statements for value in values])
    ]
