from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest


def _prepare(folder: Path) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OWNLOG_", "DJANGO_"))}
    places = {"OWNLOG_DATA": str(folder / "var"), "OWNLOG_KEY_DIR": str(folder / "keys")}
    done = subprocess.run(
        [sys.executable, "-m", "config.launch.prepare"],
        env=kept | places, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    return done.stdout


@pytest.mark.embedded
def test_a_database_of_an_earlier_version_is_written_anew_once(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    with sqlite3.connect(tmp_path / "var" / "ownlog.sqlite3") as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE of_earlier (id INTEGER)")
    database.close()

    first, second = _prepare(tmp_path), _prepare(tmp_path)

    assert "writing the database anew" in first
    assert "writing" not in second and "bringing" not in second
    with sqlite3.connect(tmp_path / "var" / "ownlog.sqlite3") as database:
        assert database.execute("PRAGMA auto_vacuum").fetchone() == (2,)
        assert database.execute("SELECT count(*) FROM of_earlier").fetchone() == (0,)
    database.close()
