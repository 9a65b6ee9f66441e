"""Wraps what lies under some nodes' old secrets under their new ones.

Many are read at once and made ready outside of any transaction, then written by short ones for which nobody waits long. They
are plain tuples, ids as 32 hexadecimal digits: an object for each of a hundred thousand costs more than opening and wrapping it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import connections, transaction
from django.db.models import Model

from apps.vault.errors import KeyGone, Moved
from apps.vault.keys import OpenedKeys
from apps.vault.models import Grant, Node
from apps.vault.rows import DATABASE, Rows, plainly
from apps.vault.types import NodeId
from apps.vault.wraps import grant_place, node_place, unwrap, wrap

_READ = 20_000
_WRITTEN = 1_000  # by one transaction
_REST = 0.05  # seconds at most


class _Way(NamedTuple):
    """From an old secret to the new one."""

    opens: AESGCM
    new: str
    wraps: AESGCM


class _Table(NamedTuple):
    """Where wrapped secrets lie, and which columns are read of it: the first is the id by which an error names a row."""

    model: type[Model]
    below: str  # the column that names the node whose secret they lie under
    columns: tuple[str, str, str, str, *tuple[str, ...]]  # and its key, secret, and what it lies under
    place: Callable[[Sequence[Any], str], bytes]
    is_free: str

    def name(self) -> str:
        return self.model._meta.db_table


def _place_of_node(row: Sequence[Any], lies_under: str) -> bytes:
    node, _, _, _, kind, parent, wrap_id, content_id = row
    return node_place(node, kind, parent, lies_under, wrap_id, content_id)


def _place_of_grant(row: Sequence[Any], lies_under: str) -> bytes:
    blob, _, _, _, owner, content_id = row
    return grant_place(blob, owner, lies_under, content_id)


_NODES = _Table(
    Node,
    "parent_id",
    ("id", "id", "secrets", "lies_under", "kind", "parent_id", "wrap_id", "content_id"),
    _place_of_node,
    "vault_node.next_wrap_id IS NULL",  # otherwise another worker renews it: it is found again in the next round
)
_GRANTS = _Table(
    Grant,
    "owner_id",
    ("blob_id", "id", "secret", "lies_under", "owner_id", "content_id"),
    _place_of_grant,
    "TRUE",
)


def move_some(nodes: Sequence[Node]) -> Iterator[int] | None:
    """Wrap anew some of what lies under the old secrets of these nodes, which have two: how many with each step.

    None when nothing lies there any more.
    """
    for table in (_NODES, _GRANTS):
        if nodes and (rows := _read(table, nodes)):
            return _move(table, rows, nodes)
    return None


def _read(table: _Table, nodes: Sequence[Node]) -> list[tuple[Any, ...]]:
    """By the node they lie below, which has an index, and of those what lies under its old secret."""
    fields = {field.attname: field for field in table.model._meta.concrete_fields}
    columns = ", ".join(plainly(fields[name]) for name in table.columns)
    marks = ", ".join(["%s"] * len(nodes))
    with connections[DATABASE].cursor() as cursor:
        cursor.execute(
            f"SELECT {columns} FROM {table.name()} "  # noqa: S608
            f"WHERE {table.below} IN ({marks}) AND lies_under IN ({marks}) LIMIT {_READ}",
            [node.pk.hex for node in nodes] + [node.wrap_id.hex for node in nodes],
        )
        return list(cursor.fetchall())


def _move(table: _Table, rows: list[tuple[Any, ...]], nodes: Sequence[Node]) -> Iterator[int]:
    try:
        ways = _ways(nodes)
    except (Moved, KeyGone):  # one was renewed or erased since it was read
        return
    for start in range(0, len(rows), _WRITTEN):
        some = [_moved(table, row, ways[row[3]]) for row in rows[start : start + _WRITTEN]]
        began = time.monotonic()
        yield _write(table, some)
        if connections[DATABASE].vendor == "sqlite":
            # Its one lock is asked for now and then by who waits, up to ten times a second: it has to be found free.
            time.sleep(min(time.monotonic() - began, _REST))


def _ways(nodes: Sequence[Node]) -> dict[str, _Way]:
    above = Rows([node.pk for node in nodes], OpenedKeys())
    ways = {}
    for node in nodes:
        node_id, old, new = NodeId(node.pk), node.wrap_id.hex, node.next_wrap_id
        if new is not None:
            ways[old] = _Way(above.wrap_of(node_id, old), new.hex, above.wrap_of(node_id, new.hex))
    return ways


def _moved(table: _Table, row: Sequence[Any], way: _Way) -> tuple[bytes, str, Any, bytes]:
    """What is written: the secret, what it lies under, where, and what has to lie there still."""
    named, key, secret, lies_under = row[:4]
    opened = unwrap(way.opens, secret, table.place(row, lies_under), node_id=named)
    return wrap(way.wraps, opened, table.place(row, way.new)), way.new, key, secret


def _write(table: _Table, rows: list[tuple[bytes, str, Any, bytes]]) -> int:
    """One short transaction. What was changed or deleted since it was read holds another secret, and is left alone."""
    rows.sort(key=lambda row: row[2])  # as everybody locks them
    with transaction.atomic(using=DATABASE, durable=True), connections[DATABASE].cursor() as cursor:
        if connections[DATABASE].vendor == "sqlite":
            _write_one_by_one(cursor, table, rows)
        else:
            _write_together(cursor, table, rows)
        return int(cursor.rowcount)


def _write_one_by_one(cursor: Any, table: _Table, rows: Sequence[Sequence[Any]]) -> None:
    secret = table.columns[2]
    cursor.executemany(
        f"UPDATE {table.name()} SET {secret} = %s, lies_under = %s WHERE id = %s AND {secret} = %s "  # noqa: S608
        f"AND {table.is_free}",
        rows,
    )


def _write_together(cursor: Any, table: _Table, rows: Sequence[Sequence[Any]]) -> None:
    """To a server each statement is a way there and back."""
    name, secret, keys = table.name(), table.columns[2], "uuid[]" if table is _NODES else "bigint[]"
    columns = [list(column) for column in zip(*rows, strict=True)]
    cursor.execute(f"SELECT FROM {name} WHERE id = ANY(%s::{keys}) ORDER BY id FOR UPDATE", [columns[2]])
    cursor.execute(
        f"UPDATE {name} SET {secret} = made, lies_under = under "  # noqa: S608
        f"FROM unnest(%b::bytea[], %s::uuid[], %s::{keys}, %b::bytea[]) AS fresh(made, under, key, was) "
        f"WHERE {name}.id = key AND {name}.{secret} = was AND {table.is_free}",
        columns,
    )
