"""Stored files that somebody changed, cut or swapped on the disk: an error or a broken-off answer, never other bytes."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest

from tests.e2e.secrecy.conftest import Instance
from tests.e2e.secrecy.damage import BIG_FILE, CHANGES, SECRET, Runs, flip
from tests.e2e.secrecy.door import Answer, Door, path_of

pytestmark = [pytest.mark.live, pytest.mark.promise("P-28")]

FRAME = 64 * 1024


@pytest.fixture(scope="module")
def runs(instance: Instance) -> Runs:
    return Runs(instance)


def blob_of(runs: Runs) -> tuple[Path, str, str]:
    """The stored file of the damaged run's big.bin, its object name and its key's id."""
    name, node = runs.disk.query(
        "ownlog.sqlite3",
        "SELECT b.object_name, b.vault_node FROM files_runfile f JOIN blobs_blob b ON b.id = f.blob_id WHERE f.run_id = ?",
        runs.hurt["id"],
    )[0]
    path = next(
        path for path in (runs.disk.data / "blobs").rglob("*") if path.is_file() and name in str(path)
    )
    return path, name, node


def download(runs: Runs, name: str = "hurt", **headers: str) -> Answer | None:
    """The file as a client gets it; None when the connection ended before the promised length."""
    found = runs.read(name).json["data"]["project"]["run"]["files"]["edges"][0]["node"]
    try:
        return Door(runs.door.url).ask("GET", path_of(found["directUrl"]), headers=headers)
    except (http.client.IncompleteRead, ConnectionError):
        return None


@contextmanager
def changed_file(path: Path, data: bytes) -> Iterator[None]:
    kept = path.read_bytes()
    path.write_bytes(data)
    try:
        yield
    finally:
        path.write_bytes(kept)


STORED_FRAME = FRAME + 16
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "head": flip(2),
    "key id": flip(9),
    "salt": flip(40),
    "first frame": flip(100),
    "third frame": flip(2 * STORED_FRAME + 500),
    "last byte": flip(-1),
    "cut by one": lambda data: data[:-1],
    "cut by half": lambda data: data[: len(data) // 2],
    "cut at a frame": lambda data: data[: len(data) - (len(data) - head_of(data)) % STORED_FRAME],
    "empty": lambda data: b"",
    "longer": lambda data: data + b"\0" * 16,
    "frames swapped": lambda data: swap_frames(data, head_of(data)),
    "plain": lambda data: BIG_FILE[: len(data)],
}


def swap_frames(data: bytes, head: int) -> bytes:
    first, second, rest = (
        data[head:][:STORED_FRAME],
        data[head + STORED_FRAME :][:STORED_FRAME],
        head + 2 * STORED_FRAME,
    )
    return data[:head] + second + first + data[rest:]


def head_of(data: bytes) -> int:
    """Where the frames begin: what is over once whole frames and their tags are counted."""
    whole = -(-len(BIG_FILE) // FRAME)
    return len(data) - len(BIG_FILE) - 16 * whole


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_changed_file_is_never_served_as_if_whole(kind: str, instance: Instance, runs: Runs) -> None:
    path, _, _ = blob_of(runs)
    data = path.read_bytes()
    assert DAMAGES[kind](data) != data
    with changed_file(path, DAMAGES[kind](data)):
        answered = download(runs)
        if answered is not None and answered.status == 200:
            assert (kind, answered.body == BIG_FILE) == ("longer", True), (
                "something else was served as if it were whole"
            )
        elif answered is not None:
            assert answered.status in {500, 503} and answered.messages, answered.body[:300]
            assert SECRET.encode() not in answered.body
        other = download(runs, "whole")
        assert other is not None and other.body == BIG_FILE
    again = download(runs)
    assert again is not None and again.body == BIG_FILE


def test_a_file_damaged_at_its_start_is_named(instance: Instance, runs: Runs) -> None:
    path, name, node = blob_of(runs)
    with changed_file(path, flip(200)(path.read_bytes())):
        answered = download(runs)
        assert answered is not None and answered.status in {500, 503}
        named = " ".join(answered.messages)
        assert name in named or str(UUID(node)) in named, named


def test_a_missing_file_is_an_error_of_that_file_only(instance: Instance, runs: Runs) -> None:
    path, _, _ = blob_of(runs)
    kept = path.read_bytes()
    path.unlink()
    try:
        answered = download(runs)
        assert answered is None or answered.status in {404, 410, 500, 503}
        assert not runs.read("hurt").messages, "the run itself opens"
    finally:
        path.write_bytes(kept)
    again = download(runs)
    assert again is not None and again.body == BIG_FILE


def test_another_file_in_its_place_is_not_served(instance: Instance, runs: Runs) -> None:
    path, _, _ = blob_of(runs)
    name = runs.disk.query(
        "ownlog.sqlite3",
        "SELECT b.object_name FROM files_runfile f JOIN blobs_blob b ON b.id = f.blob_id WHERE f.run_id = ?",
        runs.whole["id"],
    )[0][0]
    other = next(
        each for each in (runs.disk.data / "blobs").rglob("*") if each.is_file() and name in str(each)
    )
    with changed_file(path, other.read_bytes()):
        answered = download(runs)
        assert answered is None or answered.status in {500, 503}


@pytest.mark.parametrize("change", ["version", "nonce", "tag", "empty"])
def test_a_changed_grant_closes_its_file_only(change: str, instance: Instance, runs: Runs) -> None:
    _, _, node = blob_of(runs)
    with runs.disk.changed("vault.sqlite3", "vault_grant", "secret", node, CHANGES[change], key="blob_id"):
        answered = download(runs)
        assert answered is not None and answered.status in {500, 503} and answered.messages
        assert not runs.read("hurt").messages
        other = download(runs, "whole")
        assert other is not None and other.body == BIG_FILE
