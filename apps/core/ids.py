"""Opaque public ids, and types that keep one kind of integer id from being taken for another."""

from __future__ import annotations

import re
import secrets
from typing import NewType

UserId = NewType("UserId", int)
EntityId = NewType("EntityId", int)
ProjectId = NewType("ProjectId", int)
RunId = NewType("RunId", int)

_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # 32 letters, none taken for another
_LETTER_OF_BYTE = (_ALPHABET * 8).encode()  # each is that of eight bytes
PUBLIC_ID_LENGTH = 20
_PUBLIC_ID = re.compile(f"[{_ALPHABET}]{{{PUBLIC_ID_LENGTH}}}")


def new_public_id() -> str:
    """100 random bits in 20 characters that are safe in any URL, file name or header."""
    return secrets.token_bytes(PUBLIC_ID_LENGTH).translate(_LETTER_OF_BYTE).decode()


def is_public_id(text: str) -> bool:
    """Could this be one? Ask before a query: no database takes every text (NUL, half a surrogate pair)."""
    return _PUBLIC_ID.fullmatch(text) is not None
