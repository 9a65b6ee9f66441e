"""How soon an instance answers after it is started, and what it takes while nobody asks anything.

`python -m bench.start` measures and prints. The floor is a bare Django with one view behind the same web server.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import psutil

from bench.figures import Figure, median
from bench.report import report
from bench.server import DATABASES, instance
from tests.live import LiveServer
from tests.servers import free_port

TURNS = 3
_SETTLED_SECONDS = 5.0
_BARE = """
import django.conf
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

urlpatterns = [path("health", lambda request: HttpResponse("ok"))]
django.conf.settings.configure(SECRET_KEY="bare", ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1"])
application = get_wsgi_application()
"""


def measure(world: object = None) -> list[Figure]:
    """From the command until `/health` answers, and the memory of all processes (PSS) some seconds later, nothing asked."""
    bare_seconds, bare_bytes = _bare()
    figures = []
    for database in DATABASES:
        with instance(database) as server:
            found = [_start(server) for _ in range(TURNS)]
            figures += [
                Figure("start until it answers", median(found), "s", bare_seconds),
                Figure("memory when idle, all processes", _idle(server.processes()), "MiB", bare_bytes),
            ]
        figures = [one if one.database else replace(one, database=database) for one in figures]
    return figures


def _start(server: LiveServer) -> float:
    server.stop()
    begun = time.perf_counter()
    server.launch()
    _until_it_answers(f"{server.url}/health")
    return time.perf_counter() - begun


def _until_it_answers(url: str, *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.HTTPError:
            raise
        except OSError:
            time.sleep(0.01)
        else:
            return
    raise TimeoutError(f"no answer within {seconds} s")


def _idle(pids: Iterable[int]) -> float:
    """MiB: what each process has for itself, and its share of what several have."""
    time.sleep(_SETTLED_SECONDS)
    return float(sum(psutil.Process(pid).memory_full_info().pss for pid in pids)) / 2**20


def _bare() -> tuple[float, float]:
    with tempfile.TemporaryDirectory(prefix="ownlog-bench-") as folder:
        Path(folder, "bare.py").write_text(_BARE)
        port = free_port()
        words = ["--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
        command = [sys.executable, "-m", "granian", *words, "--log-level", "error", "bare:application"]

        def started(then: Callable[[int], float]) -> float:
            begun = time.perf_counter()
            process = subprocess.Popen(command, cwd=folder, env=os.environ | {"PYTHONPATH": folder})
            try:
                _until_it_answers(f"http://127.0.0.1:{port}/health")
                seconds = time.perf_counter() - begun
                return then(process.pid) or seconds
            finally:
                process.terminate()
                process.wait()

        return (
            median([started(lambda _pid: 0.0) for _ in range(TURNS)]),
            started(
                lambda pid: _idle([pid, *(one.pid for one in psutil.Process(pid).children(recursive=True))])
            ),
        )


if __name__ == "__main__":
    report("start", measure())
