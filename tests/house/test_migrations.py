from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def manage(*arguments: str) -> subprocess.CompletedProcess[str]:
    # A process of its own: the suite runs without migrations.
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings.test"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_models_and_migrations_agree() -> None:
    done = manage("makemigrations", "--check", "--dry-run")

    assert (done.stdout.strip(), done.returncode) == ("No changes detected", 0)


@pytest.mark.parametrize(("database", "tables"), [("default", "runs_run"), ("vault", "vault_node")])
def test_each_database_gets_its_own_tables_and_no_others(database: str, tables: str) -> None:
    done = manage("shell", "-v0", "-c", _LIST_TABLES.format(database=database))

    found = set(done.stdout.split())
    assert tables in found, done.stderr
    mine = {name.startswith("vault_") for name in found - {"django_migrations", "sqlite_sequence"}}
    assert mine == {database == "vault"}


_LIST_TABLES = """
from django.core.management import call_command
from django.db import connections
call_command("migrate", database="{database}", verbosity=0)
print(*connections["{database}"].introspection.table_names())
"""
