"""The files of a backup: objects of a local store, by a second name where the disk is the same, and the list of them."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from apps.backups.errors import Refused
from apps.blobs.errors import ObjectMissing
from apps.blobs.store import default_store
from apps.blobs.store.local import LocalStore

LIST = "blobs.sqlite3"
_FOLDER = "blobs"
_PIECE = 1024 * 1024


def keep_all(store: LocalStore, folder: Path) -> None:
    """Whatever the store has now."""
    for found in store.list():
        _keep(store, folder, found.name)


def settle(store: LocalStore, folder: Path, used: Iterable[tuple[str, int]]) -> tuple[int, int]:
    """Have those that are used, and no others. How many there are, and how many the store does not have."""
    (folder / LIST).unlink(missing_ok=True)
    with closing(sqlite3.connect(folder / LIST, isolation_level=None)) as kept:
        kept.execute("PRAGMA journal_mode=OFF")
        kept.execute("BEGIN")
        kept.execute("CREATE TABLE object (name TEXT PRIMARY KEY, size INTEGER) WITHOUT ROWID")
        missing = 0
        for name, size in used:
            if _keep(store, folder, name):
                kept.execute("INSERT INTO object VALUES (?, ?)", (name, size))
            else:
                missing += 1
        kept.execute("COMMIT")
        for path in _paths(folder):
            if not kept.execute("SELECT 1 FROM object WHERE name = ?", (path.name,)).fetchone():
                path.unlink()
        return int(kept.execute("SELECT COUNT(*) FROM object").fetchone()[0]), missing


def require_whole(folder: Path) -> None:
    """Refused when an object is missing or has another size. What is in it is checked whenever somebody reads it."""
    for name, size in _listed(folder):
        path = _path(folder, name)
        if not path.is_file() or path.stat().st_size != size:
            raise Refused(f"{path} is missing or cut short. Take another backup. Nothing was changed.")


def put_back(folder: Path) -> int:
    """Into the store of this instance, whatever it is. How many."""
    store, count = default_store(), 0
    for name, _ in _listed(folder):
        with _path(folder, name).open("rb", buffering=0) as file:
            store.put(name, iter(partial(file.read, _PIECE), b""))
        count += 1
    return count


def _keep(store: LocalStore, folder: Path, name: str) -> bool:
    target = _path(folder, name)
    if target.exists():
        return True
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        store.copy_to(name, target)
    except ObjectMissing:
        return False
    return True


def _path(folder: Path, name: str) -> Path:
    return folder / _FOLDER / name[:2] / name


def _paths(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder / _FOLDER):
        yield from (Path(place, name) for name in names)


def _listed(folder: Path) -> Iterator[tuple[str, int]]:
    uri = f"{(folder / LIST).resolve().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as kept:
        yield from kept.execute("SELECT name, size FROM object ORDER BY name")
