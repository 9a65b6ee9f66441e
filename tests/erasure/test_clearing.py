"""Names that stood in the clear are in no byte of the database's files afterwards, as far as the receipt says."""

from __future__ import annotations

import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model
from django.test import Client
from pytest_django import DjangoDbBlocker

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core import clock, space
from apps.core.space import emptied_log_of, empty_the_log
from apps.erasure import clearing
from apps.erasure.accounts import erase_account
from apps.erasure.errors import NotYet, VacuumDenied
from apps.erasure.models import ErasureJob
from apps.erasure.receipts import statement_of
from apps.erasure.services import advance
from apps.erasure.types import Step
from config import databases
from config.sqlite.base import DatabaseWrapper
from tests import servers
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
        assert stated["names"]["log"] == "unknown"  # this test is one long transaction
    else:
        assert stated["names"]["log_is_empty"] is False  # this test is one long transaction


@pytest.fixture(scope="module", autouse=True)
def _its_own_server(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Of the databases the one with the names lies on a server where nobody else is at work: it counts transactions of all."""
    own = connections["default"]
    if own.vendor != "postgresql":
        yield
        return
    words: Any = own.settings_dict
    usual = words["PORT"]
    with tempfile.TemporaryDirectory(prefix="ownlog-clearing-") as folder:
        Path(folder).chmod(0o755)
        with servers.postgresql(Path(folder, "postgresql")) as url:
            with psycopg.connect(f"{url}/postgres", autocommit=True) as there:
                there.execute(f'CREATE DATABASE "{words["NAME"]}"')
            own.close()
            words["PORT"] = url.rpartition(":")[2]
            with django_db_blocker.unblock():
                call_command("migrate", run_syncdb=True, interactive=False, verbosity=0)
            yield
            own.close()
    words["PORT"] = usual


on_postgresql = pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="files, transactions and rights of PostgreSQL"
)


@pytest.fixture
def aside() -> Iterator[BaseDatabaseWrapper]:
    """Another connection."""
    own = connections.create_connection("default")
    yield own
    own.close()


@pytest.mark.django_db(transaction=True)
@on_postgresql
def test_on_postgresql_the_tables_are_written_anew_and_the_log_is_overwritten() -> None:
    """Each lies in another file afterwards, in which nothing is that was dead in the one before; and of the log no file has the
    name, neither under its own name nor waiting to be used again."""
    name = f"canary-{secrets.token_hex(6)}"
    User.objects.create(username=name, email=f"{name}@example.com")
    before = {model: _file_of(model) for model in clearing.TABLES}
    named = _log_now()
    assert name.encode() in _bytes_of_the_log()
    User.objects.all().delete()
    job = ErasureJob(cleared={})

    _clear(job)

    assert job.cleared["how"] == "written anew"
    assert all(_file_of(model) != file for model, file in before.items())
    assert (job.cleared["log"], job.cleared["log_is_copied"]) == ("overwritten", False)
    assert named <= job.cleared["log_file"] < _log_now()
    assert name.encode() not in _bytes_of_the_log()


@pytest.mark.django_db(transaction=True)
@on_postgresql
def test_without_rights_the_log_moves_on_though_nobody_writes_and_what_is_not_known_is_said(
    aside: BaseDatabaseWrapper,
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE own_low")
    try:
        with aside.cursor() as cursor:
            cursor.execute("SET ROLE own_low")

        found = clearing._log_of(aside)

        assert found["log"] == "moved on" and found["log_file"] < _log_now()
        assert found["log_released_by"] > f"{clock.now():%Y-%m-%dT%H:%M}"
    finally:
        aside.close()
        with connection.cursor() as cursor:
            cursor.execute("DROP ROLE own_low")


@pytest.mark.django_db(transaction=True)
@on_postgresql
def test_a_role_that_may_not_vacuum_is_told_of_at_once_and_there_is_no_receipt_until_it_may(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The server would say with success that it left the tables out."""
    monkeypatch.setattr(clearing, "_log_of", lambda _: {})
    user = people.person(NAME)
    with _as_role_without_rights(monkeypatch) as role:
        with suppress(VacuumDenied):
            erase_account(user, by=Actor.person(user), at_once=True)  # tasks are done at once here
        job = ErasureJob.objects.get()
        with pytest.raises(VacuumDenied):
            advance(job.pk)
        job.refresh_from_db()

        assert (job.step, job.trouble, job.cleared) == (Step.ROWS, "VacuumDenied", {})
        assert "may not vacuum: tables=accounts_user,teams_entity" in caplog.text
        found = client.get("/health/erasures")
        assert found.status_code == 503
        assert b"1 erasures whose names the database does not let be cleared away\n" in found.content
        tables = [model._meta.db_table for model in clearing.TABLES]
        with connection.cursor() as cursor:
            if connection.connection.info.server_version >= 170_000:
                cursor.execute(f"GRANT MAINTAIN ON {', '.join(tables)} TO {role}")
            else:
                cursor.execute(f"GRANT CURRENT_USER TO {role}")
        _clear(job)

    assert job.cleared["how"] == "written anew"


@contextmanager
def _as_role_without_rights(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Connections that are opened meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE own_meek LOGIN")
    try:
        with monkeypatch.context() as patch:
            patch.setitem(connections.settings["default"], "USER", "own_meek")
            yield "own_meek"
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP OWNED BY own_meek")
            cursor.execute("DROP ROLE own_meek")


@pytest.mark.django_db(transaction=True)
@on_postgresql
def test_a_table_that_somebody_holds_is_not_waited_for_and_no_session_is_told_how_long_it_may(
    aside: BaseDatabaseWrapper,
) -> None:
    """A pooler would give that session to somebody else."""
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("LOCK TABLE accounts_user IN ACCESS SHARE MODE")
        assert not clearing._written_anew(aside, User)
        with other.cursor() as cursor:
            cursor.execute("COMMIT")
    finally:
        other.close()

    assert clearing._written_anew(aside, User) and clearing._vacuum(aside, User) is not None
    with aside.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("0",)


@pytest.mark.django_db(transaction=True)
@on_postgresql
def test_while_a_transaction_of_before_sees_the_rows_nothing_is_called_done(
    aside: BaseDatabaseWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dump, for instance. One that began afterwards holds nothing up."""
    monkeypatch.setattr(clearing, "_log_of", lambda _: {})
    user = User.objects.create(username=NAME, email=f"{NAME}@example.com")
    job = ErasureJob(cleared={})
    with aside.cursor() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SELECT count(*) FROM accounts_user")
    user.delete()

    for _ in range(2):
        with pytest.raises(NotYet):
            clearing.clear_names(job)
    assert list(job.cleared) == ["until"]

    with aside.cursor() as cursor:
        cursor.execute("COMMIT")
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SELECT pg_current_xact_id()")
    _clear(job)
    assert job.cleared["how"] in {"written anew", "vacuumed"} and "until" not in job.cleared


_TOOK = "CPU: user: 0.00 s, system: 0.01 s, elapsed: 0.13 s."


@pytest.mark.parametrize(
    ("message", "detail", "cutoff"),
    [
        ("fini de vidanger\npages : 1\nlignes : 5\nlimite : 755, 1 XIDs", "", 755),
        ("finished\npages: 1\ntuples: 5\nmissed: 900 dead from 7 pages\ncutoff: 755, 1 XIDs", "", None),
        (
            "found 5 removable",
            f"0 dead, oldest xmin: 755\n1 page removed.\nSkipped 0 pages, 2 frozen.\n{_TOOK}",
            755,
        ),
        ("found 5 removable", f"0 dead, oldest xmin: 755\nSkipped 0 pages, 2 frozen.\n{_TOOK}", 755),
        (
            "found 5 removable",
            f"0 dead, oldest xmin: 755\n1 page removed.\nSkipped 3 pages, 0 frozen.\n{_TOOK}",
            None,
        ),
        ("found 5 removable", f"0 dead, oldest xmin: 755\n{_TOOK}", None),
    ],
)
def test_how_far_a_vacuum_came_is_read_in_every_language(
    message: str, detail: str, cutoff: int | None
) -> None:
    assert clearing._is_report(message, detail)
    assert clearing._cutoff_in(message, detail, range(756, 758)) == cutoff


@pytest.mark.parametrize(
    ("message", "detail"),
    [
        ('vacuuming "public.t"', ""),
        ('scanned index "t2" to remove 735 row versions', _TOOK),
        (
            'index "t2" now contains 5 row versions in 2 pages',
            f"735 were removed.\n0 deleted, 0 reusable.\n{_TOOK}",
        ),
    ],
)
def test_what_else_a_vacuum_says_is_no_report(message: str, detail: str) -> None:
    assert not clearing._is_report(message, detail)


@pytest.mark.parametrize(
    ("cutoff", "until", "is_past"),
    [(7, 7, True), (6, 7, False), (3, 2**32 - 5, True), (2**32 - 5, 2**32 + 3, False)],
)
def test_transactions_are_counted_past_the_end_of_their_numbers(
    cutoff: int, until: int, is_past: bool
) -> None:
    assert clearing._is_past(cutoff, until) is is_past


def _clear(job: ErasureJob) -> None:
    """A worker of the server's own that looks after its tables has a transaction under way now and then, and is counted."""
    for _ in range(600):
        with suppress(NotYet):
            return clearing.clear_names(job)
        time.sleep(0.1)
    raise AssertionError("something is held up for good")


def _log_now() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_walfile_name(pg_current_wal_insert_lsn())")
        return str(cursor.fetchone()[0])


def _bytes_of_the_log() -> bytes:
    with connection.cursor() as cursor:
        cursor.execute("SHOW data_directory")
        folder = Path(cursor.fetchone()[0], "pg_wal")
    return b"".join(each.read_bytes() for each in folder.iterdir() if each.is_file())


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
