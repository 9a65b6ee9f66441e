"""The canary search on servers: what PostgreSQL's files, the bucket and the broker's memory hold of what was logged and of people."""

from __future__ import annotations

import base64
import gzip
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
import redis
from psycopg import sql

from tests import servers
from tests.e2e.secrecy import people
from tests.e2e.secrecy.browser import PASSWORD, Browser
from tests.e2e.secrecy.door import RUN, Door, history
from tests.e2e.secrecy.search import (
    Hit,
    Marker,
    new_number,
    new_text,
    search,
    search_readings,
    value_readings,
)
from tests.live import LiveServer
from tests.providers import Provider, provider
from tests.remote import RemotePlaces, s3_client
from tests.servers import Postgres, Servers
from tests.web.mailbox import Mailbox

# On servers of its own: among those of the whole suite the search would read what all other tests stored.
pytestmark = [pytest.mark.live, pytest.mark.enable_socket, pytest.mark.embedded, pytest.mark.promise("P-08")]

SHOWN = (
    "project",
    "run_id",
    "config_key",
    "config_value",
    "metric_name",
    "text_value",
    "printed",
    "file_name",
    *people.TEXTS,
)
FIELDS = (*SHOWN, "file_bytes", "asked_of_api", "asked_of_page", people.USER_AGENT)
COMPACT = """
import django; django.setup()
from apps.runs.history.store import compact
from apps.runs.models import Run, Segment
compact(Run.objects.earliest("id"))
assert Segment.objects.exists()
"""


@dataclass
class Places:
    """An instance, its servers, and what was written to it."""

    folder: Path
    server: LiveServer
    remote: RemotePlaces
    markers: dict[str, Marker]
    secrets: list[Marker] = field(default_factory=list)
    seen: str = ""

    def text(self, name: str) -> str:
        return str(self.markers[name].value)

    @property
    def broker(self) -> redis.Redis:
        return redis.Redis.from_url(self.remote.env["OWNLOG_BROKER_URL"])

    def hits(self, *more: Marker) -> list[Hit]:
        """PostgreSQL's files after a checkpoint, its values one by one, all objects, the broker's dump, every log."""
        markers = [*self.markers.values(), *self.secrets, *more]
        for database in (self.remote.database, self.remote.vault):
            with psycopg.connect(database, autocommit=True) as there:
                there.execute("CHECKPOINT")
        self.broker.config_set("rdbcompression", "no")
        self.broker.save()
        assert (self.folder / "dump.rdb").stat().st_size > 0
        assert list((self.folder / "postgresql/data/pg_wal").glob("0*")), (
            "the search is to see the write-ahead log too"
        )
        files = [
            self.folder / "postgresql/data",
            *self.folder.glob("postgresql/*.log"),
            *self.folder.glob("*.*"),
        ]
        return [
            *search([*files, self.server.folder], markers),
            *search_readings(self._values(), markers),
            *search_readings(self._objects(), markers),
        ]

    def _values(self) -> Iterator[tuple[str, bytes]]:
        """Long values lie compressed and in pieces in PostgreSQL's files, so they are asked for as well."""
        for database in (self.remote.database, self.remote.vault):
            with psycopg.connect(database) as there:
                tables = there.execute(
                    "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
                ).fetchall()
                for (table,) in tables:
                    rows = there.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))).fetchall()
                    for row in rows:
                        for value in row:
                            yield from value_readings(table, value)

    def _objects(self) -> Iterator[tuple[str, bytes]]:
        client, bucket = s3_client(self.remote.servers), self.remote.name
        for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for one in page.get("Versions", []):
                found = client.get_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])
                about = repr(found["ResponseMetadata"]).encode()
                yield from value_readings(one["Key"], one["Key"].encode() + b"\n" + about)
                yield from value_readings(one["Key"], found["Body"].read())


@pytest.fixture(scope="module")
def places() -> Iterator[Places]:
    with ExitStack() as stack:
        # Not in pytest's own folder, which nobody else may enter: PostgreSQL is not root's.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ownlog-canary-")))
        folder.chmod(0o755)
        postgres = Postgres(folder / "postgresql")
        postgres.create()
        postgres.start()
        stack.callback(postgres.stop)
        broker = stack.enter_context(servers.broker(folder))
        remote = RemotePlaces(Servers(postgres.url, broker, stack.enter_context(servers.s3(folder))))
        server = LiveServer(places=remote)
        mailbox, there = stack.enter_context(Mailbox()), stack.enter_context(provider())
        server.env |= mailbox.env | there.environment | {"OWNLOG_LOG_LEVEL": "DEBUG", "OWNLOG_HOSTED": "1"}
        stack.callback(server.remove)
        markers = {name: new_text(name) for name in FIELDS} | {"number": new_number("number")}
        made = Places(folder, stack.enter_context(server), remote, markers)
        live_through(made, there, mailbox)
        yield made


def live_through(places: Places, there: Provider, mailbox: Mailbox) -> None:
    """By the client's door, the REST API and the pages; no worker runs, so what was sent to one stays in the broker."""
    text, server = places.text, places.server
    browser = Browser(server.url)
    browser.sign_up("carol")
    key = browser.new_key()
    places.markers |= {"key": Marker("key", key), "password": Marker("password", PASSWORD)}
    door = Door(server.url, key)
    project, run = text("project"), text("run_id")
    door.start_run(project, run, config=json.dumps({text("config_key"): {"value": text("config_value")}}))
    row = json.dumps({text("metric_name"): places.markers["number"].value, "word": text("text_value")})
    body = history(*[row] * 500)
    body["files"]["output.log"] = {"offset": 0, "content": [text("printed")] * 500}
    assert door.stream("carol", project, run, body).status == 200
    door.upload("carol", project, run, text("file_name") + ".txt", (text("file_bytes") + " ").encode() * 5000)
    assert door.stream("carol", project, run, {"complete": True, "exitcode": 0}).status == 200
    places.seen = read_back(places, door, browser)
    server.python("-c", COMPACT)
    # Once more: now from the files that compaction wrote. The last lines stay rows of a table.
    places.seen += read_back(places, door, browser)
    door.start_run(project, "hot")
    assert door.stream("carol", project, "hot", history(row)).status == 200
    seen, places.secrets = people.live_as_people(browser, there, mailbox, text)
    places.seen += seen


def read_back(places: Places, door: Door, browser: Browser) -> str:
    project, run = places.text("project"), places.text("run_id")
    seen = json.dumps(door.graphql(RUN, {"entity": "carol", "project": project, "run": run}).json)
    for part in ("", "/config", "/history", "/console", f"/files/{places.text('file_name')}.txt"):
        path = f"/api/v1/projects/carol/{project}/runs/{run}{part}?q={places.text('asked_of_api')}"
        seen += door.ask("GET", path).body.decode(errors="replace")
    for path in (f"/carol/{project}", f"/carol/{project}/runs/{run}", f"/carol/{project}/runs/{run}/files"):
        answered = browser.get(f"{path}?q={places.text('asked_of_page')}")
        assert answered.status_code == 200
        seen += answered.text
    return seen


def test_what_was_logged_arrived(places: Places) -> None:
    """Without this, the search below would pass on servers that hold nothing."""
    assert [name for name in SHOWN if places.text(name) not in places.seen] == []
    assert {each.field for each in places.secrets} >= set(people.SECRETS)
    assert repr(places.markers["number"].value) in places.seen
    stored = list(places._objects())
    assert sum(len(data) for _, data in stored) > 20_000, "a segment and a file"
    assert places.broker.keys("*"), "what was sent to a worker"


def test_nothing_of_it_is_in_what_the_servers_hold(places: Places) -> None:
    assert places.hits() == []


def test_this_very_search_finds_a_leak_in_each_place(places: Places) -> None:
    """Last in this file: what is planted stays."""
    planted = {where: new_text(where) for where in _LEAKS}
    for where, leak in _LEAKS.items():
        leak(places, str(planted[where].value))

    hits = places.hits(*planted.values())

    found = {where: " ".join(hit.place for hit in hits if hit.field == where) for where in _LEAKS}
    assert {hit.field for hit in hits} == set(_LEAKS)
    assert all(part in found["database"] for part in ("/base/", "/pg_wal/", "leak"))
    assert "dump.rdb" in found["broker"]
    assert {hit.guise for hit in hits if hit.field == "broker"} & {
        "base64 at 0",
        "base64 at 1",
        "base64 at 2",
    }


def _into_database(url: str, text: str) -> None:
    with psycopg.connect(url) as there:
        there.execute(sql.SQL("CREATE TABLE leak AS SELECT {} AS text").format(sql.Literal(text)))


def _packed_into_database(places: Places, text: str) -> None:
    """As a value that is compressed, among others."""
    with psycopg.connect(places.remote.vault) as there:
        there.execute("CREATE TABLE packed (value bytea)")
        there.execute("INSERT INTO packed VALUES (%s)", [gzip.compress(text.encode())])


def _into_store(places: Places, name: str, body: bytes) -> None:
    s3_client(places.remote.servers).put_object(Bucket=places.remote.name, Key=name, Body=body)


def _into_log(places: Places, text: str) -> None:
    """A statement that fails is quoted in the server's log."""
    with psycopg.connect(places.remote.database) as there, pytest.raises(psycopg.Error):
        there.execute(sql.SQL("SELECT {}").format(sql.Identifier(text)))


_LEAKS: dict[str, Callable[[Places, str], object]] = {
    "database": lambda places, text: _into_database(places.remote.database, text),
    "vault": lambda places, text: _into_database(places.remote.vault, text),
    "packed value": _packed_into_database,
    "object": lambda places, text: _into_store(places, "leak", text.encode("utf-16-le")),
    "packed object": lambda places, text: _into_store(places, "packed", gzip.compress(text.encode())),
    "name of an object": lambda places, text: _into_store(places, f"leak/{text}", b""),
    "broker": lambda places, text: places.broker.lpush("leak", base64.b64encode(b"{" + text.encode() + b"}")),
    "key of the broker": lambda places, text: places.broker.set(text, b""),
    "stream of the broker": lambda places, text: places.broker.xadd("stream", {"field": text}),
    "log": _into_log,
}
