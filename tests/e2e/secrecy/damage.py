"""A hand on the disk: changes what is stored behind the server's back, and puts it back."""

from __future__ import annotations

import base64
import json
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.e2e.secrecy.browser import Browser
from tests.e2e.secrecy.conftest import Instance
from tests.e2e.secrecy.door import RUN, RUNS, Answer, Door, history

SECRET = "the words that were logged"
BIG_FILE = b"".join(number.to_bytes(4, "big") for number in range(60_000))  # several frames


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


class Runs:
    """Two runs side by side, and their owner: one run is damaged, the other must not notice."""

    def __init__(self, instance: Instance) -> None:
        self.owner, self.project = f"owner{secrets.token_hex(4)}", f"tampered-{secrets.token_hex(4)}"
        self.browser = Browser(instance.server.url)
        self.browser.sign_up(self.owner)
        self.door = Door(instance.server.url, self.browser.new_key())
        self.disk = Disk(instance.data)
        self.ids = {name: self.make(name) for name in ("hurt", "whole")}
        self.hurt = self.disk.run_row(self.ids["hurt"])
        self.whole = self.disk.run_row(self.ids["whole"])
        self.check_whole()

    def make(self, name: str) -> str:
        config = json.dumps({"lr": {"value": 0.5}, "note": {"value": SECRET}})
        bucket = self.door.start_run(
            self.project, name, config=config, notes=SECRET, displayName=f"shown {name}"
        )
        lines = [f'{{"loss": {step}.5, "text": "{SECRET}", "_step": {step}}}' for step in range(50)]
        body = history(*lines)
        body["files"]["output.log"] = {"offset": 0, "content": [SECRET] * 20}
        body["files"]["wandb-summary.json"] = {"offset": 0, "content": [f'{{"best": "{SECRET}"}}']}
        assert self.door.stream(self.owner, self.project, name, body).status == 200
        self.door.upload(self.owner, self.project, name, "big.bin", BIG_FILE)
        return base64.b64decode(bucket["id"]).decode().partition(":")[2]

    def read(self, name: str) -> Answer:
        return self.door.graphql(RUN, {"entity": self.owner, "project": self.project, "run": name})

    def list(self) -> Answer:
        return self.door.graphql(RUNS, {"entity": self.owner, "project": self.project})

    def touch(self, name: str) -> None:
        """Count the run's row as changed, as whoever writes there would: the server is not to answer from memory."""
        row = self.disk.run_row(self.ids[name])["id"]
        self.disk.query("ownlog.sqlite3", "UPDATE runs_run SET version = version + 1 WHERE id = ?", row)

    def check_whole(self) -> None:
        found = self.read("whole").json["data"]["project"]["run"]
        assert found["notes"] == SECRET and len(found["history"]) == 50


def told(answered: Answer, label: str, row: str | UUID) -> bool:
    """One message names the field and the row; nothing of the content is in it."""
    assert answered.status == 200, (answered.status, answered.body[:300])
    text = " ".join(answered.messages)
    assert SECRET not in text
    return label in text and str(row if isinstance(row, UUID) else UUID(row)) in text
