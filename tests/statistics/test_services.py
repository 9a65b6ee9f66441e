"""A month is counted when it is over and released once, whatever happens meanwhile; and nothing is kept of anybody."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.apps import apps

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.accounts.services import suspend_account
from apps.erasure.services import erase_run
from apps.projects.models import Project
from apps.statistics import services
from apps.statistics.models import Figure, Release
from apps.statistics.queries import is_spent
from apps.statistics.reading import contribution_of
from apps.statistics.services import release_due, spend_due
from apps.statistics.tasks import sweep
from apps.statistics.types import PARAMETERS, due_at, month_before, next_month, ordinal
from apps.teams.models import Entity
from apps.teams.services import leave
from apps.vault.heads import kept_head
from tests.factories import people, work
from tests.statistics.conftest import MAY, QUIET, Uses, switch

At = Callable[[datetime], None]
pytestmark = pytest.mark.usefixtures("over")


def figures() -> dict[str, int]:
    return dict(Figure.objects.values_list("library", "users"))


def counts() -> Counter[str]:
    return services._counts(MAY, QUIET, lambda: None)


@pytest.mark.promise("P-02")
def test_a_month_is_released_when_it_is_over(
    at: At, uses: Uses, vision: Project, counted: list[User]
) -> None:
    for user in counted:
        uses(vision, user, "torch==2.9.1")
    at(due_at(MAY) - timedelta(seconds=1))
    assert release_due() is None
    assert not Release.objects.exists()
    at(due_at(MAY))

    sweep()

    assert figures() == {"torch": 3}
    release = Release.objects.get()
    assert (release.month, release.released_on, release.busy_until) == (MAY, due_at(MAY).date(), None)
    assert (release.libraries, release.minimum) == (2, 2)
    assert release.epsilon == pytest.approx(50.0)
    assert 0 < release.delta < 1


@pytest.mark.promise("P-02")
def test_a_month_is_never_released_twice(uses: Uses, vision: Project, counted: list[User]) -> None:
    for user in counted:
        uses(vision, user, "torch")
    release_due()
    for user in counted:
        uses(vision, user, "jax")

    assert release_due() is None

    assert figures() == {"torch": 3}
    assert Release.objects.count() == 1


@pytest.mark.promise("P-02")
def test_a_backup_of_before_brings_no_month_back_to_be_released_again(
    uses: Uses, vision: Project, counted: list[User]
) -> None:
    for user in counted:
        uses(vision, user, "torch")
    release_due()
    Figure.objects.all().delete()
    Release.objects.all().delete()  # as the main database was before; the vault is the one of today

    assert release_due() is None

    assert not Release.objects.exists()


@pytest.mark.promise("P-02")
def test_after_a_restore_no_month_is_released_that_may_have_been_before(
    at: At, uses: Uses, vision: Project, counted: list[User]
) -> None:
    for user in counted:
        uses(vision, user, "torch")
    at(due_at(MAY) - timedelta(seconds=1))
    spend_due()
    assert not is_spent(MAY)
    at(due_at(MAY))

    spend_due()

    assert release_due() is None
    kept = kept_head("statistics")
    assert kept is not None
    assert kept.number == ordinal(MAY)
    assert not Release.objects.exists()


def test_the_next_month_is_released_as_well(at: At, uses: Uses, vision: Project, counted: list[User]) -> None:
    release_due()
    june = next_month(MAY)
    for user in counted:
        uses(vision, user, "jax", month=june)
    at(due_at(june))

    release_due()

    assert [(each.month, each.figures.count()) for each in Release.objects.order_by("month")] == [
        (MAY, 0),
        (june, 1),
    ]
    kept = kept_head("statistics")
    assert kept is not None
    assert kept.number == ordinal(june)


def test_a_new_instance_says_nothing_of_the_time_before_it() -> None:
    Entity.objects.update(created_at=due_at(MAY))

    assert release_due() is None

    assert not Release.objects.exists()


@pytest.mark.promise("P-02")
def test_a_person_counts_once_for_a_library_and_for_no_more_than_the_noise_is_made_for(
    uses: Uses, vision: Project, counted: list[User], alice: User
) -> None:
    uses(vision, alice, "torch", "jax")
    uses(vision, alice, "torch==2.9", "jax")
    assert counts() == {"torch": 1, "jax": 1}
    uses(vision, alice, "polars", "flax", "optuna", "xgboost", "timm", "keras")

    found = counts()

    assert (found.total(), found.most_common(1)[0][1]) == (QUIET.libraries, 1)


def test_what_counts_of_many_is_drawn_by_lot() -> None:
    names = ["torch", "jax", "polars", "flax", "optuna", "xgboost", "timm", "keras"]

    drawn = [services._drawn(names, 2) for _ in range(200)]

    assert {len(each) for each in drawn} == {2}
    # Each of the eight is drawn in a quarter of the rounds, and left out of all with a chance of 10⁻²⁵.
    assert {name for each in drawn for name in each} == set(names)


def test_few_people_are_not_shown(uses: Uses, vision: Project, counted: list[User], alice: User) -> None:
    uses(vision, alice, "torch", "jax")
    for user in counted:
        uses(vision, user, "torch")

    release_due()

    assert figures() == {"torch": 3}  # and jax, which one uses, is not there


@pytest.mark.promise("P-02")
def test_by_the_parameters_that_are_shipped_nothing_is_shown_of_few(
    monkeypatch: pytest.MonkeyPatch, uses: Uses, vision: Project, counted: list[User]
) -> None:
    monkeypatch.setattr(services, "PARAMETERS", PARAMETERS)
    for user in counted:
        uses(vision, user, "torch")

    release_due()

    assert figures() == {}
    assert Release.objects.get().minimum == PARAMETERS.minimum


# ── Who is left out ──


def test_who_does_not_take_part_is_left_out(
    uses: Uses, vision: Project, counted: list[User], bob: User
) -> None:
    for user in counted:
        uses(vision, user, "torch")
    assert counts() == {"torch": 3}

    switch(bob.entity, False, by=bob)

    assert counts() == {"torch": 2}


def test_runs_of_a_team_that_does_not_take_part_are_left_out(
    uses: Uses, vision: Project, counted: list[User], lab: Entity, alice: User, bob: User
) -> None:
    uses(vision, alice, "torch")
    uses(work.project("bob", "own", by=bob), bob, "torch")

    switch(lab, False, by=alice)

    assert counts() == {"torch": 1}


def test_whoever_left_a_team_is_left_out_with_their_runs_there(
    uses: Uses, vision: Project, counted: list[User], lab: Entity, bob: User
) -> None:
    uses(vision, bob, "torch")
    assert counts() == {"torch": 1}

    leave(lab, by=Actor.person(bob))

    assert counts() == {}


def test_runs_that_one_may_not_read_any_more_are_left_out(
    uses: Uses, vision: Project, counted: list[User], vera: User
) -> None:
    uses(vision, vera, "torch")
    assert counts() == {"torch": 1}

    Project.objects.filter(pk=vision.pk).update(visibility="restricted")  # and she is not named

    assert counts() == {}


def test_a_suspended_account_is_left_out(
    uses: Uses, vision: Project, counted: list[User], bob: User, alice: User
) -> None:
    uses(vision, bob, "torch")

    suspend_account(bob, by=Actor.person(alice))

    assert counts() == {}


def test_erased_runs_are_left_out(uses: Uses, vision: Project, counted: list[User], bob: User) -> None:
    run = uses(vision, bob, "torch")
    assert counts() == {"torch": 1}

    erase_run(run, by=Actor.person(bob))

    assert counts() == {}


def test_runs_of_other_months_are_left_out(
    uses: Uses, vision: Project, counted: list[User], bob: User
) -> None:
    uses(vision, bob, "torch", month=month_before(MAY))
    uses(vision, bob, "jax", month=next_month(MAY))

    assert counts() == {}


def test_names_that_are_not_on_the_list_are_left_out(
    uses: Uses, vision: Project, counted: list[User], bob: User
) -> None:
    uses(vision, bob, "hokuto-secret-project==1", "torch @ git+ssh://hokuto/torch", "urllib3==2", "jax==1")

    assert counts() == {"jax": 1}


def test_one_whose_runs_cannot_be_read_keeps_the_month_from_nobody(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    uses: Uses,
    vision: Project,
    counted: list[User],
    bob: User,
) -> None:
    for user in counted:
        uses(vision, user, "torch")
    real = contribution_of

    def broken(person: Actor, month: date) -> Any:
        if person.user_id == bob.pk:
            raise RuntimeError("torch is named here")
        return real(person, month)

    monkeypatch.setattr(services, "contribution_of", broken)

    assert counts() == {"torch": 2}
    assert f"person={bob.public_id} error=RuntimeError" in caplog.text
    assert "torch" not in caplog.text


# ── What is kept ──


def everything() -> str:
    """Each value of each row of each table of both databases."""
    found: list[str] = []
    for model in apps.get_models(include_auto_created=True):
        for row in model._base_manager.values_list():
            found += [bytes(v).hex() if isinstance(v, memoryview | bytes) else str(v) for v in row]
    return "\n".join(found)


@pytest.mark.promise("P-02")
def test_nothing_is_kept_of_what_is_not_released(
    caplog: pytest.LogCaptureFixture,
    uses: Uses,
    vision: Project,
    counted: list[User],
    alice: User,
) -> None:
    caplog.set_level(logging.DEBUG)
    for user in counted:
        uses(vision, user, "torch")
    uses(vision, alice, "polars")
    before = everything()
    assert "polars" not in before

    release_due()

    after = everything()
    assert "torch" in after  # what is released is found
    assert "polars" not in after
    assert b"polars".hex() not in after
    assert "polars" not in caplog.text
    assert [user for user in counted if user.public_id in caplog.text] == []
    # One release, one figure, and the number in the vault: no other row came.
    assert after.count("\n") - before.count("\n") == sum(
        len(model._meta.concrete_fields) for model in (Release, Figure, apps.get_model("vault", "Head"))
    )


# ── Whatever happens meanwhile ──


def test_a_worker_that_died_is_followed_by_another_which_counts_anew(
    monkeypatch: pytest.MonkeyPatch, at: At, uses: Uses, vision: Project, counted: list[User]
) -> None:
    for user in counted:
        uses(vision, user, "torch")

    def dies(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(services, "_counts", dies)
        with pytest.raises(KeyboardInterrupt):
            release_due()
    assert release_due() is None  # it may still be at it
    assert not is_spent(MAY)
    at(due_at(MAY) + services._PATIENCE + timedelta(seconds=1))

    release_due()

    assert figures() == {"torch": 3}


def test_a_worker_that_was_silent_too_long_gives_up(
    monkeypatch: pytest.MonkeyPatch, at: At, uses: Uses, vision: Project, counted: list[User]
) -> None:
    for user in counted:
        uses(vision, user, "torch")
    real, late = contribution_of, due_at(MAY) + services._PATIENCE + timedelta(seconds=1)
    others: list[Release | None] = []

    def slow(person: Actor, month: date) -> Any:
        if not others:
            at(late)
            others.append(None)  # while the other counts, it is not slow
            others[0] = release_due()
        return real(person, month)

    monkeypatch.setattr(services, "contribution_of", slow)

    assert release_due() is None

    assert others[0] is not None
    assert figures() == {"torch": 3}


def test_a_claim_from_before_the_clock_was_set_back_keeps_nobody_away(
    at: Callable[[datetime], None], counted: list[User]
) -> None:
    at(due_at(MAY))
    assert services._claimed(MAY, QUIET) is not None

    at(due_at(MAY) - timedelta(days=2))

    assert services._claimed(MAY, QUIET) is not None


def test_of_two_that_counted_one_publishes(uses: Uses, vision: Project, counted: list[User]) -> None:
    for user in counted:
        uses(vision, user, "torch")
    release = services._claimed(MAY, QUIET)
    assert release is not None
    assert services._claimed(MAY, QUIET) is None

    first = services._publish(release, Counter({"torch": 5}), QUIET)
    second = services._publish(release, Counter({"torch": 9}), QUIET)

    assert (first, second) == (release, None)
    assert figures() == {"torch": 5}


def test_dying_between_the_vault_and_the_figures_spends_the_month(
    monkeypatch: pytest.MonkeyPatch, at: At, uses: Uses, vision: Project, counted: list[User]
) -> None:
    for user in counted:
        uses(vision, user, "torch")

    def dies(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Figure.objects, "bulk_create", dies)
        with pytest.raises(KeyboardInterrupt):
            release_due()
    at(due_at(MAY) + timedelta(days=1))

    assert is_spent(MAY)
    assert release_due() is None
    assert figures() == {}
    assert not Release.objects.filter(released_on__isnull=False).exists()


def test_a_worker_that_counts_many_people_says_that_it_lives(
    monkeypatch: pytest.MonkeyPatch, uses: Uses, vision: Project, counted: list[User]
) -> None:
    for user in counted:
        uses(vision, user, "torch")
    monkeypatch.setattr(services, "_PEOPLE_A_BEAT", 1)
    beats: list[None] = []

    found = services._counts(MAY, QUIET, lambda: beats.append(None))

    assert found == {"torch": 3}
    assert len(beats) == 3


def test_whoever_switches_it_off_while_the_others_are_counted_is_left_out(
    monkeypatch: pytest.MonkeyPatch, uses: Uses, vision: Project, counted: list[User]
) -> None:
    for user in counted:
        uses(vision, user, "torch")
    real, last = contribution_of, max(counted, key=lambda user: user.pk)

    def meanwhile(person: Actor, month: date) -> Any:
        assert person.user_id != last.pk
        switch(last.entity, False, by=last)
        return real(person, month)

    monkeypatch.setattr(services, "contribution_of", meanwhile)

    assert counts() == {"torch": 2}


def test_a_service_account_is_no_person(
    uses: Uses, vision: Project, counted: list[User], alice: User
) -> None:
    robot = people.person("robot")
    User.objects.filter(pk=robot.pk).update(email="", password="!none", is_service=True)
    switch(robot.entity, True, by=robot)
    uses(work.project("robot", "own", by=robot), robot, "torch")

    assert counts() == {}
