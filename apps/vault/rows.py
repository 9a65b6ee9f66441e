"""Reads the rows that any number of keys need, with one query, and opens them from the root down."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Iterable
from functools import wraps as wrapping
from typing import Any, NamedTuple, ParamSpec, TypeVar
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import connections
from django.db.models import DateTimeField, Field, UUIDField

from apps.core import clock
from apps.vault import roots
from apps.vault.errors import KeyGone, KeyStoreError, Moved, Tampered
from apps.vault.keys import OpenedKeys, OpenKey, opened_keys
from apps.vault.models import Node
from apps.vault.types import ROOT_ID, NodeId
from apps.vault.wraps import SECRET_BYTES, node_place, unwrap

log = logging.getLogger(__name__)
DATABASE = "vault"
_TRIES = 4
P = ParamSpec("P")
T = TypeVar("T")

# The parents are found by recursion rather than through a stored path: moving a node stays a change of one row.
_COLUMNS = "id, kind, parent_id, lies_under, wrap_id, content_id, secrets, next_wrap_id, next_content_id, next_secrets"
_ON_SQLITE = f"""
WITH RECURSIVE
asked(id) AS (SELECT value FROM json_each(%s)),
above(id) AS (
    SELECT parent_id FROM vault_node WHERE id IN (SELECT id FROM asked)
    UNION
    SELECT node.parent_id FROM vault_node AS node JOIN above ON node.id = above.id
)
SELECT {_COLUMNS} FROM vault_node
WHERE id IN (SELECT id FROM asked UNION SELECT id FROM above)
"""  # noqa: S608  (names of columns)
# Here each step is one array of ids. PostgreSQL cannot guess how many rows a recursion over ids yields: joined with it,
# the whole table was read three times, for a single key of an installation that has ten thousand.
_ON_POSTGRESQL = f"""
WITH RECURSIVE step(ids) AS (
    SELECT %s::uuid[]
    UNION
    SELECT ARRAY(
        SELECT DISTINCT parent_id FROM vault_node WHERE id = ANY(step.ids) AND parent_id IS NOT NULL
        ORDER BY parent_id
    ) FROM step
)
SELECT {_COLUMNS} FROM vault_node
WHERE id = ANY(ARRAY(SELECT unnest(ids) FROM step))
"""  # noqa: S608


class Row(NamedTuple):
    """A node as stored, its ids as 32 hexadecimal digits."""

    id: str
    kind: str
    parent_id: str | None
    lies_under: str
    wrap_id: str
    content_id: str
    secrets: bytes
    next_wrap_id: str | None
    next_content_id: str | None
    next_secrets: bytes | None


class Rows:
    """A moment's rows for some nodes and all that is above them. Opens what it is asked for, each secret once."""

    def __init__(self, node_ids: Collection[UUID], opened: OpenedKeys) -> None:
        self._rows = {row[0]: row for row in _read(node_ids)}
        self._opened = opened

    def open_key(self, node_id: NodeId) -> OpenKey:
        """The content key of one node. KeyGone when its row, or one above it, is not there."""
        content_id = self._row(node_id.hex).content_id
        _, pair = self.open_pair(node_id)
        return OpenKey(node_id, bytes.fromhex(content_id), pair[SECRET_BYTES:])

    def open_pair(self, node_id: NodeId) -> tuple[AESGCM, bytes]:
        """The cipher that a node's secrets lie under, and the two of them."""
        row = self._row(node_id.hex)
        try:
            above = self._wrap_above(row)
            return above, unwrap(above, row.secrets, _place(row), node_id=row.id)
        except (ValueError, RecursionError) as error:  # an id that is none, or parents in a circle
            raise Tampered("key", node_id) from error

    def wrap_of(self, node_id: NodeId, wrap_id: str) -> AESGCM:
        """The cipher of one of the node's wrap secrets, for opening what names it and was read at another moment: Moved
        when the node has no such secret now."""
        try:
            return self._wrap_of(node_id, wrap_id)
        except Tampered as error:
            if self._has_wrap(node_id, wrap_id):
                raise
            raise Moved("key", node_id) from error

    def _has_wrap(self, node_id: NodeId, wrap_id: str) -> bool:
        row = self._row(node_id.hex)
        return wrap_id in {row.wrap_id, row.next_wrap_id}

    def _wrap_of(self, node_id: NodeId, wrap_id: str) -> AESGCM:
        known = self._opened.wraps.get(wrap_id)
        if known is None:
            self._open_wraps(self._row(node_id.hex))
            known = self._opened.wraps.get(wrap_id)
        if known is None:
            raise Tampered("key", node_id)
        return known

    def newest_wrap(self, node_id: NodeId) -> tuple[str, AESGCM]:
        """The id and cipher of the wrap secret that a new child goes under."""
        row = self._row(node_id.hex)
        wrap_id = row.next_wrap_id or row.wrap_id
        return wrap_id, self.wrap_of(node_id, wrap_id)

    def kind_of(self, node_id: NodeId) -> str:
        return self._row(node_id.hex).kind

    def _row(self, node_id: str) -> Row:
        row = self._rows.get(node_id)
        if row is None:
            raise KeyGone(UUID(node_id))
        return Row._make(
            row
        )  # made when asked for: thousands that are kept would cost more in garbage collection

    def _wrap_above(self, row: Row) -> AESGCM:
        # Asked even when the wrap is known: a parent whose row is gone takes all below with it.
        if row.parent_id is not None and row.parent_id not in self._rows:
            raise KeyGone(UUID(row.parent_id))
        known = self._opened.wraps.get(row.lies_under)
        if known is not None:
            return known
        if row.parent_id is None:
            try:
                known = self._opened.wraps[row.lies_under] = root_cipher(row.lies_under)
            except KeyStoreError as error:
                if lies_under_now(ROOT_ID) != UUID(row.lies_under):
                    raise Moved(
                        "key", ROOT_ID
                    ) from error  # an epoch has destroyed that generation since the row was read
                log.error("%s", error.message)
                raise
            return known
        return self._wrap_of(NodeId(UUID(row.parent_id)), row.lies_under)

    def open_next_pair(self, node_id: NodeId) -> bytes:
        """The two secrets that an epoch gave a node besides."""
        row = self._row(node_id.hex)
        if not (row.next_wrap_id and row.next_content_id and row.next_secrets):
            raise Moved("key", node_id)
        place = _place(row._replace(wrap_id=row.next_wrap_id, content_id=row.next_content_id))
        return unwrap(self._wrap_above(row), row.next_secrets, place, node_id=row.id)

    def _open_wraps(self, row: Row) -> None:
        above = self._wrap_above(row)
        wraps = self._opened.wraps
        wraps[row.wrap_id] = AESGCM(unwrap(above, row.secrets, _place(row), node_id=row.id)[:SECRET_BYTES])
        if row.next_wrap_id:
            wraps[row.next_wrap_id] = AESGCM(self.open_next_pair(NodeId(UUID(row.id)))[:SECRET_BYTES])


def lock_and_read(node_id: NodeId) -> Rows:
    """Rows read while no epoch can change the node's wrap secret (SQLite: the transaction is the only writer)."""
    Node.objects.select_for_update().filter(pk=node_id).values_list("pk").first()
    return Rows([node_id], opened_keys())


def root_cipher(lies_under: str) -> AESGCM:
    """The root key that the root's row names: its generation, written as an id."""
    return AESGCM(roots.provider().get(int(lies_under, 16)))


def lies_under_now(node_id: NodeId) -> UUID | None:
    return Node.objects.filter(pk=node_id).values_list("lies_under", flat=True).first()


def hold(node_ids: Iterable[UUID]) -> None:
    """Lock these rows to the end of the transaction, in the order in which everybody does."""
    if connections[DATABASE].features.has_select_for_update:
        list(Node.objects.select_for_update().filter(pk__in=node_ids).order_by("pk").values_list("pk"))


def mark_dirty(node_ids: Collection[UUID]) -> None:
    """Rows under these nodes are deleted or replaced in this transaction: old copies of the vault still hold them."""
    hold(node_ids)
    Node.objects.filter(pk__in=node_ids).update(dirty_at=clock.now())


def as_of_now(ask: Callable[P, T]) -> Callable[P, T]:
    """For what opens keys by several questions: asked once more when an epoch moved keys between two of them.

    What still does not fit after some tries is no epoch: Moved, which is Tampered, reaches the caller.
    """

    @wrapping(ask)
    def asked_again(*args: P.args, **kwargs: P.kwargs) -> T:
        for _ in range(_TRIES - 1):
            try:
                return ask(*args, **kwargs)
            except Moved:
                continue
        return ask(*args, **kwargs)

    return asked_again


def _place(row: Row) -> bytes:
    return node_place(row.id, row.kind, row.parent_id, row.lies_under, row.wrap_id, row.content_id)


def _read(node_ids: Collection[UUID]) -> list[tuple[Any, ...]]:
    connection = connections[DATABASE]
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(_ON_SQLITE, [json.dumps([node_id.hex for node_id in node_ids])])
            return list(cursor.fetchall())
        cursor.execute(_ON_POSTGRESQL, [list(node_ids)])
        return [tuple(map(_plain, row)) for row in cursor.fetchall()]


def plainly(field: Field[Any, Any]) -> str:
    """How a query asks for a column in the form in which SQLite gives it, where many rows are to cost little."""
    if connections[DATABASE].vendor == "sqlite":
        return field.attname
    if isinstance(field, UUIDField):
        return f"encode(uuid_send({field.attname}), 'hex')"
    if isinstance(field, DateTimeField):
        return f"to_char({field.attname} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"
    return field.attname


def _plain(value: Any) -> Any:
    """PostgreSQL's UUIDs and byte views in the form in which SQLite gives them."""
    if isinstance(value, UUID):
        return value.hex
    return bytes(value) if isinstance(value, memoryview) else value
