"""One backup: both databases as of one moment, files of that moment, and the root key in another place, while all go on working."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from django.conf import settings

from apps.backups import files, keyplace, main, manifest, names
from apps.backups.errors import Refused
from apps.blobs.store import default_store
from apps.blobs.store.local import LocalStore
from apps.core import clock
from apps.vault import copies, moments, readiness

Step = Callable[[str], None]
_UNFINISHED = ".unfinished"
_TURNS = 4


class _Again(Exception):
    """Files were replaced between the moment of the databases and their own turn: what was kept by now is there at the next. Or an
    organisation was founded a moment before, and has no key yet. Or somebody was erased between the moment and the sealing of their
    name, whose key this backup's own vault has."""


def back_up(folder: Path, keys: Path, step: Step = lambda name: None) -> manifest.Manifest:
    """Write a backup into a folder that is new or empty, and its root key into `keys`. The instance need not stop.

    Nothing that was acknowledged before this began is missing from it. Refused, with what to do, otherwise.
    """
    readiness.require_fit()
    keyplace.refuse_together(folder, keys)
    with keyplace.held(keys, readiness.vault_id()):
        begin(folder)
        for turns_left in reversed(range(_TURNS)):
            try:
                made = _take(folder, keys, step, is_last=not turns_left)
                break
            except _Again:
                continue
        else:
            raise Refused("Organisations are being founded at this moment. Take the backup once more.")
        (folder / _UNFINISHED).unlink()
        manifest.write(folder, made)
        # With all its names on the disk before a key goes: else a power cut takes this backup and the one before it.
        os.sync()
        keyplace.forget_older(keys, made.generation)
    return made


def begin(folder: Path) -> None:
    """Refused for a folder that holds anything, other than what a backup that broke off has left."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    mark = folder / _UNFINISHED
    if any(folder.iterdir()) and not mark.exists():
        raise Refused(f"{folder} is not empty. Name a new folder for each backup.")
    mark.touch(mode=0o600)
    folder.chmod(0o700)
    for path in folder.iterdir():  # what a backup that broke off has left
        if path.is_dir():
            shutil.rmtree(path)
        elif path != mark:
            path.unlink()


def _take(folder: Path, keys: Path, step: Step, *, is_last: bool) -> manifest.Manifest:
    store = default_store()
    local = store if isinstance(store, LocalStore) else None
    if local:
        # Before the moment: what is replaced between it and the files' turn is had by then.
        files.keep_all(local, folder)
    step("files")
    names.give_keys()
    with ExitStack() as stack:
        found = _Moment(stack)
        with moments.held(found.see) as write_vault:
            step("held")
            for path in folder.glob("*.*"):
                if path.is_file() and path.name != _UNFINISHED:
                    path.unlink()  # of the turn before
            write_vault(folder / "vault.sqlite3")
        # The rest takes minutes where there is much. While the vault is read on SQLite, no epoch comes to its end.
        unsealed = found.main.write(folder)
        if unsealed.has_new_organisation or (unsealed.is_erased_since and not is_last):
            raise _Again
        step("written")
        blobs, missing = files.settle(local, folder, found.main.objects()) if local else (0, 0)
    if missing and not is_last:
        raise _Again
    keyplace.keep_all(keys, found.keys)
    copies.verify_copy(folder / "vault.sqlite3", keys=keyplace.provider(keys))
    _make_durable(folder)
    return manifest.Manifest(
        made_at=clock.now().isoformat(timespec="seconds"),
        database=main.kind(),
        migrations=main.migrations(),
        generation=found.generation,
        bucket="" if local else settings.OWNLOG_STORAGE_URL.partition("?")[0],
        blobs=blobs,
        missing=missing,
        files=manifest.all_files(folder),
    )


class _Moment:
    """What is seen of the rest while the vault stands still."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def see(self) -> None:
        self.main = main.as_of_now()
        self._stack.callback(self.main.close)
        self.generation = readiness.root_generation()
        self.keys = keyplace.texts(Path(settings.OWNLOG_KEY_DIR), self.generation)


def _make_durable(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_file():
            path.chmod(0o600)
            with path.open("rb+") as file:
                os.fsync(file.fileno())
