"""Sealed values: `version | key id (16) | nonce (12) | AES-256-GCM ciphertext and tag`.

The version says whether the plaintext was compressed; with the key id it is part of the associated data,
as are the field's label, its row and its place, so that a value copied elsewhere does not open.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import threading
import unicodedata
from uuid import UUID

import zstandard
from cryptography.exceptions import InvalidTag
from django.utils.translation import gettext as _

from apps.core.errors import TooMuch
from apps.vault.errors import Tampered
from apps.vault.keys import OpenKey

_PLAIN = b"\x01"
_ZSTD = b"\x02"
_KEY_ID = slice(1, 17)
_NONCE = slice(17, 29)
_BODY = slice(29, None)
COMPRESS_FROM_BYTES = 1024
MOST_BYTES = 256 * 1024 * 1024  # of one value, opened: authentic bytes cannot unpack to more either
INDEX_BYTES = 16


def seal(key: OpenKey, plaintext: bytes, *, label: str, row: UUID, place: bytes = b"") -> bytes:
    """Seal one field of one row. `label` is the field's constant name: it stays when the column is renamed."""
    if len(plaintext) > MOST_BYTES:
        raise TooMuch(
            _("One %(label)s may not be larger than %(n)d MiB.") % {"label": label, "n": MOST_BYTES >> 20}
        )
    version = _PLAIN
    if len(plaintext) > COMPRESS_FROM_BYTES:
        packed = _compressor().compress(plaintext)
        if len(packed) < len(plaintext):
            version, plaintext = _ZSTD, packed
    head = version + key.key_id
    nonce = os.urandom(12)
    return head + nonce + key.cipher.encrypt(nonce, plaintext, _bound_to(head, label, row, place))


def unseal(key: OpenKey, sealed: bytes | memoryview, *, label: str, row: UUID, place: bytes = b"") -> bytes:
    """What was sealed for exactly this field, row and place; otherwise `Tampered`."""
    sealed = bytes(sealed)  # PostgreSQL gives a view
    version = sealed[:1]
    if sealed[_KEY_ID] != key.key_id or version not in (_PLAIN, _ZSTD):
        raise Tampered(label, row)
    try:
        plaintext = key.cipher.decrypt(
            sealed[_NONCE], sealed[_BODY], _bound_to(sealed[:17], label, row, place)
        )
        return plaintext if version == _PLAIN else _unpack(plaintext)
    except (InvalidTag, ValueError, zstandard.ZstdError) as error:
        raise Tampered(label, row) from error


def seal_text(key: OpenKey, text: str, *, label: str, row: UUID, place: bytes = b"") -> bytes:
    """`seal` for text. Lone surrogates, which JSON can carry, survive."""
    return seal(key, text.encode("utf-8", "surrogatepass"), label=label, row=row, place=place)


def unseal_text(
    key: OpenKey, sealed: bytes | memoryview, *, label: str, row: UUID, place: bytes = b""
) -> str:
    return unseal(key, sealed, label=label, row=row, place=place).decode("utf-8", "surrogatepass")


def blind_index(key: OpenKey, label: str, name: str) -> bytes:
    """16 bytes to look a name up by, below the node whose key this is. Equal after NFC; case counts."""
    message = label.encode() + b"\0" + unicodedata.normalize("NFC", name).encode("utf-8", "surrogatepass")
    return hmac.digest(key.index, message, hashlib.sha256)[:INDEX_BYTES]


def _bound_to(head: bytes, label: str, row: UUID, place: bytes) -> bytes:
    # Without doubt where each part ends: the head and the row have fixed lengths, a label has no NUL.
    return head + label.encode() + b"\0" + row.bytes + place


def _unpack(packed: bytes) -> bytes:
    if zstandard.frame_content_size(packed) > MOST_BYTES:
        raise zstandard.ZstdError("larger than any value that was sealed")
    return _decompressor().decompress(packed, max_output_size=MOST_BYTES)


# A zstd context may not be used by two threads at once, and making one costs more than most values take. Level 1: lines of
# metrics become smaller by it than by level 3, in half the time.
_contexts = threading.local()


def _compressor() -> zstandard.ZstdCompressor:
    if not hasattr(_contexts, "compressor"):
        _contexts.compressor = zstandard.ZstdCompressor(level=1)
    compressor: zstandard.ZstdCompressor = _contexts.compressor
    return compressor


def _decompressor() -> zstandard.ZstdDecompressor:
    if not hasattr(_contexts, "decompressor"):
        _contexts.decompressor = zstandard.ZstdDecompressor()
    decompressor: zstandard.ZstdDecompressor = _contexts.decompressor
    return decompressor
