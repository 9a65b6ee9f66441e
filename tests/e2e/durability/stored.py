"""What an instance has stored, counted without the product's own code."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from tests.live import LiveServer
from tests.remote import s3_client


def select(server: LiveServer, query: str) -> list[tuple[Any, ...]]:
    if server.remote:
        with psycopg.connect(server.remote.database) as there:
            return there.execute(query.encode()).fetchall()
    with closing(sqlite3.connect(server.data / "ownlog.sqlite3", timeout=20)) as database:
        return database.execute(query).fetchall()


def change(server: LiveServer, statement: str, *, in_vault: bool = False) -> None:
    if server.remote:
        with psycopg.connect(server.remote.vault if in_vault else server.remote.database) as there:
            there.execute(statement.encode())
        return
    file = server.data / ("vault.sqlite3" if in_vault else "ownlog.sqlite3")
    with closing(sqlite3.connect(file, timeout=20)) as database, database:
        database.execute(statement)


def fall_silent(server: LiveServer, run: int, *, seconds: int) -> None:
    """As if nothing had been heard of the run for so long."""
    heard = datetime.now(UTC) - timedelta(seconds=seconds)
    change(server, f"UPDATE runs_run SET heartbeat_at='{heard:%Y-%m-%d %H:%M:%S}' WHERE id={run}")


def count(server: LiveServer, table: str, where: str = "1 = 1") -> int:
    number: int = select(server, f"SELECT count(*) FROM {table} WHERE {where}")[0][0]
    return number


def newest_run(server: LiveServer) -> int:
    number: int = select(server, "SELECT max(id) FROM runs_run")[0][0]
    return number


def blob_sizes(server: LiveServer) -> list[int]:
    """The sizes of the objects in the instance's store, half-written files of the data folder included."""
    if server.remote:
        found = s3_client(server.remote.servers).list_objects_v2(Bucket=server.remote.name)
        return [each["Size"] for each in found.get("Contents", ())]
    return [path.stat().st_size for path in (server.data / "blobs").rglob("*") if path.is_file()]


def inside(server: LiveServer, what: str, *arguments: object) -> list[int]:
    """Do something of inside.py in this instance's data folder; how its processes ended."""
    printed = server.python("-m", "tests.e2e.durability.inside", what, *map(str, arguments))
    codes: list[int] = json.loads(next(line for line in printed.splitlines() if line.startswith("[")))
    return codes


def compact(server: LiveServer, run: int) -> None:
    inside(server, "task", "runs.compact", json.dumps({"run_id": run}))
