from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any, Protocol

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core import clock
from apps.files.services import announce_files, store_file
from apps.projects.models import Project
from apps.runs.models import Run
from apps.statistics import services
from apps.statistics.types import Parameters, begin_of, due_at
from apps.teams.choices import SettingName
from apps.teams.models import Entity
from apps.teams.services import choose
from tests.factories import work

MAY = date(2026, 5, 1)
# With so little noise a figure is off by one less often than once in ten thousand million.
QUIET = Parameters(libraries=2, epsilon=50.0, minimum=2)


class Uses(Protocol):
    def __call__(
        self, place: Project, user: User, *lines: str, month: date = MAY, run: str | None = None
    ) -> Run: ...


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Set the clock."""
    return lambda moment: monkeypatch.setattr(clock, "now", lambda: moment)


@pytest.fixture
def uses() -> Uses:
    """Have somebody log a run of a month with these lines of packages, as a client would."""
    count = iter(range(10_000))

    def go(place: Project, user: User, *lines: str, month: date = MAY, run: str | None = None) -> Run:
        made = work.run(place, run or f"used{next(count)}", by=user)
        (announced,) = announce_files(made, ["requirements.txt"])
        assert announced.file is not None
        store_file(announced.file, io.BytesIO("\n".join(lines).encode()))
        Run.objects.filter(pk=made.pk).update(created_at=begin_of(month) + timedelta(days=3))
        return made

    return go


def switch(entity: Entity, on: bool, *, by: User) -> None:
    choose(entity, SettingName.STATISTICS, on, by=Actor.person(by))


@pytest.fixture
def counted(lab: Entity, alice: User, bob: User, vera: User) -> list[User]:
    """alice, bob and vera count, and so do the lab's runs."""
    switch(lab, True, by=alice)
    for each in (alice, bob, vera):
        switch(each.entity, True, by=each)
    return [alice, bob, vera]


@pytest.fixture
def over(monkeypatch: pytest.MonkeyPatch, at: Callable[[datetime], None], lab: Entity) -> Any:
    """May is over and due, nothing but noise that cannot be noticed lies over its counts, and there was somebody then."""
    monkeypatch.setattr(services, "PARAMETERS", QUIET)
    Entity.objects.update(created_at=begin_of(MAY))
    at(due_at(MAY))
