"""What is late is said: health turns red, operators are told once a day, and it is tried on."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from smtplib import SMTPRecipientsRefused

import pytest
from django.core import mail
from django.test import Client
from pytest_django.fixtures import Settings

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core import clock
from apps.core.mail import NO_MAIL
from apps.erasure import alarms, tasks
from apps.erasure.alarms import raise_alarms
from apps.erasure.models import ErasureJob
from apps.erasure.services import erase_run
from apps.runs.models import Run
from apps.vault import epochs, renewal
from apps.vault.epochs import broken_off, demand
from apps.vault.models import Epoch
from tests.erasure.conftest import finish
from tests.factories import people

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-09")]


@pytest.fixture
def operator(settings: Settings) -> User:
    settings.OWNLOG_BASE_URL = "https://ownlog.example"
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    user = people.person("olga")
    User.objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True)
    User.objects.exclude(pk=user.pk).update(is_staff=False, is_superuser=False)
    return user


@pytest.fixture
def job(full: Run, alice: User) -> ErasureJob:
    return erase_run(full, by=Actor.person(alice))


def at(monkeypatch: pytest.MonkeyPatch, later: timedelta) -> datetime:
    """So much later than now, for everybody."""
    now = clock.now() + later
    monkeypatch.setattr(clock, "now", lambda: now)
    return now


def red(client: Client) -> tuple[int, str]:
    answer = client.get("/health/erasures")
    return answer.status_code, answer.content.decode()


def test_within_the_day_all_is_well(client: Client, job: ErasureJob, operator: User) -> None:
    Epoch.objects.all().delete()
    ErasureJob.objects.update(asked_at=clock.now() - timedelta(hours=23, minutes=59))

    tasks.watch()

    assert red(client) == (200, "ok\n")
    assert mail.outbox == []


def test_past_the_day_health_is_red_and_operators_are_told_once_a_day(
    client: Client, job: ErasureJob, operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    Epoch.objects.all().delete()
    ErasureJob.objects.update(asked_at=clock.now() - timedelta(hours=24, seconds=1))

    for _ in range(3):
        tasks.watch()

    assert red(client) == (503, "1 erasures past their limit\n")
    assert [each.to for each in mail.outbox] == [["olga@example.com"]]
    body = str(mail.outbox[0].body)
    assert "1 erasure is not done a day after it was asked for." in body
    assert "https://ownlog.example/admin/erasure/erasurejob/" in body
    for word in ("full", "vision", "lab", job.public_id):
        assert word not in body
    with monkeypatch.context() as patch:
        at(patch, timedelta(hours=24, minutes=1))
        raise_alarms()
    assert len(mail.outbox) == 2

    finish(job)

    assert red(client) == (200, "ok\n")


@pytest.mark.parametrize(
    ("trouble", "line", "subject", "said"),
    [
        (
            "StoreDenied",
            "1 erasures refused by a store\n",
            "[Ownlog] A store refuses to delete",
            "A store does not let the server delete what 1 erasure erased.",
        ),
        (
            "VacuumDenied",
            "1 erasures whose names the database does not let be cleared away\n",
            "[Ownlog] The database refuses to clear names away",
            "The database does not let the server clear away the names that 1 erasure erased.",
        ),
    ],
)
def test_what_is_refused_is_told_with_the_first_refusal(
    client: Client, job: ErasureJob, operator: User, trouble: str, line: str, subject: str, said: str
) -> None:
    Epoch.objects.all().delete()
    ErasureJob.objects.update(trouble=trouble)

    for _ in range(3):
        tasks.watch()

    assert red(client) == (503, line)
    (sent,) = mail.outbox
    assert sent.subject == subject
    assert said in str(sent.body)
    assert job.public_id not in str(sent.body)

    finish(job)

    assert red(client) == (200, "ok\n")


def test_a_monitor_reads_numbers_and_nothing_else(
    client: Client, job: ErasureJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    Epoch.objects.all().delete()
    now = at(monkeypatch, timedelta(milliseconds=100))
    assert measured(client) == NO_TROUBLE | {"unfinished": 1}
    ErasureJob.objects.update(asked_at=now - timedelta(seconds=90), trouble="StoreDenied")
    assert measured(client) == NO_TROUBLE | {"unfinished": 1, "oldest_seconds": 90, "denied": 1}
    ErasureJob.objects.update(asked_at=now - timedelta(hours=25), trouble="VacuumDenied")
    assert measured(client) == NO_TROUBLE | {
        "unfinished": 1,
        "oldest_seconds": 90_000,
        "late": 1,
        "uncleared": 1,
    }
    # What can be taken back is due from its moment on, and not before.
    ErasureJob.objects.update(due_at=now + timedelta(seconds=1), trouble="")
    assert measured(client) == NO_TROUBLE
    ErasureJob.objects.update(due_at=now - timedelta(seconds=7))
    assert measured(client) == NO_TROUBLE | {"unfinished": 1, "oldest_seconds": 7}
    Epoch.objects.create(number=990_000, asked_at=now - timedelta(hours=1))
    assert measured(client)["epoch_broken_off_seconds"] > 0
    Epoch.objects.all().delete()
    monkeypatch.undo()

    finish(job)

    assert measured(client) == NO_TROUBLE


NO_TROUBLE = dict.fromkeys(
    ("unfinished", "oldest_seconds", "late", "denied", "uncleared", "epoch_broken_off_seconds"), 0
)


def measured(client: Client) -> dict[str, int]:
    """Each line is a comment about one number, or the number: nothing else is there to be read."""
    answer = client.get("/health/erasures/metrics")
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert answer["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    text = answer.content.decode()
    assert text.endswith("\n")
    pattern = re.compile(r"# HELP (\w+) [\w ;,.]+\n# TYPE \1 gauge\n\1 (\d+)\n")
    assert pattern.sub("", text) == ""
    return {name.removeprefix("ownlog_erasures_"): int(value) for name, value in pattern.findall(text)}


def test_a_mail_that_nobody_took_is_tried_again(
    job: ErasureJob, operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    demand()
    ErasureJob.objects.update(asked_at=clock.now() - timedelta(days=2))
    Epoch.objects.update(asked_at=clock.now() - timedelta(days=2))

    def down(*_: object) -> None:
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr(alarms, "send_mail", down)
        raise_alarms()
    assert ErasureJob.objects.get().alarmed_at is None and Epoch.objects.get().alarmed_at is None

    raise_alarms()

    assert len(mail.outbox) == 1


def test_an_address_that_is_refused_has_nobody_else_told_again(
    job: ErasureJob, operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("otto", "zoe"):
        User.objects.filter(pk=people.person(name).pk).update(is_staff=True, is_superuser=True)
    ErasureJob.objects.update(asked_at=clock.now() - timedelta(days=2))
    real = mail.send_mail

    def refusing(subject: str, text: str, sender: None, to: list[str]) -> None:
        if to == ["otto@example.com"]:
            raise SMTPRecipientsRefused({})
        real(subject, text, sender, to)

    monkeypatch.setattr(alarms, "send_mail", refusing)
    for _ in range(3):
        raise_alarms()

    assert sorted(each.to for each in mail.outbox) == [["olga@example.com"], ["zoe@example.com"]]


def test_without_a_mail_server_it_stands_in_the_log(
    job: ErasureJob, operator: User, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.EMAIL_BACKEND = NO_MAIL
    ErasureJob.objects.update(asked_at=clock.now() - timedelta(days=2))

    raise_alarms()

    assert job.public_id in caplog.text


def test_an_epoch_that_breaks_off_is_told_after_ten_minutes_and_not_before(
    client: Client, operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = demand()

    def broken(*_: object) -> None:
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr(renewal, "renew_dirty", broken)
        for _ in range(2):
            with pytest.raises(OSError):
                epochs.run()
    assert (Epoch.objects.get().trouble, Epoch.objects.get().tries) == ("OSError", 2)
    Epoch.objects.update(broken_at=clock.now() - timedelta(minutes=5))
    with monkeypatch.context() as patch:
        patch.setattr(renewal, "renew_dirty", broken)
        with pytest.raises(OSError):
            epochs.run()
    found = broken_off()
    assert found is not None and found.number == number
    # However often it is tried again, it is broken off since the first time.
    assert clock.now() - found.since > timedelta(minutes=4)
    raise_alarms()
    assert red(client)[0] == 200 and mail.outbox == []

    with monkeypatch.context() as patch:
        at(patch, timedelta(minutes=5, seconds=5))
        raise_alarms()
        raise_alarms()
        assert red(client) == (503, f"epoch {number} broken off since {found.since:%Y-%m-%dT%H:%M:%SZ}\n")

    assert len(mail.outbox) == 1 and f"Epoch {number}" in str(mail.outbox[0].body)


def test_an_epoch_whose_process_died_or_that_nobody_begins_is_broken_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    number = demand()
    assert broken_off() is None
    Epoch.objects.update(asked_at=clock.now() - timedelta(hours=1))
    nobody = broken_off()
    assert nobody is not None and nobody.number == number

    lease = clock.now() - timedelta(minutes=11)
    Epoch.objects.update(state="running", busy_until=lease)
    died = broken_off()
    assert died is not None and died.since == lease

    Epoch.objects.update(busy_until=clock.now() + timedelta(minutes=2))
    assert broken_off() is None


def test_one_that_dies_at_each_try_is_broken_off_since_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    demand()
    lease = clock.now() - timedelta(minutes=20)
    Epoch.objects.update(state="running", busy_until=lease)

    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(renewal, "renew_dirty", killed)
    with pytest.raises(Killed):
        epochs.run()

    found = broken_off()
    assert found is not None and found.since == lease
