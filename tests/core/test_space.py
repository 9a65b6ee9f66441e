"""On files alone: PostgreSQL sees to its own."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connections
from pytest_django import DjangoDbBlocker

from apps.core.space import can_give_back, give_back_space, learn_to_give_back
from config import databases

pytestmark = pytest.mark.embedded
_ROWS = 2000


@pytest.fixture
def path(tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[Path]:
    """A database file made as an instance makes it, known by the alias `shrinking`."""
    path = tmp_path / "some.sqlite3"
    settings = connections.configure_settings({"default": {}, "shrinking": databases.sqlite(path)})[
        "shrinking"
    ]
    connections.settings["shrinking"] = settings
    with django_db_blocker.unblock():
        yield path
        connections["shrinking"].close()
    del connections["shrinking"]
    del connections.settings["shrinking"]


def _fill_and_empty(path: Path) -> None:
    with connections["shrinking"].cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS chunk (payload BLOB)")
        cursor.execute("INSERT INTO chunk VALUES ('kept')")
        cursor.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %s)"
            " INSERT INTO chunk SELECT zeroblob(8000) FROM n",
            [_ROWS],
        )
        cursor.execute("DELETE FROM chunk WHERE payload <> 'kept'")


def _size(path: Path) -> int:
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return path.stat().st_size


def test_a_new_file_gives_back_what_was_deleted_and_keeps_the_rest(path: Path) -> None:
    _fill_and_empty(path)
    assert _size(path) > _ROWS * 8000

    give_back_space("shrinking")

    assert 2**20 < _size(path) < 3 * 2**20
    with connections["shrinking"].cursor() as cursor:
        assert cursor.execute("SELECT payload FROM chunk").fetchall() == [("kept",)]
        assert cursor.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_file_of_an_earlier_version_learns_it_once(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE other (id INTEGER)")
    database.close()
    _fill_and_empty(path)
    assert not can_give_back("shrinking")
    give_back_space("shrinking")
    assert _size(path) > _ROWS * 8000

    learn_to_give_back("shrinking")

    assert can_give_back("shrinking")
    assert _size(path) < 2**20
    with connections["shrinking"].cursor() as cursor:
        assert cursor.execute("SELECT payload FROM chunk").fetchall() == [("kept",)]


def test_what_is_written_anew_lies_in_no_folder_but_the_datas(tmp_path: Path) -> None:
    """Nor does what a question sorts: names in the clear are in it."""
    code = f"""
        import os
        from config.settings import base
        import sqlite3
        with sqlite3.connect("{tmp_path}/some.sqlite3") as database:
            database.execute("PRAGMA cache_size = 10")
            database.execute("CREATE TABLE t AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) SELECT randomblob(900) AS b FROM n")
            rows = database.execute("SELECT b FROM t ORDER BY b")
            rows.fetchone()
            opened = [os.readlink(f"/proc/self/fd/{{each}}") for each in os.listdir("/proc/self/fd") if os.path.islink(f"/proc/self/fd/{{each}}")]
        print([each.rpartition("/")[0] for each in opened if "etilqs" in each])
    """
    environment = {name: value for name, value in os.environ.items() if name != "SQLITE_TMPDIR"}
    environment |= {"OWNLOG_DATA": str(tmp_path)}

    said = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=environment,
        capture_output=True,
        check=True,
        text=True,
    )

    folders = set(json.loads(said.stdout.replace("'", '"')))
    assert folders == {str(tmp_path)}
