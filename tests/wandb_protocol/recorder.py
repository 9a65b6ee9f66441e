"""A server that writes down what the real wandb client sends.

    python -m tests.wandb_protocol.recorder --port 18080 --out traffic.jsonl [--fault '/file_stream=503,503']

It answers just enough for the client to go on, and keeps one JSON object a line:
who asked what, with which variables, and the answer.  Operation texts belong to the
client and are not kept; keys, the machine's paths and its names are replaced.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import re
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

Answer = dict[str, Any]
KEPT_HEADERS = (
    "User-Agent",
    "Content-Encoding",
    "Content-Type",
    "Use-Admin-Privileges",
    "X-Wandb-Use-Async-Filestream",
    "X-Wandb-Async-Client-Id",
    "X-Wandb-Username",
)
STREAM_PATH = re.compile(r"^/files/([^/]+)/([^/]+)/([^/]+)/file_stream$")
LINE_COUNTS = {"wandb-history.jsonl": "history", "wandb-events.jsonl": "events", "output.log": "output"}


@dataclass
class RecordedRun:
    """The little that the client needs to be told back about a run."""

    name: str
    entity: str
    project: str
    config: str = "{}"
    summary: str = "{}"
    display_name: str = ""
    lines: dict[str, dict[int, str]] = field(
        default_factory=lambda: {"history": {}, "events": {}, "output": {}}
    )

    def count(self, stream: str) -> int:
        return max(self.lines[stream], default=-1) + 1

    def tail(self, stream: str) -> str:
        lines = self.lines[stream]
        return json.dumps([lines[max(lines)]] if lines else [])

    def bucket(self) -> Answer:
        owner = {"id": "RW50OjE=", "name": self.entity}
        return {
            "id": "UnVuOjE=",
            "name": self.name,
            "displayName": self.display_name,
            "description": None,
            "config": self.config,
            "sweepName": None,
            "historyLineCount": self.count("history"),
            "eventsLineCount": self.count("events"),
            "logLineCount": self.count("output"),
            "historyTail": self.tail("history"),
            "eventsTail": self.tail("events"),
            "summaryMetrics": self.summary,
            "tags": [],
            "notes": None,
            "wandbConfig": '{"t":{}}',
            "project": {"id": "UHJvajox", "name": self.project, "entity": owner},
        }


class World:
    """All runs seen, and the answer to each known operation."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.runs: dict[str, RecordedRun] = {}
        self.stop_asked = False
        self.operations: dict[str, Callable[[Answer], Answer]] = {
            "Viewer": lambda _: {
                "viewer": {
                    "id": "VXNlcjox",
                    "entity": "alice",
                    "username": "alice",
                    "email": "",
                    "flags": '{"code_saving_enabled": false}',
                    "teams": {"edges": []},
                }
            },
            "ServerFeaturesQuery": lambda _: {"serverInfo": {"features": []}},
            "UpsertBucket": self.upsert_bucket,
            "RunResumeStatus": self.resume_status,
            "RewindRun": self.rewind,
            "CreateRunFiles": self.create_run_files,
            "NotifyScriptableRunAlert": lambda _: {"notifyScriptableRunAlert": {"success": True}},
        }

    def upsert_bucket(self, variables: Answer) -> Answer:
        name = variables.get("name") or next(iter(self.runs), "unknown")
        inserted = name not in self.runs
        run = self.runs.setdefault(
            name,
            RecordedRun(
                name,
                variables.get("entity") or "alice",
                variables.get("project") or "uncategorized",
                display_name="run-1",
            ),
        )
        run.config = variables.get("config") or run.config
        return {"upsertBucket": {"bucket": run.bucket(), "inserted": inserted}}

    def resume_status(self, variables: Answer) -> Answer:
        run = self.runs.get(variables["name"])
        owner = {"id": "RW50OjE=", "name": "alice"}
        return {
            "model": {
                "id": "UHJvajox",
                "name": variables["project"],
                "entity": owner,
                "bucket": run.bucket() if run else None,
            }
        }

    def rewind(self, variables: Answer) -> Answer:
        run = self.runs[variables["runName"]]
        history = run.lines["history"]
        run.lines["history"] = {
            n: text
            for n, text in history.items()
            if json.loads(text).get("_step", 0) <= variables["metricValue"]
        }
        return {"rewindRun": {"rewoundRun": run.bucket()}}

    def create_run_files(self, variables: Answer) -> Answer:
        links = [
            {"name": name, "uploadUrl": f"{self.base}/put/{variables['run']}/{name}"}
            for name in variables["files"]
        ]
        return {"createRunFiles": {"runID": "UnVuOjE=", "uploadHeaders": [], "files": links}}

    def stream(self, run_name: str, body: Answer) -> Answer:
        run = self.runs.get(run_name)
        for file_name, chunk in (body.get("files") or {}).items():
            if run is None:
                break
            if file_name == "wandb-summary.json":
                run.summary = chunk["content"][-1]
            elif stream := LINE_COUNTS.get(file_name):
                run.lines[stream].update(enumerate(chunk["content"], start=chunk["offset"]))
        return {"stopped": True} if self.stop_asked else {}


class Scrubber:
    """Replaces what names this machine or its user."""

    def __init__(self, extra: list[str]) -> None:
        words = [
            (str(Path.home()), "/home/somebody"),
            (sys.prefix, "/venv"),
            (platform.node(), "somehost"),
            (platform.release(), "6.1.0"),
        ]
        words += [(text, "/somewhere") for text in extra]
        self.words = sorted(
            ((old, new) for old, new in words if len(old) > 1), key=lambda pair: -len(pair[0])
        )

    def __call__(self, text: str) -> str:
        for old, new in self.words:
            text = text.replace(old, new)
        return text


class QuietServer(ThreadingHTTPServer):
    """The client drops its telemetry connections at the end; that is no error here."""

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class Handler(BaseHTTPRequestHandler):
    """Writes down one request and answers it; what it needs is set on a subclass."""

    protocol_version = "HTTP/1.1"
    world: World
    write: Callable[[Answer], None]
    faults: dict[str, list[int]]

    def read_body(self) -> bytes:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return gzip.decompress(raw) if self.headers.get("Content-Encoding") == "gzip" else raw

    def answer(self, status: int, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def next_fault(self) -> int | None:
        return next((left.pop(0) for part, left in self.faults.items() if left and part in self.path), None)

    def respond(self) -> None:
        body, path = self.read_body(), unquote(self.path)
        kept = {name: self.headers[name] for name in KEPT_HEADERS if self.headers[name]}
        seen: Answer = {"method": self.command, "path": path, "headers": kept}
        if status := self.next_fault():
            type(self).write(seen | {"fault": status})
            self.answer(status, {"errors": [{"message": "a fault put in on purpose"}]})
            return
        status, value = self.serve(path, body, seen)
        type(self).write(seen | {"status": status, "answer": value})
        self.answer(status, value)

    def serve(self, path: str, body: bytes, seen: Answer) -> tuple[int, Answer]:
        if path == "/graphql":
            return 200, self.graphql(json.loads(body), seen)
        if match := STREAM_PATH.match(path):
            seen["body"] = json.loads(body)
            return 200, self.world.stream(match.group(3), seen["body"])
        if self.command == "PUT":
            seen["length"] = len(body)
            return 200, {}
        return 404, {}

    def graphql(self, request: Answer, seen: Answer) -> Answer:
        found = re.search(r"(?:query|mutation)\s+(\w+)", request["query"])
        name = request.get("operationName") or (found.group(1) if found else "")
        seen |= {name: request.get(name) for name in ("operationName", "variables")} | {"operation": name}
        known = self.world.operations.get(name)
        if known is None:
            return {"data": None, "errors": [{"message": f"unknown operation {name}"}]}
        return {"data": known(request.get("variables") or {})}

    def log_message(self, *_: object) -> None:
        return

    do_GET = do_POST = do_PUT = do_DELETE = respond  # noqa: N815  (the names are the library's)


def parse_faults(words: list[str]) -> dict[str, list[int]]:
    pairs = (word.rsplit("=", 1) for word in words)
    return {part: [int(n) for n in numbers.split(",")] for part, numbers in pairs}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=18080)
    parser.add_argument("--out", type=Path, default=Path("traffic.jsonl"))
    parser.add_argument("--fault", action="append", default=[], help="PART-OF-PATH=STATUS[,STATUS...]")
    parser.add_argument(
        "--hide", action="append", default=[os.getcwd()], help="a path to replace in what is kept"
    )
    parser.add_argument("--stop-after", type=float, default=0, help="answer 'stopped' after so many seconds")
    options = parser.parse_args()
    world, scrub, lock = World(f"http://127.0.0.1:{options.port}"), Scrubber(options.hide), threading.Lock()
    began = time.monotonic()

    def write(seen: Answer) -> None:
        world.stop_asked = bool(options.stop_after) and time.monotonic() - began > options.stop_after
        if seen["path"].startswith("/sdk/otel"):
            return
        with lock, options.out.open("a") as out:
            out.write(scrub(json.dumps(seen, ensure_ascii=False)) + "\n")

    bound = {"world": world, "write": staticmethod(write), "faults": parse_faults(options.fault)}
    handler = type("BoundHandler", (Handler,), bound)
    QuietServer(("127.0.0.1", options.port), handler).serve_forever()


if __name__ == "__main__":
    main()
