"""Taking back, and who comes in between: what others do meanwhile takes nothing from what may come back, and each who may has it back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts import queries, services
from apps.artifacts.models import StoredFile, Version
from apps.core import clock
from apps.core.errors import Conflict, NotFound
from apps.erasure.artifacts import erase_artifact, erase_versions
from apps.erasure.models import ErasureJob
from apps.erasure.queries import jobs_seen_by
from apps.erasure.services import erase_files
from apps.erasure.taking_back import take_back
from apps.erasure.teams import erase_team
from apps.erasure.types import Step
from apps.files.models import RunFile
from apps.files.queries import find_file, read_file
from apps.projects.models import Project
from apps.runs.models import Run
from apps.teams.models import Entity, Membership
from apps.teams.queries import get_team
from tests.erasure.conftest import finish
from tests.factories import artifacts, people

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-09")]


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.person(alice)


@pytest.fixture
def kept(vision: Project, by: Actor) -> Version:
    return artifacts.version(vision, "ds", {"a.txt": b"one"}, by=by)


def break_off(version: Version) -> None:
    """As if its upload had died days ago; and what is left of it is swept away."""
    Version.objects.filter(pk=version.pk).update(touched_at=clock.now() - timedelta(days=3))
    for _twice in range(2):
        services.sweep_versions()
    assert not Version.everything.filter(pk=version.pk).exists()


def read(version: Version, path: str) -> bytes:
    again = Version.objects.get(pk=version.pk)
    (entry,) = queries.find_entries(again, [path])
    return b"".join(queries.read_stored(again, StoredFile.objects.get(pk=entry.stored)))


@pytest.mark.parametrize("whole", [False, True])
def test_an_upload_that_broke_off_takes_no_file_from_a_version_that_may_come_back(
    lenient: Entity, vision: Project, kept: Version, by: Actor, whole: bool
) -> None:
    """It brought no bytes: that they are here was enough."""
    files = {"b.txt": b"one"}
    begun = artifacts.begin(vision, "else", files, by=by)
    assert artifacts.upload(begun, files, by=by) == 0
    job = erase_artifact(kept.collection, by=by) if whole else erase_versions([kept], by=by)
    break_off(begun)

    take_back(by, public_id=job.public_id)

    assert read(kept, "a.txt") == b"one"


def test_a_file_that_an_upload_brought_which_broke_off_is_left_to_one_that_may_come_back(
    lenient: Entity, vision: Project, by: Actor
) -> None:
    files = {"b.txt": b"one"}
    begun = artifacts.begin(vision, "else", files, by=by)
    assert artifacts.upload(begun, files, by=by) == 1
    kept = artifacts.version(vision, "ds", files, by=by)
    job = erase_versions([kept], by=by)

    break_off(begun)
    take_back(by, public_id=job.public_id)

    assert StoredFile.objects.get().birth_id == kept.pk
    assert read(kept, "b.txt") == b"one"


def test_a_version_whose_keys_are_gone_is_left_no_file(lenient: Entity, vision: Project, by: Actor) -> None:
    files = {"b.txt": b"one"}
    begun = artifacts.begin(vision, "else", files, by=by)
    artifacts.upload(begun, files, by=by)
    gone = artifacts.version(vision, "ds", files, by=by)

    assert finish(erase_versions([gone], by=by, at_once=True)).step == Step.DONE
    break_off(begun)

    assert not StoredFile.objects.exists()


def test_each_admin_of_a_team_takes_it_back_and_nobody_else(
    lab: Entity, alice: User, bob: User, mallory: User, by: Actor
) -> None:
    carol = people.person("carol")
    Membership.objects.create(entity=lab, user=carol, role="admin")
    job = erase_team(lab, by=by)

    for stranger in (bob, mallory):
        assert jobs_seen_by(Actor.person(stranger)) == []
        with pytest.raises(NotFound):
            take_back(Actor.person(stranger), public_id=job.public_id)
    assert jobs_seen_by(Actor.person(carol)) == [job]
    take_back(Actor.person(carol), public_id=job.public_id)

    assert get_team(by, Permission.ENTITY_ADMIN, name="lab") == lab


def test_a_name_that_is_given_at_the_moment_of_taking_back_is_a_conflict(
    lenient: Entity, vision: Project, kept: Version, by: Actor
) -> None:
    job = erase_artifact(kept.collection, by=by)
    done: list[str] = []

    def given_first(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("UPDATE") and "artifacts_collection" in sql and not done:
            done.append(sql)
            artifacts.begin(vision, "ds", {"x.txt": b"new"}, by=by)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(given_first), pytest.raises(Conflict, match="of this name again"):
        take_back(by, public_id=job.public_id)

    assert done
    assert ErasureJob.objects.get().step == Step.WAIT


def test_a_damaged_name_keeps_no_other_file_from_coming_back(lenient: Entity, full: Run, by: Actor) -> None:
    broken, sound = (find_file(full, name).file for name in ("out/a.txt", "out/b.txt"))
    job = erase_files([broken, sound], by=by)
    RunFile.everything.filter(pk=broken.pk).update(sealed_name=bytes(sound.sealed_name))

    take_back(by, public_id=job.public_id)

    assert b"".join(read_file(find_file(full, "out/b.txt").file)) == b"out/b.txt"
    assert RunFile.objects.filter(pk=broken.pk).exists()
