"""Tries are counted once for all web servers of an instance, and a restart forgets none."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.live import ROOT, LiveServer
from tests.servers import free_port

pytestmark = pytest.mark.live


@pytest.fixture
def server() -> Iterator[LiveServer]:
    live = LiveServer().prepare()
    yield live
    live.remove()


def test_tries_are_counted_over_three_servers_and_a_restart(server: LiveServer) -> None:
    server.account("target", key="own_" + "t" * 36)
    ports = [free_port() for _ in range(3)]

    def start(port: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            server.web_command(port=port),
            cwd=ROOT,
            env=server.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def guess(port: int) -> str:
        session = requests.Session()
        session.headers["Connection"] = "close"
        url = f"http://127.0.0.1:{port}/sign-in"
        session.mount(url, requests.adapters.HTTPAdapter(max_retries=_patient()))
        session.get(url, timeout=10)
        form = {
            "login": "target",
            "password": "wrong wrong wrong",
            "csrfmiddlewaretoken": session.cookies["ownlog_csrf"],
        }
        return session.post(url, data=form, timeout=20).text

    processes = [start(port) for port in ports]
    try:
        answers = [guess(ports[n % 3]) for n in range(6)]
        kill(processes)
        processes = [start(port) for port in ports]
        answers.append(guess(ports[0]))
    finally:
        kill(processes)

    assert ["Too many tries" in each for each in answers] == [False] * 5 + [True] * 2


def kill(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _patient() -> Any:
    """Tries again until the server is up."""
    return requests.adapters.Retry(total=80, connect=80, backoff_factor=0.1, backoff_max=0.5)
