"""What a start does not wait for: libraries that few requests need are imported when the first of them comes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.live import ROOT

LATER = ("numpy", "psycopg", "pyarrow", "redis", "rest_framework", "drf_spectacular")
_START = f"""
import sys
from config.wsgi import application
from django.urls import resolve, reverse
assert resolve("/health").view_name == "health"
assert reverse("api:projects") == "/api/v1/projects"
print(*[name for name in {LATER!r} if name in sys.modules])
resolve("/api/v1/schema").func.cls
assert "rest_framework" in sys.modules
"""


# After a first request: what a full collection walks over, beside what stands.
_COLLECTED = """
import gc
from config.wsgi import application
from django.test import Client
Client(headers={"host": "localhost"}).get("/health")
print(gc.get_freeze_count(), len(gc.get_objects()))
"""


def _run(script: str, folder: Path) -> str:
    """What this script prints in a process of its own, over an empty data folder."""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings.local",
        "OWNLOG_DATA": str(folder / "var"),
        "OWNLOG_KEY_DIR": str(folder / "keys"),
    }
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_start_imports_nothing_that_can_wait(tmp_path: Path) -> None:
    assert _run(_START, tmp_path).split() == []


def test_the_collector_leaves_alone_what_a_start_loaded(tmp_path: Path) -> None:
    left_alone, walked = map(int, _run(_COLLECTED, tmp_path).split())

    assert left_alone > 5 * walked
