"""The page of what was released, and the page of one's own part in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core.errors import NotFound
from apps.projects.models import Project
from apps.statistics.models import Figure, Release
from apps.statistics.queries import is_counted
from apps.statistics.types import PARAMETERS, begin_of, due_at, month_before
from apps.teams.models import Entity
from apps.web.library_figures import month_in, power
from tests.statistics import conftest as making
from tests.statistics.conftest import MAY, Uses
from tests.web.conftest import Visit, text_of

PAGE, OWN = "/statistics", "/settings/statistics"
at, uses, counted = making.at, making.uses, making.counted


@pytest.fixture(autouse=True)
def _in_june(at: Callable[[datetime], None], lab: Entity) -> None:
    Entity.objects.update(created_at=begin_of(month_before(MAY)))
    at(due_at(MAY))


def release(month: Any = MAY, **figures: int) -> Release:
    made = Release.objects.create(
        month=month,
        libraries=10,
        epsilon=1.0,
        delta=9.7e-7,
        minimum=155,
        names_on=month,
        released_on=due_at(month).date(),
    )
    for name, users in figures.items():
        Figure.objects.create(release=made, library=name, users=users)
    return made


@pytest.mark.parametrize("url", [PAGE, OWN])
def test_the_pages_take_an_account(visit: Visit, url: str, mallory: User) -> None:
    assert visit(url).status_code == 302
    assert visit(url, by="mallory").status_code == 200


def test_before_the_first_release_the_page_says_when_it_will_be(visit: Visit, alice: User) -> None:
    said = text_of(visit(PAGE, by="alice"))

    assert "No month was released yet" in said
    assert "May 2026 is the next one, not before 4 Jun 2026" in said
    assert f"about {PARAMETERS.minimum} people or more" in said


def test_figures_stand_with_the_parameters_they_were_made_with(visit: Visit, alice: User) -> None:
    release(torch=1204, jax=160)

    page = visit(PAGE, by="alice")

    said = text_of(page)
    assert "May 2026" in said
    assert re.search(r"torch 1 204 .*jax 160", said)
    for words in (
        "at most 10 libraries count",
        "scale 10: 95 of 100 figures are off by at most 31",
        "155, noise included",
        "ε = 1 and δ = 9.7 × 10⁻⁷ for each month",
        "a list of 1 May 2026",
    ):
        assert words in said
    assert re.findall(r'<rect width="([\d.]+)"', page.content.decode()) == ["100.0", "13.3"]


@pytest.mark.promise("P-02")
def test_a_small_instance_shows_nothing_and_says_why(visit: Visit, alice: User) -> None:
    release()

    said = text_of(visit(PAGE, by="alice"))

    assert "No library reached the minimum of 155 people." in said
    assert "figures of few would say something of each of them" in said


@pytest.mark.promise("P-02")
def test_the_pages_say_the_same_however_many_take_part(
    visit: Visit, uses: Uses, vision: Project, counted: list[User], mallory: User
) -> None:
    release()
    before = text_of(visit(PAGE, by="mallory")), text_of(visit(OWN, by="mallory"))

    for user in counted:
        uses(vision, user, "torch")

    assert (text_of(visit(PAGE, by="mallory")), text_of(visit(OWN, by="mallory"))) == before


def test_other_months_are_a_step_away(visit: Visit, alice: User) -> None:
    release(torch=200)
    release(month_before(MAY), jax=300)

    assert 'href="/statistics?month=2026-04"' in visit(PAGE, by="alice").content.decode()

    said = text_of(visit(f"{PAGE}?month=2026-04", by="alice"))
    assert "jax 300" in said
    assert "torch" not in said


@pytest.mark.parametrize(
    "month", ["2026-06", "2026-13", "0000-01", "now", "2026-5", "２０２６-05", "2026-05\x00", "x" * 9000]
)
def test_a_month_that_is_not_there_is_not_found(visit: Visit, alice: User, month: str) -> None:
    release()

    assert visit(PAGE, by="alice", month=month).status_code == 404


def test_who_is_not_counted_is_shown_the_switch_and_nothing_is_read(
    visit: Visit, uses: Uses, alice: User
) -> None:
    said = text_of(visit(OWN, by="alice"))

    assert "Which libraries the runs here use is neither read nor counted." in said
    assert "What would count of you" not in said


def test_who_is_counted_sees_what_they_add_and_nobody_else_does(
    visit: Visit, uses: Uses, vision: Project, counted: list[User]
) -> None:
    uses(vision, counted[0], "torch==2.9.1", "hokuto-secret-project==1")

    said = text_of(visit(OWN, by="alice"))

    assert "What would count of you in May 2026" in said
    assert "From 1 list of packages" in said
    assert re.search(r"torch All of these count", said)
    assert "hokuto-secret-project" not in said
    assert "torch" not in text_of(visit(OWN, by="bob"))


def test_of_more_than_count_it_is_said_that_some_are_drawn(
    visit: Visit, uses: Uses, vision: Project, counted: list[User]
) -> None:
    many = [
        "torch",
        "jax",
        "polars",
        "flax",
        "optuna",
        "xgboost",
        "timm",
        "keras",
        "numpy",
        "pandas",
        "scipy",
    ]
    uses(vision, counted[0], *many)

    said = text_of(visit(OWN, by="alice"))

    assert "10 of these are drawn by lot when the month is released" in said
    assert all(name in said for name in many)


def test_the_switch_is_saved_at_once(send: Visit, alice: User) -> None:
    person = Actor.person(alice)
    assert send(OWN, by="alice", name="statistics", on="1").status_code == 302
    assert is_counted(person)

    assert send(OWN, by="alice", name="statistics").status_code == 302

    assert not is_counted(person)


def test_a_script_is_told_to_show_the_page_anew(alice: User) -> None:
    client = Client(headers={"HX-Request": "true"})
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")

    answer = client.post(OWN, {"name": "statistics", "on": "1"})

    assert answer.status_code == 200
    assert answer.headers["HX-Refresh"] == "true"
    assert 'id="setting-statistics"' in answer.content.decode()


@pytest.mark.parametrize("form", [{}, {"name": "hidden", "on": "1"}, {"statistics": "perhaps"}])
def test_another_form_changes_nothing(send: Visit, alice: User, form: dict[str, str]) -> None:
    assert send(OWN, by="alice", **form).status_code == 400

    assert not is_counted(Actor.person(alice))


def test_a_month_in_an_address() -> None:
    assert month_in("2026-05") == MAY
    with pytest.raises(NotFound):
        month_in("2026-05-01")


@pytest.mark.parametrize(
    ("value", "words"), [(9.7e-7, "9.7 × 10⁻⁷"), (1.0e-6, "1.0 × 10⁻⁶"), (2.34e-12, "2.3 × 10⁻¹²")]
)
def test_a_tiny_number_in_words(value: float, words: str) -> None:
    assert power(value) == words


def test_operators_see_what_was_released(alice: User) -> None:
    release(torch=204)
    User.objects.filter(pk=alice.pk).update(is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")

    for url in ("/admin/statistics/release/", "/admin/statistics/figure/"):
        assert client.get(url).status_code == 200

    assert "torch" in client.get("/admin/statistics/figure/").content.decode()
