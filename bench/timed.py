"""The instance's WSGI application, which writes down how long each file took that came: from its head to the answer, a line for each.

Where to is said by `BENCH_TIMES`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from wsgiref.types import StartResponse, WSGIEnvironment

from config.wsgi import application as handle

_TIMES = Path(os.environ["BENCH_TIMES"])


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    began = time.perf_counter()
    answered: Iterable[bytes] = handle(environ, start_response)
    if environ["PATH_INFO"].startswith("/storage/entry/put/"):
        with _TIMES.open("a") as file:
            file.write(f"{time.perf_counter() - began}\n")
    return answered
