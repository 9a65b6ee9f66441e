"""The client's door spoken by hand: requests as an enemy would write them, and what they left behind."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import sqlite3
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

Headers = Mapping[str, str]
# Moments that move without anything having been stored.
_NOISE = {"last_used_at", "dirty_at", "heartbeat_at"}


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def messages(self) -> list[str]:
        """What the client would print."""
        return [error["message"] for error in self.json.get("errors", [])]


@dataclass(frozen=True, slots=True)
class Door:
    """One person's way in; without a key, nobody's."""

    url: str
    key: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Headers | None = None
    ) -> Answer:
        """One request on a connection of its own. `path` is sent as it is."""
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        sent = {**self.authorization(), **self.headers, **(headers or {})}
        started = time.perf_counter()
        try:
            with suppress(BrokenPipeError, ConnectionResetError):  # it may answer before it has read all
                connection.request(method, path, body=body, headers=sent)
            response = connection.getresponse()
            read = response.read()
        finally:
            connection.close()
        found = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, found, read, time.perf_counter() - started)

    def authorization(self) -> dict[str, str]:
        if not self.key:
            return {}
        return {"Authorization": "Basic " + base64.b64encode(f"api:{self.key}".encode()).decode()}

    def graphql(self, query: str, variables: Mapping[str, Any] | None = None, **headers: str) -> Answer:
        body = json.dumps({"query": query, "variables": dict(variables or {}), "operationName": ""}).encode()
        return self.ask("POST", "/graphql", body, {"Content-Type": "application/json", **headers})

    def data(self, query: str, variables: Mapping[str, Any] | None = None) -> Any:
        """The data of an answer that has to be good."""
        answered = self.graphql(query, variables)
        assert answered.status == 200 and "errors" not in answered.json, answered.body[:2000]
        return answered.json["data"]

    def stream(
        self, entity: str, project: str, run: str, body: Any, headers: Headers | None = None
    ) -> Answer:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        path = f"/files/{quote(entity, safe='')}/{quote(project, safe='')}/{quote(run, safe='')}/file_stream"
        return self.ask("POST", path, raw, {"Content-Type": "application/json", **(headers or {})})

    def put(self, signed_url: str, body: bytes, headers: Headers | None = None) -> Answer:
        """As the client uploads: without its key."""
        return Door(self.url).ask("PUT", path_of(signed_url), body, headers)

    # ── the few acts that most tests begin with ──

    def start_run(self, project: str, run: str, entity: str | None = None, **fields: Any) -> dict[str, Any]:
        sent = {"modelName": project, "name": run, "entityName": entity, "config": "{}", **fields}
        bucket: dict[str, Any] = self.data(UPSERT, {"input": sent})["upsertBucket"]["bucket"]
        return bucket

    def upload_urls(self, entity: str, project: str, run: str, *names: str) -> dict[str, str | None]:
        asked = {"entityName": entity, "projectName": project, "runName": run, "files": list(names)}
        files = self.data(CREATE_FILES, {"input": asked})["createRunFiles"]["files"]
        return {file["name"]: file["uploadUrl"] for file in files}

    def upload(self, entity: str, project: str, run: str, name: str, content: bytes) -> None:
        url = self.upload_urls(entity, project, run, name)[name]
        assert url is not None
        stored = self.put(url, content)
        assert stored.status == 200, stored.body[:500]


UPSERT = """mutation UpsertBucket($input: UpsertBucketInput!) { upsertBucket(input: $input) { inserted bucket {
  id name displayName description config sweepName historyLineCount project { id name entity { id name } } } } }"""
CREATE_FILES = """mutation CreateRunFiles($input: CreateRunFilesInput!) {
  createRunFiles(input: $input) { runID uploadHeaders files { name uploadUrl } } }"""
RUN = """query Run($entity: String, $project: String, $run: String!) { project(name: $project, entityName: $entity) {
  id name run(name: $run) { id name displayName notes tags group jobType state config summaryMetrics historyLineCount
    historyKeys history(samples: 500) events(samples: 100) logLines(first: 100) { edges { node { line } } }
    fileCount files { edges { node { id name url directUrl md5 sizeBytes } } } } } }"""
RUNS = """query Runs($entity: String, $project: String, $filters: JSONString, $order: String) {
  project(name: $project, entityName: $entity) { id runCount(filters: $filters)
    runs(filters: $filters, order: $order, first: 100) { totalCount edges { node { id name displayName config } } } } }"""
PROJECTS = "query Projects($entity: String) { models(entityName: $entity, first: 100) { edges { node { id name } } } }"


def history(*lines: str, offset: int = 0) -> dict[str, Any]:
    """A file_stream body with these history lines."""
    return {"files": {"wandb-history.jsonl": {"offset": offset, "content": list(lines)}}}


def path_of(url: str) -> str:
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")


def stored(data: Path) -> dict[str, object]:
    """A digest of every row of both databases, and the names and sizes of all stored files."""
    found: dict[str, object] = {}
    for database in ("ownlog.sqlite3", "vault.sqlite3"):
        with sqlite3.connect(f"file:{data / database}?mode=ro", uri=True, timeout=20) as connection:
            names = connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            )
            for (table,) in names.fetchall():
                found[f"{database}: {table}"] = _digest(connection, table)
        connection.close()
    for path in sorted((data / "blobs").rglob("*")):
        if path.is_file():
            found[str(path)] = path.stat().st_size
    return found


def _digest(connection: sqlite3.Connection, table: str) -> tuple[int, str]:
    rows = connection.execute(f'SELECT * FROM "{table}"')
    kept = [number for number, about in enumerate(rows.description) if about[0] not in _NOISE]
    digest, count = hashlib.sha256(), 0
    for row in rows:
        digest.update(repr([row[number] for number in kept]).encode())
        count += 1
    return count, digest.hexdigest()


def changes(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
