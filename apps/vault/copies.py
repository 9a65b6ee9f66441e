"""The second copy of the vault: one SQLite file, whatever the vault itself lies in, opened again before it counts.

An epoch destroys the root key under which every earlier copy lies. Before it does, what was wrapped anew has to be in
two places: this file is the second. It is useless without the root key, and is put back by `manage.py vault restore`.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.management.color import no_style
from django.db import connections, transaction
from django.db.models import Field, Model

from apps.vault import roots
from apps.vault.errors import CopyFailed, Tampered
from apps.vault.models import Epoch, Grant, Head, Node, Receipt, Tombstone, Waiting
from apps.vault.rows import DATABASE, plainly
from apps.vault.types import ROOT_ID, UPWARDS, NodeKind
from apps.vault.wraps import SECRET_BYTES, grant_place, node_place, unwrap

_TABLES: tuple[type[Model], ...] = (Node, Grant, Tombstone, Waiting, Head, Epoch, Receipt)
_BATCH = 2_000


def place() -> Path:
    return Path(settings.OWNLOG_VAULT_COPY)


def write_copy(step: Callable[[str], None] = lambda name: None) -> int:
    """Write the copy anew and open every key in it; how many there are. The earlier copy is replaced only by a whole one.

    CopyFailed, with what to do, when it cannot be written or does not open. `step` is told now and then that work goes on.
    """
    target = place()
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone(target):
            for left in target.parent.glob(f".{target.name}.*.new"):
                left.unlink()  # of a process that died
            draft = target.with_name(f".{target.name}.{secrets.token_hex(8)}.new")
            try:
                _write(draft)
                opened = verify_copy(draft, step)
                step("verified")
                draft.replace(target)
                _fsync(target.parent)
            finally:
                draft.unlink(missing_ok=True)
    except (OSError, sqlite3.Error) as error:
        raise CopyFailed(
            f"The second copy of the vault cannot be written to {target} ({type(error).__name__}). Make room there, or set "
            f"OWNLOG_VAULT_COPY to a file in another folder. Until then no root key is destroyed, and old copies of the "
            f"vault still open what was erased."
        ) from error
    return opened


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """One process at a time writes the copy."""
    with target.with_name(f".{target.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CopyFailed("Another process is writing the second copy of the vault. Try again.") from None
        yield


def _write(draft: Path) -> None:
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.close(handle)
    connection = connections[DATABASE]
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        # As of one moment, and no writer waits. Of SQLite itself: its errors are of the copy, not of a database that is away.
        connection.connection.execute("VACUUM INTO ?", [str(draft)])
    else:
        with transaction.atomic(using=DATABASE, durable=True):
            with connection.cursor() as cursor:
                cursor.execute(
                    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
                )  # all tables as of one moment
            write_rows(draft)
    with draft.open("rb+") as file:
        os.fsync(file.fileno())


def write_rows(draft: Path) -> None:
    """A SQLite file of the rows of another kind of vault, as this transaction sees them."""
    with closing(sqlite3.connect(draft, isolation_level=None)) as copy:
        copy.execute("PRAGMA journal_mode=OFF")  # a draft that breaks off is thrown away
        copy.execute("PRAGMA synchronous=OFF")
        copy.execute("BEGIN")
        for model in _TABLES:
            _copy_table(model, copy)
        copy.execute("COMMIT")


def _copy_table(model: type[Model], copy: sqlite3.Connection) -> None:
    columns = [
        field.attname for field in model._meta.concrete_fields
    ]  # as the columns are called in these tables
    table = model._meta.db_table
    copy.execute(f"CREATE TABLE {table} ({', '.join(columns)})")
    insert = f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})"  # noqa: S608  (names of columns)
    copy.executemany(insert, _rows(model))


def _rows(model: type[Model]) -> Iterator[tuple[Any, ...]]:
    """Batch by batch, in the order of the key: a pooler in between keeps no cursor. As plain values, for there are many."""
    meta = model._meta
    key = meta.pk.attname
    columns = ", ".join([key, *map(plainly, meta.concrete_fields)])
    after, last = "", list[Any]()
    with connections[DATABASE].cursor() as cursor:
        while True:
            cursor.execute(
                f"SELECT {columns} FROM {meta.db_table} {after} ORDER BY {key} LIMIT {_BATCH}",  # noqa: S608
                last,
            )
            batch = cursor.fetchall()
            if not batch:
                return
            after, last = f"WHERE {key} > %s", [batch[-1][0]]
            yield from (row[1:] for row in batch)


def verify_copy(
    path: Path, step: Callable[[str], None] = lambda name: None, *, keys: roots.RootKeys | None = None
) -> int:
    """Open every key and grant of a copy by the root key that it names, from the root down; how many there are. `keys` are
    this instance's, or those of another place.

    CopyFailed when it is none, or when a key that lies under one that is there does not open.
    """
    count = 0
    try:
        with closing(_opened(path)) as copy:
            for count, _ in enumerate(_open_all(copy, keys or roots.provider()), start=1):
                if count % 20_000 == 0:
                    step("verifying")
    except (Tampered, KeyError, ValueError, sqlite3.Error) as error:
        raise CopyFailed(
            f"The copy of the vault in {path} does not open ({type(error).__name__}). Run: manage.py vault verify"
        ) from error
    if not count:
        raise CopyFailed(f"The copy of the vault in {path} holds no key.")
    return count


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)


class _Wraps:
    """Wrap secrets as bytes, and a cipher only for the one that is used: there may be a million of them."""

    def __init__(self) -> None:
        self._secrets: dict[str, bytes] = {}
        self._last: tuple[str, AESGCM] | None = None

    def learn(self, wrap_id: str, secret: bytes) -> None:
        self._secrets[wrap_id] = secret

    def cipher(self, wrap_id: str) -> AESGCM:
        if self._last is None or self._last[0] != wrap_id:
            self._last = wrap_id, AESGCM(self._secrets[wrap_id])
        return self._last[1]


def _open_all(copy: sqlite3.Connection, keys: roots.RootKeys) -> Iterator[object]:
    wraps, there = _Wraps(), {ROOT_ID.hex}
    for kind in reversed(UPWARDS):
        found = copy.execute(
            "SELECT id, parent_id, lies_under, wrap_id, content_id, secrets, next_wrap_id, next_secrets "
            "FROM vault_node WHERE kind = ? ORDER BY lies_under",
            [kind.value],
        )
        for node, parent, lies_under, wrap_id, content_id, sealed, next_wrap, next_sealed in found:
            if kind is NodeKind.ROOT:
                wraps.learn(lies_under, keys.get(int(lies_under, 16)))
            elif parent not in there:
                continue  # below an erased key
            there.add(node)
            for own, pair in ((wrap_id, sealed), (next_wrap, next_sealed))[: 2 if next_wrap else 1]:
                bound_to = node_place(node, kind, parent, lies_under, own, content_id)
                opened = unwrap(wraps.cipher(lies_under), pair, bound_to, node_id=node)
                wraps.learn(own, opened[:SECRET_BYTES])
            yield node
    yield from _open_grants(copy, wraps, there)


def _open_grants(copy: sqlite3.Connection, wraps: _Wraps, there: set[str]) -> Iterator[object]:
    grants = copy.execute(
        "SELECT blob_id, owner_id, lies_under, content_id, secret FROM vault_grant ORDER BY lies_under"
    )
    for blob, owner, lies_under, content_id, secret in grants:
        if owner in there:
            bound_to = grant_place(blob, owner, lies_under, content_id)
            yield unwrap(wraps.cipher(lies_under), secret, bound_to, node_id=blob)


def restore(path: Path) -> int:
    """Put a copy's rows into the vault, which has to be empty; how many rows. Whoever calls opens the root afterwards."""
    if not path.is_file():
        raise CopyFailed(f"There is no copy of the vault at {path}.")
    verify_copy(path)
    connection = connections[DATABASE]
    with closing(_opened(path)) as copy, transaction.atomic(using=DATABASE):
        if any(model._base_manager.exists() for model in _TABLES):
            raise CopyFailed("The vault is not empty. Nothing was changed.")
        count = sum(_restore_table(model, copy) for model in _TABLES)
        with connection.cursor() as cursor:
            # Numbers that the database gives go on after those that were put back.
            for sql in connection.ops.sequence_reset_sql(no_style(), list(_TABLES)):
                cursor.execute(sql)
    return count


def empty() -> None:
    """Take away what a copy that was put back has brought, when it is put back once more."""
    with transaction.atomic(using=DATABASE, durable=True):
        for model in _TABLES:
            model._base_manager.all().delete()


def _restore_table(model: type[Model], copy: sqlite3.Connection) -> int:
    fields = model._meta.concrete_fields
    names = [field.attname for field in fields]
    count = 0
    if not copy.execute("SELECT 1 FROM sqlite_master WHERE name = ?", [model._meta.db_table]).fetchone():
        return 0  # a copy from before there was such a table
    columns = ", ".join(names)
    for batch in _batches(copy.execute(f"SELECT {columns} FROM {model._meta.db_table}")):  # noqa: S608
        rows = [
            model(
                **{name: _back(field, value) for name, field, value in zip(names, fields, row, strict=True)}
            )
            for row in batch
        ]
        model._base_manager.bulk_create(rows, batch_size=500)
        count += len(rows)
    return count


def _back(field: Field[Any, Any], value: Any) -> Any:
    found = field.to_python(value)
    if isinstance(found, datetime) and found.tzinfo is None:
        return found.replace(tzinfo=UTC)  # as SQLite keeps times
    return found


def _batches(rows: Iterable[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    batch: list[tuple[Any, ...]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _fsync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
