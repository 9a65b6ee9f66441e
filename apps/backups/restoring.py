"""A backup put into an empty instance. Until it is whole a mark in the data folder keeps the instance from being started."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connections

from apps.backups import files, keyplace, main, manifest, mark, names
from apps.backups.errors import Refused
from apps.blobs.store import default_store
from apps.blobs.store.local import LocalStore
from apps.erasure.replay import erase_again
from apps.statistics.services import spend_due
from apps.vault import copies, readiness, roots
from apps.vault.erased import known_until_in
from apps.vault.models import Node
from apps.vault.types import ROOT_ID
from apps.webhooks.services import switch_all_off

Step = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Restored:
    made: manifest.Manifest
    keys: int
    blobs: int
    erased: int  # what was erased after the backup was made, and is again


def restore(folder: Path, keys: Path, vault: Path | None = None, step: Step = lambda name: None) -> Restored:
    """Put a backup back, with the vault of another, newer one where it is named. One that broke off begins anew.

    What the vault knows to be erased is erased again before this returns. Refused, before anything is changed, when the
    backup is broken, the key does not fit, or this instance is not empty.
    """
    folder = folder.resolve()
    made = manifest.read(folder)
    source = _vault_file(vault or folder)
    _require_same(made)
    generation = _generation_of(source)
    _require_no_older(source, folder / "vault.sqlite3", keys)
    texts = keyplace.texts(keys, generation)
    copies.verify_copy(source, keys=keyplace.provider(keys))
    if not made.bucket:
        files.require_whole(folder)
    _require_empty(folder)
    mark.begin(folder)
    step("begun")
    _put_keys_back(texts, generation)
    step("keys")
    call_command("migrate", database="vault", interactive=False, verbosity=0)
    copies.empty()
    count = copies.restore(source)
    readiness.adopt_keys()
    step("vault")
    if not main.is_sqlite():
        call_command("migrate", database="default", interactive=False, verbosity=0)
    # By one transaction there: where anything came back before this broke off, all of it did.
    if main.is_sqlite() or main.is_empty():
        # One of before there was such a file has the names in its rows.
        main.put_back(folder, names.opened(folder) if names.FILE in made.files else ())
    step("main")
    blobs = 0 if made.bucket else files.put_back(folder)
    step("files")
    erased = erase_again()
    spend_due()
    switch_all_off()
    mark.mark().unlink()
    return Restored(made, count, blobs, erased)


def _vault_file(place: Path) -> Path:
    """Of a backup, which has to be whole, or a copy of the vault by itself."""
    if place.is_dir():
        manifest.read(place)
        return place / "vault.sqlite3"
    return place


def _require_same(made: manifest.Manifest) -> None:
    if made.database != main.kind():
        raise Refused(
            f"This backup was made of {made.database}, and this instance has {main.kind()} (OWNLOG_DATABASE_URL). Nothing was changed."
        )
    here = set(main.migrations())
    if other := here.symmetric_difference(made.migrations):
        raise Refused(
            f"This backup was made by another version of Ownlog ({min(other)}). Restore it with that version, then update. "
            f"Nothing was changed."
        )
    if made.bucket and isinstance(default_store(), LocalStore):
        raise Refused(
            f"The files of this backup lie in {made.bucket}. Set OWNLOG_STORAGE_URL to that bucket. Nothing was changed."
        )


def _generation_of(source: Path) -> int:
    try:
        with closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as copy:
            row = copy.execute("SELECT lies_under FROM vault_node WHERE id = ?", [ROOT_ID.hex]).fetchone()
    except sqlite3.Error as error:
        raise Refused(
            f"{source} is no copy of a vault ({type(error).__name__}). Nothing was changed."
        ) from error
    if row is None:
        raise Refused(f"The vault in {source} has no root. Nothing was changed.")
    return int(row[0], 16)


def _require_no_older(source: Path, own: Path, keys: Path) -> None:
    """A vault from before the backup lacks the keys of what came in between, and knows less of what was erased. It is taken only
    where the backup's own opens no more."""
    if not (keys / keyplace.name_of(_generation_of(own))).is_file():
        return
    there, known = known_until_in(source), known_until_in(own)
    if known is not None and (there is None or there < known):
        raise Refused(
            f"The vault in {source} is older than this backup's own, which opens with the keys in {keys}: files of the backup "
            f"would be lost. Leave out --vault. Nothing was changed."
        )


def _require_empty(folder: Path) -> None:
    """What an earlier restore of the same backup has left, which broke off, counts as nothing: it had begun with that."""
    if mark.mark().exists():
        mark.require_same(folder)
        return
    tables = connections["vault"].introspection.table_names()
    has_vault = Node._meta.db_table in tables and Node.objects.exists()
    if has_vault or roots.provider().generations() or not main.is_empty():
        raise Refused(
            f"This instance is not empty: a backup goes into one that was never started. Name a new OWNLOG_DATA and "
            f"OWNLOG_KEY_DIR (here {settings.OWNLOG_DATA} and {settings.OWNLOG_KEY_DIR}), and new databases where "
            f"their addresses are set. Nothing was changed."
        )


def _put_keys_back(texts: dict[str, bytes], generation: int) -> None:
    place = Path(settings.OWNLOG_KEY_DIR)
    keyplace.keep_all(place, texts)
    keyplace.forget_others(place, generation)
