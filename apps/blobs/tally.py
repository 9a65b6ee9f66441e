"""Size and digests of a stream, taken as its bytes pass."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import BinaryIO, Self

from django.utils.translation import gettext as _

from apps.core.errors import TooMuch

_PIECE_BYTES = 1024 * 1024
# To hash takes longer than to seal, and both let other threads run: a large file is hashed beside the sealing. A small
# one is hashed before a thread would have begun.
_LARGE_BYTES = 4 * 1024 * 1024
# So much goes to the thread at once, for each time costs as much as hashing some hundredth of it; and it has this much to do still
# while as much is sealed and written.
_BATCH_BYTES = 1024 * 1024


class Tally:
    """Passes a stream on and counts it. Used as a block around the passing; afterwards it knows the digests."""

    def __init__(
        self, source: BinaryIO | Iterable[bytes], *, max_bytes: int | None = None, wants_sha256: bool = True
    ) -> None:
        self._source = source
        self._max_bytes = max_bytes
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256() if wants_sha256 else None
        self._beside: ThreadPoolExecutor | None = None
        self._last: Future[None] | None = None
        self._gathered: list[bytes] = []
        self._gathered_bytes = 0
        self.size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._beside is not None:
            self._beside.shutdown(wait=True)

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces():
            self.size += len(piece)
            if self._max_bytes is not None and self.size > self._max_bytes:
                raise TooMuch(_("A file may not be larger than %(n)d bytes here.") % {"n": self._max_bytes})
            self._take(piece)
            yield piece
        self._hash_gathered()
        if self._last is not None:
            self._last.result()

    def _take(self, piece: bytes) -> None:
        self._gathered.append(piece)
        self._gathered_bytes += len(piece)
        if self._gathered_bytes >= _BATCH_BYTES:
            self._hash_gathered()

    def _hash_gathered(self) -> None:
        pieces, self._gathered, self._gathered_bytes = self._gathered, [], 0
        if self.size < _LARGE_BYTES:
            self._hash(pieces)
            return
        if self._beside is None:
            self._beside = ThreadPoolExecutor(max_workers=1, thread_name_prefix="digest")
        # One batch at a time waits: no more of the file is in memory, however slow the hashing.
        before, self._last = self._last, self._beside.submit(self._hash, pieces)
        if before is not None:
            before.result()

    def _hash(self, pieces: Sequence[bytes]) -> None:
        for piece in pieces:
            self._md5.update(piece)
            if self._sha256 is not None:
                self._sha256.update(piece)

    def _pieces(self) -> Iterator[bytes]:
        read = getattr(self._source, "read", None)
        return iter(lambda: read(_PIECE_BYTES), b"") if read else iter(self._source)

    @property
    def md5_b64(self) -> str:
        return base64.b64encode(self._md5.digest()).decode()

    @property
    def sha256_hex(self) -> str:
        return self._sha256.hexdigest() if self._sha256 is not None else ""
