"""All that an instance owns, wherever it lies: a data folder with all beside it, or servers with what they keep beside what they show."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import redis
from psycopg import sql

from tests import servers
from tests.e2e.secrecy.search import BLOCK, Reading, readings_of, value_readings
from tests.live import LiveServer
from tests.remote import RemotePlaces, s3_client
from tests.servers import Postgres, Servers

PUT_BACK = """
import django, sys; django.setup()
from pathlib import Path
from apps.backups import main
main.put_back(Path(sys.argv[1]))
"""


@dataclass
class Held:
    """Of an instance that has nothing but folders."""

    server: LiveServer

    backups_hold_files = True

    def readings(self) -> Iterator[Reading]:
        """Every byte of it, each with a word on where it was."""
        yield from readings_of([self.server.folder])
        if self.server.process is not None:
            for process, command in self.server.processes().items():
                if "valkey-server" in command:
                    yield from in_memory_of("the broker", process)

    def rows(self, query: str, *, vault: bool = False) -> list[tuple[Any, ...]]:
        """Of one of the two databases."""
        place = self.server.data / ("vault.sqlite3" if vault else "ownlog.sqlite3")
        with closing(sqlite3.connect(place, timeout=20)) as connection:
            return connection.execute(query).fetchall()

    def statement_of(self, said: str) -> dict[str, Any]:
        """Of the receipt of the erasure that the command told of: another may be newer, for workers finish others meanwhile."""
        texts = self.rows("SELECT statement FROM vault_receipt", vault=True)
        (found,) = (
            each for (text,) in texts if f"erasure {(each := json.loads(text))['erasure']}: done" in said
        )
        return dict(found)

    def is_true_of_the_log(self, names: dict[str, Any]) -> bool:
        """What a receipt says of the write-ahead log that held names in the clear."""
        return bool(names["how"] == "overwritten")

    @property
    def logs_of_writes(self) -> list[Path]:
        """What lies there while somebody writes, and holds what was written before."""
        return list(self.server.data.glob("*-wal"))

    @property
    def objects(self) -> int:
        """Bytes in the store."""
        return sum(path.stat().st_size for path in (self.server.data / "blobs").rglob("*") if path.is_file())

    def put_back(self, backup: Path) -> dict[str, str]:
        """The main database and the files of a backup, in another place: the settings that name it. No vault is there."""
        place = self.server.folder / "put back"
        place.mkdir()
        shutil.copy(backup / "main.sqlite3", place / "ownlog.sqlite3")
        (place / "blobs").symlink_to(backup / "blobs")
        return {"OWNLOG_DATA": str(place)}


@dataclass
class HeldByServers(Held):
    """PostgreSQL's files, its log and what its values unpack to, each version of each object and what is not whole yet, the broker's
    dump, what these two have in memory, every log, and the instance's own folder."""

    folder: Path
    remote: RemotePlaces

    backups_hold_files = False

    @property
    def broker(self) -> redis.Redis:
        return redis.Redis.from_url(self.remote.env["OWNLOG_BROKER_URL"])

    def readings(self) -> Iterator[Reading]:
        for database in (self.remote.database, self.remote.vault):
            with psycopg.connect(database, autocommit=True) as there:
                there.execute("CHECKPOINT")
        self.broker.config_set("rdbcompression", "no")
        self.broker.save()
        assert (self.folder / "dump.rdb").stat().st_size > 0
        data = self.folder / "postgresql"
        yield from readings_of(
            [data / "data", *data.glob("*.log"), *self.folder.glob("*.*"), self.server.folder]
        )
        yield from self._values()
        yield from self.stored()
        yield from in_memory_of("the broker", self.broker.info("server")["process_id"])
        yield from in_memory_of("the store", _process_at(self.remote.servers.s3))

    def _values(self) -> Iterator[Reading]:
        """Long values lie compressed and in pieces in PostgreSQL's files, so they are asked for as well."""
        for database in (self.remote.database, self.remote.vault):
            with psycopg.connect(database) as there:
                tables = there.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
                for (table,) in tables.fetchall():
                    rows = there.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table)))
                    for row in rows.fetchall():
                        for value in row:
                            yield from value_readings(f"{table} of {database}", value)

    def stored(self) -> Iterator[Reading]:
        """All versions of all objects, and what is known of uploads that nobody has ended: their bytes are in the store's memory."""
        client, bucket = s3_client(self.remote.servers), self.remote.name
        for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for one in page.get("Versions", []):
                found = client.get_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])
                about = repr(found["ResponseMetadata"]).encode()
                where = f"object {one['Key']} {'as it is' if one['IsLatest'] else 'as it was'}"
                yield from value_readings(where, one["Key"].encode() + b"\n" + about)
                yield from value_readings(where, found["Body"].read())
            for one in page.get("DeleteMarkers", []):
                yield from value_readings("object that was deleted", one["Key"])
        for upload in client.list_multipart_uploads(Bucket=bucket).get("Uploads", []):
            yield from value_readings("unfinished upload", repr(upload))

    def is_true_of_the_log(self, names: dict[str, Any]) -> bool:
        """No file of it is there any more that can have held them, neither by its name nor to be used again."""
        left = [file.name for file in self.logs_of_writes if file.name <= names["log_file"]]
        return (names["how"], names["log"], names["log_is_copied"], left) == (
            "written anew",
            "overwritten",
            False,
            [],
        )

    def rows(self, query: str, *, vault: bool = False) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.remote.vault if vault else self.remote.database) as there:
            return there.execute(query).fetchall()

    def put_back(self, backup: Path) -> dict[str, str]:
        """The files are the bucket's, as it is now."""
        place, other = self.server.folder / "put back", RemotePlaces(self.remote.servers)
        place.mkdir()
        other.make(like=self.remote)
        with psycopg.connect(other.database) as there:
            there.execute(
                "SET session_replication_role = replica"
            )  # what is kept for ever refuses this otherwise
            named = there.execute("SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'")
            there.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ".join(name for (name,) in named.fetchall()))))  # fmt: skip
        settings = {"OWNLOG_DATA": str(place), "OWNLOG_DATABASE_URL": other.database}
        self.server.env |= settings
        self.server.python("-c", PUT_BACK, str(backup))
        return settings

    @property
    def logs_of_writes(self) -> list[Path]:
        return list((self.folder / "postgresql/data/pg_wal").glob("0*"))

    @property
    def objects(self) -> int:
        return sum(len(data) for _, data in self.stored())


@contextmanager
def in_folders() -> Iterator[Held]:
    server = LiveServer(with_worker=True)
    try:
        server.prepare()
        yield Held(server)
    finally:
        server.__exit__(None, None, None)


@contextmanager
def on_servers() -> Iterator[HeldByServers]:
    """On servers of its own: among those of the whole suite a search would read what all other tests stored."""
    with ExitStack() as stack:
        # Not in pytest's own folder, which nobody else may enter: PostgreSQL is not root's.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ownlog-canary-")))
        folder.chmod(0o755)
        postgres = Postgres(folder / "postgresql")
        postgres.create()
        postgres.start()
        stack.callback(postgres.stop)
        broker, s3 = stack.enter_context(servers.broker(folder)), stack.enter_context(servers.s3(folder))
        remote = RemotePlaces(Servers(postgres.url, broker, s3))
        server = LiveServer(with_worker=True, places=remote)
        stack.callback(server.__exit__, None, None, None)
        server.prepare()
        s3_client(remote.servers).put_bucket_versioning(
            Bucket=remote.name, VersioningConfiguration={"Status": "Enabled"}
        )
        yield HeldByServers(server, folder, remote)


def _process_at(url: str) -> int:
    """Who serves there: its port stands in its command line."""
    port = f"\0{urlsplit(url).port}\0".encode()
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if port in command.read_bytes():
                return int(command.parent.name)
    raise LookupError(f"no process serves {url}")


def in_memory_of(name: str, process: int) -> Iterator[Reading]:
    """What a process has in memory that it can write to, whether it needs that still or not."""
    at = Path("/proc", str(process))
    with (at / "mem").open("rb", buffering=0) as memory:
        for line in (at / "maps").read_text().splitlines():
            span, rights, *about = line.split()
            if not rights.startswith("rw") or about[-1].startswith("[v"):
                continue
            start, end = (int(each, 16) for each in span.split("-"))
            for piece in range(start, end, BLOCK):
                # Some of it was never used, or is given back while it is read.
                with suppress(OSError, ValueError):
                    memory.seek(piece)
                    yield from value_readings(f"memory of {name}", memory.read(min(BLOCK, end - piece)))
