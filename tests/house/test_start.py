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


def test_a_start_imports_nothing_that_can_wait(tmp_path: Path) -> None:
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings.local",
        "OWNLOG_DATA": str(tmp_path / "var"),
        "OWNLOG_KEY_DIR": str(tmp_path / "keys"),
    }

    done = subprocess.run(
        [sys.executable, "-c", _START],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stdout.split(), done.stderr) == (0, [], "")
