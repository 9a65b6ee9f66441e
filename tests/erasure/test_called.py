"""What waits is called by name to whoever could read it, as long as it can be taken back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import Version
from apps.core import clock
from apps.erasure.artifacts import erase_artifact, erase_versions
from apps.erasure.called import names_of
from apps.erasure.models import ErasureJob
from apps.erasure.organisations import erase_organisation
from apps.erasure.queries import get_job, job_that_closed
from apps.erasure.services import erase_files, erase_project, erase_run, erase_runs
from apps.erasure.taking_back import take_back
from apps.erasure.teams import erase_team
from apps.erasure.types import Called
from apps.files.queries import find_file
from apps.projects.models import Project
from apps.runs.models import Run
from apps.runs.services import update_run
from apps.runs.types import RunPatch
from apps.teams.models import Entity, Membership
from tests.erasure.conftest import finish
from tests.factories import artifacts, people, work
from tests.questions import questions

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-09")]


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.person(alice)


@pytest.fixture
def data(vision: Project, by: Actor) -> Version:
    artifacts.version(vision, "data", {"a.txt": b"one"}, by=by)
    return artifacts.version(vision, "data", {"a.txt": b"two"}, by=by)


def called(job: ErasureJob, by: Actor) -> list[Called]:
    return list(names_of(by, [job]).get(job.pk, ()))


_CLOSE: dict[str, tuple[Callable[[Run, Version, Actor], ErasureJob], Called]] = {
    "run": (lambda run, _, by: erase_run(run, by=by), Called("the full one", run="full", project="vision")),
    "project": (lambda run, _, by: erase_project(run.project, by=by), Called("vision")),
    "file": (
        lambda run, _, by: erase_files([find_file(run, "out/a.txt").file], by=by),
        Called("out/a.txt", run="full", project="vision"),
    ),
    "version": (lambda _, data, by: erase_versions([data], by=by), Called("data:v1", project="vision")),
    "artifact": (
        lambda _, data, by: erase_artifact(data.collection, by=by),
        Called("data", project="vision"),
    ),
    "team": (lambda run, _, by: erase_team(run.project.entity, by=by), Called("lab")),
}


@pytest.mark.parametrize("what", _CLOSE)
def test_what_waits_is_named_until_it_cannot_be_taken_back(
    lenient: Entity, full: Run, data: Version, by: Actor, what: str
) -> None:
    update_run(full, RunPatch(display_name="the full one"), by=by)
    close, name = _CLOSE[what]
    job = close(full, data, by)

    assert called(job, by) == [name]
    ErasureJob.objects.filter(pk=job.pk).update(due_at=clock.now())
    assert called(get_job(by, public_id=job.public_id), by) == []
    assert called(finish(job), by) == []


def test_what_was_taken_back_is_no_more_named_by_its_erasure(lenient: Entity, full: Run, by: Actor) -> None:
    job = erase_run(full, by=by)

    assert called(take_back(by, public_id=job.public_id), by) == []


def test_an_organisation_is_named(lab: Entity, alice: User, by: Actor) -> None:
    job = erase_organisation(people.organisation("institute", admin=alice, teams=[lab]), by=by)

    assert called(job, by) == [Called("institute")]


def test_who_has_left_the_team_is_told_no_name_of_what_they_asked_for(
    lenient: Entity, vision: Project, bob: User, by: Actor
) -> None:
    asker = Actor.person(bob)
    job = erase_run(work.run(vision, "bobs", by=bob, display_name="of bob"), by=asker)
    assert called(job, asker) == called(job, by) == [Called("of bob", run="bobs", project="vision")]

    Membership.objects.filter(entity=lenient, user=bob).delete()

    assert get_job(asker, public_id=job.public_id) == job
    assert called(job, asker) == []
    address = {"entity": "lab", "project": "vision", "run": "bobs"}
    assert job_that_closed(by, **address) == job


def test_many_are_named_in_as_many_questions_as_one_and_the_first_of_each(
    lenient: Entity, vision: Project, alice: User, by: Actor
) -> None:
    places = [vision, work.project("lab", "sound", by=alice)]
    jobs = [
        erase_runs([work.run(places[n % 2], f"r{n}-{m}", by=alice) for m in range(n + 1)], by=by)
        for n in range(4)
    ]

    def asked(*some: ErasureJob) -> tuple[int, list[list[str]]]:
        count, found = questions(lambda: names_of(by, some, most=2))
        return count, [[each.run for each in found[job.pk]] for job in some]

    one = asked(jobs[0])
    assert one[1] == [["r0-0"]]
    assert asked(*jobs) == (one[0], [["r0-0"], ["r1-0", "r1-1"], ["r2-0", "r2-1"], ["r3-0", "r3-1"]])


def test_what_is_damaged_has_no_name_and_the_others_have(
    lenient: Entity, full: Run, other: Run, by: Actor
) -> None:
    job = erase_runs([full, other], by=by)
    Run.everything.filter(pk=full.pk).update(sealed_head=bytes(other.sealed_head))

    assert [each.run for each in called(job, by)] == ["other"]
