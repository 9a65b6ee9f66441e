"""Runs end as their owner's setting has it: of projects, entities and organisations, and no other's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import Version
from apps.artifacts.queries import open_version
from apps.audit.models import Event
from apps.core import clock
from apps.erasure import retention
from apps.erasure.artifacts import erase_versions
from apps.erasure.models import ErasureJob
from apps.erasure.retention import erase_old_versions, erase_what_is_old
from apps.erasure.services import erase_runs
from apps.erasure.types import Cause
from apps.projects.models import Project
from apps.projects.services import choose_retention
from apps.runs.models import Run
from apps.runs.types import RunState
from apps.teams.choices import SettingName
from apps.teams.models import Entity
from apps.teams.services import choose
from apps.vault.models import Node
from tests.factories import artifacts, people, work

pytestmark = pytest.mark.django_db


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.person(alice)


def ended(place: Project, name: str, *, by: User, days: int, state: RunState = RunState.FINISHED) -> Run:
    """A run that ended so many days ago and an hour."""
    run = work.run(place, name, by=by)
    then = clock.now() - timedelta(days=days, hours=1)
    Run.objects.filter(pk=run.pk).update(
        state=state.value, heartbeat_at=then, created_at=then, finished_at=then if state in RunState.closed() else None
    )  # fmt: skip
    return run


def left() -> set[str]:
    """Which runs are still there, by their public ids."""
    return set(Run.objects.values_list("public_id", flat=True))


def test_nothing_is_erased_while_nobody_has_chosen(vision: Project, alice: User) -> None:
    ended(vision, "old", by=alice, days=3000)

    assert erase_what_is_old() == 0
    assert Run.objects.count() == 1


def test_runs_that_ended_before_go_and_what_still_runs_stays(vision: Project, alice: User, by: Actor) -> None:
    old = [
        ended(vision, state.value, by=alice, days=31, state=state)
        for state in (RunState.FINISHED, RunState.FAILED, RunState.CRASHED, RunState.KILLED)
    ]
    young = ended(vision, "young", by=alice, days=29)
    running = ended(vision, "running", by=alice, days=400, state=RunState.RUNNING)
    heard = ended(vision, "heard of", by=alice, days=400)
    Run.objects.filter(pk=heard.pk).update(heartbeat_at=clock.now())  # somebody took it up since
    choose_retention(vision, 30, by=by)

    assert erase_what_is_old() == len(old)

    assert left() == {young.public_id, running.public_id, heard.public_id}
    assert erase_what_is_old() == 0


def test_the_record_says_that_the_setting_did_it(
    vision: Project, lab: Entity, alice: User, by: Actor
) -> None:
    run = ended(vision, "old", by=alice, days=8)
    choose(lab, SettingName.RUN_RETENTION_DAYS, 7, by=by)

    erase_what_is_old()

    job = ErasureJob.objects.get()
    assert (job.cause, job.asked_by, job.entity) == (Cause.RETENTION, "system", lab)
    event = Event.objects.get(kind="run.erased")
    assert (event.subject, event.by, event.facts["cause"]) == (run.public_id, "system", "retention")


def test_an_organisation_decides_for_its_teams_and_for_nobody_else(
    vision: Project, lab: Entity, alice: User, mallory: User, by: Actor
) -> None:
    institute = people.organisation("institute", admin=alice, teams=[lab])
    choose(institute, SettingName.RUN_RETENTION_DAYS, 10, by=by, enforce=True)
    ended(vision, "theirs", by=alice, days=11)
    other = ended(work.project("mallory", "own", by=mallory), "kept", by=mallory, days=11)

    assert erase_what_is_old() == 1
    assert left() == {other.public_id}


def test_a_project_that_keeps_for_ever_is_left_alone(
    vision: Project, lab: Entity, alice: User, by: Actor
) -> None:
    choose(lab, SettingName.RUN_RETENTION_DAYS, 7, by=by)
    choose_retention(vision, None, by=by)
    ended(vision, "old", by=alice, days=900)

    assert erase_what_is_old() == 0


def test_much_at_once_goes_in_several_jobs_and_the_rest_later(
    vision: Project, alice: User, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_RUNS_IN_JOB", 2)
    monkeypatch.setattr(retention, "_MOST_AT_A_GO", 4)
    for number in range(5):
        ended(vision, f"r{number}", by=alice, days=9)
    choose_retention(vision, 7, by=by)

    assert (erase_what_is_old(), erase_what_is_old()) == (4, 1)
    assert sorted(ErasureJob.objects.values_list("asked", flat=True)) == [1, 2, 2]


def test_a_run_that_is_taken_up_between_the_look_and_the_lock_stays(
    vision: Project, alice: User, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken_up, old = ended(vision, "again", by=alice, days=31), ended(vision, "old", by=alice, days=31)
    choose_retention(vision, 30, by=by)

    def late(runs: list[Run], **more: Any) -> ErasureJob:
        Run.objects.filter(pk=taken_up.pk).update(
            state=RunState.RUNNING.value, finished_at=None, heartbeat_at=clock.now()
        )
        return erase_runs(runs, **more)

    monkeypatch.setattr(retention, "erase_runs", late)
    assert erase_what_is_old() == 1
    assert left() == {taken_up.public_id}
    assert ErasureJob.objects.get().asked == 1
    assert not Run.objects.filter(pk=old.pk).exists()


def test_one_project_whose_old_runs_are_just_gone_keeps_no_other_waiting(
    vision: Project, alice: User, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = ended(vision, "gone", by=alice, days=31)
    other = work.project("lab", "speech", by=alice)
    ended(other, "old", by=alice, days=31)
    for place in (vision, other):
        choose_retention(place, 30, by=by)

    def late(runs: list[Run], **more: Any) -> ErasureJob:
        Run.objects.filter(pk=gone.pk).delete()  # another worker was here
        return erase_runs(runs, **more)

    monkeypatch.setattr(retention, "erase_runs", late)
    assert erase_what_is_old() == 1
    assert left() == set()


# ── versions of artifacts ──


def versions(place: Project, *, by: Actor, ttl: int | None = None) -> list[Version]:
    """Three that were complete 100 days ago: with damaged words, in a collection whose key is damaged, and whole."""
    made = [
        artifacts.version(place, name, {"a": b"1"}, by=by, ttl_seconds=ttl)
        for name in ("words", "key", "whole")
    ]
    then = clock.now() - timedelta(days=100)
    Version.objects.filter(pk__in=[each.pk for each in made]).update(committed_at=then)
    words, key = bytes(made[0].sealed_words), Node.objects.get(pk=made[1].collection.vault_node)
    Version.objects.filter(pk=made[0].pk).update(sealed_words=words[:-1] + bytes([words[-1] ^ 1]))
    key.secrets = bytes(key.secrets)[:-1] + bytes([bytes(key.secrets)[-1] ^ 1])
    key.save(update_fields=["secrets"])
    return made


def there() -> set[int]:
    return set(Version.objects.values_list("pk", flat=True))


def test_a_damaged_version_ends_like_any_other(vision: Project, lab: Entity, by: Actor) -> None:
    versions(vision, by=by)
    young = artifacts.version(vision, "young", {"a": b"1"}, by=by)
    choose(lab, SettingName.ARTIFACT_TTL_DAYS, 30, by=by)

    assert erase_old_versions() == 3
    assert there() == {young.pk}
    assert (erase_old_versions(), there()) == (0, {young.pk})


def test_the_same_holds_for_a_life_of_their_own(vision: Project, by: Actor) -> None:
    versions(vision, by=by, ttl=60)

    assert erase_old_versions() == 3

    assert there() == set()
    job = ErasureJob.objects.get()
    assert (job.scope, job.cause, job.asked_by, job.asked) == ("versions", Cause.RETENTION, "system", 3)
    event = Event.objects.filter(kind="artifact.deleted").first()
    assert event is not None
    assert (event.by, event.facts) == ("system", {"job": job.public_id, "cause": "retention"})


def test_a_version_ends_with_its_time_and_latest_leads_to_what_is_left(vision: Project, by: Actor) -> None:
    kept = artifacts.version(vision, "ds", {"a": b"kept"}, by=by)
    for number, seconds in enumerate((60, 90, 0)):
        done = artifacts.version(vision, f"ds{number}", {"a": b"1"}, by=by, ttl_seconds=seconds or -2)
        Version.objects.filter(pk=done.pk).update(committed_at=clock.now() - timedelta(seconds=61))
    over = artifacts.version(vision, "ds", {"a": b"2"}, by=by, ttl_seconds=1)
    Version.objects.filter(pk=over.pk).update(committed_at=clock.now() - timedelta(seconds=2))

    assert erase_old_versions() == 2

    assert Version.objects.count() == 3
    assert open_version(Version.objects.get(pk=kept.pk)).aliases == ("latest",)


def test_much_at_once_goes_in_several_jobs(
    vision: Project, lab: Entity, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_VERSIONS_IN_JOB", 2)
    versions(vision, by=by)
    choose(lab, SettingName.ARTIFACT_TTL_DAYS, 30, by=by)

    assert erase_old_versions() == 3
    assert sorted(ErasureJob.objects.values_list("asked", flat=True)) == [1, 2]


def test_a_version_of_which_somebody_just_said_that_it_lives_on_stays(
    vision: Project, lab: Entity, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = artifacts.version(vision, "data", {"a": b"1"}, by=by)
    Version.objects.filter(pk=old.pk).update(committed_at=clock.now() - timedelta(days=100))
    choose(lab, SettingName.ARTIFACT_TTL_DAYS, 30, by=by)

    def late(found: list[Version], **more: Any) -> ErasureJob:
        Version.objects.filter(pk=old.pk).update(ttl_seconds=0)
        return erase_versions(found, **more)

    monkeypatch.setattr(retention, "erase_versions", late)
    assert erase_old_versions() == 0
    assert there() == {old.pk}
