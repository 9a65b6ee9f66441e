"""Behind PgBouncer in transaction mode: each transaction may get another session, so none may be relied on."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from tests import servers
from tests.e2e.clients import Client, Http
from tests.e2e.durability.stored import compact, newest_run, select
from tests.e2e.durability.test_kill import SHORT, check_everything_is_there
from tests.live import LiveServer
from tests.remote import RemotePlaces
from tests.servers import PGBOUNCER, Pooler, Servers

pytestmark = [
    pytest.mark.live,
    pytest.mark.enable_socket,
    pytest.mark.embedded,
    pytest.mark.skipif(
        PGBOUNCER is None, reason="PgBouncer is not installed (Debian: apt install pgbouncer)"
    ),
]


@pytest.fixture(scope="module")
def pooled() -> Iterator[LiveServer]:
    """An instance that knows of PostgreSQL only what the pooler lets through: two sessions for all its threads."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ownlog-pooler-")))
        folder.chmod(0o755)
        real = stack.enter_context(servers.postgresql(folder / "postgresql"))
        pool = Pooler(folder, server=int(real.rsplit(":", 1)[1]))
        stack.callback(pool.stop)
        pool.start()
        s3 = stack.enter_context(servers.s3(folder))
        places = RemotePlaces(Servers(real, stack.enter_context(servers.broker(folder)), s3))
        instance = LiveServer(places=places, threads=8)
        stack.callback(instance.remove)
        for name in ("OWNLOG_DATABASE_URL", "OWNLOG_VAULT_URL"):
            instance.env[name] = places.env[name].replace(real, f"postgresql://ownlog@127.0.0.1:{pool.port}")
        instance.prepare().account("alice")
        yield stack.enter_context(instance)


def test_a_run_is_logged_compacted_and_read(pooled: LiveServer) -> None:
    http = Http(pooled.url)
    with Client(pooled.url) as client:
        runs = [client.start(SHORT, name) for name in ("one", "two", "three")]
        for run in runs:
            run.wait()

    for name in ("one", "two", "three"):
        check_everything_is_there(http, name, 60)
    compact(pooled, newest_run(pooled))
    assert select(pooled, "SELECT count(*) FROM runs_segment")[0][0] >= 1
    for name in ("one", "two", "three"):
        check_everything_is_there(http, name, 60)


def test_the_pooler_was_asked(pooled: LiveServer) -> None:
    """So that the test above is about it: no more sessions than it may open, for eight threads and a worker's process."""
    assert pooled.remote is not None
    with psycopg.connect(pooled.remote.database, autocommit=True) as there:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
        sessions = there.execute(query, [pooled.remote.name]).fetchone()

    assert sessions is not None
    assert 1 <= sessions[0] <= 2
