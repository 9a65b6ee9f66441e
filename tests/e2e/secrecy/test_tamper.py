"""Somebody with a hand on the disk changes what is stored: an error that names the object, never wrong content.

Each test damages one thing behind the server's back and puts it back afterwards.
"""

from __future__ import annotations

import base64
import http.client
import json
import re
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.e2e.secrecy.conftest import Instance
from tests.e2e.secrecy.door import PROJECTS, RUN, RUNS, Answer, Door, history, path_of

pytestmark = pytest.mark.live

SECRET = "the words that were logged"
BIG_FILE = b"".join(number.to_bytes(4, "big") for number in range(60_000))  # several frames
FRAME = 64 * 1024


class Disk:
    """The databases and the blob files, written to while the server runs."""

    def __init__(self, data: Path) -> None:
        self.data = data

    def query(self, database: str, sql: str, *arguments: object) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self.data / database, timeout=20, isolation_level=None)
        rows = connection.execute(sql, arguments).fetchall()
        connection.close()
        return rows

    @contextmanager
    def changed(
        self,
        database: str,
        table: str,
        column: str,
        row: object,
        change: Callable[[bytes], bytes | None],
        key: str = "id",
    ) -> Iterator[bytes]:
        (kept,) = self.query(database, f"SELECT {column} FROM {table} WHERE {key} = ?", row)[0]
        update = f"UPDATE {table} SET {column} = ? WHERE {key} = ?"
        self.query(database, update, change(kept), row)
        try:
            yield kept
        finally:
            self.query(database, update, kept, row)

    def run_row(self, run_id: str) -> dict[str, Any]:
        names = "id uuid vault_node project_id sealed_head sealed_config"
        found = self.query(
            "ownlog.sqlite3", f"SELECT {names.replace(' ', ', ')} FROM runs_run WHERE public_id = ?", run_id
        )
        return dict(zip(names.split(), found[0], strict=True))


def flip(place: int, bits: int = 1) -> Callable[[bytes], bytes]:
    def change(value: bytes) -> bytes:
        data = bytearray(value)
        data[place] ^= bits
        return bytes(data)

    return change


def swap_halves(value: bytes) -> bytes:
    half = len(value) // 2
    return value[half:] + value[:half]


# Version, key id, nonce, first and middle bytes of the text, tag, and cuts.
CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "version": flip(0, 3),
    "key id": flip(5),
    "nonce": flip(20),
    "first letter": flip(29),
    "tag": flip(-1),
    "cut": lambda value: value[:-1],
    "half": lambda value: value[: len(value) // 2],
    "empty": lambda value: b"",
    "longer": lambda value: value + b"\0",
    "swapped": swap_halves,
    "text": lambda value: SECRET.encode(),
}


@pytest.fixture(scope="module")
def place() -> str:
    return f"tampered-{secrets.token_hex(4)}"


class Runs:
    """Two runs side by side: one is damaged, the other must not notice."""

    def __init__(self, instance: Instance, project: str) -> None:
        self.project = project
        self.alice = instance.door("alice")
        self.disk = Disk(instance.data)
        self.ids = {name: self.make(name) for name in ("hurt", "whole")}
        self.hurt = self.disk.run_row(self.ids["hurt"])
        self.whole = self.disk.run_row(self.ids["whole"])

    def make(self, name: str) -> str:
        config = json.dumps({"lr": {"value": 0.5}, "note": {"value": SECRET}})
        bucket = self.alice.start_run(
            self.project, name, config=config, notes=SECRET, displayName=f"shown {name}"
        )
        lines = [f'{{"loss": {step}.5, "text": "{SECRET}", "_step": {step}}}' for step in range(50)]
        body = history(*lines)
        body["files"]["output.log"] = {"offset": 0, "content": [SECRET] * 20}
        body["files"]["wandb-summary.json"] = {"offset": 0, "content": [f'{{"best": "{SECRET}"}}']}
        assert self.alice.stream("alice", self.project, name, body).status == 200
        self.alice.upload("alice", self.project, name, "big.bin", BIG_FILE)
        return base64.b64decode(bucket["id"]).decode().partition(":")[2]

    def read(self, name: str) -> Answer:
        return self.alice.graphql(RUN, {"entity": "alice", "project": self.project, "run": name})

    def list(self) -> Answer:
        return self.alice.graphql(RUNS, {"entity": "alice", "project": self.project})

    def check_whole(self) -> None:
        found = self.read("whole").json["data"]["project"]["run"]
        assert found["notes"] == SECRET and len(found["history"]) == 50


@pytest.fixture(scope="module")
def runs(instance: Instance, place: str) -> Runs:
    made = Runs(instance, place)
    made.check_whole()
    return made


def told(answered: Answer, label: str, row: str | UUID) -> bool:
    """One message names the field and the row; nothing of the content is in it."""
    assert answered.status == 200, (answered.status, answered.body[:300])
    text = " ".join(answered.messages)
    assert SECRET not in text
    return label in text and str(row if isinstance(row, UUID) else UUID(row)) in text


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(
    ("column", "label"),
    [("sealed_head", "run.head"), ("sealed_config", "run.config"), ("sealed_summary", "run.summary")],
)
def test_a_changed_value_of_a_run_is_named_and_not_shown(
    column: str, label: str, change: str, instance: Instance, runs: Runs
) -> None:
    with runs.disk.changed("ownlog.sqlite3", "runs_run", column, runs.hurt["id"], CHANGES[change]):
        answered = runs.read("hurt")
        assert told(answered, label, runs.hurt["uuid"]), answered.body[:500]
        assert SECRET.encode() not in answered.body or column != "sealed_head"
        runs.check_whole()
    assert not runs.read("hurt").messages, "once put back, all is well"


@pytest.mark.parametrize("column", ["sealed_head", "sealed_config"])
def test_a_list_with_a_damaged_run_still_shows_the_others(
    column: str, instance: Instance, runs: Runs
) -> None:
    """What a person expects: their other runs, and a word that one cannot be read."""
    runs.alice.stream(
        "alice", runs.project, "hurt", history('{"loss": 1, "_step": 50}', offset=50)
    )  # not from a cache
    with runs.disk.changed("ownlog.sqlite3", "runs_run", column, runs.hurt["id"], flip(-1)):
        runs.disk.query(
            "ownlog.sqlite3", "UPDATE runs_run SET version = version + 1 WHERE id = ?", runs.hurt["id"]
        )
        answered = runs.list()
        assert answered.status == 200
        data = answered.json.get("data") or {}
        edges = (((data.get("project") or {}).get("runs") or {}).get("edges")) or []
        names = {edge["node"]["name"] for edge in edges}
        assert "whole" in names or told(answered, "run.", runs.hurt["uuid"]), answered.body[:500]
        assert "hurt" not in names or answered.messages
    runs.disk.query(
        "ownlog.sqlite3", "UPDATE runs_run SET version = version + 1 WHERE id = ?", runs.hurt["id"]
    )
    assert {edge["node"]["name"] for edge in runs.list().json["data"]["project"]["runs"]["edges"]} == {
        "hurt",
        "whole",
    }


def test_values_of_one_run_do_not_open_in_another(instance: Instance, runs: Runs) -> None:
    """The same field, the same length, authentic bytes: but of another row."""
    other = runs.whole["sealed_head"]
    with runs.disk.changed("ownlog.sqlite3", "runs_run", "sealed_head", runs.hurt["id"], lambda _: other):
        answered = runs.read("hurt")
        assert told(answered, "run.head", runs.hurt["uuid"]), answered.body[:300]


def test_a_value_does_not_open_as_another_field_of_its_row(instance: Instance, runs: Runs) -> None:
    head = runs.hurt["sealed_head"]
    with runs.disk.changed("ownlog.sqlite3", "runs_run", "sealed_config", runs.hurt["id"], lambda _: head):
        assert told(runs.read("hurt"), "run.config", runs.hurt["uuid"])


def test_a_run_that_is_moved_to_another_key_does_not_open(instance: Instance, runs: Runs) -> None:
    other = runs.whole["vault_node"]
    runs.disk.query("ownlog.sqlite3", "UPDATE runs_run SET vault_node = 'x' WHERE id = ?", runs.whole["id"])
    try:
        with runs.disk.changed("ownlog.sqlite3", "runs_run", "vault_node", runs.hurt["id"], lambda _: other):  # type: ignore[arg-type, return-value]
            answered = runs.read("hurt")
            assert answered.messages and SECRET.encode() not in answered.body
    finally:
        runs.disk.query(
            "ownlog.sqlite3", "UPDATE runs_run SET vault_node = ? WHERE id = ?", other, runs.whole["id"]
        )
    runs.check_whole()


# ── lines ──


def chunk_of(runs: Runs, stream: str) -> tuple[int, str]:
    found = runs.disk.query(
        "ownlog.sqlite3",
        "SELECT id, uuid FROM runs_chunk WHERE run_id = ? AND stream = ? ORDER BY first_line",
        runs.hurt["id"],
        stream,
    )
    return found[0][0], found[0][1]


@pytest.mark.parametrize("change", ["version", "key id", "nonce", "first letter", "tag", "half", "empty"])
@pytest.mark.parametrize("stream", ["history", "output"])
def test_a_changed_chunk_is_named_and_nothing_is_invented(
    stream: str, change: str, instance: Instance, runs: Runs
) -> None:
    row, uuid = chunk_of(runs, stream)
    with runs.disk.changed("ownlog.sqlite3", "runs_chunk", "payload", row, CHANGES[change]):
        answered = runs.read("hurt")
        assert told(answered, "chunk", uuid), answered.body[:500]
        shown = (answered.json["data"] or {}).get("project", {}).get("run") or {}
        assert not shown.get("history" if stream == "history" else "logLines")
        runs.check_whole()


def test_a_chunk_of_another_place_does_not_open(instance: Instance, runs: Runs) -> None:
    """Authentic bytes at a wrong line number would be wrong content."""
    runs.alice.stream("alice", runs.project, "hurt", history('{"loss": 9, "_step": 51}', offset=51))
    row, uuid = chunk_of(runs, "history")
    with runs.disk.changed("ownlog.sqlite3", "runs_chunk", "first_line", row, lambda _: 3):  # type: ignore[arg-type, return-value]
        answered = runs.read("hurt")
        assert answered.messages, "shifted lines are not shown as if nothing had been"


def test_the_client_keeps_what_it_could_not_add_to_a_damaged_run(instance: Instance, runs: Runs) -> None:
    """A 4xx would make the client throw the rest of its run away; the damage may be mended."""
    keys = "sealed_keys"
    with runs.disk.changed("ownlog.sqlite3", "runs_run", keys, runs.hurt["id"], flip(-1)):
        answered = runs.alice.stream(
            "alice", runs.project, "hurt", history('{"loss": 1, "_step": 99}', offset=60)
        )
        assert answered.status in {200, 503}, (answered.status, answered.body[:200])


# ── keys ──


@pytest.mark.parametrize("change", ["version", "nonce", "tag", "half", "empty"])
def test_a_changed_key_closes_its_run_only(change: str, instance: Instance, runs: Runs) -> None:
    node = runs.hurt["vault_node"]
    with runs.disk.changed("vault.sqlite3", "vault_node", "secrets", node, CHANGES[change]):
        answered = runs.read("hurt")
        assert told(answered, "key", node), answered.body[:500]
        assert SECRET.encode() not in answered.body
        runs.check_whole()


def test_a_key_of_another_run_does_not_serve(instance: Instance, runs: Runs) -> None:
    (other,) = runs.disk.query(
        "vault.sqlite3", "SELECT secrets FROM vault_node WHERE id = ?", runs.whole["vault_node"]
    )[0]
    with runs.disk.changed(
        "vault.sqlite3", "vault_node", "secrets", runs.hurt["vault_node"], lambda _: other
    ):
        assert told(runs.read("hurt"), "key", runs.hurt["vault_node"])


def test_a_changed_project_key_closes_that_project_only(instance: Instance, runs: Runs) -> None:
    other = f"other-{secrets.token_hex(4)}"
    runs.alice.start_run(other, "r")
    (node,) = runs.disk.query(
        "ownlog.sqlite3", "SELECT vault_node FROM projects_project WHERE id = ?", runs.hurt["project_id"]
    )[0]
    with runs.disk.changed("vault.sqlite3", "vault_node", "secrets", node, flip(-1)):
        answered = runs.read("hurt")
        assert answered.messages and SECRET.encode() not in answered.body
        found = runs.alice.data(RUNS, {"entity": "alice", "project": other})
        assert found["project"]["runCount"] == 1, "the neighbour is as it was"
        listed = runs.alice.graphql(PROJECTS, {"entity": "alice"})
        names = [
            edge["node"]["name"]
            for edge in ((listed.json["data"] or {}).get("models") or {}).get("edges", [])
        ]
        assert other in names or listed.messages


# ── files ──


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
        return Door(runs.alice.url).ask("GET", path_of(found["directUrl"]), headers=headers)
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


def damaged(data: bytes, kind: str) -> bytes:
    frame = FRAME + 16
    return {
        "head": lambda: flip(2)(data),
        "key id": lambda: flip(9)(data),
        "salt": lambda: flip(40)(data),
        "first frame": lambda: flip(100)(data),
        "third frame": lambda: flip(2 * frame + 500)(data),
        "last byte": lambda: flip(-1)(data),
        "cut by one": lambda: data[:-1],
        "cut by half": lambda: data[: len(data) // 2],
        "cut at a frame": lambda: data[: len(data) - (len(data) - _head(data)) % frame],
        "empty": lambda: b"",
        "longer": lambda: data + b"\0" * 16,
        "frames swapped": lambda: (
            data[: _head(data)]
            + data[_head(data) + frame : _head(data) + 2 * frame]
            + data[_head(data) : _head(data) + frame]
            + data[_head(data) + 2 * frame :]
        ),
        "plain": lambda: BIG_FILE[: len(data)],
    }[kind]()


def _head(data: bytes) -> int:
    """Where the frames begin: what is over once whole frames and their tags are counted."""
    whole = -(-len(BIG_FILE) // FRAME)
    return len(data) - len(BIG_FILE) - 16 * whole


@pytest.mark.parametrize(
    "kind",
    ["head", "key id", "salt", "first frame", "third frame", "last byte", "cut by one", "cut by half", "cut at a frame",
     "empty", "longer", "frames swapped", "plain"],
)  # fmt: skip
def test_a_changed_file_is_never_served_as_if_whole(kind: str, instance: Instance, runs: Runs) -> None:
    path, name, _ = blob_of(runs)
    data = path.read_bytes()
    assert damaged(data, kind) != data
    with changed_file(path, damaged(data, kind)):
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


def test_no_damage_made_the_server_fall(instance: Instance, runs: Runs) -> None:
    runs.check_whole()
    log = instance.log()
    assert SECRET not in log
    assert not re.search(r"Traceback|panicked", log), "a damaged row is told in one line, not in a traceback"
