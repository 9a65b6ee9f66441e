"""Secrets wrapped under another secret: `version | nonce (12) | AES-256-GCM`, bound to the place in the tree.

Ids are 32 hexadecimal digits here: the form in which SQLite gives them, and cheap to join.
"""

from __future__ import annotations

import os
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from apps.vault.errors import Tampered
from apps.vault.types import NodeKind

SECRET_BYTES = 32
_VERSION = b"\x01"
_NONCE_BYTES = 12


def node_place(
    node_id: str, kind: str, parent_id: str | None, lies_under: str, wrap_id: str, content_id: str
) -> bytes:
    """The associated data of a node's pair of secrets."""
    return f"ownlog node 1|{node_id}|{kind}|{parent_id}|{lies_under}|{wrap_id}|{content_id}".encode()


def grant_place(blob_id: str, owner_id: str, lies_under: str, content_id: str) -> bytes:
    """The associated data of a blob's secret as wrapped for one owner."""
    return f"ownlog grant 1|{blob_id}|{NodeKind.BLOB}|{owner_id}|{lies_under}|{content_id}".encode()


def wrap(under: AESGCM, secrets: bytes, place: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return _VERSION + nonce + under.encrypt(nonce, secrets, place)


def unwrap(under: AESGCM, wrapped: bytes, place: bytes, *, node_id: str) -> bytes:
    """The secrets, or `Tampered` when they were not wrapped under this secret at this place."""
    if wrapped[:1] != _VERSION:
        raise Tampered("key", UUID(node_id))
    try:
        return under.decrypt(wrapped[1 : 1 + _NONCE_BYTES], wrapped[1 + _NONCE_BYTES :], place)
    except (InvalidTag, ValueError) as error:
        raise Tampered("key", UUID(node_id)) from error
