"""What a leak would look like, in each place that something may be written to: planted, so that the search is seen to find it."""

from __future__ import annotations

import base64
import gzip
import smtplib
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import zstandard
from psycopg import sql

from tests.e2e.secrecy.held import Held, HeldByServers
from tests.remote import s3_client
from tests.web.mailbox import Mailbox

if TYPE_CHECKING:
    from typing import Any

Leak = Callable[[Held, str], object]
_PART = 5 * 1024 * 1024  # bytes, which a part of an upload has at least


def _row(path: Path, text: str) -> None:
    """Committed and not yet in the file of the database: it stands in the log beside it."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=20)) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS leak (word TEXT)")
        connection.execute("INSERT INTO leak VALUES (?)", [text])


def _deleted_row(path: Path, text: str) -> None:
    """Without overwriting, as SQLite deletes by itself: it stays in the page."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=20)) as connection:
        connection.execute("PRAGMA secure_delete=OFF")
        connection.execute("CREATE TABLE gone (word TEXT)")
        connection.execute("INSERT INTO gone VALUES (?)", [text])
        connection.execute("DELETE FROM gone")


def _file(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _archive(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("runs/notes.md", f"about {text} and more")


def _appended(path: Path, line: str) -> None:
    with path.open("a") as file:
        file.write(f"{line}\n")


IN_FOLDERS: dict[str, Leak] = {
    "row of the database": lambda held, text: _row(held.server.data / "ownlog.sqlite3", text),
    "row of the vault": lambda held, text: _row(held.server.data / "vault.sqlite3", text),
    "row that was deleted": lambda held, text: _deleted_row(held.server.data / "ownlog.sqlite3", text),
    "stored file": lambda held, text: _file(held.server.data / "blobs/aa/leak", b"\0" * 9 + text.encode()),
    "name of a stored file": lambda held, text: _file(held.server.data / "blobs/aa" / text, b""),
    "copy of the vault": lambda held, text: _row(held.server.data / "vault-copy" / "leak.sqlite3", text),
}
# Beside what an instance has on servers too.
ANYWHERE: dict[str, Leak] = {
    "key folder": lambda held, text: _file(held.server.keys / "leak", text.encode().hex().encode()),
    "temporary file": lambda held, text: _file(held.server.folder / "tmp/leak", zstandard.compress(text.encode() * 9)),
    "upload that waits": lambda held, text: _file(held.server.folder / "tmp/upload", text.encode("utf-16")),
    "archive of an export": lambda held, text: _archive(held.server.folder / "tmp/export.zip", text),
    "database of a backup": lambda held, text: _backed_up(held.server.folder / "leaky", text),
    "rows of a backup": lambda held, text: _file(held.server.folder / "leaky/runs_run.rows", b"PGCOPY\n" + text.encode()),
    "file of a backup": lambda held, text: _file(held.server.folder / "leaky/blobs/aa/leak", gzip.compress(text.encode())),
    "log": lambda held, text: _appended(held.server.log, f"GET /carol/{text} 200"),
    "log, quoted": lambda held, text: _appended(held.server.log, f"GET /x?next={base64.b64encode(text.encode()).decode()}"),
}  # fmt: skip


def _backed_up(folder: Path, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    _row(folder / "main.sqlite3", text)


def _into(database: str, text: str) -> None:
    with psycopg.connect(database) as there:
        there.execute(
            sql.SQL("CREATE TABLE {} AS SELECT {} AS text").format(
                sql.Identifier(f"leak{len(text)}"), sql.Literal(text)
            )
        )


def _deleted_from(database: str, text: str) -> None:
    """Until a vacuum it stays in the page, and in the log for longer."""
    with psycopg.connect(database, autocommit=True) as there:
        there.execute("CREATE TABLE gone (word text)")
        there.execute("INSERT INTO gone VALUES (%s)", [text])
        there.execute("DELETE FROM gone")


def _packed_into(database: str, text: str) -> None:
    """As a value that is compressed, among others."""
    with psycopg.connect(database) as there:
        there.execute("CREATE TABLE packed (value bytea)")
        there.execute("INSERT INTO packed VALUES (%s)", [gzip.compress(text.encode())])


def _refused_by(database: str, text: str) -> None:
    """A statement that fails is quoted in the server's log."""
    with psycopg.connect(database) as there, suppress(psycopg.Error):
        there.execute(sql.SQL("SELECT {}").format(sql.Identifier(text)))


def _stored(held: HeldByServers, name: str, *bodies: bytes) -> None:
    """Each is a version of its own, and all but the last are older ones."""
    for body in bodies:
        s3_client(held.remote.servers).put_object(Bucket=held.remote.name, Key=name, Body=body)


def _deleted_object(held: HeldByServers, text: str) -> None:
    _stored(held, "deleted", text.encode())
    s3_client(held.remote.servers).delete_object(Bucket=held.remote.name, Key="deleted")


def _begun(held: HeldByServers, text: str) -> None:
    """A part of an upload that nobody ended."""
    client: Any = s3_client(held.remote.servers)
    begun = client.create_multipart_upload(Bucket=held.remote.name, Key="begun")
    body = b"\0" * _PART + text.encode()
    client.upload_part(
        Bucket=held.remote.name, Key="begun", UploadId=begun["UploadId"], PartNumber=1, Body=body
    )


ON_SERVERS: dict[str, Callable[[HeldByServers, str], object]] = {
    "database": lambda held, text: _into(held.remote.database, text),
    "dead row": lambda held, text: _deleted_from(held.remote.database, text),
    "vault": lambda held, text: _into(held.remote.vault, text),
    "packed value": lambda held, text: _packed_into(held.remote.vault, text),
    "log of the database": lambda held, text: _refused_by(held.remote.database, text),
    "object": lambda held, text: _stored(held, "leak", text.encode("utf-16-le")),
    "packed object": lambda held, text: _stored(held, "packed", gzip.compress(text.encode())),
    "older version of an object": lambda held, text: _stored(held, "old", text.encode(), b"new"),
    "object that was deleted": _deleted_object,
    "unfinished upload": _begun,
    "name of an object": lambda held, text: _stored(held, f"leak/{text}", b""),
    "message": lambda held, text: held.broker.lpush("leak", base64.b64encode(b"{" + text.encode() + b"}")),
    "key of the broker": lambda held, text: held.broker.set(text, b""),
    "stream of the broker": lambda held, text: held.broker.xadd("stream", {"field": text}),
}


# Where some of them are to be seen, each of these places by itself.
PARTS = {
    "row of the database": ("ownlog.sqlite3-wal", "leak.word"),
    "database": ("/base/", "/pg_wal/", "leak"),
    "vault": ("/base/", "/pg_wal/", "leak"),
    "dead row": ("/base/", "/pg_wal/"),
    "log of the database": ("server.log",),
    "older version of an object": ("as it was",),
    "unfinished upload": ("memory of the store",),
    "message": ("dump.rdb", "memory of the broker"),
    "archive of an export": ("member",),
}


def all_leaks(held: Held) -> dict[str, Leak]:
    """Those that this one can have."""
    if isinstance(held, HeldByServers):
        return ANYWHERE | {
            name: lambda _, text, leak=leak: leak(held, text) for name, leak in ON_SERVERS.items()
        }
    return ANYWHERE | IN_FOLDERS


def mailed(mailbox: Mailbox, text: str) -> None:
    with smtplib.SMTP("127.0.0.1", mailbox.port) as sender:
        sender.sendmail(
            "ownlog@example.com", "x@example.com", f"Subject: hello\r\n\r\nYour run {text} has ended"
        )


def mailed_in_its_subject(mailbox: Mailbox, text: str) -> None:
    with smtplib.SMTP("127.0.0.1", mailbox.port) as sender:
        sender.sendmail("ownlog@example.com", "x@example.com", f"Subject: {text} has ended\r\n\r\nHello")


MAILS = {"mail": mailed, "subject of a mail": mailed_in_its_subject}
