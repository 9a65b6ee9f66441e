from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.factories.vault import Instance

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


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Instance:
    made = Instance(tmp_path_factory.mktemp("migrated"))
    made.migrate()
    return made


@pytest.mark.parametrize(("database", "tables"), [("default", "runs_run"), ("vault", "vault_node")])
def test_each_database_gets_its_own_tables_and_no_others(
    database: str, tables: str, instance: Instance
) -> None:
    found, gone_through = (
        set(line.split()) for line in instance.run(_LIST_TABLES.format(database=database)).splitlines()
    )

    assert tables in found
    mine = {name.startswith("vault_") for name in found - {"django_migrations", "sqlite_sequence"}}
    assert mine == {database == "vault"}
    # Those of all apps, each of which does nothing there, would take as long as the tables of the other database.
    assert database != "vault" or gone_through == {"vault"}


_LIST_TABLES = """
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder
place = connections["{database}"]
print(*place.introspection.table_names())
print(*(app for app, _name in MigrationRecorder(place).applied_migrations()))
"""
