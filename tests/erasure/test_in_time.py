"""How long it takes from the moment an erasure is confirmed and cannot be taken back, on a running instance with its worker: as long
as is promised, and no longer."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from tests.live import API_KEY, ROOT, LiveServer

pytestmark = [pytest.mark.live, pytest.mark.enable_socket, pytest.mark.promise("P-09")]

_GONE_SECONDS, _NO_COPY_SECONDS = 1.0, 60.0
_CODE = "import django\ndjango.setup()\nfrom tests.erasure import in_time\nin_time."


@pytest.fixture
def instance() -> Iterator[LiveServer]:
    server = LiveServer(with_worker=True).prepare()
    server.account("alice")
    yield server
    server.stop()
    server.remove()


@contextmanager
def somebody_beside(instance: LiveServer) -> Iterator[Iterator[dict[str, Any]]]:
    """A process of its own that tries the keys; what it sees, as it sees it."""
    with subprocess.Popen(
        [sys.executable, "-c", f"{_CODE}watch()"],
        cwd=ROOT,
        env=instance.env,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield (json.loads(line) for line in process.stdout if line.startswith("{"))
        finally:
            process.kill()


def test_what_is_confirmed_opens_nowhere_after_a_second_and_by_no_copy_of_before_after_a_minute(
    instance: LiveServer,
) -> None:
    job = instance.python("-c", f"{_CODE}make()").split()[0]
    instance.start()
    with somebody_beside(instance) as sees:
        before = next(sees)
        assert 5 < before["all"] == before["open"] == before["stolen"], before

        headers = {"Authorization": f"Bearer {API_KEY}"}
        now = f"{instance.url}/api/v1/erasures/{job}/now"
        assert requests.post(now, headers=headers, timeout=30).status_code == 202
        confirmed = time.monotonic()
        gone, after = next(sees), next(sees)

    print(f"gone after {gone['gone'] - confirmed:.3f} s, by no copy after {after['epoch'] - confirmed:.1f} s")
    assert gone["gone"] - confirmed < _GONE_SECONDS
    assert after["epoch"] - confirmed < _NO_COPY_SECONDS
    assert after["stolen"] == 0
