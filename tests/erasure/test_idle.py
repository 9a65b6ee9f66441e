"""Accounts that nobody uses: told twice, closed, and back by the mailed link; only where operators said so."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from smtplib import SMTPRecipientsRefused
from typing import Any, ClassVar

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend
from django.db import transaction
from django.test import Client

from apps.accounts.actors import Actor
from apps.accounts.models import ApiKey, User
from apps.core import clock
from apps.core.mail import NO_MAIL
from apps.erasure.accounts import erase_account
from apps.erasure.alarms import health
from apps.erasure.idle import erase_idle_accounts
from apps.erasure.models import ErasureJob, WayBack
from apps.erasure.remembering import remember, wait_again
from apps.erasure.services import due_jobs
from apps.erasure.taking_back import take_back_by_link
from apps.erasure.types import HARD_LIMIT, Cause, Scope, Step
from apps.erasure.ways_back import way_back_for
from apps.teams.choices import SettingName
from apps.teams.models import Entity
from apps.teams.notices import send_notice
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


class Server(EmailBackend):
    """A mail server that takes mail, knows no such mailbox, or does not answer."""

    refuses: ClassVar[Exception | None] = None

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        if self.refuses is not None:
            raise self.refuses
        return int(super().send_messages(email_messages))


GONE = SMTPRecipientsRefused({"bob@example.com": (550, b"no such mailbox")})


@pytest.fixture
def server(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception | None], None]:
    settings.EMAIL_BACKEND = f"{__name__}.Server"
    return lambda refuses: monkeypatch.setattr(Server, "refuses", refuses)


def notices_of(user: User) -> int:
    return User.objects.get(pk=user.pk).idle_notices


def tried_before(user: User, days: float) -> None:
    User.objects.filter(pk=user.pk).update(idle_tried_at=clock.now() - timedelta(days=days))


def told_twice(user: User) -> None:
    away(user, 400)
    User.objects.filter(pk=user.pk).update(idle_notices=2, idle_told_at=clock.now() - timedelta(days=8))


@pytest.mark.parametrize("refuses", [GONE, TimeoutError(), ConnectionRefusedError()], ids=str)
def test_who_was_sent_no_mail_that_a_server_took_was_not_told_and_stays(
    bob: User,
    server: Callable[[Exception | None], None],
    caplog: pytest.LogCaptureFixture,
    refuses: Exception,
) -> None:
    away(bob, 800)
    server(refuses)

    for days in (0, 8, 31, 366):
        if days:
            tried_before(bob, days)
        with caplog.at_level(logging.WARNING):
            assert erase_idle_accounts() == 0
        assert f"idle account stays, no server took the mail to it: user={bob.public_id}" in caplog.text
        assert notices_of(bob) == 0

    server(None)
    assert (erase_idle_accounts(), to_whom()) == (
        0,
        [],
    )  # an address that is gone is not written to each hour
    tried_before(bob, 7.1)
    assert (erase_idle_accounts(), to_whom()) == (0, ["bob@example.com"])
    assert notices_of(bob) == 1 and not ErasureJob.objects.exists()


def test_a_worker_that_dies_before_it_notes_what_it_sent_tells_once_more_and_counts_once(
    bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    away(bob, 800)

    def dies_then(*args: Any) -> bool:
        send_notice(*args)
        raise SystemExit

    with monkeypatch.context() as dead:
        dead.setattr("apps.erasure.idle.send_notice", dies_then)
        with pytest.raises(SystemExit):
            erase_idle_accounts()
    assert (to_whom(), notices_of(bob)) == (["bob@example.com"], 0)

    tried_before(bob, 7.1)
    erase_idle_accounts()

    assert (to_whom(), notices_of(bob)) == (["bob@example.com"], 1)


def test_who_comes_while_they_are_being_closed_stays(bob: User, monkeypatch: pytest.MonkeyPatch) -> None:
    told_twice(bob)

    def comes_first(*args: Any, **options: Any) -> Any:
        User.objects.filter(pk=bob.pk).update(last_login=clock.now())
        return erase_account(*args, **options)

    monkeypatch.setattr("apps.erasure.idle.erase_account", comes_first)

    assert erase_idle_accounts() == 0

    assert User.objects.get(pk=bob.pk).is_active and not ErasureJob.objects.exists()


def test_who_is_signed_in_still_uses_it_however_long_ago_they_signed_in(bob: User) -> None:
    Client().force_login(bob, backend="django.contrib.auth.backends.ModelBackend")
    told_twice(bob)

    assert (erase_idle_accounts(), to_whom(), notices_of(bob)) == (0, [], 0)


def test_nobody_is_erased_to_whom_no_link_back_was_sent(
    bob: User, server: Callable[[Exception | None], None], settings: Any
) -> None:
    """No server took it, or the worker died before: it waits closed until one does, and a week from then."""
    told_twice(bob)
    server(GONE)
    assert erase_idle_accounts() == 1
    job, past = ErasureJob.objects.get(), clock.now() - timedelta(minutes=1)
    ErasureJob.objects.filter(pk=job.pk).update(due_at=past)
    assert job.pk not in due_jobs()
    ErasureJob.objects.filter(pk=job.pk).update(due_at=clock.now() - HARD_LIMIT - timedelta(hours=1))
    assert health().late == 0
    ErasureJob.objects.filter(pk=job.pk).update(due_at=past)

    server(None)
    settings.OWNLOG_IDLE_DAYS = 0  # whatever the operators have thought since
    erase_idle_accounts()
    assert to_whom() == []
    job.way_back.made_at = clock.now() - timedelta(days=1.1)
    job.way_back.save()
    erase_idle_accounts()

    (message,) = mail.outbox
    assert message.to == ["bob@example.com"]
    job.refresh_from_db()
    assert job.due_at is not None and job.due_at > clock.now() + timedelta(days=6.9)
    ErasureJob.objects.filter(pk=job.pk).update(due_at=past)
    assert job.pk in due_jobs()


def test_in_a_database_of_before_nobody_is_erased_to_whom_no_other_link_was_sent(bob: User) -> None:
    """The one that was mailed leads nowhere there."""
    told_twice(bob)
    before = transaction.savepoint()
    assert erase_idle_accounts() == 1
    remember()
    transaction.savepoint_rollback(before)
    mail.outbox.clear()

    assert wait_again() == 1

    job = ErasureJob.objects.get()
    ErasureJob.objects.filter(pk=job.pk).update(due_at=clock.now() - timedelta(minutes=1))
    assert job.pk not in due_jobs() and not User.objects.get(pk=bob.pk).is_active
    WayBack.objects.update(made_at=clock.now() - timedelta(days=1.1))
    erase_idle_accounts()
    (message,) = mail.outbox
    assert message.to == ["bob@example.com"] and "/account/closed/" in str(message.body)
    job.refresh_from_db()
    assert job.due_at is not None and job.due_at > clock.now() + timedelta(days=6.9)


def test_a_link_that_an_operator_was_given_is_not_made_worthless_by_a_mail(
    bob: User, server: Callable[[Exception | None], None]
) -> None:
    told_twice(bob)
    server(GONE)
    erase_idle_accounts()
    secret = way_back_for("bob", by=Actor.operator())
    server(None)
    job = ErasureJob.objects.get()
    job.way_back.made_at = clock.now() - timedelta(days=1.1)
    job.way_back.save()

    erase_idle_accounts()

    assert to_whom() == []
    take_back_by_link(secret)


def test_without_an_address_to_put_into_a_link_nobody_is_told_and_nobody_is_closed(
    bob: User, settings: Any
) -> None:
    settings.OWNLOG_BASE_URL = ""
    told_twice(bob)

    assert (erase_idle_accounts(), to_whom()) == (0, [])
    assert User.objects.get(pk=bob.pk).is_active
