"""What happened is noted for each webhook that wants to hear of it, in the transaction in which it happened."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import transaction

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.services import link_version
from apps.core import clock
from apps.erasure import services as erasing
from apps.erasure.ladder import STEPS
from apps.erasure.taking_back import take_back
from apps.erasure.teams import erase_team
from apps.projects.models import Project
from apps.runs.alerts import raise_alert
from apps.runs.models import Run
from apps.runs.services import finish_run
from apps.runs.silence import mark_silent_runs
from apps.runs.types import AlertLevel, RunState
from apps.teams.choices import SettingName
from apps.teams.models import Entity
from apps.teams.queries import own_entity
from apps.teams.services import choose
from apps.webhooks.models import Delivery, Hook
from apps.webhooks.outbox import note_ended
from apps.webhooks.queries import due_deliveries
from apps.webhooks.sending import body_of
from apps.webhooks.services import (
    make_hook,
)
from apps.webhooks.types import Happening
from tests.factories import artifacts, work
from tests.webhooks.conftest import ALL, one

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_networks")]


def test_a_run_that_ends_is_told_as_it_ends_or_not_at_all(
    run: Run, hook: Hook, team_hook: Hook, by: Actor
) -> None:
    with transaction.atomic():
        finish_run(run, state=RunState.FINISHED, by=by)
        assert Delivery.objects.count() == 2
        transaction.set_rollback(True)

    assert not Delivery.objects.exists()

    finish_run(run, state=RunState.FAILED, by=by)
    finish_run(run, state=RunState.FAILED, by=by)  # the client retries

    rows = Delivery.objects.order_by("hook")
    assert [(row.hook_id, row.happening, row.state) for row in rows] == [
        (hook.pk, "run.finished", "waiting"),
        (team_hook.pk, "run.finished", "waiting"),
    ]
    assert rows[0].facts == {
        "entity": run.project.entity.public_id,
        "project": run.project.public_id,
        "run": run.public_id,
        "state": "failed",
    }


def test_a_run_whose_client_fell_silent_has_ended_too(run: Run, hook: Hook) -> None:
    Run.objects.filter(pk=run.pk).update(heartbeat_at=clock.now() - timedelta(minutes=6))

    assert mark_silent_runs() == 1

    assert one(hook).facts == {
        "entity": run.project.entity.public_id,
        "project": run.project.public_id,
        "run": run.public_id,
        "state": "crashed",
    }


def test_whoever_is_elsewhere_or_chose_otherwise_hears_nothing(
    run: Run, lab: Entity, alice: User, address: str, by: Actor
) -> None:
    beside = work.project("lab", "beside", by=alice)
    make_hook(beside, address, happenings=ALL, by=by)
    make_hook(own_entity(by), address, happenings=ALL, by=by)
    make_hook(lab, address, happenings=[Happening.RUN_ALERT], by=by)

    finish_run(run, state=RunState.FINISHED, by=by)

    assert not Delivery.objects.exists()


def test_an_alert_is_told_once_however_often_it_is_raised(run: Run, hook: Hook, by: Actor) -> None:
    for text in ("marker one", "marker two"):
        made = raise_alert(
            run, title="marker", text=text, level=AlertLevel.ERROR, wait=timedelta(hours=1), by=by
        )
    assert made is not None

    row = one(hook)
    assert (row.happening, row.facts["alert"], row.facts["run"]) == (
        "run.alert",
        made.public_id,
        run.public_id,
    )
    assert b"marker" not in body_of(row) and b"ERROR" not in body_of(row)


def test_a_link_is_told_where_it_is_and_where_the_version_was_made(
    vision: Project, hook: Hook, team_hook: Hook, alice: User, address: str, by: Actor
) -> None:
    shelf = work.project("lab", "shelf", by=alice)
    there, _ = make_hook(shelf, address, happenings=[Happening.ARTIFACT_LINKED], by=by)
    version = artifacts.version(vision, "ds", {"a.txt": b"a"}, by=by)

    link_version(version, shelf, name="best", aliases=[], by=by)
    link_version(version, shelf, name="best", aliases=["again"], by=by)

    told = {row.hook_id: row.facts for row in Delivery.objects.filter(happening="artifact.linked")}
    assert set(told) == {hook.pk, team_hook.pk, there.pk}
    assert Delivery.objects.filter(happening="artifact.linked").count() == 3
    assert {facts["version"] for facts in told.values()} == {version.public_id}


def test_an_erasure_is_told_when_it_is_done_and_not_before(
    run: Run, hook: Hook, team_hook: Hook, by: Actor
) -> None:
    job = erasing.erase_run(run, by=by)
    assert {row.state for row in Delivery.objects.all()} == {"held"}
    assert list(due_deliveries(10)) == []

    for _twice in range(2):
        note_ended(job.public_id)

    rows = Delivery.objects.filter(happening="erasure.done")
    assert {(row.hook_id, row.state) for row in rows} == {(hook.pk, "waiting"), (team_hook.pk, "waiting")}
    body = json.loads(body_of(rows[0]))
    assert body["data"]["url"] == f"https://logs.example.org/settings/erasures/{job.public_id}"
    assert body["data"]["scope"] == "runs"


def test_the_last_step_of_an_erasure_tells(
    run: Run, team_hook: Hook, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = erasing.erase_run(run, by=by)
    for name in list(STEPS):
        monkeypatch.setitem(STEPS, name, lambda _job, _beat: None)

    erasing.advance(job.pk)

    assert one(team_hook).state == "waiting"


def test_a_project_that_is_erased_takes_its_webhooks_with_it(
    vision: Project, hook: Hook, team_hook: Hook, by: Actor
) -> None:
    job = erasing.erase_project(vision, by=by)
    for step in list(STEPS)[:4]:  # the wait, keys, bytes, rows
        STEPS[step](job, lambda: None)

    assert list(Hook.objects.values_list("pk", flat=True)) == [team_hook.pk]
    assert [row.hook_id for row in Delivery.objects.all()] == [team_hook.pk]


def test_a_team_that_is_erased_takes_those_of_all_its_projects_with_it(
    lab: Entity, hook: Hook, team_hook: Hook, by: Actor
) -> None:
    job = erase_team(lab, by=by, at_once=True)
    for step in list(STEPS)[:4]:
        STEPS[step](job, lambda: None)

    assert (Hook.objects.count(), Delivery.objects.count()) == (0, 0)


def test_an_erasure_that_is_taken_back_is_told_to_nobody(
    run: Run, lab: Entity, hook: Hook, by: Actor
) -> None:
    choose(lab, SettingName.GRACE_DAYS, 3, by=by)
    job = erasing.erase_run(run, by=by)
    assert one(hook).state == "held"

    take_back(by, public_id=job.public_id)

    assert Delivery.objects.count() == 0
