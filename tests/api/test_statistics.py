"""What was released and what one adds oneself, by script."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from apps.accounts.models import User
from apps.projects.models import Project
from apps.statistics.models import Figure, Release
from apps.statistics.types import begin_of, due_at, month_before
from apps.teams.models import Entity
from tests.api.conftest import API, Ask
from tests.statistics import conftest as making
from tests.statistics.conftest import MAY, Uses

ALL, OWN = f"{API}/statistics", f"{API}/statistics/mine"
at, uses, counted = making.at, making.uses, making.counted


@pytest.fixture(autouse=True)
def _in_june(at: Callable[[datetime], None], lab: Entity) -> None:
    Entity.objects.update(created_at=begin_of(month_before(MAY)))
    at(due_at(MAY))


@pytest.mark.parametrize("url", [ALL, OWN])
def test_it_takes_an_account(ask: Ask, url: str, mallory: User) -> None:
    assert [ask("GET", url, by=who).status for who in (None, "revoked", "mallory")] == [401, 401, 200]
    assert ask("POST", url, {}, by="mallory").status == 405


def test_what_was_released_comes_with_its_parameters(ask: Ask, alice: User) -> None:
    assert ask("GET", ALL, by="alice").json == {"items": []}
    made = Release.objects.create(
        month=MAY,
        libraries=10,
        epsilon=0.5,
        delta=9.7e-7,
        minimum=155,
        names_on=MAY,
        released_on=due_at(MAY).date(),
    )
    Release.objects.create(
        month=month_before(MAY), libraries=1, epsilon=1, delta=0, minimum=1, names_on=MAY
    )  # not released
    for name, users in (("jax", 160), ("torch", 1204)):
        Figure.objects.create(release=made, library=name, users=users)

    assert ask("GET", ALL, by="alice").json == {
        "items": [
            {
                "month": "2026-05",
                "released_on": "2026-06-04",
                "libraries_per_person": 10,
                "epsilon": 0.5,
                "delta": 9.7e-7,
                "scale": 20.0,
                "minimum": 155,
                "names_on": "2026-05-01",
                "figures": [{"library": "torch", "users": 1204}, {"library": "jax", "users": 160}],
            }
        ]
    }


def test_ones_own_part_is_ones_own(
    ask: Ask, uses: Uses, vision: Project, counted: list[User], mallory: User
) -> None:
    uses(vision, counted[0], "torch==2.9.1", "hokuto-secret-project==1")

    assert ask("GET", OWN, by="alice").json == {
        "is_counted": True,
        "items": [
            {"month": "2026-06", "files": 0, "libraries": []},
            {"month": "2026-05", "files": 1, "libraries": ["torch"]},
        ],
    }
    assert [each["files"] for each in ask("GET", OWN, by="bob").json["items"]] == [0, 0]
    assert ask("GET", OWN, by="mallory").json == {"is_counted": False, "items": []}
