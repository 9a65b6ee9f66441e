from __future__ import annotations

import os
import subprocess
import sys

import pytest

_TELLS = "import gc, os; print(gc.get_freeze_count() > 1000, gc.get_threshold()[0] > 5000, os.nice(0))"


_WORKER = """
from celery import Celery
from config.launch import worker
Celery.worker_main = lambda *_: None
worker._keep_time = lambda: None
worker.main()
"""


@pytest.mark.parametrize(("start", "nicer"), [("import config.wsgi", 0), (_WORKER, 5)], ids=["web", "worker"])
def test_the_servers_look_for_garbage_rarely_and_the_worker_lets_the_other_go_first(
    start: str, nicer: int
) -> None:
    told = subprocess.run(
        [sys.executable, "-c", f"{start}\n{_TELLS}"], capture_output=True, text=True, check=True, timeout=60
    )

    assert told.stdout.split() == ["True", "True", str(os.nice(0) + nicer)]


_COMMAND = """
import atexit, gc
atexit.register(lambda: print(gc.isenabled(), gc.get_freeze_count() > 1000, gc.get_threshold()[0] > 20_000))
import config.garbage
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "help", "--commands"])
"""


def test_a_command_looks_for_no_garbage_while_it_loads_and_when_it_ends() -> None:
    told = subprocess.run(
        [sys.executable, "-c", _COMMAND], capture_output=True, text=True, check=True, timeout=60
    )

    assert told.stdout.splitlines()[-1].split() == ["False", "True", "True"]
