"""The instance's WSGI application, dying once after each kind of request that brings something of an artifact.

What the request did is done and durable, and nobody has been told: as if killed between it and the next. When it comes again,
the next server answers. The file that OWNLOG_TEST_DIED names tells for which requests one has died.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable
from pathlib import Path
from wsgiref.types import StartResponse, WSGIEnvironment

from config.wsgi import application as handle

_died = Path(os.environ["OWNLOG_TEST_DIED"])
_NAMED = re.compile(rb"mutation\s+(\w*Artifact\w*)")


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    answer: Iterable[bytes] = handle(environ, start_response)
    kind = _kind(environ, body)
    if kind and kind not in _died.read_text().split():
        with _died.open("a") as file:
            file.write(f"{kind}\n")
        os._exit(137)
    return answer


def _kind(environ: WSGIEnvironment, body: bytes) -> str:
    if environ["REQUEST_METHOD"] == "PUT" and "/put/" in environ["PATH_INFO"]:
        kind = environ["PATH_INFO"].partition("/put/")[0]
        return f"{kind}:{len(body)}" if kind != "/storage" else ""
    found = _NAMED.search(body) if environ["PATH_INFO"] == "/graphql" else None
    return found[1].decode() if found else ""
