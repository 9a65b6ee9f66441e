"""The instance's WSGI application without its files: what is put is read and thrown away, what is got are zeros.

What the real client can do against it is the most that it can do against any server: the floor of small files.
"""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from wsgiref.types import StartResponse, WSGIEnvironment

from bench.artifacts import SMALL_BYTES
from config.wsgi import application as handle

_FILE = bytes(SMALL_BYTES)
_PLAIN = ("Content-Type", "application/octet-stream")
# Its files never came, so that the version is none: the client is told as much, and the clock has stopped.
_NOT_COMMITTED = b'{"data":null,"errors":[{"message":"Nothing was kept."}]}'


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    if path.startswith("/storage/entry/put/"):
        environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        start_response("200 OK", [("Content-Length", "0")])
        return [b""]
    if path.startswith("/storage/entry/get/"):
        start_response("200 OK", [("Content-Length", str(SMALL_BYTES)), _PLAIN])
        return [_FILE]
    if path == "/graphql":
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if b"mutation CommitArtifact" in body:
            start_response("200 OK", [("Content-Type", "application/json")])
            return [_NOT_COMMITTED]
        environ["wsgi.input"] = BytesIO(body)
    answered: Iterable[bytes] = handle(environ, start_response)
    return answered
