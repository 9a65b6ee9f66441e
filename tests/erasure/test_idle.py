"""Accounts that nobody uses: told twice, closed, and back by the mailed link; only where operators said so."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail

from apps.accounts.actors import Actor
from apps.accounts.models import ApiKey, User
from apps.core import clock
from apps.core.mail import NO_MAIL
from apps.erasure.idle import erase_idle_accounts
from apps.erasure.models import ErasureJob
from apps.erasure.taking_back import take_back_by_link
from apps.erasure.types import Cause, Scope, Step
from apps.teams.choices import SettingName
from apps.teams.models import Entity
from apps.teams.services import choose, hand_over
from tests.factories import people

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-09")]


@pytest.fixture(autouse=True)
def _a_year(settings: Any) -> None:
    settings.OWNLOG_IDLE_DAYS = 365
    settings.OWNLOG_BASE_URL = "https://ownlog.example.com"


@pytest.fixture(autouse=True)
def people_here(lab: Entity) -> Entity:
    """Alice operates the instance and is the lab's admin; bob and vera are in it."""
    return lab


def away(user: User, days: float) -> None:
    """As if they had been here for the last time so long ago."""
    User.objects.filter(pk=user.pk).update(
        created_at=clock.now() - timedelta(days=900), last_login=clock.now() - timedelta(days=days)
    )


def later(user: User, days: float) -> None:
    """As if so many days had gone by since."""
    found = User.objects.get(pk=user.pk)
    assert found.last_login is not None and found.idle_told_at is not None
    gone = timedelta(days=days)
    User.objects.filter(pk=user.pk).update(
        last_login=found.last_login - gone, idle_told_at=found.idle_told_at - gone
    )


def to_whom() -> list[str]:
    found = [message.to[0] for message in mail.outbox]
    mail.outbox.clear()
    return found


def test_who_does_not_come_is_told_twice_and_closed_and_has_a_week_to_come_back(bob: User) -> None:
    choose(Entity.objects.get(user=bob), SettingName.PROJECT_GRACE_DAYS, 0, by=Actor.person(bob))
    away(bob, 336)

    assert (erase_idle_accounts(), to_whom()) == (0, ["bob@example.com"])
    assert (erase_idle_accounts(), to_whom()) == (0, [])
    later(bob, 23.5)
    assert (erase_idle_accounts(), to_whom()) == (0, ["bob@example.com"])
    assert (erase_idle_accounts(), to_whom()) == (0, [])
    later(bob, 7.5)
    assert erase_idle_accounts() == 1

    job = ErasureJob.objects.get()
    assert (job.scope, job.cause, job.step) == (Scope.ACCOUNT, Cause.RETENTION, Step.WAIT)
    assert job.due_at == job.asked_at + timedelta(days=7)
    (message,) = mail.outbox
    assert message.to == ["bob@example.com"]
    link = next(word for word in str(message.body).split() if word.startswith("https://"))
    take_back_by_link(link.rsplit("/", 1)[-1])
    again = User.objects.get(pk=bob.pk)
    assert (again.is_active, again.idle_notices) == (True, 0)
    away(bob, 1)
    assert erase_idle_accounts() == 0


def test_who_comes_starts_anew(bob: User) -> None:
    away(bob, 400)
    erase_idle_accounts()
    assert User.objects.get(pk=bob.pk).idle_notices == 1

    User.objects.filter(pk=bob.pk).update(last_login=clock.now())
    erase_idle_accounts()

    assert User.objects.get(pk=bob.pk).idle_notices == 0
    assert to_whom() == ["bob@example.com"]


def test_a_key_that_is_used_is_use(bob: User) -> None:
    away(bob, 400)
    people.api_key(bob)
    ApiKey.objects.filter(user=bob).update(last_used_at=clock.now() - timedelta(days=3))

    assert (erase_idle_accounts(), to_whom()) == (0, [])


def test_nobody_is_told_on_the_day_on_which_it_is_switched_on_who_has_not_a_month_left(bob: User) -> None:
    """However long ago they were here: a month passes from the first mail on."""
    away(bob, 800)
    for _ in range(3):
        erase_idle_accounts()

    assert to_whom() == ["bob@example.com"] and not ErasureJob.objects.exists()


def test_operators_the_suspended_and_last_admins_stay(
    lab: Entity, alice: User, bob: User, vera: User
) -> None:
    people.team("bobs", admin=bob)
    User.objects.filter(pk=vera.pk).update(is_active=False)
    for user in (alice, bob, vera):
        away(user, 800)

    erase_idle_accounts()

    assert to_whom() == []
    hand_over(lab, to="bob", by=Actor.person(alice))
    erase_idle_accounts()
    assert to_whom() == []


def test_who_stays_takes_nobodys_place(bob: User, vera: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.erasure.idle._AT_ONCE", 1)
    people.team("bobs", admin=bob)  # who comes before her
    away(bob, 800)
    away(vera, 800)

    erase_idle_accounts()

    assert to_whom() == ["vera@example.com"]


@pytest.mark.parametrize("what", ["no days", "no mail"])
def test_it_is_off_unless_days_are_set_and_mail_goes_out(bob: User, settings: Any, what: str) -> None:
    if what == "no days":
        settings.OWNLOG_IDLE_DAYS = 0
    else:
        settings.EMAIL_BACKEND = NO_MAIL
    away(bob, 800)

    assert (erase_idle_accounts(), to_whom()) == (0, [])
    assert User.objects.get(pk=bob.pk).idle_notices == 0
