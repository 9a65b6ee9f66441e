"""PostgreSQL's sessions end, wait or find nobody, while erasures run: for test_unwell.py, in the process and the world of unwell.py."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from apps.erasure import ladder
from apps.erasure.types import Step
from apps.vault import epochs, renewal
from apps.vault.models import Epoch, Receipt
from tests.servers import PGBOUNCER, Pooler

if TYPE_CHECKING:
    from tests.erasure.unwell import World

_HELD = (
    ("default", "runs_run"),
    ("default", "blobs_blob"),
    ("default", "erasure_erasurejob"),
    ("vault", "vault_node"),
    ("vault", "vault_receipt"),
)


def terminate(connection: BaseDatabaseWrapper) -> None:
    """Its server ends this session, as an operator or a failover does, before anything more is asked of it."""
    aside = connections.create_connection(connection.alias)
    try:
        with aside.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.connection.info.backend_pid])
            assert cursor.fetchone() == (True,)
    finally:
        aside.close()


# ── They end ──


@contextmanager
def before_statements(act: Callable[[BaseDatabaseWrapper], None]) -> Iterator[None]:
    """Whatever is asked of either database, wherever in a transaction or outside of one."""

    def execute(real: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        act(context["connection"])
        return real(sql, params, many, context)

    with ExitStack() as stack:
        for connection in connections.all():
            stack.enter_context(connection.execute_wrapper(execute))
        yield


def sessions_end(world: World) -> None:
    """At one statement after the other: every turn that breaks off has something behind it, and the next one is let in."""
    for begin in (world.begin, world.begin_part):
        job, counted, ended = begin(), itertools.count(1), itertools.count()

        def end(connection: BaseDatabaseWrapper, counted: Any = counted, ended: Any = ended) -> None:
            if next(counted) % 23 == 0 and connection.connection is not None:
                terminate(connection)
                next(ended)

        with before_statements(end):
            for _ in range(12):
                world.turn()
        assert next(ended) > 5
        world.carry_on(job)


def who_lost_theirs_says_so(world: World) -> None:
    """On another, at once: else whoever comes next waits until the lease is over, and nobody reads what the trouble was."""
    job, real = world.begin(), ladder.STEPS[Step.BYTES]

    def lost(*args: Any) -> None:
        terminate(connections["default"])
        real(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ladder.STEPS, Step.BYTES, lost)
        assert world.turn() == "OperationalError"
        job.refresh_from_db()
    assert (job.step, job.trouble, job.busy_until) == (Step.BYTES, "OperationalError", None)
    renew = renewal.renew_dirty

    def lost_too(*args: Any) -> Any:
        terminate(connections["vault"])
        return renew(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(renewal, "renew_dirty", lost_too)
        assert world.turn() == "OperationalError"
        running = Epoch.objects.get(state="running")
    assert (running.trouble, running.busy_until) == ("OperationalError", None)
    assert epochs.broken_off() is not None
    world.carry_on(job)


# ── They wait ──


@contextmanager
def _sessions_with(options: str) -> Iterator[None]:
    """As an operator who has them in the databases' addresses."""
    with ExitStack() as stack:
        for connection in connections.all():
            connection.close()
            known: Any = connection.settings_dict["OPTIONS"]
            known["options"] = options
            stack.callback(connection.close)
            stack.callback(known.pop, "options")
        yield


@contextmanager
def _held(alias: str, table: str) -> Iterator[None]:
    """By somebody else: nobody reads it either."""
    aside = connections.create_connection(alias)
    try:
        with aside.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield
    finally:
        aside.close()


def tables_held(world: World) -> None:
    """For longer than anybody is let wait: two of these tables, each on its days."""
    for number, limit in enumerate(("lock_timeout", "statement_timeout"), start=2 * world.day):
        alias, table = _HELD[number % len(_HELD)]
        job = world.begin()
        with _sessions_with(f"-c {limit}=250"), _held(alias, table):
            for _ in range(2):
                world.turn()
        job.refresh_from_db()
        assert job.done_at is None and not Receipt.objects.filter(job=job.public_id).exists(), table
        world.carry_on(job)


# ── They find nobody ──


def pool_gone(world: World) -> None:
    """A pooler in transaction mode ends in the middle of whatever is under way, is not there for some turns, and comes again."""
    with tempfile.TemporaryDirectory(prefix="ownlog-pool-", dir="/tmp") as made, ExitStack() as stack:
        folder = Path(made)
        folder.chmod(0o755)
        pool = Pooler(folder, server=int(connections["default"].settings_dict["PORT"]))
        pool.start()
        stack.callback(pool.stop)
        stack.enter_context(asked_at(pool.port))
        for begin in (world.begin, world.begin_part):
            job = begin()
            for number in (9, 40, 90, 20, 60):
                counted = itertools.count(1)

                def gone(_: Any, number: int = number, counted: Any = counted) -> None:
                    if next(counted) == number:
                        pool.stop()

                with before_statements(gone):
                    world.turn()
                pool.stop()
                assert world.turn() == "OperationalError"
                pool.start()
            world.carry_on(job)


@contextmanager
def asked_at(port: int) -> Iterator[None]:
    before = {}
    for connection in connections.all():
        connection.close()
        before[connection] = connection.settings_dict["PORT"]
        connection.settings_dict["PORT"] = str(port)
    try:
        yield
    finally:
        for connection, usual in before.items():
            connection.close()
            connection.settings_dict["PORT"] = usual


STORIES = (
    sessions_end,
    who_lost_theirs_says_so,
    tables_held,
    *((pool_gone,) if PGBOUNCER else ()),
)
