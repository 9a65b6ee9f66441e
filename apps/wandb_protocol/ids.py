"""Ids as the client keeps them: base64 of "Kind:public id", because it decodes some of them."""

from __future__ import annotations

import base64
import binascii
import hashlib

from apps.core.errors import NotFound


def to_client(kind: str, public_id: str) -> str:
    return base64.b64encode(f"{kind}:{public_id}".encode()).decode()


def from_client(kind: str, client_id: str, *, what: str) -> str:
    """The public id inside; whatever cannot be one names nothing."""
    found, public_id = in_client(client_id)
    if found != kind or not public_id:
        raise NotFound(f"There is no such {what}, or it is not shared with you.")
    return public_id


def in_client(client_id: str) -> tuple[str, str]:
    """The kind and the public id inside, both empty for what cannot be an id."""
    try:
        kind, _, public_id = base64.b64decode(client_id, validate=True).decode("ascii").partition(":")
    except (ValueError, binascii.Error):
        return "", ""
    return kind, public_id


def project_number(public_id: str) -> int:
    """The client wants a 32-bit number for a project; row numbers would tell how many there are."""
    return int.from_bytes(hashlib.sha256(public_id.encode()).digest()[:4], "big") >> 1
