"""The key that signs receipts: one for the instance, made once, in a file beside the root keys.

It has to outlive every epoch: who holds a receipt of years ago checks it against the same public key. So it is never made
again while there is a receipt, and what is signed with another key than the last one is refused.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
import stat
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from apps.vault.errors import KeyStoreError
from apps.vault.models import Receipt

_MARK = "ownlog-receipt-key-1"
_NAME = "receipts.key"


def signing_key() -> Ed25519PrivateKey:
    """The instance's key; made here when there is neither one nor a receipt. KeyStoreError, with what to do, on any doubt."""
    path = Path(settings.OWNLOG_KEY_DIR) / _NAME
    last = Receipt.objects.order_by("-number").values_list("key_b64", flat=True).first()
    if not path.exists():
        if last is not None:
            raise KeyStoreError(
                f"The key that signs receipts, {path}, is missing. Put that file back from its safe copy: receipts that people "
                f"hold are checked against it. No new one is made while there are receipts."
            )
        _make(path)
    key = _read(path)
    if last is not None and last != public_key_of(key):
        raise KeyStoreError(
            f"The key in {path} is not the one that signed the receipts so far. Put that one back from its safe copy."
        )
    return key


def public_key() -> str:
    """What receipts are checked against: 32 bytes in base64."""
    return public_key_of(signing_key())


def public_key_of(key: Ed25519PrivateKey) -> str:
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def _read(path: Path) -> Ed25519PrivateKey:
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = file.read(1024)
    except OSError as error:
        raise KeyStoreError(
            f"{path} cannot be read ({error.strerror}). Give it to the server's user with chown."
        ) from error
    if mode & 0o077:
        raise KeyStoreError(
            f"The key {path} can be opened by other users of this machine (mode {mode:04o}). Run: chmod 600 '{path}'"
        )
    try:
        mark, key, checksum = text.decode("ascii").strip().split(":")
        if mark == _MARK and checksum == _checksum(key):
            return Ed25519PrivateKey.from_private_bytes(base64.b64decode(key, validate=True))
    except (ValueError, binascii.Error):
        pass  # told below, without quoting a byte of the file
    raise KeyStoreError(f"The file {path} is not a whole signing key. Put it back from its safe copy.")


def _make(path: Path) -> None:
    key = base64.b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".new-{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(f"{_MARK}:{key}:{_checksum(key)}\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)  # never over another: of two that start at once both use the first one's
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _checksum(key: str) -> str:
    return hashlib.sha256(f"{_MARK}:{key}".encode()).hexdigest()[:8]
