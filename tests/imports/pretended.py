"""A server that is asked as W&B's: it answers as a test sets it. What a real one answers: tests/wandb_protocol/test_client_import.py."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.imports.models import Import
from apps.imports.readers import asking
from apps.imports.readers.asking import Site
from apps.imports.readers.opening import open_site
from apps.imports.services import ask_for_import, bring
from apps.imports.types import Clash, Origin
from apps.teams.models import Entity

Json = dict[str, Any]
KEY = "s3cret" * 7
DATA = b"weights"
AT = "2026-01-02T03:04:05"


def listed(*nodes: Json, more: bool = False, cursor: str = "c") -> Json:
    edges = [{"node": node, "cursor": cursor} for node in nodes]
    return {"edges": edges, "pageInfo": {"endCursor": cursor, "hasNextPage": more}}


class Pretended:
    """A server with one run: answers by the name of the question, of which each test may set others."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Json]] = []
        self.keys: list[str | None] = []  # that came with each request for a file
        self.busy: list[str] = []  # what it says of when to come again, for each time that it is busy
        self.file = DATA
        self.files_at: dict[str, bytes] = {}  # others, by their paths
        self.lost: set[str] = set()  # paths at which nothing lies any more
        self.words = b""  # that it says with it
        self.away: set[int] = set()  # which requests for files it answers as if it had none of them
        self.denied: set[str] = set()  # paths that are good no longer
        self.good_once: set[str] = set()  # and those that are so once they were asked for
        self.astray: set[int] = set()  # which questions come to somebody else,
        self.page: tuple[int, bytes] = (404, b"")  # who answers so;
        self.never = ""  # which question alone always does,
        self.stutters = False  # each question and file does, when it is asked for first:
        self.came: set[str] = set()  # those that were asked for
        self.url = ""
        self.answers: dict[str, Json | Callable[[Json], Json]] = {
            "Viewer": {"viewer": {"entity": "ann", "username": "ann"}},
            "Project": {"project": {"id": "p", "name": "vision", "createdAt": AT}},
            "Projects": {"models": listed({"name": "vision"})},
            "Runs": {
                "project": {
                    "runs": listed({"name": "r1", "state": "finished", "createdAt": AT, "tags": None})
                }
            },
            "RunKeys": self.of_run(historyKeys={"lastStep": 2}, eventsLineCount=0),
            "RunHistory": lambda asked: self.of_run(
                history=[f'{{"_step": {n}}}' for n in range(3) if asked["from"] <= n < asked["to"]]
            ),
            "RunEvents": self.of_run(events=[]),
            "RunLogLines": self.of_run(logLines=listed()),
            "RunFiles": self.files(),
        }

    def of_run(self, **facts: object) -> Json:
        return {"project": {"run": facts}}

    def files(self, **facts: object) -> Json:
        file = {"name": "w.bin", "directUrl": "/signed", "sizeBytes": len(DATA), "updatedAt": AT}
        file["md5"] = base64.b64encode(hashlib.md5(DATA, usedforsecurity=False).digest()).decode()
        return self.of_run(files=listed(file | facts))

    def at(self, path: str) -> tuple[int, bytes]:
        """What lies there."""
        if path in self.lost or len(self.keys) in self.away:
            return 404, self.words
        if path in self.denied:
            return 403, b"AccessDenied"
        if path in self.good_once:
            self.denied.add(path)
        return 200, self.files_at.get(path, self.file)

    def is_astray(self, what: str, name: str = "a file") -> bool:
        """Whether another answers; never to the first question of all."""
        is_first = self.stutters and what not in self.came
        self.came.add(what)
        return bool(self.asked) and (is_first or name == self.never)

    def answer(self, name: str, variables: Json) -> Json:
        self.asked.append((name, variables))
        if name.startswith("Run_"):
            return {"data": self.of_run(**{name[4:]: listed()})}
        found = self.answers.get(name, {"project": {}})
        found = found(variables) if callable(found) else found
        return found if {"errors", "data"} & found.keys() else {"data": found}


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pretended]:
    pretended = Pretended()

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            pretended.keys.append(self.headers.get("Authorization"))
            self._send(*(pretended.page if pretended.is_astray(self.path) else pretended.at(self.path)))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if pretended.busy:
                self._send(429, b"", pretended.busy.pop())
                return
            name = body["query"].split("(")[0].split("{")[0].removeprefix("query").strip()
            if pretended.is_astray(json.dumps(body), name) or len(pretended.asked) in pretended.astray:
                self._send(*pretended.page)
                return
            text = json.dumps(pretended.answer(name, body.get("variables") or {}))
            self._send(200, text.replace('"/signed', f'"{pretended.url}/signed').encode())

        def _send(self, status: int, data: bytes, wait: str = "") -> None:
            self.send_response(status)
            if wait:
                self.send_header("Retry-After", wait)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_args: Any) -> None:
            """Not into the output of the tests."""

    monkeypatch.setattr(asking, "_WAITS", (0.0,))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    pretended.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield pretended
    server.shutdown()
    server.server_close()


def imported(
    there: Pretended, into: Entity, by: User, only: list[str] | None = None, lost: list[str] | None = None
) -> Import:
    reader, actor = open_site(Site(there.url, KEY), Origin.WANDB, only=only or []), Actor.person(by)
    job = ask_for_import(into, reader, clash=Clash.SKIP, by=actor, whose_runs=actor)
    return bring(job, reader, by=actor, lost=(lost if lost is not None else list[str]()).append)


# As the client writes it where it was asked for that digest: of one file with these bytes.
XXH128 = {
    "version": 1,
    "storagePolicy": "wandb-storage-policy-v1",
    "storagePolicyConfig": {"storageLayout": "V2"},
    "contents": {"w.bin": {"digest": "vb2h624FrcSADZjlUk/vvA==", "size": 7, "extra": {"alg": "XXH128"}}},
}


def with_version(there: Pretended, manifest: Json) -> None:
    there.files_at["/signed/list"] = json.dumps(manifest).encode()
    collection = {"__typename": "ArtifactSequence", "id": "c", "name": "model", "createdAt": AT}
    version = {"id": "v", "versionIndex": 0, "state": "COMMITTED"}
    whole = version | {"digest": "9e096085f10916e18ec20e29545f7876", "createdAt": AT, "metadata": "{}"}
    whole |= {"currentManifest": {"file": {"directUrl": "/signed/list"}}, "aliases": []}
    kind = {"artifactCollections": listed(collection), "artifactCollection": {"artifacts": listed(version)}}
    there.answers |= {
        "ArtifactTypes": {"project": {"artifactTypes": listed({"name": "model"})}},
        "ArtifactCollections": {"project": {"artifactType": kind}},
        "ArtifactVersions": {"project": {"artifactType": kind}},
        "ArtifactByID": {"artifact": whole},
        "ArtifactFiles": {"artifact": {"files": listed({"name": "w.bin", "directUrl": "/signed/w"})}},
    }


def entry_with(**facts: object) -> Json:
    return XXH128 | {"contents": {"w.bin": {"digest": "vb2h624FrcSADZjlUk/vvA==", "size": 7} | facts}}
