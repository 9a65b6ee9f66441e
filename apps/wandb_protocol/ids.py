"""Ids as the client keeps them: base64 of "Kind:public id", because it decodes some of them."""

from __future__ import annotations

import base64
import binascii
import hashlib

from apps.core.errors import NotFound

# The client takes the ids of these apart and wants a number inside.
_NUMBERED = frozenset({"Entity", "User"})
_MOST_DIGITS = 60


def to_client(kind: str, public_id: str) -> str:
    inside = str(int.from_bytes(public_id.encode("ascii"), "big")) if kind in _NUMBERED else public_id
    return base64.b64encode(f"{kind}:{inside}".encode()).decode()


def from_client(kind: str, client_id: str, *, what: str) -> str:
    """The public id inside; whatever cannot be one names nothing."""
    found, public_id = in_client(client_id)
    if found != kind or not public_id:
        raise NotFound(f"There is no such {what}, or it is not shared with you.")
    return public_id


def collection_id(client_id: str) -> str:
    """Of a collection, whether its versions were made in it or linked to it."""
    kind = "ArtifactPortfolio" if in_client(client_id)[0] == "ArtifactPortfolio" else "ArtifactSequence"
    return from_client(kind, client_id, what="artifact")


def in_client(client_id: str) -> tuple[str, str]:
    """The kind and the public id inside, both empty for what cannot be an id."""
    try:
        kind, _, public_id = base64.b64decode(client_id, validate=True).decode("ascii").partition(":")
        return kind, _public_id(public_id) if kind in _NUMBERED else public_id
    except (ValueError, binascii.Error):
        return "", ""


def _public_id(number: str) -> str:
    if not number.isdecimal() or len(number) > _MOST_DIGITS:
        return ""
    value = int(number)
    return value.to_bytes((value.bit_length() + 7) // 8, "big").decode("ascii")


def project_number(public_id: str) -> int:
    """The client wants a 32-bit number for a project; row numbers would tell how many there are."""
    return int.from_bytes(hashlib.sha256(public_id.encode()).digest()[:4], "big") >> 1
