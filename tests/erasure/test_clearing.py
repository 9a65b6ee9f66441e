"""Names that stood in the clear are in no byte of the database's files afterwards, as far as the receipt says."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest
from django.db import connection, connections
from django.db.models import Model

from apps.accounts.actors import Actor
from apps.core import space
from apps.core.space import emptied_log_of, empty_the_log
from apps.erasure import clearing
from apps.erasure.accounts import erase_account
from apps.erasure.models import ErasureJob
from apps.erasure.receipts import statement_of
from config import databases
from config.sqlite.base import DatabaseWrapper
from tests.erasure.conftest import finish
from tests.factories import people

pytestmark = [pytest.mark.promise("P-09")]
NAME = "canary-4f1d9a37"


@pytest.mark.django_db
def test_the_receipt_says_how_and_what_is_known_of_the_log(alice: object) -> None:
    user = people.person(NAME)
    job, _link = erase_account(user, by=Actor.person(user), at_once=True)
    finish(job)

    stated = statement_of(job)

    assert stated["names"]["how"] in {"overwritten", "written anew", "vacuumed"}
    assert stated["methods"]["names"].startswith("names and addresses that stood in the clear")
    if connection.vendor == "postgresql":
        assert len(stated["names"]["log_file"]) == 24
        assert "log_released_by" in stated["names"]
    else:
        assert stated["names"]["log_is_empty"] is False  # this test is one long transaction


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="files and samples of PostgreSQL")
def test_on_postgresql_the_tables_are_written_anew() -> None:
    """Each lies in another file afterwards, in which nothing is that was dead in the one before."""
    before = {model: _file_of(model) for model in clearing.TABLES}
    job = ErasureJob(cleared={})

    clearing.clear_names(job)

    assert job.cleared["how"] == "written anew"
    assert all(_file_of(model) != file for model, file in before.items())


def _file_of(model: type[Model]) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_relation_filepath(%s::regclass)", [model._meta.db_table])
        return str(cursor.fetchone()[0])


@pytest.mark.django_db
def test_a_log_is_emptied_and_what_was_deleted_is_overwritten(tmp_path: Path) -> None:
    """On a file of its own: the suite's databases are in memory."""
    path = tmp_path / "own.sqlite3"
    own = DatabaseWrapper({**connections["default"].settings_dict, **databases.sqlite(path)}, "default")
    try:
        with own.cursor() as cursor:
            cursor.execute("CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT)")
            cursor.executemany(
                "INSERT INTO person (name) VALUES (%s)", [(f"{NAME}-{n}",) for n in range(500)]
            )
            cursor.execute("UPDATE person SET name = name || '-again'")
            assert emptied_log_of(own)
            assert path.read_bytes().count(NAME.encode()) == 500
            cursor.execute("DELETE FROM person")
        held = b"".join(each.read_bytes() for each in tmp_path.iterdir())
        assert NAME.encode() in held  # in the log, or still in the file

        assert emptied_log_of(own)

        assert NAME.encode() not in b"".join(each.read_bytes() for each in tmp_path.iterdir())
    finally:
        own.close()


@pytest.mark.django_db
def test_inside_a_transaction_nothing_is_claimed() -> None:
    if space.is_file():
        assert empty_the_log() is False


@pytest.mark.django_db
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="files and samples of PostgreSQL")
def test_on_postgresql_no_samples_of_names_are_kept() -> None:
    # The suite's databases are made from the models, without what migrations do besides.
    migration = import_module("apps.erasure.migrations.0011_no_statistics_of_names")
    with connection.schema_editor() as schema:
        migration.forwards(None, schema)
    people.person(NAME)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE accounts_user, teams_entity, account_emailaddress")
        cursor.execute("SELECT tablename, attname FROM pg_stats WHERE schemaname = 'public'")
        kept = set(cursor.fetchall())

    assert ("accounts_user", "created_at") in kept
    names = {("accounts_user", "username"), ("accounts_user", "email"), ("teams_entity", "name")}
    assert not kept & names and not any(table == "one_account_per_email" for table, _ in kept)
