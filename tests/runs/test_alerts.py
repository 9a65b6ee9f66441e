from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from smtplib import SMTPDataError, SMTPRecipientsRefused
from typing import Any

import pytest
from django.core import mail
from pytest_django.fixtures import Settings

from apps.access.policy import Visibility
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core import clock
from apps.core.errors import Erased, Invalid, Unavailable
from apps.core.mail import NO_MAIL
from apps.erasure.models import ErasureJob
from apps.erasure.parts import renew_key
from apps.erasure.services import erase_run
from apps.projects.models import Project
from apps.projects.services import update_project
from apps.runs import alerts, notices, tasks
from apps.runs.alerts import alerts_in, alerts_of, raise_alert
from apps.runs.models import Alert, Run
from apps.runs.notices import Outcome, alerts_to_tell, tell_of_alert
from apps.runs.services import finish_run
from apps.runs.types import AlertLevel, RunState
from apps.teams.choices import SettingName
from apps.teams.models import Entity
from apps.teams.queries import own_entity
from apps.teams.services import choose
from tests.erasure.conftest import finish

pytestmark = pytest.mark.django_db
Committed = Callable[..., Any]
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
KEY = "hf" + "_" + "Ab" * 17
TITLE, TEXT = "loss <b>損失\u202e", "nan at step 7\nsee the log"


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.person(alice)


def said(
    run: Run, title: str = TITLE, text: str = TEXT, *, wait: timedelta = MINUTE, by: Actor
) -> Alert | None:
    return raise_alert(run, title=title, text=text, level=AlertLevel.WARN, wait=wait, by=by)


def age(run: Run, ago: timedelta) -> None:
    Alert.objects.filter(run=run).update(raised_at=clock.now() - ago, last_at=clock.now() - ago)


def test_what_a_script_says_is_sealed_under_the_run_and_comes_back(run: Run, by: Actor) -> None:
    version = run.version

    made = said(run, by=by)

    assert made is not None
    (opened,) = alerts_of(run)
    assert (opened.title, opened.text, opened.level, opened.repeats) == (TITLE, TEXT, AlertLevel.WARN, 0)
    stored = b"".join(bytes(each) for each in (made.title_index, made.words_index, made.sealed_words))
    for words in (TITLE, TEXT, "WARN"):
        assert words.encode() not in stored
    run.refresh_from_db()
    assert run.version == version + 1  # pages that follow it ask again


@pytest.mark.parametrize(
    ("title", "wait", "ago", "rows"),
    [
        (TITLE, HOUR, timedelta(minutes=59), 1),
        (TITLE, HOUR, timedelta(minutes=61), 2),
        ("another", HOUR, timedelta(minutes=5), 2),
        (TITLE, timedelta(0), timedelta(minutes=2), 2),
        (TITLE, timedelta(days=10**6), timedelta(days=300), 1),  # more than any clock has
    ],
)
def test_one_of_a_title_waits_as_long_as_the_script_says(
    run: Run, by: Actor, title: str, wait: timedelta, ago: timedelta, rows: int
) -> None:
    said(run, text="first", by=by)
    age(run, ago)

    said(run, title, "second", wait=wait, by=by)

    assert Alert.objects.filter(run=run).count() == rows
    assert sum(each.repeats for each in alerts_of(run)) == 2 - rows


def test_the_same_words_within_a_minute_are_one_alert_that_was_sent_again(run: Run, by: Actor) -> None:
    first = said(run, wait=timedelta(0), by=by)

    again = said(run, wait=timedelta(0), by=by)

    assert first is not None and again is not None and first.pk == again.pk
    (opened,) = alerts_of(run)
    assert opened.repeats == 1 and opened.last_at > opened.raised_at


def test_they_come_back_with_a_run_that_is_given_another_key(run: Run, by: Actor) -> None:
    said(run, by=by)
    finish_run(run, state=RunState.FINISHED, by=by)

    job = renew_key(run, by=by)
    with pytest.raises(Unavailable):
        said(run, by=by)
    finish(job)

    back = Run.objects.get(pk=run.pk)
    assert back.vault_node != run.vault_node
    said(back, text="of other words", by=by)  # too soon, as of its title
    assert [(each.title, each.text, each.repeats) for each in alerts_of(back)] == [(TITLE, TEXT, 1)]
    age(back, 2 * MINUTE)
    Alert.objects.update(last_at=clock.now())
    said(back, by=by)  # the same that was sent again
    assert [each.repeats for each in alerts_of(back)] == [2]


def test_another_text_under_the_same_title_is_another_where_nobody_waits(run: Run, by: Actor) -> None:
    for text in ("one", "two"):
        said(run, text=text, wait=timedelta(0), by=by)

    assert [each.text for each in alerts_of(run)] == ["two", "one"]


def test_a_run_keeps_so_many(run: Run, by: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "MOST_OF_A_RUN", 2)

    made = [said(run, str(n), by=by) for n in range(3)]

    assert [each is not None for each in made] == [True, True, False]


@pytest.mark.parametrize(("title", "text"), [("x" * 1001, ""), ("", "x" * 20_001)])
def test_what_is_too_long_is_refused(run: Run, by: Actor, title: str, text: str) -> None:
    with pytest.raises(Invalid):
        said(run, title, text, by=by)


@pytest.mark.parametrize("title", ["", "\x00\ud800", "x" * 1000])
def test_any_title_comes_back_as_it_was(run: Run, by: Actor, title: str) -> None:
    said(run, title, by=by)

    assert [each.title for each in alerts_of(run)] == [title]


def test_credentials_are_masked_where_the_owner_chose_so(lab: Entity, run: Run, by: Actor) -> None:
    choose(lab, SettingName.MASK_SECRETS, True, by=by)

    said(run, f"with {KEY}", f"one\n{KEY}\nthree", by=by)

    (opened,) = alerts_of(run)
    assert KEY not in opened.title + opened.text
    assert opened.title.startswith("with ") and len(opened.text.split("\n")) == 3


def test_the_runs_of_a_project_are_together_and_what_is_erased_is_gone(
    vision: Project, run: Run, by: Actor
) -> None:
    said(run, by=by)
    assert [each.title for each in alerts_in(vision)] == [TITLE]

    erase_run(run, by=by)

    assert alerts_in(vision) == []
    with pytest.raises(Erased):
        said(run, "later", by=by)


def test_alerts_go_with_the_row_of_their_run(
    run: Run, by: Actor, django_capture_on_commit_callbacks: Committed
) -> None:
    said(run, by=by)
    with django_capture_on_commit_callbacks(execute=True):
        erase_run(run, by=by)

    assert ErasureJob.objects.get().rows_gone_at is not None
    assert not Alert.objects.exists()


# ── who is mailed ──


def told(run: Run, by: Actor, committed: Committed, title: str = TITLE) -> list[list[str]]:
    mail.outbox.clear()
    with committed(execute=True):
        said(run, title, by=by)
    return [each.to for each in mail.outbox]


def own(user: User) -> Entity:
    return own_entity(Actor.person(user))


def test_whoever_added_the_run_hears_of_it_without_a_word_of_it(
    run: Run, by: Actor, settings: Settings, django_capture_on_commit_callbacks: Committed
) -> None:
    settings.OWNLOG_BASE_URL = "https://logs.example.org"

    assert told(run, by, django_capture_on_commit_callbacks) == [["alice@example.com"]]

    (message,) = mail.outbox
    alert = Alert.objects.get()
    assert message.subject == "[Ownlog] An alert of a run in lab"
    assert f"https://logs.example.org/go/alerts/{alert.public_id}" in str(message.body)
    whole = message.subject + str(message.body)
    for words in ("loss", "損失", "nan at step", "vision", run.public_id, "WARN"):
        assert words not in whole


def test_words_stand_in_it_for_who_switched_that_on(
    run: Run, alice: User, by: Actor, django_capture_on_commit_callbacks: Committed
) -> None:
    choose(own(alice), SettingName.MAIL_ALERT_WORDS, True, by=by)

    told(run, by, django_capture_on_commit_callbacks)

    (message,) = mail.outbox
    assert "nan at step 7\nsee the log" in str(message.body)
    assert "WARN loss <b>損失" in str(message.body)
    assert "loss" not in message.subject  # subjects stand in lists, and on locked screens
    assert "\u202e" not in str(message.body)


def test_whoever_switched_it_off_gets_none(
    run: Run, alice: User, by: Actor, django_capture_on_commit_callbacks: Committed
) -> None:
    choose(own(alice), SettingName.MAIL_ALERTS, False, by=by)

    assert told(run, by, django_capture_on_commit_callbacks) == []
    assert Alert.objects.get().told_at is not None


def test_others_of_the_team_hear_of_it_once_they_chose_so_and_may_read_the_run(
    vision: Project, run: Run, bob: User, vera: User, by: Actor, django_capture_on_commit_callbacks: Committed
) -> None:
    for user in (bob, vera):
        choose(own(user), SettingName.MAIL_ALERTS_OF_TEAMS, True, by=Actor.person(user))

    everybody = told(run, by, django_capture_on_commit_callbacks)
    update_project(vision, by=by, visibility=Visibility.RESTRICTED)
    admins = told(run, by, django_capture_on_commit_callbacks, "another")

    assert sorted(everybody) == [["alice@example.com"], ["bob@example.com"], ["vera@example.com"]]
    assert admins == [["alice@example.com"]]


def test_whoever_has_left_hears_nothing_of_the_run_they_added(
    run: Run, mallory: User, by: Actor, django_capture_on_commit_callbacks: Committed
) -> None:
    Run.objects.filter(pk=run.pk).update(created_by=mallory)

    assert told(run, by, django_capture_on_commit_callbacks) == []


def test_a_run_that_raises_many_fills_no_mailbox(
    run: Run, by: Actor, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Committed
) -> None:
    monkeypatch.setattr(notices, "MOST_AN_HOUR", 2)

    sent = [told(run, by, django_capture_on_commit_callbacks, str(n)) for n in range(4)]

    assert [len(each) for each in sent] == [1, 1, 0, 0]
    assert len(alerts_of(run)) == 4


def test_a_lost_message_is_made_up_for_once(run: Run, by: Actor) -> None:
    said(run, by=by)
    assert alerts_to_tell() == []  # its message may be on the way
    age(run, timedelta(minutes=2))

    for _twice in range(2):
        for pk in alerts_to_tell():
            tell_of_alert(pk)
    tell_of_alert(Alert.objects.get().pk)

    assert len(mail.outbox) == 1


def test_a_server_that_takes_none_is_tried_again(
    run: Run, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = said(run, by=by)
    assert made is not None
    age(run, timedelta(minutes=2))

    def refuse(*_args: object, **_more: object) -> int:
        raise ConnectionRefusedError

    with monkeypatch.context() as patched:
        patched.setattr(notices, "send_mail", refuse)
        tell_of_alert(made.pk)

    assert alerts_to_tell() == [made.pk]
    tell_of_alert(made.pk)
    assert len(mail.outbox) == 1


def test_of_a_run_that_is_closed_for_a_moment_it_is_told_afterwards(run: Run, by: Actor) -> None:
    made = said(run, by=by)
    assert made is not None
    age(run, timedelta(minutes=2))
    finish_run(run, state=RunState.FINISHED, by=by)
    job = renew_key(run, by=by)

    tell_of_alert(made.pk)
    assert (alerts_to_tell(), mail.outbox) == ([made.pk], [])
    finish(job)
    tell_of_alert(made.pk)

    assert len(mail.outbox) == 1


REFUSED = SMTPRecipientsRefused({"alice@example.com": (550, b"no such mailbox")})


@pytest.mark.parametrize("error", [REFUSED, SMTPDataError(554, b"no")])
def test_an_address_that_is_refused_silences_nobody_else_and_is_not_tried_again(
    run: Run, bob: User, by: Actor, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    choose(own(bob), SettingName.MAIL_ALERTS_OF_TEAMS, True, by=Actor.person(bob))
    made = said(run, by=by)
    assert made is not None
    age(run, timedelta(minutes=2))
    asked: list[list[str]] = []

    def refuse(_subject: str, _text: str, _sender: None, to: list[str]) -> None:
        asked.append(to)
        if to == ["alice@example.com"]:
            raise error

    monkeypatch.setattr(notices, "send_mail", refuse)

    assert tell_of_alert(made.pk) is Outcome.DONE

    assert sorted(asked) == [["alice@example.com"], ["bob@example.com"]]
    assert alerts_to_tell() == []


def test_whoever_is_taken_later_is_told_later_and_who_was_told_is_not_told_again(
    run: Run, bob: User, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(own(bob), SettingName.MAIL_ALERTS_OF_TEAMS, True, by=Actor.person(bob))
    made = said(run, by=by)
    assert made is not None
    age(run, timedelta(minutes=2))
    asked: list[str] = []
    greylisted = {"alice@example.com"}

    def answer(_subject: str, _text: str, _sender: None, to: list[str]) -> None:
        asked.extend(to)
        if greylisted.intersection(to):
            raise LATER

    monkeypatch.setattr(notices, "send_mail", answer)

    assert tell_of_alert(made.pk) is Outcome.LATER
    assert tell_of_alert(made.pk) is Outcome.LATER
    greylisted.clear()
    assert tell_of_alert(made.pk) is Outcome.DONE

    assert (asked.count("alice@example.com"), asked.count("bob@example.com")) == (3, 1)
    made.refresh_from_db()
    assert (made.reached, alerts_to_tell()) == ([], [])


def test_whom_it_reached_is_forgotten_when_it_is_given_up(run: Run, bob: User, by: Actor) -> None:
    said(run, by=by)
    Alert.objects.update(reached=[bob.pk], raised_at=clock.now() - timedelta(days=1, minutes=1))

    assert alerts_to_tell() == []

    assert Alert.objects.get().reached == []


def test_whom_it_reached_is_forgotten_when_nobody_is_mailed_any_more(
    run: Run, bob: User, by: Actor, settings: Settings
) -> None:
    made = said(run, by=by)
    assert made is not None
    Alert.objects.update(reached=[bob.pk])
    settings.EMAIL_BACKEND = NO_MAIL

    assert tell_of_alert(made.pk) is Outcome.DONE

    assert Alert.objects.get().reached == []


LATER = SMTPRecipientsRefused({"alice@example.com": (450, b"greylisted, come again")})


@pytest.mark.parametrize("error", [LATER, SMTPDataError(451, b"not now")])
def test_one_that_is_taken_later_is_told_later_and_holds_up_nobody_elses(
    run: Run, by: Actor, monkeypatch: pytest.MonkeyPatch, settings: Settings, error: Exception
) -> None:
    settings.OWNLOG_BASE_URL = "https://logs.example.org"
    monkeypatch.setattr(tasks._Mail, "rests_until", 0.0)
    for n in range(3):
        said(run, str(n), by=by)
    age(run, timedelta(minutes=2))
    first = min(alerts_to_tell())
    sent: list[str] = []

    def refuse(_subject: str, text: str, *_more: object) -> None:
        if Alert.objects.get(pk=first).public_id in text:
            raise error
        sent.append(text)

    with monkeypatch.context() as patched:
        patched.setattr(notices, "send_mail", refuse)
        tasks.sweep()
        assert (len(sent), alerts_to_tell(), tasks._Mail.rests_until) == (2, [first], 0.0)

    tasks.sweep()

    assert len(mail.outbox) == 1 and alerts_to_tell() == []


def test_a_server_that_is_closing_takes_nobodys_mail(
    run: Run, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = said(run, by=by)
    assert made is not None
    closing = SMTPRecipientsRefused({"alice@example.com": (421, b"closing")})

    def refuse(*_args: object) -> None:
        raise closing

    monkeypatch.setattr(notices, "send_mail", refuse)

    assert tell_of_alert(made.pk) is Outcome.NO_SERVER


def test_a_server_that_does_not_answer_is_asked_once_a_sweep_and_by_no_message_for_a_minute(
    run: Run, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks._Mail, "rests_until", 0.0)
    rows = [said(run, str(n), by=by) for n in range(5)]
    age(run, timedelta(minutes=2))
    asked: list[str] = []

    def no_answer(subject: str, *_args: object) -> None:
        asked.append(subject)
        raise TimeoutError

    with monkeypatch.context() as patched:
        patched.setattr(notices, "send_mail", no_answer)
        for row in rows:
            assert row is not None
            tasks.tell(row.pk)
        assert len(asked) == 1
        tasks.sweep()
        assert len(asked) == 2

    tasks.sweep()
    assert len(mail.outbox) == 5 and alerts_to_tell() == []


def test_where_no_mail_is_sent_nothing_is_opened_for_it(run: Run, by: Actor, settings: Settings) -> None:
    settings.EMAIL_BACKEND = "apps.core.mail.NoMail"
    made = said(run, by=by)
    assert made is not None

    tell_of_alert(made.pk)

    made.refresh_from_db()
    assert made.told_at is not None and mail.outbox == []


def test_the_mail_is_in_the_language_of_who_gets_it(
    run: Run, alice: User, by: Actor, django_capture_on_commit_callbacks: Committed
) -> None:
    User.objects.filter(pk=alice.pk).update(language="ja")

    told(run, by, django_capture_on_commit_callbacks)

    assert "アラート" in mail.outbox[0].subject
