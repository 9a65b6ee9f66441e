"""Opened keys, and how long they live: one request or one task, inside `keys_in_use()`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import NoReturn

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from apps.vault.types import NodeId


class OpenKey:
    """An opened content secret. Its subkeys are derived when first asked for: most keys seal, few index."""

    __slots__ = ("_cipher", "_data", "_index", "_secret", "key_id", "node_id")

    def __init__(self, node_id: NodeId, key_id: bytes, secret: bytes) -> None:
        self.node_id = node_id
        self.key_id = key_id
        self._secret = secret
        self._data: bytes | None = None
        self._index: bytes | None = None
        self._cipher: AESGCM | None = None

    @property
    def data(self) -> bytes:
        """The subkey that seals values and files."""
        if self._data is None:
            self._data = self._derive(b"ownlog data 1")
        return self._data

    @property
    def index(self) -> bytes:
        """The subkey of blind indexes."""
        if self._index is None:
            self._index = self._derive(b"ownlog index 1")
        return self._index

    @property
    def cipher(self) -> AESGCM:
        if self._cipher is None:
            self._cipher = AESGCM(self.data)
        return self._cipher

    def _derive(self, info: bytes) -> bytes:
        # Expand alone: the secret is 32 uniformly random bytes, there is nothing to extract.
        return HKDFExpand(SHA256(), 32, info).derive(self._secret)

    def __repr__(self) -> str:
        return f"<OpenKey of {self.node_id}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("An opened key is never written anywhere.")


@dataclass(slots=True, repr=False)
class OpenedKeys:
    """What has been opened so far: keys by node, blob keys by blob and owner, wrap ciphers by the id of their secret."""

    keys: dict[NodeId, OpenKey] = field(default_factory=dict)
    granted: dict[tuple[NodeId, NodeId], OpenKey] = field(default_factory=dict)
    wraps: dict[str, AESGCM] = field(default_factory=dict)

    def clear(self) -> None:
        self.keys.clear()
        self.granted.clear()
        self.wraps.clear()


_in_use: ContextVar[OpenedKeys | None] = ContextVar("ownlog_keys_in_use", default=None)


@contextmanager
def keys_in_use() -> Iterator[None]:
    """Remember opened keys until the end of this block (a request, a task). Blocks may be nested: the outermost counts."""
    if _in_use.get() is not None:
        yield
        return
    opened = OpenedKeys()
    token = _in_use.set(opened)
    try:
        yield
    finally:
        _in_use.reset(token)
        opened.clear()


def opened_keys() -> OpenedKeys:
    """The block's opened keys; outside a block an empty memory that nobody else sees."""
    opened = _in_use.get()
    return OpenedKeys() if opened is None else opened
