from __future__ import annotations

import subprocess
import sys

import pytest

_TELLS = "import gc; print(gc.get_freeze_count() > 1000, gc.get_threshold()[0] > 5000)"


_WORKER = """
from celery import Celery
from config.launch import worker
Celery.worker_main = lambda *_: None
worker._keep_time = lambda: None
worker.main()
"""


@pytest.mark.parametrize("start", ["import config.wsgi", _WORKER], ids=["web", "worker"])
def test_the_servers_look_for_garbage_rarely(start: str) -> None:
    told = subprocess.run(
        [sys.executable, "-c", f"{start}\n{_TELLS}"], capture_output=True, text=True, check=True, timeout=60
    )

    assert told.stdout.split() == ["True", "True"]
