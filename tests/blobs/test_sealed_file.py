from __future__ import annotations

import io
import os
import random
import tracemalloc
from collections.abc import Iterator
from uuid import uuid4

import pytest

from apps.blobs.sealed_file import (
    FRAME_BYTES,
    HEADER_BYTES,
    TAG_BYTES,
    SealedFile,
    seal_file,
    sealed_size,
)
from apps.vault.errors import Tampered
from apps.vault.keys import OpenKey
from apps.vault.types import NodeId

STORED_FRAME = FRAME_BYTES + TAG_BYTES
ROW = uuid4()
SIZES = [
    0,
    1,
    FRAME_BYTES - 1,
    FRAME_BYTES,
    FRAME_BYTES + 1,
    16 * FRAME_BYTES,
    16 * FRAME_BYTES + 1,
    17 * FRAME_BYTES,
    40 * FRAME_BYTES + 77,
]


@pytest.fixture
def key() -> OpenKey:
    return OpenKey(NodeId(uuid4()), os.urandom(16), os.urandom(32))


def sealed(key: OpenKey, plain: bytes) -> bytes:
    return b"".join(seal_file(key, [plain]))


def opened(key: OpenKey, stored: bytes) -> SealedFile:
    return SealedFile(key, lambda start, end: iter([stored[start:end]]), stored_size=len(stored), row=ROW)


def read_all(key: OpenKey, stored: bytes) -> bytes:
    return b"".join(opened(key, stored).read())


def refused(key: OpenKey, stored: bytes) -> bool:
    """Whether reading to the end is an error that names the file; anything else that goes wrong fails the test."""
    try:
        read_all(key, stored)
    except Tampered as error:
        return error.row == ROW
    return False


@pytest.mark.parametrize("size", SIZES)
def test_what_goes_in_comes_out(key: OpenKey, size: int) -> None:
    plain = os.urandom(size)
    stored = sealed(key, plain)

    assert len(stored) == sealed_size(size)
    assert opened(key, stored).size == size
    assert read_all(key, stored) == plain
    assert opened(key, stored).as_io().read() == plain


@pytest.mark.parametrize("piece", [1, 1000, FRAME_BYTES, STORED_FRAME, 3 * FRAME_BYTES + 1])
def test_pieces_of_any_size_make_the_same_file(key: OpenKey, piece: int) -> None:
    plain = os.urandom((2 if piece == 1 else 20) * FRAME_BYTES + 5)
    pieces = [plain[at : at + piece] for at in range(0, len(plain), piece)]
    stored = b"".join(seal_file(key, [b"", *pieces, b""]))

    def read_range(start: int, end: int) -> Iterator[bytes]:
        part = stored[start:end]
        return (part[at : at + piece] for at in range(0, len(part), piece))

    assert b"".join(SealedFile(key, read_range, stored_size=len(stored), row=ROW).read()) == plain


def test_sealing_twice_shares_no_frame(key: OpenKey) -> None:
    plain = bytes(3 * FRAME_BYTES)
    first, second = sealed(key, plain), sealed(key, plain)

    frames = [
        s[at : at + STORED_FRAME] for s in (first, second) for at in range(HEADER_BYTES, len(s), STORED_FRAME)
    ]
    assert len(set(frames)) == 6


@pytest.mark.parametrize("size", [0, 50])
def test_no_byte_can_be_changed(key: OpenKey, size: int) -> None:
    stored = sealed(key, os.urandom(size))

    for at in range(len(stored)):
        for flip in (0x01, 0x80, 0xFF):
            changed = bytearray(stored)
            changed[at] ^= flip
            assert refused(key, bytes(changed)), at


def test_a_changed_byte_in_any_frame_is_found(key: OpenKey) -> None:
    stored = sealed(key, os.urandom(3 * FRAME_BYTES))

    for at in range(HEADER_BYTES, len(stored), 9973):
        changed = bytearray(stored)
        changed[at] ^= 1
        assert refused(key, bytes(changed))


@pytest.mark.parametrize("size", [0, 10, 3 * FRAME_BYTES, 3 * FRAME_BYTES + 10])
def test_no_cut_goes_unseen(key: OpenKey, size: int) -> None:
    stored = sealed(key, os.urandom(size))
    boundaries = [HEADER_BYTES + frame * STORED_FRAME for frame in range(4)]
    cuts = {
        0,
        1,
        HEADER_BYTES - 1,
        len(stored) - 1,
        *boundaries,
        *(at + 1 for at in boundaries),
        *(at - 1 for at in boundaries),
    }

    for length in sorted(cut for cut in cuts if cut < len(stored)):
        assert refused(key, stored[:length]), length


def test_a_cut_is_found_when_the_size_is_known_from_elsewhere(key: OpenKey) -> None:
    stored = sealed(key, os.urandom(6 * FRAME_BYTES))
    short = stored[: HEADER_BYTES + 5 * STORED_FRAME]
    file = SealedFile(key, lambda start, end: [short[start:end]], stored_size=len(stored), row=ROW)

    assert b"".join(file.read(0, 10))
    with pytest.raises(Tampered):
        b"".join(file.read())
    with pytest.raises(Tampered):
        file.as_io()


def test_nothing_can_be_added(key: OpenKey) -> None:
    stored = sealed(key, os.urandom(2 * FRAME_BYTES))
    last = stored[-STORED_FRAME:]

    for more in (b"\0", b"\0" * TAG_BYTES, last, stored[HEADER_BYTES:]):
        assert refused(key, stored + more)


def test_a_store_that_gives_too_much_is_found(key: OpenKey) -> None:
    for frames in (2, 20):
        stored = sealed(key, os.urandom(frames * FRAME_BYTES)) + b"more"

        def read_range(start: int, end: int, stored: bytes = stored) -> list[bytes]:
            return [stored[start : end + bool(end > HEADER_BYTES)]]

        with pytest.raises(Tampered):
            list(SealedFile(key, read_range, stored_size=len(stored) - 4, row=ROW).read(0, FRAME_BYTES))


@pytest.mark.parametrize(("size", "asked"), [(0, 1), (3 * FRAME_BYTES, 1), (9 * FRAME_BYTES, 3)])
def test_a_small_file_is_fetched_at_once(key: OpenKey, size: int, asked: int) -> None:
    plain = os.urandom(size)
    stored, ranges = sealed(key, plain), []

    def read_range(start: int, end: int) -> Iterator[bytes]:
        ranges.append((start, end))
        yield stored[start:end]

    file = SealedFile(key, read_range, stored_size=len(stored), row=ROW).as_io()

    assert file.read(100) == plain[:100]
    assert file.seek(-100, io.SEEK_END) == max(0, size - 100) if size else True
    assert len(ranges) == asked


def test_frames_stay_in_their_order_and_their_file(key: OpenKey) -> None:
    one, two = (sealed(key, os.urandom(3 * FRAME_BYTES)) for _ in range(2))

    def frame(stored: bytes, number: int) -> bytes:
        return stored[HEADER_BYTES + number * STORED_FRAME :][:STORED_FRAME]

    header = one[:HEADER_BYTES]
    assert not refused(key, header + b"".join(frame(one, number) for number in (0, 1, 2)))
    for numbers in [(1, 0, 2), (0, 2, 1), (0, 0, 2), (0, 2), (1, 2), (0, 1)]:
        assert refused(key, header + b"".join(frame(one, number) for number in numbers)), numbers
    for number in range(3):
        swapped = [frame(two if at == number else one, at) for at in range(3)]
        assert refused(key, header + b"".join(swapped))
    assert refused(key, two[:HEADER_BYTES] + one[HEADER_BYTES:])


def test_another_key_does_not_open_it(key: OpenKey) -> None:
    stored = sealed(key, b"secret")

    assert refused(OpenKey(key.node_id, os.urandom(16), os.urandom(32)), stored)
    assert refused(OpenKey(key.node_id, key.key_id, os.urandom(32)), stored)


def test_parts_are_what_slicing_gives_and_touch_only_their_frames(key: OpenKey) -> None:
    plain = os.urandom(20 * FRAME_BYTES + 123)
    stored = sealed(key, plain)
    touched: list[int] = []

    def read_range(start: int, end: int) -> Iterator[bytes]:
        touched.append(end - start)
        yield stored[start:end]

    file = SealedFile(key, read_range, stored_size=len(stored), row=ROW)
    chance = random.Random(7)
    spots = [(0, 0), (0, 1), (FRAME_BYTES, FRAME_BYTES + 1), (len(plain) - 1, len(plain)), (5, 10**9)]
    spots += [(chance.randrange(len(plain)), chance.randrange(len(plain) + 100)) for _ in range(50)]
    for start, end in spots:
        touched.clear()
        assert b"".join(file.read(start, end)) == plain[start:end]
        assert sum(touched) <= max(0, end - start) + 2 * STORED_FRAME


def test_seekable_reader_behaves_like_a_file(key: OpenKey) -> None:
    plain = os.urandom(5 * FRAME_BYTES + 99)
    ours, theirs = opened(key, sealed(key, plain)).as_io(), io.BytesIO(plain)
    chance = random.Random(11)

    for _ in range(100):
        offset, whence = chance.choice(
            [(chance.randrange(len(plain) + 10), 0), (-chance.randrange(len(plain)), 2), (1, 1)]
        )
        count = chance.choice([0, 1, 100, FRAME_BYTES, 3 * FRAME_BYTES])
        assert ours.seek(offset, whence) == theirs.seek(offset, whence)
        assert ours.read(count) == theirs.read(count)
        assert ours.tell() == theirs.tell()


def test_memory_stays_constant_for_a_huge_file(key: OpenKey) -> None:
    piece, count = os.urandom(1024 * 1024), 96
    header: list[bytes] = []

    def source() -> Iterator[bytes]:
        for _ in range(count):
            yield piece

    tracemalloc.start()
    try:
        size = 0
        for part in seal_file(key, source()):
            header = header or [part]
            size += len(part)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert size == sealed_size(count * len(piece))
    assert peak < 8 * 1024 * 1024


def test_memory_stays_constant_while_reading(key: OpenKey) -> None:
    stored = sealed(key, bytes(48 * 1024 * 1024))

    def read_range(start: int, end: int) -> Iterator[bytes]:
        for at in range(start, end, 1024 * 1024):
            yield stored[at : min(end, at + 1024 * 1024)]

    file = SealedFile(key, read_range, stored_size=len(stored), row=ROW)
    tracemalloc.start()
    try:
        size = sum(len(part) for part in file.read())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert size == 48 * 1024 * 1024
    assert peak < 8 * 1024 * 1024
