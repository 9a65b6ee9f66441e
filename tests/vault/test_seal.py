from __future__ import annotations

import os
from uuid import uuid4

import pytest

from apps.core.errors import TooMuch
from apps.vault import seal as seal_module
from apps.vault.errors import Tampered
from apps.vault.keys import OpenKey
from apps.vault.seal import COMPRESS_FROM_BYTES, blind_index, seal, seal_text, unseal, unseal_text
from apps.vault.types import NodeId

ROW = uuid4()
LABEL = "run.config"


def new_key() -> OpenKey:
    return OpenKey(NodeId(uuid4()), os.urandom(16), os.urandom(32))


@pytest.fixture
def key() -> OpenKey:
    return new_key()


@pytest.mark.parametrize(
    "plaintext",
    [
        b"",
        b"x",
        b"\0" * COMPRESS_FROM_BYTES,
        b"\0" * (COMPRESS_FROM_BYTES + 1),
        os.urandom(5000),
        b"many of the same " * 100_000,
    ],
    ids=["empty", "short", "longest-plain", "shortest-packed", "cannot-be-packed", "long"],
)
def test_what_goes_in_comes_out(key: OpenKey, plaintext: bytes) -> None:
    sealed = seal(key, plaintext, label=LABEL, row=ROW, place=b"history:7")

    assert unseal(key, sealed, label=LABEL, row=ROW, place=b"history:7") == plaintext
    assert unseal(key, memoryview(sealed), label=LABEL, row=ROW, place=b"history:7") == plaintext


def test_sealed_bytes_have_the_form_that_is_written_down(key: OpenKey) -> None:
    short = seal(key, b"hello", label=LABEL, row=ROW)
    long = seal(key, b"hello" * 1000, label=LABEL, row=ROW)

    assert short[:1] == b"\x01"
    assert long[:1] == b"\x02"
    assert short[1:17] == long[1:17] == key.key_id
    assert len(short) == 1 + 16 + 12 + len(b"hello") + 16
    assert len(long) < 200


def test_sealing_twice_never_gives_the_same_bytes(key: OpenKey) -> None:
    assert len({seal(key, b"same", label=LABEL, row=ROW) for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "text", ["", "κόσμε 🌍", "a\u202eb", "lone \ud800 surrogate", '{"x": NaN, "n": 1e400}']
)
def test_text_comes_back_letter_by_letter(key: OpenKey, text: str) -> None:
    assert unseal_text(key, seal_text(key, text, label=LABEL, row=ROW), label=LABEL, row=ROW) == text


@pytest.mark.parametrize("plaintext", [b"small", b"packed " * 300], ids=["plain", "packed"])
def test_no_byte_can_be_changed(key: OpenKey, plaintext: bytes) -> None:
    sealed = seal(key, plaintext, label=LABEL, row=ROW)

    for at in range(len(sealed)):
        for flip in (0x01, 0x03, 0x80, 0xFF):
            changed = bytearray(sealed)
            changed[at] ^= flip
            with pytest.raises(Tampered):
                unseal(key, bytes(changed), label=LABEL, row=ROW)


def test_no_part_is_enough(key: OpenKey) -> None:
    sealed = seal(key, b"small", label=LABEL, row=ROW)

    for length in range(len(sealed)):
        with pytest.raises(Tampered):
            unseal(key, sealed[:length], label=LABEL, row=ROW)
    with pytest.raises(Tampered):
        unseal(key, sealed + b"\0", label=LABEL, row=ROW)


def test_a_value_opens_at_its_own_place_only(key: OpenKey) -> None:
    sealed = seal(key, b"secret", label=LABEL, row=ROW, place=b"history:7")

    for label, row, place in [
        ("run.summary", ROW, b"history:7"),
        (LABEL, uuid4(), b"history:7"),
        (LABEL, ROW, b"history:8"),
        (LABEL, ROW, b""),
    ]:
        with pytest.raises(Tampered):
            unseal(key, sealed, label=label, row=row, place=place)
    with pytest.raises(Tampered):
        unseal(new_key(), sealed, label=LABEL, row=ROW, place=b"history:7")


def test_same_key_id_with_another_secret_does_not_open(key: OpenKey) -> None:
    sealed = seal(key, b"secret", label=LABEL, row=ROW)
    pretender = OpenKey(key.node_id, key.key_id, os.urandom(32))

    with pytest.raises(Tampered):
        unseal(pretender, sealed, label=LABEL, row=ROW)


def test_the_error_names_the_object_and_no_content(key: OpenKey) -> None:
    sealed = bytearray(seal(key, b"canary", label=LABEL, row=ROW))
    sealed[-1] ^= 1

    with pytest.raises(Tampered) as raised:
        unseal(key, bytes(sealed), label=LABEL, row=ROW)

    assert (raised.value.label, raised.value.row) == (LABEL, ROW)
    assert str(raised.value) == f"The stored {LABEL} of {ROW} was changed or damaged and cannot be opened."


def test_unpacking_is_bounded(key: OpenKey, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = seal(key, b"\0" * 1_000_000, label=LABEL, row=ROW)
    monkeypatch.setattr(seal_module, "MOST_BYTES", 999_999)

    with pytest.raises(Tampered):
        unseal(key, sealed, label=LABEL, row=ROW)
    with pytest.raises(TooMuch, match=r"One run\.config may not be larger"):
        seal(key, b"\0" * 1_000_000, label=LABEL, row=ROW)


def test_blind_index_is_equal_for_equal_names_after_nfc(key: OpenKey) -> None:
    assert blind_index(key, "run.name", "caf\u00e9") == blind_index(key, "run.name", "cafe\u0301")
    assert len(blind_index(key, "run.name", "x")) == 16


def test_blind_index_differs_by_case_label_name_and_parent(key: OpenKey) -> None:
    indexes = {
        blind_index(key, "run.name", "net"),
        blind_index(key, "run.name", "Net"),
        blind_index(key, "run.name", "net "),
        blind_index(key, "file.name", "net"),
        blind_index(key, "run.namen", "et"),
        blind_index(new_key(), "run.name", "net"),
    }

    assert len(indexes) == 6
