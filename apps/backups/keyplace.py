"""The second place of the root keys, apart from the backups: it holds the newest backup's and no older one.

So an epoch and the next backup do to old backups what an epoch does to old copies: their vault opens no more.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from apps.backups.errors import Refused
from apps.vault.errors import KeyStoreError
from apps.vault.roots.file import FileRoots

# Of sessions and links, and of receipts: the same for ever, where the root key is not.
_LASTING = ("django_secret", "receipts.key")
_CLAIM = "backups"  # in the place of the vault's own address, which a restore changes


def refuse_together(folder: Path, keys: Path) -> None:
    """One lost place must not open everything: keys lie neither in the backup nor beside the data."""
    places = {
        "the backup": folder,
        "the data folder": Path(settings.OWNLOG_DATA),
        "the key folder of this instance": Path(settings.OWNLOG_KEY_DIR),
    }
    for name, place in places.items():
        first, second = place.resolve(), keys.resolve()
        if first.is_relative_to(second) or second.is_relative_to(first):
            raise Refused(
                f"The keys would lie together with {name}: who finds one has both. Name another folder, better on another "
                f"disk, with --keys."
            )


@contextmanager
def held(keys: Path, vault: str) -> Iterator[None]:
    """For backups of this one vault, and one at a time: a key that another replaces or destroys here is missed only when it is
    needed."""
    keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys.chmod(0o700)
    with (keys / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(
                f"Another backup with its keys in {keys} is under way. Wait until it has ended."
            ) from None
        try:
            provider(keys).claim(vault, _CLAIM)
        except KeyStoreError as error:
            raise Refused(
                f"The keys in {keys} are those of another instance's backups, which would open no more. Name another folder "
                f"with --keys."
            ) from error
        yield


def keep_all(keys: Path, texts: dict[str, bytes]) -> None:
    """These files, for their owner's eyes only, durable on return."""
    keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys.chmod(0o700)
    for name, text in texts.items():
        _keep(keys, name, text)


def _keep(keys: Path, name: str, text: bytes) -> None:
    draft = keys / f".{name}.new"
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(keys / name)
    handle = os.open(keys, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def forget_older(keys: Path, generation: int) -> None:
    """Destroy what an earlier backup left here."""
    kept = provider(keys)
    for each in kept.generations():
        if each < generation:
            kept.destroy(each)


def forget_others(keys: Path, generation: int) -> None:
    """Destroy what a restore of another backup left in the key folder of an instance that never started."""
    kept = provider(keys)
    for each in kept.generations():
        if each != generation:
            kept.destroy(each)


def name_of(generation: int) -> str:
    return f"root-{generation}.key"


def provider(keys: Path) -> FileRoots:
    return FileRoots(keys, data_folder=settings.OWNLOG_DATA)


def texts(keys: Path, generation: int) -> dict[str, bytes]:
    """The files of one generation in a key place, by name; Refused without them."""
    found = {}
    for name in (name_of(generation), *_LASTING):
        path = keys / name
        if path.is_file():
            found[name] = path.read_bytes()
    if name_of(generation) not in found:
        raise Refused(
            f"{keys} has no {name_of(generation)}, under which this backup's vault lies. Erasures have replaced the key since: "
            f"give the newest backup's vault besides, with --vault. Nothing was changed."
        )
    return found
