"""Whose rows of others name who is erased: a few are changed at once, so that nobody waits for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import models

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import Collection, Link, Promotion, Version
from apps.artifacts.services import link_version
from apps.core import batches
from apps.erasure.accounts import erase_account
from apps.erasure.models import ErasureJob
from apps.erasure.services import advance
from apps.projects.models import Project
from apps.runs.models import Run
from apps.runs.tasks import sweep as sweep_runs
from apps.teams.models import Entity
from tests.erasure.conftest import finish
from tests.factories import artifacts, work

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-09")]


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> list[tuple[type[models.Model], int]]:
    """Of which model how many rows are changed at once, two at most; who comes to the second batch dies there."""
    monkeypatch.setattr(batches, "AT_ONCE", 2)
    seen: list[tuple[type[models.Model], int]] = []
    pages = batches.pages

    def dies_at_the_second(rows: models.QuerySet[Any]) -> Iterator[list[int]]:
        for page in pages(rows):
            seen.append((rows.model, len(page)))
            if len(seen) == 2:
                raise SystemExit
            yield page

    monkeypatch.setattr(batches, "pages", dies_at_the_second)
    return seen


def dies_and_is_followed(job: ErasureJob, meanwhile: Callable[[], int]) -> int:
    """What there was in between."""
    with pytest.raises(SystemExit):
        advance(job.pk)
    there = meanwhile()
    ErasureJob.objects.filter(pk=job.pk).update(busy_until=None)  # its lease is over
    finish(job)
    return there


def test_no_request_holds_the_runs_of_others_and_a_worker_that_dies_is_followed_by_one_that_goes_on(
    lab: Entity, vision: Project, own: Run, bob: User, held: list[tuple[type[models.Model], int]]
) -> None:
    theirs = [work.run(vision, f"theirs-{n}", by=bob) for n in range(5)]

    def versions() -> list[int]:
        rows = Run.everything.filter(pk__in=[run.pk for run in theirs]).order_by("pk")
        return list(rows.values_list("version", flat=True))

    first = versions()
    job, _link = erase_account(bob, by=Actor.person(bob), at_once=True)
    sweep_runs()
    assert versions() == first
    there = Run.everything.filter(pk__in=[run.pk for run in theirs], created_by=bob.pk)

    assert dies_and_is_followed(job, there.count) == 3

    assert held == [(Run, 2), (Run, 2), (Run, 2), (Run, 1)] and not there.exists()
    assert [now - before for now, before in zip(versions(), first, strict=True)] == [1] * 5


def test_nor_does_any_hold_all_that_they_made_of_artifacts_at_once(
    lab: Entity, vision: Project, own: Run, bob: User, held: list[tuple[type[models.Model], int]]
) -> None:
    by = Actor.person(bob)
    for n in range(3):
        made = artifacts.version(vision, "set", {"a": bytes([n])}, by=by)
        link_version(made, vision, name="chosen", aliases=[], by=by)
    job, _link = erase_account(bob, by=by, at_once=True)

    assert dies_and_is_followed(job, Version.objects.filter(created_by=bob.pk).count) == 1

    died = [(Version, 2), (Version, 1)]
    rest = [(Version, 1), (Collection, 2), (Link, 2), (Link, 1), (Promotion, 2), (Promotion, 1)]
    assert held == died + rest
    assert {*Version.objects.values_list("created_by", flat=True)} == {None}
    assert {*Link.objects.values_list("created_by", flat=True)} == {None}
    assert set(Promotion.objects.values_list("by", flat=True)) == {None}
