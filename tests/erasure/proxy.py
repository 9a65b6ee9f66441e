"""A reverse proxy before an S3 server that is unwell as it is told: raw HTTP, so that the real client meets what a store does."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

_OF_ONE_CONNECTION = {
    "connection", "content-length", "expect", "host", "keep-alive", "transfer-encoding",
}  # fmt: skip
_SLOW_SECONDS = 0.1


class Fault(Enum):
    BROKEN = auto()  # 500, and nothing is done
    DENIED = auto()  # 403, and nothing is done
    MISSING = auto()  # 404, and nothing is done
    LIES = auto()  # 204, and nothing is done
    UNKNOWN = auto()  # 501, and nothing is done
    FULL = auto()  # 507, and nothing is done
    ERROR_IN_200 = auto()  # as a store has to that had begun to answer, and nothing is done
    # By whoever stands before the store and takes its place, and nothing is done.
    EMPTY_200 = auto()
    PAGE_200 = auto()
    XML_200 = auto()
    HALF = auto()  # of a batch every second deletion is done
    LOST = auto()  # done, and the connection ends without an answer
    SILENT = auto()  # done, and no answer comes until the client gives up
    SLOW = auto()


_ANSWERS = {
    Fault.BROKEN: (500, b"<Error><Code>InternalError</Code></Error>"),
    Fault.DENIED: (403, b"<Error><Code>AccessDenied</Code></Error>"),
    Fault.MISSING: (404, b"<Error><Code>NoSuchKey</Code></Error>"),
    Fault.LIES: (204, b""),
    Fault.UNKNOWN: (501, b"<Error><Code>NotImplemented</Code></Error>"),
    Fault.FULL: (507, b""),
    Fault.ERROR_IN_200: (200, b"<Error><Code>InternalError</Code></Error>"),
    Fault.EMPTY_200: (200, b""),
    Fault.PAGE_200: (200, b"<!doctype html><title>Back soon<p>We are at it"),
    Fault.XML_200: (200, b"<html><head><title>Back soon</title></head></html>"),
}
AS_IF_WELL = (Fault.ERROR_IN_200, Fault.EMPTY_200, Fault.PAGE_200, Fault.XML_200)
# Of a batch each deletion has an answer of its own, and the whole is well.
_ANSWERS_IN_BATCHES = {
    Fault.DENIED: "AccessDenied",
    Fault.MISSING: "NoSuchVersion",
    Fault.LIES: "",
    Fault.HALF: "InternalError",
}
_DELETION = re.compile(rb"<Object>.*?</Object>", re.DOTALL)
_TOLD = re.compile(rb"<(Version|DeleteMarker|Upload)>.*?<Key>(.*?)</Key>.*?</\1>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Asked:
    is_deletion: bool  # of one or of many
    is_of_many: bool
    is_of_version: bool
    is_list: bool
    part: int = 0  # which of an object that comes in parts
    takes_room: bool = False
    ends_an_upload: bool = False  # of one in parts


Rule = Callable[[Asked], Fault | None]


def well(_: Asked) -> None:
    """Every request goes on to the store."""


Tells = Callable[
    [str, str, str], bool
]  # of a version, a mark or an upload; under this key; when asked for what begins so


def tells_all(_kind: str, _key: str, _prefix: str) -> bool:
    return True


def _without(names: set[str], headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name: value for name, value in headers if name.lower() not in names}


class Proxy(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.store = upstream
        place = urlsplit(upstream)
        self.upstream = (place.hostname or "", place.port or 80)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.rule: Rule = well
        self.tells: Tells = tells_all
        self.faults = 0
        self._guard = threading.Lock()

    def fault_for(self, asked: Asked) -> Fault | None:
        with self._guard:
            fault = self.rule(asked)
            self.faults += fault is not None
            return fault

    def retold(self, listing: bytes, prefix: str) -> bytes:
        """What the store leaves out of a page stays out of it, and the page says no word about that."""

        def told(found: re.Match[bytes]) -> bytes:
            is_told = self.tells(found[1].decode(), found[2].decode(), prefix)
            with self._guard:
                self.faults += not is_told
            return found[0] if is_told else b""

        return _TOLD.sub(told, listing)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed, or that gave up, is no error of the proxy's."""


@contextmanager
def proxy(upstream: str) -> Iterator[Proxy]:
    with Proxy(upstream) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: Proxy
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _pass_on(self) -> None:
        body, query = self._body(), parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        is_of_many = self.command == "POST" and "delete" in query
        fault = self.server.fault_for(
            Asked(
                is_of_many or self.command == "DELETE",
                is_of_many,
                "versionId" in query or (is_of_many and b"<VersionId>" in body),
                self.command == "GET" and bool(query.keys() & {"versions", "uploads", "list-type"}),
                int(query.get("partNumber", ["0"])[0]),
                self.command == "PUT" or (self.command == "POST" and "uploads" in query),
                self.command == "POST" and "uploadId" in query,
            )
        )
        if is_of_many and fault in _ANSWERS_IN_BATCHES:
            self._answer_each(_DELETION.findall(body), fault)
            return
        if fault in _ANSWERS:
            status, data = _ANSWERS[fault]
            self._answer(status, {}, data)
            return
        if fault is Fault.SLOW:
            time.sleep(_SLOW_SECONDS)
        status, said, data = self._ask(body)
        if self.command == "GET" and query.keys() & {"versions", "uploads"}:
            data = self.server.retold(data, query.get("prefix", [""])[0])
        if fault in {Fault.LOST, Fault.SILENT}:
            self._leave(waiting=fault is Fault.SILENT)
        else:
            self._answer(status, said, data)

    do_DELETE = do_GET = do_HEAD = do_POST = do_PUT = _pass_on  # noqa: N815  (the names are the library's)

    def _ask(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        upstream = HTTPConnection(*self.server.upstream, timeout=60)
        try:
            upstream.request(
                self.command, self.path, body, _without(_OF_ONE_CONNECTION, self.headers.items())
            )
            answer = upstream.getresponse()
            return answer.status, _without(_OF_ONE_CONNECTION, answer.getheaders()), answer.read()
        finally:
            upstream.close()

    def _answer_each(self, deletions: list[bytes], fault: Fault) -> None:
        done = deletions[1::2] if fault is Fault.HALF else []
        if done:
            self._ask(b"<Delete>" + b"".join(done) + b"</Delete>")
        code = _ANSWERS_IN_BATCHES[fault].encode()
        refused = [each for each in deletions if code and each not in done]
        errors = [
            each.replace(b"Object>", b"Error>").replace(b"</Error>", b"<Code>" + code + b"</Code></Error>")
            for each in refused
        ]
        self._answer(200, {}, b"<DeleteResult>" + b"".join(errors) + b"</DeleteResult>")

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = bytearray()
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # trailers
        return bytes(body)

    def _leave(self, *, waiting: bool) -> None:
        self.close_connection = True
        if waiting:
            self.connection.recv(1)  # nothing more comes: it returns when the client hangs up
        self.connection.shutdown(socket.SHUT_RDWR)

    def _answer(self, status: int, headers: dict[str, str], data: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.command != "HEAD" and status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD" and status != 204:
            self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Not on the suite's output."""
