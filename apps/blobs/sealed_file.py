"""Sealed files: a header, then frames of 64 KiB, AES-256-GCM in the STREAM construction.

    header   magic (8) | version (1) | key id (16) | frame size (4) | salt (32)
    frame n  AES-256-GCM under the file's own subkey, nonce = n (11 bytes) | last (1 byte: 1 for the last frame)

The subkey is HKDF of the blob's key with the whole header as info, so that no header byte can be changed and no
frame opens in another file. A frame opens at its own number only, and the last one only as the last: a file that
was cut, continued or reordered is an error. Only an empty file has an empty frame.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, BinaryIO, Protocol
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from apps.vault.errors import Tampered
from apps.vault.keys import OpenKey

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

LABEL = "file"
FRAME_BYTES = 64 * 1024
TAG_BYTES = 16
_HEADER = struct.Struct(">8sB16sI32s")
HEADER_BYTES = _HEADER.size
_MAGIC = b"OWNLOGFL"
_VERSION = 1
_FRAMES_AT_ONCE = 16
# A file this small is fetched whole at once: to fetch its header, its end and a part in between takes longer.
_SMALL_BYTES = HEADER_BYTES + 4 * (FRAME_BYTES + TAG_BYTES)

ReadRange = Callable[[int, int], Iterable[bytes]]
"""Stored bytes from an offset up to another, in pieces of any size."""


def seal_file(key: OpenKey, source: Iterable[bytes]) -> Iterator[bytes]:
    """The sealed form of a stream, in pieces of about 1 MiB; holds no more than that and one piece of the source."""
    header = _HEADER.pack(_MAGIC, _VERSION, key.key_id, FRAME_BYTES, os.urandom(32))
    cipher = _file_cipher(key, header)
    yield header
    waiting, number = bytearray(), 0
    for piece in source:
        waiting += piece
        # A full frame waits until more comes: whether it is the last is part of its nonce.
        frames = (len(waiting) - 1) // FRAME_BYTES
        if frames >= _FRAMES_AT_ONCE:
            yield _seal_frames(cipher, waiting, number, frames)
            del waiting[: frames * FRAME_BYTES]
            number += frames
    frames = max(0, len(waiting) - 1) // FRAME_BYTES
    yield _seal_frames(cipher, waiting, number, frames)
    yield cipher.encrypt(_nonce(number + frames, last=True), bytes(waiting[frames * FRAME_BYTES :]), None)


def sealed_size(plain_size: int) -> int:
    """How many bytes `seal_file` makes of so many."""
    return HEADER_BYTES + plain_size + TAG_BYTES * max(1, -(-plain_size // FRAME_BYTES))


class SealedFile:
    """A stored file whose header was read and fits the key. Opens any part of it, frame by frame."""

    def __init__(self, key: OpenKey, read_range: ReadRange, *, stored_size: int, row: UUID) -> None:
        self._read_range = read_range
        self._row = row
        is_small = stored_size <= _SMALL_BYTES
        begun = b"".join(read_range(0, stored_size if is_small else HEADER_BYTES))
        header = begun[:HEADER_BYTES]
        if len(header) != HEADER_BYTES or len(begun) != (stored_size if is_small else HEADER_BYTES):
            raise Tampered(LABEL, row)
        if is_small:
            self._read_range = lambda start, end: (begun[start:end],)
        magic, version, key_id, frame_bytes, _ = _HEADER.unpack(header)
        if (magic, version, key_id, frame_bytes) != (_MAGIC, _VERSION, key.key_id, FRAME_BYTES):
            raise Tampered(LABEL, row)
        self._cipher = _file_cipher(key, header)
        self._stored_size = stored_size
        self._frames = -(-(stored_size - HEADER_BYTES) // (FRAME_BYTES + TAG_BYTES))
        self.size = stored_size - HEADER_BYTES - TAG_BYTES * self._frames
        if self.size < 0 or sealed_size(self.size) != stored_size:
            raise Tampered(LABEL, row)

    def read(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The plain bytes from `start` up to `end`, in pieces; reads only the frames they lie in."""
        end = self.size if end is None else min(end, self.size)
        if start >= end and self.size:
            return
        first = start // FRAME_BYTES
        after = max(first + 1, -(-end // FRAME_BYTES))
        position = first * FRAME_BYTES
        for opened in self._open_frames(first, after):
            yield opened[max(0, start - position) : end - position]
            position += len(opened)

    def require_whole(self) -> None:
        """Open the last frame as the last: the size is the one that was sealed."""
        for _ in self._open_frames(self._frames - 1, self._frames):
            pass

    def as_io(self) -> BinaryIO:
        """A seekable binary file for readers such as Parquet's, its size proved first; a small one lies in memory."""
        if self._stored_size <= _SMALL_BYTES:
            return io.BytesIO(b"".join(self.read()))
        self.require_whole()
        return seekable(self)

    def _open_frames(self, first: int, after: int) -> Iterator[bytes]:
        """Frames `first` up to `after`, joined into pieces of up to 1 MiB."""
        stored_frame = FRAME_BYTES + TAG_BYTES
        stored_end = min(HEADER_BYTES + after * stored_frame, self._stored_size)
        waiting, number = bytearray(), first
        for piece in self._read_range(HEADER_BYTES + first * stored_frame, stored_end):
            whole, rest = divmod(len(piece), stored_frame)
            if not waiting and whole and not rest and whole <= after - number:
                # A store that gives frames as they lie spares a copy of each.
                yield self._open_batch(piece, number, whole)
                number += whole
                continue
            waiting += piece
            frames = min(len(waiting) // stored_frame, after - number)
            if frames >= _FRAMES_AT_ONCE:
                yield self._open_batch(waiting, number, frames)
                del waiting[: frames * stored_frame]
                number += frames
        # Whatever is missing or too much now makes a frame here that does not open.
        if after - number != -(-len(waiting) // stored_frame):
            raise Tampered(LABEL, self._row)
        if waiting:
            yield self._open_batch(waiting, number, after - number)

    def _open_batch(self, stored: bytes | bytearray, number: int, frames: int) -> bytes:
        size, last = FRAME_BYTES + TAG_BYTES, self._frames - 1
        try:
            with memoryview(stored) as view:
                return b"".join(
                    self._cipher.decrypt(
                        _nonce(number + at, last=number + at == last), view[at * size : (at + 1) * size], None
                    )
                    for at in range(frames)
                )
        except (InvalidTag, ValueError) as error:
            raise Tampered(LABEL, self._row) from error


class Opened(Protocol):
    """What was sealed, open at any place."""

    size: int

    def read(self, start: int = 0, end: int | None = None) -> Iterator[bytes]: ...


def seekable(file: Opened) -> BinaryIO:
    """The same as a binary file that reads what it is asked for."""
    return io.BufferedReader(_SeekableReader(file), buffer_size=FRAME_BYTES)


class _SeekableReader(io.RawIOBase):
    def __init__(self, file: Opened) -> None:
        self._file = file
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._file.size}[whence]
        if base + offset < 0:
            raise ValueError("seek before the start of the file")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        target = memoryview(buffer).cast("B")
        done = 0
        for piece in self._file.read(self._position, self._position + len(target)):
            target[done : done + len(piece)] = piece
            done += len(piece)
        self._position += done
        return done


def _file_cipher(key: OpenKey, header: bytes) -> AESGCM:
    return AESGCM(HKDFExpand(SHA256(), 32, b"ownlog file 1" + header).derive(key.data))


def _seal_frames(cipher: AESGCM, plain: bytearray, number: int, frames: int) -> bytes:
    with memoryview(plain) as view:
        return b"".join(
            cipher.encrypt(
                _nonce(number + at, last=False), view[at * FRAME_BYTES : (at + 1) * FRAME_BYTES], None
            )
            for at in range(frames)
        )


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\x01" if last else b"\x00")
