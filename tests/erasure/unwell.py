"""A world with two tenants whose store and database are unwell while erasures run: for test_unwell.py, in a process of its own.

The store is an S3 server behind a proxy that answers as it is told (proxy.py); the database is a real one that is hung up on. Every
erasure of a project is like the one before, so that whatever it met on its way its receipt counts the same.
"""

from __future__ import annotations

import itertools
import json
import resource
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any

from botocore.client import Config
from django.db import DatabaseError, OperationalError, close_old_connections, connections

from apps.accounts.actors import Actor
from apps.artifacts.models import Version
from apps.blobs import store as stores
from apps.blobs.models import Blob, BlobPart
from apps.blobs.store import default_store, s3
from apps.core import background, clock
from apps.core.errors import OwnlogError
from apps.erasure import alarms, services, tasks
from apps.erasure.models import ErasureJob, Remainder
from apps.erasure.parts import erase_parts
from apps.erasure.proof import StillThere
from apps.erasure.services import erase_project
from apps.erasure.types import HARD_LIMIT
from apps.erasure.verify_receipt import check_chain
from apps.projects.models import Project
from apps.runs.models import Run
from apps.vault import copies, epochs, receipts
from apps.vault.models import Epoch, Receipt
from apps.vault.readiness import make_ready
from apps.vault.roots.file import FileRoots
from apps.vault.signing import public_key
from tests.erasure import sessions, small_disk
from tests.erasure.conftest import full_run
from tests.erasure.faults import free, go_on
from tests.erasure.proxy import Asked, Fault, Proxy, Rule, tells_all, well
from tests.erasure.rich import LOSS, everything, history_of, rich_run, without_loss
from tests.erasure.sessions import terminate
from tests.erasure.tenant import Going, Tenant
from tests.factories import artifacts, people, work
from tests.remote import s3_client
from tests.servers import Servers

_MOST_TURNS = 60
DAY = timedelta(days=1)


def deletes(fault: Fault, *, after: int = 0, every: int = 1) -> Rule:
    """What becomes of deletions: after so many of them, of each so many one."""
    counted = itertools.count(-after)

    def rule(asked: Asked) -> Fault | None:
        if not asked.is_deletion:
            return None
        number = next(counted)
        return fault if number >= 0 and number % every == 0 else None

    return rule


def requests(fault: Fault, *, every: int) -> Rule:
    """The same of requests of every kind."""
    counted = itertools.count(1)
    return lambda _: fault if next(counted) % every == 0 else None


def writes(fault: Fault, *, every: int = 1) -> Rule:
    """The same of what takes room in the store."""
    counted = itertools.count()
    return lambda asked: fault if asked.takes_room and next(counted) % every == 0 else None


def batches(fault: Fault) -> Rule:
    return lambda asked: fault if asked.is_of_many else None


def lists(fault: Fault) -> Rule:
    return lambda asked: fault if asked.is_list else None


class World:
    def __init__(self, server: Proxy, bucket: str, *, day: int) -> None:
        self.server, self.day = server, day
        # Of the store itself, past the proxy and with versions: whatever is left of an object is found.
        self.client: Any = s3_client(Servers(postgresql="", broker="", s3=server.store))
        self.client.create_bucket(Bucket=bucket)
        self.client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        self.bucket = bucket
        make_ready()
        self.alice = people.person("alice")
        self.by, self.bob = Actor.person(self.alice), Tenant(people.person("bob"))
        epochs.run()
        self.lives = 0
        self.cut: Run | None = None  # the run of which a part goes
        self.deleted: dict[str, Any] = {}

    # ── one erasure ──

    def begin(self) -> ErasureJob:
        """Of a project."""
        self.lives += 1
        before = self._objects()
        project = work.project("alice", f"going-{self.lives}", by=self.alice)
        full_run(project, "run", by=self.alice)
        for content in ({"a": b"both", "b": b"one"}, {"a": b"both", "c": b"two"}):
            made = artifacts.version(project, "data", content, by=self.by)
        self.cut, self.project, self.names = None, project, self._objects() - before
        self.bob.links(made)
        self.going = Going.of(Version.objects.filter(collection__project=project))
        self.digest = self.bob.digest_of_all(but=self.going)
        return erase_project(project, by=self.by, at_once=True)

    def begin_part(self) -> ErasureJob:
        """Of a metric of a run that stays: what stays of its history is written anew, and takes room."""
        self.lives += 1
        self.cut = rich_run(work.project("alice", f"staying-{self.lives}", by=self.alice), by=self.alice)
        self.before = everything(self.cut)
        self.names = {each.blob.object_name for each in history_of(self.cut)}
        self.going = Going()
        self.digest = self.bob.digest_of_all(but=self.going)
        return erase_parts(self.cut, [LOSS], by=self.by)

    def turn(self) -> str:
        """What the workers do by themselves; what it broke off with."""
        close_old_connections()  # as Celery does before each task
        try:
            free()
            go_on()
        except (OwnlogError, DatabaseError, OSError, StillThere) as error:
            return type(error).__name__
        return ""

    def live(self, rule: Rule, *, turns: int = 0, ends: str = "", of_a_part: bool = False) -> set[str]:
        """One erasure, with the store unwell for so many turns (0: to its end). What its turns broke off with."""
        job, said = self.begin_part() if of_a_part else self.begin(), set[str]()
        self.server.rule = rule
        for number in range(_MOST_TURNS):
            if turns and number == turns:
                job.refresh_from_db()
                assert job.done_at is None and not Receipt.objects.filter(job=job.public_id).exists()
                assert ends in {"", job.trouble}, job.trouble
                self.server.rule = well
            said.add(self.turn())
            job.refresh_from_db()
            if job.done_at is not None:
                break
        self.server.rule = well
        self.look(job)
        return said - {""}

    def carry_on(self, job: ErasureJob) -> None:
        """To its end, with nothing unwell any more."""
        for _ in range(_MOST_TURNS):
            self.turn()
            job.refresh_from_db()
            if job.done_at is not None:
                break
        self.look(job)

    def look(self, job: ErasureJob) -> None:
        """It came to its end, is proven once, counts what there was, and nothing of anybody else has changed."""
        assert job.done_at is not None, (job.step, job.trouble, job.tries)
        assert Receipt.objects.filter(job=job.public_id).count() == 1
        number, _digest = check_chain(receipts.links(after=0, count=9_999), public_key())
        assert number == ErasureJob.objects.count() == self.lives
        assert not Remainder.objects.exists()
        if self.cut is None:
            assert not Project.everything.filter(pk=self.project.pk).exists()
        else:
            assert everything(self.cut) == without_loss(self.before)
        said = receipts.receipt_of(job.public_id)
        assert said is not None
        deleted = said["statement"]["deleted"]
        usual = self.deleted.setdefault(job.scope, deleted)
        assert deleted == usual, (deleted, usual)
        assert self.names and not self.names & self._objects()
        assert self.bob.digest_of_all(but=self.going) == self.digest and self.bob.reads_well()

    def _objects(self) -> set[str]:
        """Of which the store keeps anything, be it an earlier version or a mark."""
        pages = self.client.get_paginator("list_object_versions").paginate(Bucket=self.bucket)
        kept = [
            each for page in pages for kind in ("Versions", "DeleteMarkers") for each in page.get(kind, ())
        ]
        return {each["Key"] for each in kept}


# ── the store ──


def store_errors(world: World) -> None:
    assert world.live(well) == set()
    broken = world.live(deletes(Fault.BROKEN), turns=3, ends="StoreUnreachable")
    assert broken == {"StoreUnreachable"}
    assert world.live(lists(Fault.BROKEN), turns=2, ends="StoreUnreachable") == {"StoreUnreachable"}
    # Every step that asks the store meets it, the proof as well, and what a turn has done stays done.
    assert world.live(requests(Fault.BROKEN, every=9)) == {"StoreUnreachable"}


def store_partial(world: World) -> None:
    """Some of a batch are deleted, of the others the store will hear nothing."""
    for fault, after in ((Fault.HALF, 0), (Fault.BROKEN, 1)):
        assert world.live(deletes(fault, after=after), turns=3, ends="StoreUnreachable") == {
            "StoreUnreachable"
        }


def store_knows_no_batches(world: World) -> None:
    """Then one after the other, and nobody hears of it."""
    assert world.live(batches(Fault.UNKNOWN)) == set()


def answers_lost(world: World) -> None:
    """Done, and nobody was told: what is counted is counted once."""
    assert world.live(deletes(Fault.LOST, every=2)) == {"StoreUnreachable"}
    with clients_that(read_timeout=0.3):
        assert world.live(deletes(Fault.SILENT, every=3)) == {"StoreUnreachable"}


def store_slow(world: World) -> None:
    """A turn is over after one batch, and others have theirs."""
    with changed(services, "_TURN_SECONDS", 0.05):
        assert world.live(requests(Fault.SLOW, every=2)) == set()


def objects_missing(world: World) -> None:
    """What somebody else took away from the bucket is gone; a store that says so is believed once it lists nothing."""
    assert world.live(deletes(Fault.MISSING, every=3)) <= {"ObjectMissing", "StoreUnreachable", "StillThere"}
    job = world.begin()
    for name in list(world.names)[::2]:
        default_store().delete_all_versions(name)
    assert world.turn() == ""
    job.refresh_from_db()
    world.look(job)


def store_denies(world: World) -> None:
    """It will not delete versions: tried on for ever, said aloud, and no receipt until it is true. Nor one by one, where it will not
    have them all at once."""
    job = world.begin()
    world.server.rule = lambda asked: Fault.DENIED if asked.is_of_version else None
    said = {world.turn() for _ in range(3)}
    world.server.rule = lambda asked: [None, Fault.DENIED, Fault.UNKNOWN][
        asked.is_of_version + asked.is_of_many
    ]
    said |= {world.turn() for _ in range(2)}
    job.refresh_from_db()
    assert said == {job.trouble} == {"StoreDenied"} and job.done_at is None
    assert alarms.health().denied == 1 and not alarms.health().is_good
    now = clock.now
    with changed(clock, "now", lambda: now() + HARD_LIMIT + timedelta(minutes=1)):
        assert alarms.health().late == 1
        assert world.turn() == job.trouble
    world.server.rule = well
    assert world.turn() == ""
    job.refresh_from_db()
    world.look(job)


def store_lies(world: World) -> None:
    """It says that it has deleted: the proof asks, and nothing is certified on anybody's word. Nor on that of somebody who answers in
    its place, by whose listing nothing is there."""
    assert world.live(deletes(Fault.LIES), turns=4, ends="StillThere") == {"StillThere"}
    said = world.live(lambda _: Fault.EMPTY_200, turns=3, ends="StoreUnreachable")
    assert said == {"StoreUnreachable"}


def store_forgets(world: World) -> None:
    """Its listing of versions leaves some out: they go all the same, or nothing is certified."""
    world.server.tells = lambda _kind, key, _prefix: key < "8"
    assert world.live(deletes(Fault.LIES), turns=2, ends="StillThere") == {"StillThere"}
    world.server.tells = tells_all


def store_full(world: World) -> None:
    """It takes nothing more: the run stays closed and whole until there is room, or room for one file after the other."""
    assert world.live(well, of_a_part=True) == set()
    assert world.live(writes(Fault.FULL), turns=3, ends="StoreFull", of_a_part=True) == {"StoreFull"}
    assert world.live(writes(Fault.FULL, every=2), of_a_part=True) == {"StoreFull"}
    assert world.live(writes(Fault.FULL)) == set(), "a project takes no room to be erased"
    names = {
        *Blob.objects.values_list("object_name", flat=True),
        *BlobPart.objects.values_list("object_name", flat=True),
    }
    assert {found.name for found in default_store().list()} == names, "something lies there that nobody names"


# ── the database ──


@contextmanager
def hung_up_on(*, after_it_is_done: bool, every: int) -> Iterator[Callable[[], int]]:
    """The connection ends at every nth commit: before the database has heard of it, or before it has answered. How often so far."""
    counted, times = itertools.count(1), itertools.count()
    done: list[int] = []
    for connection in connections.all():

        def commit(connection: Any = connection) -> None:
            is_lost = next(counted) % every == 0
            if after_it_is_done or not is_lost:
                with connection.wrap_database_errors:
                    connection.connection.commit()
            if is_lost:
                done.append(next(times))
                _hang_up(connection)

        connection._commit = commit  # type: ignore[attr-defined]  # Django's types leave it out
    try:
        yield lambda: len(done)
    finally:
        for connection in connections.all():
            del connection._commit  # type: ignore[attr-defined]


def _hang_up(connection: Any) -> None:
    """On PostgreSQL it is the server that does, and says so where anything more is asked for."""
    if connection.vendor == "postgresql":
        terminate(connection)
        with connection.wrap_database_errors:
            connection.connection.execute("COMMIT")
    connection.connection.close()
    raise OperationalError("the connection was lost")


def database_lost(world: World) -> None:
    for after_it_is_done in (False, True):
        job = world.begin()
        with hung_up_on(after_it_is_done=after_it_is_done, every=4) as lost:
            for _ in range(_MOST_TURNS):
                world.turn()
                if lost() > 12:
                    break
        assert lost() > 5, lost()
        world.carry_on(job)


class Disk:
    """That of both databases: it takes so many commits more, and then not a byte, of one commit or of all that follow."""

    def __init__(self) -> None:
        self.room, self.stays_full = 0, False
        self.refused: list[str] = []

    @contextmanager
    def commits(self, alias: str) -> Iterator[None]:
        self.room -= 1
        if self.room > 0 or (self.room < 0 and not self.stays_full):
            yield
            return
        usual = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, usual[1]))
        try:
            yield
        except DatabaseError:
            self.refused.append(alias)
            raise
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, usual)

    def _execute(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        connection = context["connection"]
        if connection.in_atomic_block or not sql.startswith(("INSERT", "UPDATE", "DELETE")):
            return execute(sql, params, many, context)
        with self.commits(connection.alias):
            return execute(sql, params, many, context)

    @contextmanager
    def below(self) -> Iterator[None]:
        with ExitStack() as stack:
            for connection in connections.all():

                def commit(connection: Any = connection) -> None:
                    with self.commits(connection.alias), connection.wrap_database_errors:
                        connection.connection.commit()

                connection._commit = commit  # type: ignore[attr-defined]  # Django's types leave it out
                stack.callback(delattr, connection, "_commit")
                stack.enter_context(connection.execute_wrapper(self._execute))
            yield


def database_full(world: World) -> None:
    """At one commit after the other, whether there is room again at once or not before the next turn."""
    for begin in (world.begin, world.begin_part):
        job, disk, stays = begin(), Disk(), itertools.cycle((False, True))
        with disk.below():
            for place in itertools.chain(*[range(1, 10)] * 5):
                disk.room, disk.stays_full = place, next(stays)
                world.turn()
                if ErasureJob.objects.filter(pk=job.pk, done_at__isnull=False).exists():
                    break
        assert set(disk.refused) == set(connections), disk.refused
        world.carry_on(job)


# ── the keys, and the second copy of the vault ──


def keys_without_room(world: World) -> None:
    """Nothing can be written where they lie: no key is destroyed and no receipt is given until it can."""
    for owner, name, trouble in ((FileRoots, "rotate", "OSError"), (copies, "write_copy", "CopyFailed")):
        job = world.begin()
        with changed(owner, name, _without_room(getattr(owner, name))):
            said = {world.turn() for _ in range(2)}
            assert said == {Epoch.objects.get(state="running").trouble} == {trouble}, (name, said)
        job.refresh_from_db()
        assert job.done_at is None and not Receipt.objects.filter(job=job.public_id).exists()
        world.carry_on(job)


def _without_room(act: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **words: Any) -> Any:
        usual = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, usual[1]))
        try:
            return act(*args, **words)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, usual)

    return call


# ── the clock ──


def clock_jumps(world: World) -> None:
    """A day forward and back again, behind every step and while nobody is at it."""
    now, jumps, offset = clock.now, itertools.cycle((1, 0, -1, 0)), 0
    note_done = services._note_done

    def noted(job: ErasureJob) -> None:
        nonlocal offset
        note_done(job)
        offset = next(jumps)

    with (
        changed(clock, "now", lambda: now() + offset * DAY),
        changed(services, "_note_done", noted),
        changed(services, "_TURN_SECONDS", -1.0),
    ):
        assert world.live(well) == set()


def clock_is_set_back(world: World) -> None:
    """By a day, when a worker has just died at it and an epoch is waited for: nobody waits until it is tomorrow once more."""
    now = clock.now
    with changed(clock, "now", lambda: now() + DAY):
        job = world.begin()
        assert services._claim(job.pk) is not None
        epochs.demand()
    with changed(epochs, "DEBOUNCE", timedelta()):
        for _ in range(5):
            tasks.sweep()
            epochs.run_due()
    tasks.sweep()
    job.refresh_from_db()
    world.look(job)


@contextmanager
def changed(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


OF_THE_STORE = (
    store_errors,
    store_partial,
    store_knows_no_batches,
    answers_lost,
    store_slow,
    objects_missing,
    store_denies,
    store_lies,
    store_forgets,
    store_full,
)
OF_THE_CLOCK = (clock_jumps, clock_is_set_back)


def stories(day: int) -> tuple[Callable[[World], None], ...]:
    """On PostgreSQL two of what a store does, each on its day, all that becomes of sessions, and a disk of its server's that is full."""
    if connections["default"].vendor != "postgresql":
        return (*OF_THE_STORE, database_lost, database_full, keys_without_room, *OF_THE_CLOCK)
    two = (OF_THE_STORE[(2 * day + each) % len(OF_THE_STORE)] for each in range(2))
    return (*two, database_lost, *sessions.STORIES, *small_disk.stories(), keys_without_room, *OF_THE_CLOCK)


@contextmanager
def clients_that(**options: Any) -> Iterator[None]:
    """Clients of the store that are like this in the block; without a second try of the library's own, so that each fault comes to us."""
    usual, once = Config, {"retries": {"total_max_attempts": 1}}
    with changed(s3, "Config", lambda **more: usual(**more | once | options)):
        stores._bucket.cache_clear()
        yield
    stores._bucket.cache_clear()


def live_through(server: Proxy, bucket: str, *, day: int) -> None:
    """All of it, and what it was: of each story how often something went wrong, and how many erasures it had."""
    background.enqueue = lambda *_args, **_ids: None  # whatever is sent is lost
    world, seen = World(server, bucket, day=day), {}
    for story in stories(day):
        before = server.faults, world.lives
        with clients_that():
            story(world)
        seen[story.__name__] = [server.faults - before[0], world.lives - before[1]]
    print(json.dumps(seen))
