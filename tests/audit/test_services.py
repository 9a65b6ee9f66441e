from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import transaction

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.audit import services as audit
from apps.audit.events import EventKind
from apps.audit.models import Event
from apps.core import clock
from apps.projects.models import Project
from apps.projects.services import get_or_create_project, update_project
from apps.runs.models import Run
from apps.runs.services import finish_run, request_stop, start_run
from apps.runs.types import RunPatch, RunState
from apps.teams.models import Entity
from apps.teams.services import create_account

pytestmark = pytest.mark.django_db


@pytest.fixture
def event() -> Event:
    audit.record(EventKind.RUN_CREATED, subject="subject", entity="entity", by=Actor.system(), count=3)
    return Event.objects.get()


def test_record_keeps_ids_counts_and_the_moment(event: Event) -> None:
    assert (event.kind, event.subject, event.entity, event.by) == (
        "run.created",
        "subject",
        "entity",
        "system",
    )
    assert event.facts == {"count": 3}
    assert abs((clock.now() - event.at).total_seconds()) < 5


@pytest.mark.parametrize(
    "change",
    [
        lambda event: event.save(),
        lambda event: event.delete(),
        lambda _: Event.objects.update(by="somebody"),
        lambda event: Event.objects.filter(pk=event.pk).update(by="somebody"),
        lambda _: Event.objects.all().delete(),
        lambda event: Event.objects.bulk_update([event], ["by"]),
    ],
)
def test_an_event_is_never_changed_or_deleted(event: Event, change: Callable[[Event], object]) -> None:
    with pytest.raises(TypeError, match="never changed"):
        change(event)

    assert list(Event.objects.values_list("by", flat=True)) == ["system"]


@pytest.mark.promise("P-29")
def test_events_hold_no_names(vision: Project, run: Run, alice: User) -> None:
    finish_run(run, state=RunState.FINISHED, by=Actor.person(alice))

    written = " ".join(f"{e.subject} {e.entity} {e.by} {e.facts}" for e in Event.objects.all())

    for name in ("alice", "bob", "lab", "vision", "run1", "@example.com"):
        assert name not in written
    assert alice.public_id in written


ACTS: dict[str, Callable[[User, Project, Run], object]] = {
    "create_account": lambda _alice, _vision, _run: create_account("zoe", email="zoe@example.com"),
    "get_or_create_project": lambda alice, _vision, _run: get_or_create_project(
        Actor.person(alice), entity="lab", name="speech"
    ),
    "update_project": lambda alice, vision, _run: update_project(
        vision, by=Actor.person(alice), description="words"
    ),
    "start_run": lambda alice, vision, _run: start_run(
        vision, name="run2", by=Actor.person(alice), patch=RunPatch()
    ),
    "finish_run": lambda alice, _vision, run: finish_run(run, state=RunState.FAILED, by=Actor.person(alice)),
    "request_stop": lambda alice, _vision, run: request_stop(run, by=Actor.person(alice)),
}


def everything_stored() -> list[object]:
    tables = (User, Entity, Project, Run, Event)
    return [sorted(map(repr, table.objects.values_list())) for table in tables]


@pytest.mark.promise("P-29")
@pytest.mark.parametrize("act", ACTS)
def test_without_its_record_an_act_does_not_happen(
    act: str, alice: User, vision: Project, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError("disk full")

    before = everything_stored()
    monkeypatch.setattr(Event, "save", refuse)

    with pytest.raises(OSError, match="disk full"), transaction.atomic():
        ACTS[act](alice, vision, run)

    assert everything_stored() == before


@pytest.mark.parametrize("act", ACTS)
def test_each_act_leaves_one_record_by_its_author(act: str, alice: User, vision: Project, run: Run) -> None:
    before = set(Event.objects.values_list("pk", flat=True))

    ACTS[act](alice, vision, run)

    new = Event.objects.exclude(pk__in=before)
    assert {event.by for event in new} == {alice.public_id} or act == "create_account"
    assert len(new) == (2 if act == "create_account" else 1)
