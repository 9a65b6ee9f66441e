"""Grace: what was erased is closed, waits, and is taken back as it stood, or goes when its time is over or somebody says so."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from apps.access.policy import Permission
from apps.access.policy import Scope as AccessScope
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts import queries, services
from apps.artifacts.models import Alias, Link, StoredFile, Version
from apps.artifacts.queries.links import links_in
from apps.artifacts.types import VersionState
from apps.audit.models import Event
from apps.core import clock
from apps.core.errors import Conflict, Erased, Forbidden, NotFound, Unavailable
from apps.erasure.alarms import health
from apps.erasure.artifacts import erase_artifact, erase_versions
from apps.erasure.grace import could_be_taken_back_until
from apps.erasure.models import ErasureJob
from apps.erasure.parts import erase_parts
from apps.erasure.queries import erasures_on_their_way
from apps.erasure.services import advance, due_jobs, erase_files, erase_project, erase_run, erase_runs
from apps.erasure.taking_back import erase_now, may_decide, take_back
from apps.erasure.teams import erase_team
from apps.erasure.types import HARD_LIMIT, Cause, Scope, Step
from apps.exports.models import Export
from apps.exports.queries import get_export
from apps.exports.services import export_project
from apps.files.models import RunFile
from apps.files.queries import find_file, read_file
from apps.files.services import announce_files, store_file
from apps.projects.models import Project
from apps.projects.queries import find_project
from apps.projects.services import create_project, get_or_create_project
from apps.runs.models import Run
from apps.runs.parts import PartKind, RunPart
from apps.runs.queries import find_run, get_run, open_run
from apps.runs.services import finish_run, start_run
from apps.runs.types import RunPatch, RunState
from apps.teams.choices import SettingName
from apps.teams.models import Entity, Membership
from apps.teams.services import choose
from apps.vault.models import Node
from tests.erasure.conftest import finish, log
from tests.erasure.test_services import everything_left, objects
from tests.exports.conftest import make
from tests.factories import artifacts, work

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-09")]
DAYS = 3


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.person(alice)


@pytest.fixture
def lenient(lab: Entity, by: Actor) -> Entity:
    """The team takes erasures back for some days."""
    for name in (SettingName.GRACE_DAYS, SettingName.PROJECT_GRACE_DAYS):
        choose(lab, name, DAYS, by=by)
    return lab


def pass_days(job: ErasureJob, days: int = DAYS) -> None:
    """As if so much time had gone by."""
    assert job.due_at is not None
    ErasureJob.objects.filter(pk=job.pk).update(
        due_at=job.due_at - timedelta(days=days, seconds=1),
        asked_at=job.asked_at - timedelta(days=days, seconds=1),
    )


def read(version: Version, path: str) -> bytes:
    entry = queries.find_entries(version, [path])[0]
    return b"".join(queries.read_stored(version, StoredFile.objects.get(pk=entry.stored)))


def test_nothing_waits_until_somebody_says_so_and_a_project_does_for_a_week(lab: Entity) -> None:
    found = {scope: could_be_taken_back_until(lab, scope) for scope in Scope}

    for scope in (Scope.PROJECT, Scope.TEAM, Scope.ACCOUNT, Scope.ORGANISATION):
        until = found.pop(scope)
        assert until is not None and timedelta(days=6, hours=23) < until - clock.now() <= timedelta(days=7)
    assert set(found.values()) == {None}


def test_a_run_waits_closed_and_comes_back_as_it_was(
    lenient: Entity, full: Run, other: Run, vision: Project, by: Actor
) -> None:
    before, keys = objects(), Node.objects.count()

    job = erase_run(full, by=by)

    assert (job.step, job.due_at) == (Step.WAIT, job.asked_at + timedelta(days=DAYS))
    assert find_run(vision, "full") is None
    with pytest.raises(Erased):
        get_run(by, Permission.RUN_READ, entity="lab", project="vision", name="full")
    with pytest.raises(Erased):
        start_run(vision, name="full", by=by, patch=RunPatch())
    with pytest.raises(Erased):
        log(full, 6)
    assert list(due_jobs()) == []
    advance(job.pk)  # a message that came too early
    job.refresh_from_db()
    assert (job.step, job.tries, Node.objects.count(), objects()) == (Step.WAIT, 0, keys, before)

    job = take_back(by, public_id=job.public_id)

    assert (job.step, job.done_at is None) == (Step.TAKEN_BACK, False)
    again = get_run(by, Permission.RUN_READ, entity="lab", project="vision", name="full")
    assert open_run(again).config_text == '{"lr": 1}'
    assert b"".join(read_file(find_file(again, "out/a.txt").file)) == b"out/a.txt"
    log(again, 6)
    assert {each.pk for each in Run.objects.all()} == {full.pk, other.pk}
    finish(job)  # nothing is left to do
    assert (job.step, objects(), Run.objects.count()) == (Step.TAKEN_BACK, before, 2)
    assert [each.kind for each in Event.objects.filter(subject=job.public_id)] == ["erasure.taken_back"]


def test_what_nobody_takes_back_goes_when_its_time_is_over(lenient: Entity, full: Run, by: Actor) -> None:
    job = erase_run(full, by=by)
    pass_days(job)
    assert list(due_jobs()) == [job.pk]
    with pytest.raises(Conflict):
        take_back(by, public_id=job.public_id)

    finish(job)

    assert (job.step, job.runs, everything_left(job)) == (Step.DONE, 1, 0)
    with pytest.raises(Conflict):
        take_back(by, public_id=job.public_id)


def test_whoever_does_not_want_to_wait_says_so(lenient: Entity, full: Run, other: Run, by: Actor) -> None:
    assert finish(erase_run(other, by=by, at_once=True)).step == Step.DONE
    job = erase_run(full, by=by)

    job = erase_now(by, public_id=job.public_id)
    finish(job)

    assert (job.step, everything_left(job)) == (Step.DONE, 0)
    assert [each.kind for each in Event.objects.filter(subject=job.public_id)] == ["erasure.hastened"]
    with pytest.raises(Conflict):
        erase_now(by, public_id=job.public_id)


def test_once_a_worker_has_begun_nothing_comes_back(lenient: Entity, full: Run, by: Actor) -> None:
    job = erase_run(full, by=by)
    ErasureJob.objects.filter(pk=job.pk).update(tries=1)

    with pytest.raises(Conflict):
        take_back(by, public_id=job.public_id)

    assert Run.everything.get(pk=full.pk).erased_at is not None


def test_a_rule_on_age_and_the_instance_itself_do_not_wait(
    lenient: Entity, full: Run, other: Run, by: Actor
) -> None:
    job = erase_runs([full], by=Actor.system(), cause=Cause.RETENTION)

    assert (job.step, job.due_at) == (Step.SHRED, None)


def test_the_day_that_is_promised_begins_when_grace_ends(lenient: Entity, full: Run, by: Actor) -> None:
    job = erase_run(full, by=by)
    ErasureJob.objects.update(asked_at=clock.now() - timedelta(days=20))
    assert health().is_good
    assert erasures_on_their_way().count == 0

    pass_days(ErasureJob.objects.get())
    assert (health().is_good, erasures_on_their_way().count) == (True, 1)

    ErasureJob.objects.filter(pk=job.pk).update(due_at=clock.now() - HARD_LIMIT - timedelta(seconds=1))
    assert health().late == 1


def test_files_come_back_under_their_names_unless_one_was_saved_again(
    lenient: Entity, full: Run, by: Actor
) -> None:
    first, second = (find_file(full, name).file for name in ("out/a.txt", "out/b.txt"))
    both, one = erase_files([first], by=by), erase_files([second], by=by)
    (room,) = announce_files(full, ["out/b.txt"])
    assert room.file is not None
    newer = store_file(room.file, io.BytesIO(b"again"))

    take_back(by, public_id=both.public_id)
    with pytest.raises(Conflict, match="1 file was saved again"):
        take_back(by, public_id=one.public_id)

    assert b"".join(read_file(find_file(full, "out/a.txt").file)) == b"out/a.txt"
    assert b"".join(read_file(find_file(full, "out/b.txt").file)) == b"again"
    one.refresh_from_db()
    assert one.step == Step.WAIT
    finish(erase_files([newer], by=by, at_once=True))
    take_back(by, public_id=one.public_id)
    assert b"".join(read_file(find_file(full, "out/b.txt").file)) == b"out/b.txt"


def test_a_run_keeps_its_key_while_files_of_it_can_be_taken_back(
    lenient: Entity, full: Run, by: Actor
) -> None:
    finish_run(full, state=RunState.FINISHED, by=by)
    full = Run.objects.select_related("project__entity").get(pk=full.pk)
    job, part = erase_files([find_file(full, "out/a.txt").file], by=by), RunPart(PartKind.METRIC, "loss")
    with pytest.raises(Conflict, match="can still be taken back"):
        erase_parts(full, [part], by=by)
    take_back(by, public_id=job.public_id)

    # A part does not wait: its run is closed until it is gone.
    job = erase_parts(full, [part], by=by)
    assert (job.step, job.due_at) == (Step.SHRED, None)
    assert finish(job).step == Step.DONE
    assert b"".join(read_file(find_file(Run.objects.get(pk=full.pk), "out/a.txt").file)) == b"out/a.txt"


def test_a_project_keeps_its_name_and_comes_back_with_its_runs(
    vision: Project, full: Run, other: Run, by: Actor
) -> None:
    alone = erase_run(other, by=by)
    job = erase_project(vision, by=by)
    assert find_project(vision.entity, "vision") is None
    with pytest.raises(Conflict, match="is being erased"):
        get_or_create_project(by, entity="lab", name="vision")
    with pytest.raises(Conflict, match="is being erased"):
        create_project(by, entity="lab", name="vision")

    take_back(by, public_id=job.public_id)

    assert get_or_create_project(by, entity="lab", name="vision").pk == vision.pk
    assert [run.pk for run in Run.objects.filter(project=vision)] == [full.pk]
    finish(alone)
    assert not Run.everything.filter(pk=other.pk).exists()
    assert b"".join(read_file(find_file(full, "out/a.txt").file)) == b"out/a.txt"


@pytest.mark.parametrize("what", ["project", "team"])
def test_a_run_of_which_a_part_was_being_erased_is_back_in_a_moment_again(
    lenient: Entity, vision: Project, full: Run, by: Actor, what: str
) -> None:
    finish_run(full, state=RunState.FINISHED, by=by)
    full = Run.objects.select_related("project__entity").get(pk=full.pk)
    part = erase_parts(full, [RunPart(PartKind.METRIC, "loss")], by=by)
    whole = erase_project(vision, by=by) if what == "project" else erase_team(lenient, by=by)

    take_back(by, public_id=whole.public_id)

    with pytest.raises(Unavailable):
        start_run(vision, name="full", by=by, patch=RunPatch())
    finish(part)
    assert get_run(by, Permission.RUN_READ, entity="lab", project="vision", name="full") == full


@pytest.mark.parametrize("what", ["run", "project", "team"])
def test_an_export_of_what_waits_is_erased_at_once(
    lenient: Entity, vision: Project, full: Run, by: Actor, what: str
) -> None:
    export = make(export_project(vision, by=by))
    assert get_export(by, public_id=export.public_id).pk == export.pk

    job = {
        "run": lambda: erase_run(full, by=by),
        "project": lambda: erase_project(vision, by=by),
        "team": lambda: erase_team(lenient, by=by),
    }[what]()

    with pytest.raises(NotFound):
        get_export(by, public_id=export.public_id)
    own = finish(ErasureJob.objects.exclude(pk=job.pk).get())
    assert (own.scope, own.step) == (Scope.EXPORTS, Step.DONE)
    assert not Export.everything.filter(pk=export.pk).exists()
    assert ErasureJob.objects.get(pk=job.pk).step == Step.WAIT
    take_back(by, public_id=job.public_id)
    assert b"".join(read_file(find_file(Run.objects.get(pk=full.pk), "out/a.txt").file)) == b"out/a.txt"


def test_what_lies_in_something_that_is_erased_waits_for_that(
    lenient: Entity, vision: Project, full: Run, by: Actor
) -> None:
    file, run = erase_files([find_file(full, "out/a.txt").file], by=by), erase_run(full, by=by)
    whole = erase_project(vision, by=by)
    for job in (file, run):
        with pytest.raises(Conflict, match="Take that back first"):
            take_back(by, public_id=job.public_id)

    for job in (whole, run, file):
        take_back(by, public_id=job.public_id)

    assert b"".join(read_file(find_file(Run.objects.get(), "out/a.txt").file)) == b"out/a.txt"


def test_what_went_with_more_comes_back_no_more(
    lenient: Entity, vision: Project, full: Run, by: Actor
) -> None:
    job = erase_run(full, by=by)
    finish(erase_project(vision, by=by, at_once=True))

    with pytest.raises(Conflict, match="with what it lay in"):
        take_back(by, public_id=job.public_id)

    pass_days(job)
    assert finish(job).step == Step.DONE


@pytest.fixture
def pair(vision: Project, by: Actor) -> tuple[Version, Version]:
    """Two versions that share a file, which came with the first."""
    first = artifacts.version(
        vision, "ds", {"a.txt": b"one", "b.txt": b"two"}, by=by, aliases=("latest", "old")
    )
    return first, artifacts.version(
        vision, "ds", {"a.txt": b"one", "c.txt": b"three"}, by=by, aliases=("latest", "best")
    )


def led_to(version: Version) -> set[str]:
    return set(queries.open_version(Version.everything.get(pk=version.pk)).aliases)


def test_a_version_comes_back_with_its_aliases_its_links_and_its_files(
    lenient: Entity, vision: Project, pair: tuple[Version, Version], by: Actor
) -> None:
    first, second = pair
    link = services.link_version(second, vision, name="shown", aliases=["shipped"], by=by)

    job = erase_versions([second], by=by)

    assert links_in(link.collection).count() == 0
    assert led_to(first) == {"old", "latest"}
    assert queries.find_version(first.collection, "best") is None
    assert Link.objects.filter(pk=link.pk).exists()
    # The file that both hold stays with whichever comes back, also when the other one goes meanwhile.
    finish(erase_versions([first], by=by, at_once=True))

    take_back(by, public_id=job.public_id)

    again = Version.objects.get(pk=second.pk)
    assert (again.state, led_to(again)) == (VersionState.COMMITTED, {"latest", "best"})
    assert (read(again, "a.txt"), read(again, "c.txt")) == (b"one", b"three")
    assert [each.pk for each in links_in(link.collection)] == [link.pk]


def test_an_alias_that_was_given_away_meanwhile_stays_there(
    lenient: Entity, vision: Project, pair: tuple[Version, Version], by: Actor
) -> None:
    first, second = pair
    job = erase_versions([second], by=by)
    services.add_aliases(first, ["best"], by=by)

    take_back(by, public_id=job.public_id)

    assert (led_to(first), led_to(second)) == ({"old", "best"}, {"latest"})


def test_links_and_aliases_are_cut_when_grace_is_over(
    lenient: Entity, vision: Project, pair: tuple[Version, Version], by: Actor
) -> None:
    first, second = pair
    link = services.link_version(second, vision, name="shown", aliases=["shipped"], by=by)
    job = erase_versions([second], by=by)
    pass_days(job)

    finish(job)

    assert not Link.objects.filter(pk=link.pk).exists()
    assert not Alias.objects.filter(version=second.pk).exists()
    assert Event.objects.filter(kind="artifact.unlinked").get().by == "system"
    assert (job.step, read(first, "a.txt")) == (Step.DONE, b"one")


def test_an_artifact_comes_back_whole_unless_its_name_was_used_again(
    lenient: Entity, vision: Project, pair: tuple[Version, Version], by: Actor
) -> None:
    first, second = pair
    job = erase_artifact(first.collection, by=by)
    assert queries.find_collection(vision, "ds") is None
    newer = artifacts.version(vision, "ds", {"x.txt": b"new"}, by=by)
    with pytest.raises(Conflict, match="artifact of this name again"):
        take_back(by, public_id=job.public_id)
    assert ErasureJob.objects.get(pk=job.pk).step == Step.WAIT
    finish(erase_artifact(newer.collection, by=by, at_once=True))

    take_back(by, public_id=job.public_id)

    held = queries.find_collection(vision, "ds")
    assert held is not None and held.pk == first.collection_id
    assert {each.pk for each in queries.all_versions(held.pk)} == {first.pk, second.pk}
    assert (led_to(first), led_to(second)) == ({"old"}, {"latest", "best"})
    assert read(Version.objects.get(pk=first.pk), "b.txt") == b"two"


@pytest.mark.parametrize("act", [take_back, erase_now])
def test_whoever_could_not_erase_it_decides_nothing(
    lenient: Entity,
    full: Run,
    vision: Project,
    alice: User,
    bob: User,
    mallory: User,
    by: Actor,
    act: Callable[..., ErasureJob],
) -> None:
    own = work.run(vision, "bobs", by=bob)
    job, bobs = erase_run(full, by=by), erase_run(own, by=Actor.person(bob))
    for who in (Actor.person(bob), Actor.person(mallory), Actor.nobody()):
        assert not may_decide(who, job)
        with pytest.raises(NotFound):
            act(who, public_id=job.public_id)
    assert may_decide(Actor.person(bob), bobs)
    Membership.objects.filter(entity=lenient, user=bob).delete()
    assert not may_decide(Actor.person(bob), bobs)
    with pytest.raises((Forbidden, NotFound)):
        act(Actor.person(bob), public_id=bobs.public_id)

    assert set(ErasureJob.objects.values_list("step", flat=True)) == {Step.WAIT}
    assert may_decide(by, bobs)
    act(by, public_id=bobs.public_id)


def test_a_key_for_writing_decides_nothing(lenient: Entity, full: Run, by: Actor) -> None:
    job = erase_run(full, by=by)
    writer = replace(by, scope=AccessScope.WRITE)

    with pytest.raises(Forbidden):
        take_back(writer, public_id=job.public_id)

    assert RunFile.objects.exists()
    assert Run.everything.get(pk=full.pk).erased_at is not None
