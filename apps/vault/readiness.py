"""Whether the vault, its root key and the rest of the data belong together; asked before anything is served."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar
from uuid import UUID, uuid4

from django.apps import apps
from django.db import connections, transaction

from apps.core import clock
from apps.core.privacy import declared
from apps.vault import roots
from apps.vault.errors import KeyGone, KeyStoreError, Moved, Tampered
from apps.vault.grants import open_blob_key, open_grant
from apps.vault.keys import OpenedKeys, OpenKey
from apps.vault.models import Grant, Node
from apps.vault.rows import DATABASE, Rows, as_of_now, root_cipher
from apps.vault.types import ROOT_ID, NodeId, NodeKind
from apps.vault.wraps import SECRET_BYTES, node_place, wrap

_BATCH = 5_000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a walk through the whole vault found."""

    opened: int
    unreachable: int  # rows below an erased key: noise that waits to be cleared away
    damaged: tuple[UUID, ...]


def make_ready() -> int:
    """The generation of the root key that opens this vault; a new, empty vault gets its first root here.

    KeyStoreError, with what to do, when there is any doubt. A key that exists is never replaced.
    """
    with transaction.atomic(using=DATABASE, durable=True):
        if not _has_root():
            _one_at_a_time()
            if not _has_root():
                _require_nothing_to_lose()
                _make_root()
    return require_fit()


def _has_root() -> bool:
    return Node.objects.filter(pk=ROOT_ID).exists()


def _one_at_a_time() -> None:
    """Let other first starts wait until this transaction ends. On SQLite they do already: it has one writer at a time."""
    connection = connections[DATABASE]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                f"LOCK TABLE {connection.ops.quote_name(Node._meta.db_table)} IN SHARE ROW EXCLUSIVE MODE"
            )


def require_fit() -> int:
    """The root's generation, after opening the root with it; the root keys are this vault's from now on."""
    generation = root_generation()
    try:
        root = _open_root()
    except Tampered as error:
        raise KeyStoreError(
            f"The root key {roots.provider().where(generation)} does not fit the vault {vault_place()}: it belongs to "
            f"another instance, or the vault was replaced. Point OWNLOG_KEY_DIR at the key folder of this data, or "
            f"OWNLOG_DATA at the data of this key. Nothing was changed."
        ) from error
    roots.provider().claim(root.key_id.hex(), vault_place())
    return generation


def adopt_keys() -> None:
    """Say that the root keys are this vault's, which was moved; it has to open with them."""
    root_generation()
    roots.provider().adopt(vault_id(), vault_place())


def vault_id() -> str:
    """What tells this vault from others, wherever it lies and whatever its root key is by now."""
    return _open_root().key_id.hex()


@as_of_now
def _open_root() -> OpenKey:
    return Rows([ROOT_ID], OpenedKeys()).open_key(ROOT_ID)


def root_generation() -> int:
    lies_under = Node.objects.filter(pk=ROOT_ID).values_list("lies_under", flat=True).first()
    if lies_under is None:
        raise KeyStoreError(f"The vault {vault_place()} is empty. Run: manage.py vault ready")
    return lies_under.int


def count_nodes() -> dict[str, int]:
    """How many keys there are of each kind; blobs are counted by their grants."""
    counts = Counter(Node.objects.exclude(pk=ROOT_ID).values_list("kind", flat=True).iterator())
    return {
        **counts,
        "grant": Grant.objects.count(),
        "dirty": Node.objects.filter(dirty_at__isnull=False).count(),
    }


def verify() -> Verdict:
    """Open every key and every grant of the vault once."""
    opened = unreachable = 0
    damaged: list[UUID] = []
    for found in _open_everything():
        if isinstance(found, Tampered):
            damaged.append(found.row)
        elif found is None:
            unreachable += 1
        else:
            opened += 1
    return Verdict(opened, unreachable, tuple(damaged))


def vault_place() -> str:
    """The vault's file, or the name of its database on PostgreSQL, which is reached by several addresses."""
    return str(connections[DATABASE].settings_dict["NAME"])


def _require_nothing_to_lose() -> None:
    if Node.objects.exists() or Grant.objects.exists():
        raise KeyStoreError(
            f"The vault {vault_place()} has lost its root. Put back the newest copy of the vault. Nothing was changed."
        )
    sealed_elsewhere = [
        model._meta.label
        for model, declaration in declared().items()
        if model._meta.app_label != apps.get_app_config("vault").label
        and (declaration.sealed or "vault_node" in declaration.fields)
        and model._base_manager.exists()
    ]
    if sealed_elsewhere:
        raise KeyStoreError(
            f"The vault {vault_place()} is empty, but the main database holds sealed data ({sealed_elsewhere[0]}). "
            f"Put back the newest copy of the vault, or start with an empty main database. No new key is made."
        )


def _make_root() -> None:
    # A key without a vault is what a crash between the two leaves behind; it is used rather than replaced.
    provider = roots.provider()
    if provider.is_claimed():
        raise KeyStoreError(
            f"The vault {vault_place()} is empty, and the root key {provider.where(provider.current() or 1)} is that of "
            f"another. Give this instance a key folder of its own: set OWNLOG_KEY_DIR. If the other vault is gone for good, "
            f"remove that folder."
        )
    generation = provider.current() or provider.rotate()
    lies_under, wrap_id, content_id = UUID(int=generation), uuid4(), uuid4()
    place = node_place(ROOT_ID.hex, NodeKind.ROOT, None, lies_under.hex, wrap_id.hex, content_id.hex)
    Node.objects.create(
        id=ROOT_ID,
        kind=NodeKind.ROOT,
        lies_under=lies_under,
        wrap_id=wrap_id,
        content_id=content_id,
        secrets=wrap(root_cipher(lies_under.hex), os.urandom(2 * SECRET_BYTES), place),
        created_at=clock.now(),
    )


def _open_everything() -> Iterator[object]:
    """For each key: the key, None when one above it is gone, or the error that names it."""
    opened = OpenedKeys()
    for node_ids in _batches(Node.objects.values_list("pk", flat=True).iterator()):
        rows = Rows(node_ids, opened)
        for node_id in node_ids:
            try:
                yield rows.open_key(NodeId(node_id))
            except KeyGone:
                yield None
            except Tampered as error:
                yield error
    for grants in _batches(Grant.objects.iterator()):
        rows = Rows({grant.owner_id for grant in grants}, opened)
        for grant in grants:
            try:
                yield open_grant(grant, rows)
            except KeyGone:
                yield None
            except Moved as error:
                yield _as_it_is_now(grant, error)
            except Tampered as error:
                yield error


def _as_it_is_now(grant: Grant, error: Moved) -> object:
    """A grant that an epoch moved after it was read; None when it went, the error when it is damaged."""
    try:
        open_blob_key(NodeId(grant.blob_id), NodeId(grant.owner_id))
    except KeyGone:
        return None
    except Tampered:
        return error
    return grant


def _batches(source: Iterator[T]) -> Iterator[list[T]]:
    while some := list(islice(source, _BATCH)):
        yield some
