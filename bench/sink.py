"""The instance's WSGI application without its files: what is put is read and thrown away, what is got are zeros.

What the real client can do against it is the most that it can do against any server: the floor of small files, and of a large one up.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from io import BytesIO
from wsgiref.types import StartResponse, WSGIEnvironment

from bench.artifacts import SMALL_BYTES
from config.wsgi import application as handle

_FILE, _PIECE = bytes(SMALL_BYTES), 1024 * 1024
_PLAIN = ("Content-Type", "application/octet-stream")


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    if path.startswith("/storage/entry/put/"):
        left = int(environ["CONTENT_LENGTH"])
        while left > 0 and (piece := environ["wsgi.input"].read(min(_PIECE, left))):
            left -= len(piece)
        start_response("200 OK", [("Content-Length", "0")])
        return [b""]
    if path.startswith("/storage/entry/get/"):
        start_response("200 OK", [("Content-Length", str(SMALL_BYTES)), _PLAIN])
        return [_FILE]
    if path == "/graphql":
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if b"mutation CommitArtifact" in body:
            # Its files never came, and it is none. The client hears so when it looks at it, and the clock has stopped.
            asked = json.loads(body)["variables"]["artifactID"]
            start_response("200 OK", [("Content-Type", "application/json")])
            return [
                json.dumps({"data": {"commitArtifact": {"artifact": {"id": asked, "digest": ""}}}}).encode()
            ]
        environ["wsgi.input"] = BytesIO(body)
    answered: Iterable[bytes] = handle(environ, start_response)
    return answered
