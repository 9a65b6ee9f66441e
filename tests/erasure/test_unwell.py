"""A store and a database that are unwell while erasures run: an error, no answer, half of it, no permission, no room, a lie; on
PostgreSQL sessions that its server ends, tables that others hold, a pooler that is gone (sessions.py).

Whatever happens: it comes to its end, there is one receipt of it and only once it is true, and nothing of anybody else has changed.
"""

from __future__ import annotations

import json
import secrets
import textwrap
from collections.abc import Iterator
from typing import Any

import pytest

from tests import servers
from tests.erasure.small_disk import may_mount
from tests.live import LiveServer
from tests.turns import today

pytestmark = [pytest.mark.live, pytest.mark.enable_socket, pytest.mark.promise("P-09")]

_LIVE = """
    import os
    from tests.erasure.proxy import proxy
    with proxy("{upstream}") as server:
        os.environ["OWNLOG_STORAGE_URL"] = f"s3://{bucket}?endpoint={{server.url}}&region=us-east-1"
        os.environ["OWNLOG_STORAGE_ACCESS_KEY"] = os.environ["OWNLOG_STORAGE_SECRET_KEY"] = "testing"
        import django
        django.setup()
        from tests.erasure.{module} import live_through
        live_through(server, "{bucket}", day={day})
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an S3 server."""
    if (there := servers.present()) is not None:
        yield there.s3
        return
    with servers.s3(tmp_path_factory.mktemp("s3")) as url:
        yield url


@pytest.fixture
def instance() -> Iterator[LiveServer]:
    """An instance that nothing runs on but what is started here."""
    server = LiveServer().prepare()
    yield server
    server.remove()


def said_by(module: str, instance: LiveServer, store: str) -> Any:
    bucket = f"unwell-{secrets.token_hex(6)}"
    code = textwrap.dedent(_LIVE.format(module=module, upstream=store, bucket=bucket, day=today()))
    said = instance.python("-c", code, timeout=280)
    return json.loads(next(line for line in said.splitlines() if line.startswith("{")))  # and what was logged


def test_whatever_store_and_database_do_an_erasure_comes_to_its_end_and_says_nothing_untrue(
    instance: LiveServer, store: str
) -> None:
    faults = {story: faults for story, (faults, _lives) in said_by("unwell", instance, store).items()}
    of_the_store = {
        "store_errors",
        "store_partial",
        "store_knows_no_batches",
        "answers_lost",
        "store_slow",
        "objects_missing",
        "store_denies",
        "store_lies",
        "store_forgets",
        "store_full",
    }
    others = {"database_lost", "keys_without_room", "clock_jumps", "clock_is_set_back"}
    if servers.present() is None:
        assert of_the_store <= faults.keys()
        others |= {"database_full"}
    else:
        of_the_store &= faults.keys()
        assert len(of_the_store) == 2
        others |= {"sessions_end", "who_lost_theirs_says_so", "tables_held"}
        others |= {"pool_gone"} if servers.PGBOUNCER else set()
        others |= {"server_full"} if may_mount() else set()
    assert faults.keys() - of_the_store == others
    assert all(faults[story] > 1 for story in of_the_store), faults


@pytest.mark.skipif(servers.present() is None, reason="about PostgreSQL's log")
def test_a_log_of_postgresql_without_room_ends_the_server_and_nothing_else(
    instance: LiveServer, store: str
) -> None:
    if not may_mount():
        pytest.skip("a small disk has to be mounted for the log, which only root may")
    ended = said_by("small_log", instance, store)

    assert all(times >= 3 for times in ended.values()), ended
