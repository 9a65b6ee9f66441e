"""What lies in an instance's data folder, counted without the product's own code."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.live import LiveServer


def select(server: LiveServer, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(server.data / "ownlog.sqlite3", timeout=20)) as database:
        return database.execute(query).fetchall()


def change(server: LiveServer, statement: str) -> None:
    with closing(sqlite3.connect(server.data / "ownlog.sqlite3", timeout=20)) as database, database:
        database.execute(statement)


def count(server: LiveServer, table: str, where: str = "1") -> int:
    number: int = select(server, f"SELECT count(*) FROM {table} WHERE {where}")[0][0]
    return number


def newest_run(server: LiveServer) -> int:
    number: int = select(server, "SELECT max(id) FROM runs_run")[0][0]
    return number


def blob_files(server: LiveServer) -> list[Path]:
    return [path for path in (server.data / "blobs").rglob("*") if path.is_file()]


def inside(server: LiveServer, what: str, *arguments: object) -> list[int]:
    """Do something of inside.py in this instance's data folder; how its processes ended."""
    printed = server.python("-m", "tests.e2e.durability.inside", what, *map(str, arguments))
    codes: list[int] = json.loads(next(line for line in printed.splitlines() if line.startswith("[")))
    return codes


def compact(server: LiveServer, run: int) -> None:
    inside(server, "task", "runs.compact", json.dumps({"run_id": run}))
