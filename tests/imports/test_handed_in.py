"""Archives that are handed in: sealed while they wait, brought in turns by workers that may die, gone once they are read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest
from django.db import OperationalError, connection
from django.db.models import Q

from apps.access.policy import Scope
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.accounts.services import KeyTerms, issue_api_key
from apps.blobs.errors import StoreDenied, StoreFull, StoreUnreachable
from apps.blobs.models import Blob
from apps.blobs.store import default_store
from apps.core import background, clock
from apps.core.errors import Forbidden, NotFound, OwnlogError, TooMuch
from apps.erasure.models import ErasureJob
from apps.erasure.services import advance as advance_erasure
from apps.erasure.taking_back import take_back
from apps.erasure.teams import erase_team
from apps.files.services import bring_files
from apps.imports import bringing, handed_in, services, tasks
from apps.imports.bringing import Bringing
from apps.imports.errors import Broken
from apps.imports.handed_in import advance, due_imports, forget, hand_in
from apps.imports.holding import TurnOver
from apps.imports.models import Import, ImportItem
from apps.imports.queries import get_import, get_import_to_end, imports_seen_by, words_of
from apps.imports.readers.opening import open_file
from apps.imports.services import UNDER_WAY, give_up
from apps.imports.types import Clash, ImportState, Origin
from apps.projects.models import Project, SavedView
from apps.runs.models import Run
from apps.teams.choices import SettingName
from apps.teams.models import Entity, Membership
from apps.teams.services import choose
from apps.vault.models import Node
from apps.vault.types import NodeKind
from tests.exports.conftest import full as full
from tests.imports.conftest import files_of, listing, zipped
from tests.imports.test_broken import CRAFTED
from tests.servers import present

pytestmark = pytest.mark.django_db
NEPTUNE = Path(__file__).parent / "data/neptune.zip"


@pytest.fixture
def home(alice: User) -> Entity:
    return Entity.objects.get(user=alice)


def pieces(archive: bytes) -> Iterator[bytes]:
    for start in range(0, len(archive), 1000):
        yield archive[start : start + 1000]


def handed(archive: bytes, into: Entity, by: User) -> Import:
    return hand_in(into, pieces(archive), clash=Clash.RENAME, by=Actor.person(by))


def test_what_is_handed_in_is_brought_and_then_gone(archive: bytes, home: Entity, alice: User) -> None:
    blobs = set(Blob.objects.values_list("pk", flat=True))
    job = handed(archive, home, alice)
    sealed = job.archive
    assert sealed is not None and sealed.plain_size == len(archive)
    (node,) = Node.objects.filter(kind=NodeKind.IMPORT).values_list("pk", flat=True)
    assert node == job.vault_node

    advance(job.pk)

    done = Import.objects.get()
    assert (done.state, done.runs, done.archive, done.vault_node) == (ImportState.DONE, 3, None, None)
    assert not Node.objects.filter(kind=NodeKind.IMPORT).exists()
    assert sealed.pk not in blobs and not Blob.objects.filter(pk=sealed.pk).exists()
    assert Run.objects.filter(project__entity=home).count() == 3


def test_an_archive_that_is_none_is_refused_at_once_and_not_kept(home: Entity, alice: User) -> None:
    blobs = Blob.objects.count()

    with pytest.raises(Broken):
        handed(b"no archive" * 500, home, alice)

    assert (Import.objects.count(), Blob.objects.count()) == (0, blobs)
    assert not Node.objects.filter(kind=NodeKind.IMPORT).exists()


def test_what_is_wrong_inside_is_said_to_who_asked_and_sealed(
    archive: bytes, home: Entity, alice: User
) -> None:
    crafted = zipped(listing(CRAFTED["a run of a state that is none"](files_of(archive))))
    job = handed(crafted, home, alice)

    advance(job.pk)

    job.refresh_from_db()
    assert (job.state, job.trouble, job.archive) == (ImportState.GIVEN_UP, "broken", None)
    assert "unusable of “state”" in words_of(job)
    assert b"state" not in bytes(job.sealed_words or b"")
    assert not Project.objects.filter(entity=home).exists()


class _Died(BaseException):
    pass


def test_workers_that_die_again_and_again_come_to_its_end(archive: bytes, home: Entity, alice: User) -> None:
    job = handed(archive, home, alice)
    for name, nth in (("bring_run", 1), ("bring_files", 1), ("bring_version", 0), ("bring_link", 0)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(bringing, name, _mortal(getattr(bringing, name), nth))
            # As by kill -9: nobody says that it let go.
            patch.setattr("apps.imports.services._let_go", lambda _job: None)
            with pytest.raises(_Died):
                advance(job.pk)
        advance(job.pk)  # it is taken for busy still
        assert Import.objects.get().state == ImportState.RUNNING
        Import.objects.update(busy_until=clock.now() - timedelta(seconds=1))

    tasks.sweep()

    job.refresh_from_db()
    assert (job.state, job.runs, job.versions) == (ImportState.DONE, 3, 2)
    assert Run.objects.filter(project__entity=home).count() == 3


def _mortal(real: Callable[..., Any], nth: int) -> Callable[..., Any]:
    left = [nth]

    def mortal(*args: Any, **kwargs: Any) -> Any:
        made = real(*args, **kwargs)
        left[0] -= 1
        if left[0] < 0:
            raise _Died
        return made

    return mortal


def test_one_that_kills_every_worker_is_given_up(archive: bytes, home: Entity, alice: User) -> None:
    job = handed(archive, home, alice)
    Import.objects.update(tries=8)

    advance(job.pk)

    job.refresh_from_db()
    assert (job.state, job.archive) == (ImportState.GIVEN_UP, None)


AWAY: dict[str, tuple[str, Exception]] = {
    "full": ("put", StoreFull("no room")),
    "denied": ("put", StoreDenied("no right")),
    "a disk that fails": ("put", OSError("a disk")),
    "unreachable before anything is read": ("read_range", StoreUnreachable("no answer")),
    "the database": ("put", OperationalError("no answer")),
}


@pytest.mark.parametrize("what", AWAY)
def test_what_is_not_there_now_is_waited_for_however_long_and_nothing_is_given_up(
    archive: bytes, home: Entity, alice: User, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    job, now, pauses = handed(archive, home, alice), [clock.now()], []
    name, error = AWAY[what]

    def away(*_args: Any, **_named: Any) -> NoReturn:
        raise error

    monkeypatch.setattr(clock, "now", lambda: now[0])
    with monkeypatch.context() as patch:
        patch.setattr(type(default_store()), name, away)
        for _try in range(10):
            tasks.sweep()
            waits = Import.objects.get()
            assert (waits.state in UNDER_WAY, waits.tries, waits.trouble) == (True, 0, _code(error))
            assert waits.waits_until is not None and not list(due_imports())
            pauses.append((waits.waits_until - now[0]).total_seconds())
            now[0] = waits.waits_until + timedelta(seconds=1)
    assert pauses == [30, 62, 126, 254, 510, 900, 900, 900, 900, 900]

    tasks.sweep()

    job.refresh_from_db()
    assert (job.state, job.runs, job.trouble) == (ImportState.DONE, 3, "")


def test_behind_a_pause_nobody_was_in_the_way_and_what_is_wrong_ends_it_at_once(
    archive: bytes, home: Entity, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    crafted = zipped(listing(CRAFTED["a run of a state that is none"](files_of(archive))))
    job = handed(crafted, home, alice)

    def away(*_args: Any, **_named: Any) -> NoReturn:
        raise StoreUnreachable("no answer")

    with monkeypatch.context() as patch:
        patch.setattr(type(default_store()), "read_range", away)
        advance(job.pk)
    advance(job.pk)  # it waits still
    assert Import.objects.get().state in UNDER_WAY

    after_the_pause(job, monkeypatch)

    assert job.state == ImportState.GIVEN_UP


@pytest.mark.skipif(present() is None, reason="the database that is embedded has no connection to lose")
@pytest.mark.django_db(transaction=True, databases=["default", "vault"])
def test_a_connection_that_is_lost_is_no_try_either(
    archive: bytes, home: Entity, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "enqueue", lambda *_args, **_named: None)
    job, lost = handed(archive, home, alice), []

    def is_lost(*_args: Any, **_named: Any) -> None:
        lost.append(1)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    for name in ("put", "read_range"):
        with monkeypatch.context() as patch:
            patch.setattr(type(default_store()), name, is_lost)
            Import.objects.update(waits_until=None)
            tasks.sweep()
        waits = Import.objects.get()
        assert (waits.state in UNDER_WAY, waits.tries, waits.trouble) == (True, 0, "unavailable")
        assert waits.busy_until is None and waits.waits_until is not None
    assert len(lost) == 2

    Import.objects.update(waits_until=None)
    advance(job.pk)
    assert Import.objects.get().state == ImportState.DONE


@pytest.mark.parametrize("what", ["a claim", "a pause", "a turn"])
def test_what_was_noted_before_the_clock_was_set_back_keeps_nobody_waiting(
    archive: bytes, home: Entity, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    def away(*_args: Any, **_named: Any) -> NoReturn:
        raise StoreUnreachable("no answer")

    job, now, a_year = handed(archive, home, alice), clock.now(), timedelta(days=365)
    other = handed(archive, Entity.objects.get(user=bob), bob)
    with monkeypatch.context() as patch:
        patch.setattr(handed_in, "_TURN_SECONDS", 0.0)
        _at("bring_run", lambda: patch.setattr(clock, "now", lambda: now + a_year), patch)
        if what != "a turn":
            patch.setattr(clock, "now", lambda: now + a_year)
        if what == "a pause":
            patch.setattr(type(default_store()), "put", away)
        if what == "a claim":
            services.claim(job)
        else:
            advance(job.pk)
    job.refresh_from_db()
    assert max(job.busy_until or now, job.waits_until or now, job.turn_at) > now + a_year - timedelta(days=1)

    assert list(due_imports()) == [job.pk, other.pk]
    advance(job.pk)
    assert Import.objects.get(pk=job.pk).state == ImportState.DONE


def after_the_pause(job: Import, monkeypatch: pytest.MonkeyPatch) -> None:
    job.refresh_from_db()
    assert job.waits_until is not None
    now = job.waits_until + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: now)
    advance(job.pk)
    job.refresh_from_db()


@pytest.mark.parametrize("is_open", [False, True])
def test_an_archive_that_alone_cannot_be_read_is_given_up_after_an_hour(
    archive: bytes, full: Run, home: Entity, alice: User, monkeypatch: pytest.MonkeyPatch, is_open: bool
) -> None:
    """Before it is open, and while it is read."""
    large = zipped(listing({"more.bin": os.urandom(500_000), **files_of(archive)}))
    job = handed(large, home, alice)
    assert job.archive is not None
    name, begun, tries = job.archive.object_name, clock.now(), 0

    def opened(*args: Any) -> Any:
        reader = open_file(*args)
        default_store().delete_all_versions(name)
        return reader

    if is_open:
        monkeypatch.setattr(handed_in, "open_file", opened)
    else:
        default_store().delete_all_versions(name)

    advance(job.pk)
    job.refresh_from_db()
    while job.state in UNDER_WAY:
        tries += 1
        assert (job.trouble, job.tries, job.unread_tries) == ("unread", 0, tries)
        after_the_pause(job, monkeypatch)

    assert (str(job.state), tries) == ("given_up", 20)
    assert Import.objects.get().archive is None
    assert timedelta(hours=1) < clock.now() - begun < timedelta(hours=2)
    assert "cannot be read any more" in words_of(job)


def _code(error: Exception) -> str:
    return error.code if isinstance(error, OwnlogError) else "unavailable"


def test_others_have_their_turn(
    archive: bytes, home: Entity, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handed_in, "_TURN_SECONDS", 0.0)
    first = handed(archive, home, alice)
    second = handed(archive, Entity.objects.get(user=bob), bob)

    for _turn in range(200):
        for each in (first, second):
            advance(each.pk)
        if not Import.objects.exclude(state=ImportState.DONE).exists():
            break

    assert [each.runs for each in Import.objects.order_by("pk")] == [3, 3]


def test_others_have_their_turn_in_the_middle_of_one_long_run(
    archive: bytes, home: Entity, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is long comes to its end all the same, and never by being given up."""
    monkeypatch.setattr(handed_in, "_LONG_SECONDS", 0.0)
    long = hand_in(
        home, [NEPTUNE.read_bytes()], clash=Clash.SKIP, by=Actor.person(alice), origin=Origin.NEPTUNE
    )
    other = handed(archive, Entity.objects.get(user=bob), bob)

    advance(long.pk)

    long.refresh_from_db()
    assert (long.state, long.tries, next(due_imports())) == (ImportState.RUNNING, 0, other.pk)
    assert not ImportItem.objects.filter(is_done=True).exists()
    for _turn in range(500):
        if (following := next(due_imports(), None)) is None:
            break
        advance(following)
        assert not Import.objects.filter(Q(tries__gt=1) | Q(state=ImportState.GIVEN_UP)).exists()
    assert [each.runs for each in Import.objects.order_by("pk")] == [3, 3]


@pytest.mark.parametrize(
    ("worked", "days", "turn"), [(0, 10, 120), (600, 0, 300), (600, 10, 300), (1_000_000, 0, 4 * 3600)]
)
def test_how_long_it_may_be_at_one_thing_is_told_by_work_and_not_by_waiting(
    archive: bytes,
    home: Entity,
    alice: User,
    bob: User,
    monkeypatch: pytest.MonkeyPatch,
    worked: int,
    days: int,
    turn: int,
) -> None:
    job = handed(archive, home, alice)
    handed(archive, Entity.objects.get(user=bob), bob)
    Import.objects.update(worked_seconds=worked, asked_at=clock.now() - timedelta(days=days))
    job.refresh_from_db()
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    at = handed_in._Turn(job)

    now[0] += turn - 1
    at.within()
    now[0] += 2
    with pytest.raises(TurnOver):
        at.within()
    at.note_worked()

    job.refresh_from_db()
    assert job.worked_seconds == pytest.approx(worked + turn + 1)


def test_who_may_make_no_projects_there_any_more_imports_nothing(
    archive: bytes, lab: Entity, bob: User
) -> None:
    job = handed(archive, lab, bob)
    Membership.objects.filter(entity=lab, user=bob).delete()

    advance(job.pk)

    job.refresh_from_db()
    assert job.state == ImportState.GIVEN_UP
    assert Project.objects.filter(entity=lab).count() == Project.everything.filter(entity=lab).count()


def _at(name: str, act: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody does this while a worker is at an import, behind the first call of that."""
    real: Callable[..., Any] = getattr(bringing, name)

    def meanwhile(*args: Any, **kwargs: Any) -> Any:
        made = real(*args, **kwargs)
        act()
        return made

    monkeypatch.setattr(bringing, name, meanwhile)


def test_who_has_to_go_while_a_worker_is_at_it_imports_nothing(
    archive: bytes, lab: Entity, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = handed(archive, lab, bob)
    there = Project.objects.filter(entity=lab).count()
    _at("bring_version", lambda: Membership.objects.filter(entity=lab, user=bob).delete(), monkeypatch)

    advance(job.pk)

    job.refresh_from_db()
    assert (job.state, job.archive) == (ImportState.GIVEN_UP, None)
    assert Project.objects.filter(entity=lab).count() == there
    assert ErasureJob.objects.count() == 1


@pytest.mark.parametrize("name", ["bring_run", "bring_files", "bring_version", "bring_role"])
def test_one_that_is_called_off_while_a_worker_is_at_it_leaves_nothing(
    archive: bytes, home: Entity, alice: User, monkeypatch: pytest.MonkeyPatch, empty_store: None, name: str
) -> None:
    held = Blob.objects.count()
    job = handed(archive, home, alice)

    def called_off() -> None:
        give_up(job, by=Actor.person(alice))
        forget(job)

    _at(name, called_off, monkeypatch)

    advance(job.pk)
    tasks.sweep()

    job.refresh_from_db()
    assert (job.state, ImportItem.objects.count()) == (ImportState.GIVEN_UP, 0)
    erase_all()
    assert not Project.everything.filter(entity=home).exists()
    assert (Run.everything.filter(project__entity=home).count(), Blob.objects.count()) == (0, held)


def test_of_two_workers_one_brings_the_views(
    archive: bytes, home: Entity, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first was slow, and not dead: another one has the import by the time that it comes to them."""
    job, views = handed(archive, home, alice), SavedView.objects.filter(project__entity=home)
    real = Bringing._ids_here

    def taken_over(*args: Any) -> Any:
        Import.objects.filter(pk=job.pk).update(busy_until=clock.now() + timedelta(minutes=1))
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(Bringing, "_ids_here", taken_over)
        advance(job.pk)
    assert views.count() == 0

    Import.objects.filter(pk=job.pk).update(busy_until=None)
    advance(job.pk)
    job.refresh_from_db()
    assert (job.state, views.count()) == (ImportState.DONE, 2)


def erase_all() -> None:
    for _turn in range(20):
        for erasure in ErasureJob.objects.values_list("pk", flat=True):
            advance_erasure(erasure)


def test_a_team_that_is_erased_takes_along_what_was_handed_in(
    archive: bytes, lab: Entity, alice: User, bob: User, empty_store: None
) -> None:
    job = handed(archive, lab, bob)
    sealed = job.archive
    assert sealed is not None

    erase_team(lab, by=Actor.person(alice), at_once=True)
    tasks.sweep()
    erase_all()

    assert not Import.objects.exists()
    assert not Blob.objects.filter(pk=sealed.pk).exists()
    assert not Node.objects.filter(kind=NodeKind.IMPORT).exists()


def test_what_a_team_that_came_back_had_half_of_is_erased(
    archive: bytes, lab: Entity, alice: User, bob: User
) -> None:
    choose(lab, SettingName.PROJECT_GRACE_DAYS, 3, by=Actor.person(alice))
    job = handed(archive, lab, bob)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bringing, "bring_files", _mortal(bring_files, 1))
        with pytest.raises(_Died):
            advance(job.pk)
    erasure = erase_team(lab, by=Actor.person(alice))
    tasks.sweep()
    assert Import.objects.get().state == ImportState.GIVEN_UP
    there = Project.everything.filter(entity=lab).count()

    take_back(Actor.person(alice), public_id=erasure.public_id)
    tasks.sweep()
    erase_all()

    assert Project.everything.filter(entity=lab).count() == there - 1
    assert not Project.everything.filter(entity=lab).exclude(erased_at=None).exists()


def test_the_same_handed_in_twice_is_one_import(archive: bytes, home: Entity, alice: User) -> None:
    first = handed(archive, home, alice)
    again = handed(archive, home, alice)

    assert (again.pk, Import.objects.count(), Node.objects.filter(kind=NodeKind.IMPORT).count()) == (
        first.pk,
        1,
        1,
    )


def test_a_person_has_few_at_once(archive: bytes, home: Entity, alice: User) -> None:
    for n in range(3):
        job = handed(zipped(listing(files_of(archive), asked=n)), home, alice)

    with pytest.raises(TooMuch):
        handed(archive, home, alice)
    advance(job.pk)
    handed(archive, home, alice)


def test_who_sees_an_import(
    archive: bytes, lab: Entity, alice: User, bob: User, vera: User, mallory: User
) -> None:
    job = handed(archive, lab, bob)

    for person in (alice, bob):  # an admin, and who asked
        assert get_import(Actor.person(person), public_id=job.public_id) == job
    only_reads, _secret = issue_api_key(bob, by=Actor.person(bob), terms=KeyTerms(Scope.READ))
    with pytest.raises(Forbidden):
        get_import_to_end(Actor.person(bob, api_key=only_reads), public_id=job.public_id)
    for person in (vera, mallory):
        assert imports_seen_by(Actor.person(person)) == []
        with pytest.raises(NotFound):
            get_import(Actor.person(person), public_id=job.public_id)
