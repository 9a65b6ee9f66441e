"""Whoever has a database, its files, a vault and a root key tries each of its keys on all that is sealed there.

By the product's own code: as it opens keys, values and files. Runs in a process of its own, over a backup that nothing else has opened.
"""

from __future__ import annotations

import logging
import pkgutil
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connections
from django.db.models import Model

import apps
from apps.backups import names
from apps.blobs.models import Blob
from apps.blobs.services import read_blob
from apps.core.errors import OwnlogError
from apps.core.privacy import declared
from apps.runs.history.pieces import open_chunk
from apps.runs.models import Chunk
from apps.vault.keys import OpenKey, keys_in_use
from apps.vault.models import Grant, Node
from apps.vault.seal import unseal
from apps.vault.tree import open_blob_key, open_key
from apps.vault.types import NodeId
from tests.e2e.secrecy.search import Marker, search_readings, value_readings
from tests.vault.attacker import Attacker

_LABEL = re.compile(r"[a-z_]+(\.[a-z_]+)?")
_SEALED_BYTES = 45  # that nothing takes: what is shorter is an index


@dataclass
class Tried:
    """Which values and files opened, which did not, and which markers stood in those that did."""

    opened: set[str] = field(default_factory=set)
    shut: set[str] = field(default_factory=set)
    told: set[str] = field(default_factory=set)


def try_all(markers: list[Marker], backup: Path, *, vault: Path, keys: Path) -> Tried:
    """With the vault in this SQLite file and the root keys of this folder, on the main database and the store of the settings, and
    on the names that lie beside the rows of the backup that these were put back from."""
    _take(vault, keys)
    with keys_in_use():
        return _tried(markers, backup, all_keys(), has_files=True)


def try_with_both(markers: list[Marker], backup: Path, vaults: list[Path], *, keys: Path) -> Tried:
    """With whatever can be had by any way through these vaults together, on all values."""
    held = Attacker()
    for vault in vaults:
        _take(vault, keys)
        held.copies_the_vault()
    return _tried(markers, backup, held.keys(), has_files=False)


def _take(vault: Path, keys: Path) -> None:
    logging.disable()  # of a key that does not open each says so
    settings.OWNLOG_KEY_DIR = keys
    connections["vault"].close()
    connections["vault"].settings_dict["NAME"] = str(vault)


def _tried(markers: list[Marker], backup: Path, keys: list[OpenKey], *, has_files: bool) -> Tried:
    by_id = defaultdict(list)
    for key in keys:
        by_id[key.key_id].append(key)
    done = Tried()
    found = {f"{name} {row.pk}": _opened(name, row, by_id) for name, row in _sealed()}
    found |= {
        f"name {name} {row}": _word(name, row, owner, sealed, by_id)
        for name, row, owner, sealed in _names(backup)
    }
    if has_files:
        blobs = Blob.objects.filter(state="stored")
        found |= {f"file {blob.pk}": _read(blob) for blob in blobs}
    done.opened = {name for name, data in found.items() if data is not None}
    done.shut = found.keys() - done.opened
    opened = [value_readings(name, data) for name, data in found.items() if data is not None]
    done.told = {hit.field for hit in search_readings(chain.from_iterable(opened), markers)}
    return done


def all_keys() -> list[OpenKey]:
    """Those that open, of nodes and of files."""
    found = []
    for node in Node.objects.values_list("pk", flat=True):
        try:
            found.append(open_key(NodeId(node)))
        except OwnlogError:
            continue
    for blob, owner in Grant.objects.values_list("blob_id", "owner_id"):
        try:
            found.append(open_blob_key(NodeId(blob), NodeId(owner)))
        except OwnlogError:
            continue
    return found


def _sealed() -> Iterator[tuple[str, Any]]:
    """Each sealed field of each row that is filled, with its row."""
    for model, declaration in declared().items():
        if model._meta.app_label == "vault" or not declaration.sealed:
            continue
        for row in model._base_manager.all().iterator():
            for name in sorted(declaration.sealed):
                if not name.endswith("_index") and len(getattr(row, name) or b"") >= _SEALED_BYTES:
                    yield f"{model._meta.label}.{name}", row


def _names(backup: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(backup / names.FILE)) as there:
        found = there.execute("SELECT of_table || '.' || of_column, row, owner, sealed FROM word").fetchall()
    assert found, "a backup has names"
    return found


def _word(name: str, row: str, owner: str, sealed: bytes, keys: dict[bytes, list[OpenKey]]) -> bytes | None:
    for key in keys.get(sealed[1:17], ()):
        bound = {"label": f"backup.{name}", "row": UUID(owner), "place": row.encode()}
        found = _or_none(lambda key=key, bound=bound: unseal(key, sealed, **bound))
        if found is not None:
            return found
    return None


def _opened(name: str, row: Model, keys: dict[bytes, list[OpenKey]]) -> bytes | None:
    value = bytes(getattr(row, name.rpartition(".")[2]))
    for key in keys.get(value[1:17], ()):
        if isinstance(row, Chunk) and name.endswith(".payload"):
            return _or_none(lambda key=key: open_chunk(row, key))
        for label in _labels():
            for bound in _rows(row):
                found = _or_none(
                    lambda key=key, label=label, bound=bound: unseal(key, value, label=label, row=bound)
                )
                if found is not None:
                    return found
    return None


def _or_none(act: Any) -> bytes | None:
    try:
        found: bytes = act()
    except OwnlogError:
        return None
    return found


@cache
def _labels() -> list[str]:
    """What a field may be called in its seal: it is said by constants of the apps."""
    words = set[str]()
    for found in pkgutil.walk_packages(apps.__path__, "apps."):
        if ".migrations" not in found.name and ".management" not in found.name:
            named = vars(import_module(found.name)).items()
            words |= {word for name, word in named if name.isupper() and isinstance(word, str)}
    return sorted(word for word in words if _LABEL.fullmatch(word))


def _rows(row: Any) -> list[UUID]:
    """What a seal may be bound to."""
    bound = [value for value in vars(row).values() if isinstance(value, UUID)]
    if hasattr(row, "secret_sha256_hex"):
        bound.append(UUID(hex=row.secret_sha256_hex[:32]))
    return bound


def _read(blob: Blob) -> bytes | None:
    for owner in Grant.objects.filter(blob_id=blob.vault_node).values_list("owner_id", flat=True):
        found = _or_none(lambda owner=owner: b"".join(read_blob(blob, NodeId(owner))))
        if found is not None:
            return found
    return None
