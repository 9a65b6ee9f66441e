"""PostgreSQL whose write-ahead log finds no room while erasures run: for test_unwell.py, in a process and a world of its own.

The server is one of its own too, for it ends: without its log it does nothing more (PANIC), every session is gone with whatever it was at,
and it does not come again before there is room.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connections

from apps.core import background
from apps.vault.models import Receipt
from tests.erasure.proxy import Proxy, well
from tests.erasure.sessions import asked_at, before_statements
from tests.erasure.small_disk import SmallDisk, small_disk
from tests.erasure.unwell import World
from tests.servers import Postgres

_SIZE = 48 * 2**20
# Each file of the log is new, and a MiB: the next one finds no room.
_SHORT = (
    "wal_recycle=off",
    "min_wal_size=2MB",
    "max_wal_size=4MB",
    "wal_level=minimal",
    "max_wal_senders=0",
    "autovacuum=off",
)
_PLACES = range(1, 126, 25)  # each of the 25 from there on its day


@dataclass(frozen=True)
class Server:
    postgres: Postgres
    disk: SmallDisk

    def fill(self) -> None:
        """What is to be written next to the log begins another file of it."""
        self.disk.leave(0)
        aside = connections.create_connection("default")
        try:
            with aside.cursor() as cursor:
                cursor.execute("SELECT pg_switch_wal()")
        finally:
            aside.close()

    def begins_again(self) -> None:
        """With room, as when somebody has made some."""
        self.disk.empty()
        self.postgres.stop(kill=True)  # as it is about to end
        self.postgres.start()

    def panics(self) -> int:
        return (self.postgres.folder / "server.log").read_text().count("PANIC:")


@contextmanager
def _small_log() -> Iterator[Server]:
    """A server that has this process's databases, and is asked in the block."""
    with ExitStack() as stack:
        disk = stack.enter_context(small_disk(size=_SIZE))
        postgres = Postgres(disk.parent / "server")
        postgres.settings += _SHORT
        postgres.create("--waldir", str(disk), "--wal-segsize", "1")
        postgres.start()
        stack.callback(postgres.stop)
        for connection in connections.all():
            words: Any = connection.settings_dict
            postgres.take_over(
                f"postgresql://{words['USER']}@{words['HOST']}:{words['PORT']}/{words['NAME']}"
            )
        stack.enter_context(asked_at(postgres.port))
        yield Server(postgres, SmallDisk(disk))


def live_through(proxy: Proxy, bucket: str, *, day: int) -> None:
    """At one statement after the other: nothing is half done, no receipt is there before its time, and who comes when there is room again
    carries on."""
    background.enqueue = lambda *_args, **_ids: None  # whatever is sent is lost
    with _small_log() as server:
        world, ended = World(proxy, bucket, day=day), Counter[str]()
        for of_a_part in (False, True):
            world.live(well, of_a_part=of_a_part)
            job = world.begin_part() if of_a_part else world.begin()
            for place in _PLACES:
                counted = itertools.count(1)

                def full(_: Any, place: int = place, counted: Any = counted) -> None:
                    if next(counted) == place + day % 25:
                        server.fill()

                with before_statements(full):
                    said = world.turn()
                if said:
                    ended[job.scope] += 1
                    assert said == world.turn() == "OperationalError"  # as long as there is no room
                server.begins_again()
                job.refresh_from_db()
                if job.done_at is not None:
                    break
                assert not Receipt.objects.filter(job=job.public_id).exists()
            assert server.panics() >= ended.total()
            world.carry_on(job)
    print(json.dumps(ended))
