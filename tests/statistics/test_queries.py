from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core.errors import NotFound
from apps.projects.models import Project
from apps.statistics import queries
from apps.statistics.models import Figure, Release
from apps.statistics.queries import get_release, months_released, open_months, own_contributions, releases
from apps.statistics.services import release_due
from apps.statistics.types import due_at, month_before, next_month
from tests.statistics.conftest import MAY, Uses, switch

At = Callable[[datetime], None]
pytestmark = pytest.mark.usefixtures("over")


def test_nobody_is_told_without_an_account(alice: User) -> None:
    release_due()

    for ask in (releases, months_released, lambda actor: get_release(actor, month=MAY)):
        with pytest.raises(NotFound):
            ask(Actor.nobody())
        assert ask(Actor.person(alice))
    assert own_contributions(Actor.nobody()) == []


def test_what_is_being_counted_is_not_there_yet(alice: User) -> None:
    Release.objects.create(month=MAY, libraries=1, epsilon=1, delta=1, minimum=1, names_on=MAY)

    assert months_released(Actor.person(alice)) == []
    assert releases(Actor.person(alice)) == []
    with pytest.raises(NotFound):
        get_release(Actor.person(alice), month=MAY)


def test_the_newest_month_and_the_largest_figure_come_first(alice: User) -> None:
    for month in (month_before(MAY), MAY):
        made = Release.objects.create(
            month=month, libraries=1, epsilon=1, delta=1, minimum=1, names_on=MAY, released_on=MAY
        )
        for name, users in (("b", 7), ("a", 7), ("c", 9)):
            Figure.objects.create(release=made, library=name, users=users)

    found = releases(Actor.person(alice))

    assert [each.month for each in found] == [MAY, month_before(MAY)]
    assert [each.library for each in found[0].figures.all()] == ["c", "a", "b"]


def test_a_month_is_open_until_it_was_released(at: At) -> None:
    june = next_month(MAY)
    at(due_at(MAY) - timedelta(days=1))
    assert list(open_months()) == [june, MAY]
    at(due_at(MAY))

    release_due()

    assert list(open_months()) == [june]


def test_of_whoever_is_not_counted_nothing_is_read(
    monkeypatch: pytest.MonkeyPatch, uses: Uses, vision: Project, counted: list[User], alice: User
) -> None:
    uses(vision, alice, "torch")
    found = own_contributions(Actor.person(alice))
    assert [(each.month, each.libraries) for each in found] == [(next_month(MAY), []), (MAY, ["torch"])]
    switch(alice.entity, False, by=alice)

    def read(*args: object) -> None:
        raise AssertionError("it was read")

    monkeypatch.setattr(queries, "contribution_of", read)

    assert own_contributions(Actor.person(alice)) == []
