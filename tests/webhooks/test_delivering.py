"""What was noted is sent: signed, again after each failure, to nobody in a closed place, and by one thread of a worker at most."""

from __future__ import annotations

import json
import threading
import uuid
from datetime import timedelta
from itertools import pairwise
from types import SimpleNamespace

import pytest
from django.core import mail
from pytest_django.fixtures import Settings

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core import clock
from apps.erasure import services as erasing
from apps.projects.models import Project
from apps.projects.services import update_project
from apps.runs.models import Run
from apps.runs.services import finish_run
from apps.runs.types import RunState
from apps.teams.models import Entity
from apps.webhooks import services, tasks
from apps.webhooks.models import Delivery, Hook
from apps.webhooks.notices import tell_of_trouble
from apps.webhooks.outbox import note_ended, note_test
from apps.webhooks.queries import due_deliveries
from apps.webhooks.sending import send
from apps.webhooks.services import (
    deliver,
    deliver_due,
    forget_old,
    switch_hook,
)
from apps.webhooks.types import Answered, Trouble
from config.launch.worker import THREADS
from tests.factories import work
from tests.webhooks.conftest import Clock, Committed, one, state
from tests.webhooks.receiver import Receiver

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_networks")]


# ── what is sent ──


def test_it_arrives_signed_and_says_nothing_that_a_person_wrote(
    vision: Project, alice: User, hook: Hook, receiver: Receiver, by: Actor
) -> None:
    update_project(vision, by=by, description="marker-description")
    run = work.run(vision, "marker-run", by=alice, notes="marker-notes", display_name="marker-title")
    finish_run(run, state=RunState.FINISHED, by=by)

    assert deliver(one(hook).pk)

    (got,) = receiver.got
    row = one(hook)
    assert (row.state, row.status, row.tries) == ("delivered", 200, 1)
    assert row.public_id == got.headers["webhook-id"]
    whole = got.path + json.dumps(got.headers) + got.body.decode()
    for words in ("marker", "vision", "lab", "alice", "example.com"):
        assert words not in whole
    said = json.loads(got.body)
    assert said["type"] == "run.finished"
    assert said["data"]["url"] == f"https://logs.example.org/go/runs/{run.public_id}"
    assert state(hook).arrived_at is not None


def test_each_try_brings_the_same_id_and_the_same_words(
    hook: Hook, receiver: Receiver, time_goes: Clock
) -> None:
    receiver.answers = [500, 200]
    row = note_test(hook)

    deliver(row.pk)
    time_goes.go(seconds=31)
    deliver(row.pk)

    assert receiver.ids == [row.public_id] * 2
    assert receiver.got[0].body == receiver.got[1].body
    assert receiver.got[0].headers["webhook-timestamp"] != receiver.got[1].headers["webhook-timestamp"]
    assert (state(row).state, row.tries) == ("delivered", 2)
    assert state(hook).failures == 0


def test_two_workers_do_not_send_the_same_at_once(hook: Hook, receiver: Receiver, time_goes: Clock) -> None:
    row = note_test(hook)
    assert services._claim(row.pk) is not None

    assert not deliver(row.pk)

    assert receiver.got == []


def test_a_worker_that_dies_after_sending_sends_again_under_the_same_id(
    hook: Hook, receiver: Receiver, time_goes: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = note_test(hook)

    def die(*_args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(services, "_settle", die)
        with pytest.raises(KeyboardInterrupt):
            deliver(row.pk)
    assert deliver_due() == 0  # it may be alive

    time_goes.go(seconds=61)
    assert deliver_due() == 1

    assert receiver.ids == [row.public_id] * 2
    assert state(row).state == "delivered"


def test_a_clock_that_is_set_back_keeps_nothing_waiting(
    hook: Hook, receiver: Receiver, time_goes: Clock
) -> None:
    """Neither what a dead worker was at, nor the pause of its webhook, is over by the clock as it is now."""
    claimed, resting = note_test(hook), note_test(hook)
    Delivery.objects.filter(pk=claimed.pk).update(busy_until=time_goes.moment + timedelta(minutes=1))
    Hook.objects.filter(pk=hook.pk).update(failures=5, waits_until=time_goes.moment + timedelta(hours=1))

    time_goes.go(days=-2)
    tried = [deliver_due(), deliver_due()]

    assert (tried, [state(row).state for row in (claimed, resting)]) == ([1, 1], ["delivered"] * 2)


def test_it_is_tried_for_a_day_with_growing_pauses_then_its_owner_hears_of_it_once(
    hook: Hook, receiver: Receiver, time_goes: Clock, django_capture_on_commit_callbacks: Committed
) -> None:
    receiver.answers = [503]
    first, began = note_test(hook), time_goes.moment
    tried_after: list[float] = []

    with django_capture_on_commit_callbacks(execute=True):
        while state(first).state == "waiting":
            assert deliver_due() == 1
            tried_after.append((time_goes.moment - began).total_seconds() / 60)
            until = state(hook).waits_until
            assert until is not None
            time_goes.moment = until - timedelta(seconds=1)
            assert deliver_due() == 0
            time_goes.go(seconds=1)

    assert (first.state, first.status, first.trouble) == ("given_up", 503, "status")
    gaps = [after - before for before, after in pairwise(tried_after)]
    assert gaps == [0.5, 2, 10, 30, 60, 120, 240, 240, 240, 240, 240]
    assert (len(receiver.got), tried_after[-1] < 24 * 60) == (len(tried_after), True)
    (message,) = mail.outbox
    assert message.to == ["alice@example.com"]
    assert f"https://logs.example.org/go/webhooks/{hook.public_id}" in str(message.body)
    assert "127.0.0.1" not in message.subject + str(message.body)

    second = note_test(hook)
    with django_capture_on_commit_callbacks(execute=True):
        while state(second).state == "waiting":
            deliver_due()
            time_goes.go(hours=1)
    assert len(mail.outbox) == 1

    receiver.answers = [200]
    third = note_test(hook)
    time_goes.go(hours=5)
    deliver_due()
    assert state(third).state == "delivered"
    assert (state(hook).failing_since, hook.told_at, hook.failures) == (None, None, 0)


def test_a_dead_address_costs_one_try_a_pause_however_much_waits(
    hook: Hook, receiver: Receiver, time_goes: Clock
) -> None:
    receiver.answers = [500]
    rows = [note_test(hook) for _n in range(20)]
    for row in rows:
        deliver(row.pk)
    assert len(receiver.got) == 1

    time_goes.go(seconds=31)
    deliver_due()
    assert len(receiver.got) == 2

    receiver.answers = [200]
    time_goes.go(minutes=3)
    deliver_due()
    deliver_due()
    assert Delivery.objects.filter(state="delivered").count() == 20


def test_others_go_on_beside_a_dead_address(
    hook: Hook, team_hook: Hook, receiver: Receiver, time_goes: Clock
) -> None:
    Hook.objects.filter(pk=hook.pk).update(failures=5, waits_until=time_goes.moment + timedelta(hours=1))
    note_test(hook)
    fine = note_test(team_hook)

    assert deliver_due() == 1

    assert state(fine).state == "delivered"


def test_who_wants_no_more_is_told_no_more_and_the_owner_hears_of_it(
    hook: Hook, receiver: Receiver, django_capture_on_commit_callbacks: Committed
) -> None:
    receiver.answers = [410]
    first, second = note_test(hook), note_test(hook)

    with django_capture_on_commit_callbacks(execute=True):
        deliver(first.pk)

    assert not state(hook).is_on
    assert {state(row).state for row in (first, second)} == {"given_up"}
    assert (first.status, second.status) == (410, None)
    assert (first.trouble, second.trouble) == ("gone", "off")
    assert "switched off" in mail.outbox[0].subject


def test_what_the_operator_no_longer_allows_is_not_sent_to(
    hook: Hook, receiver: Receiver, settings: Settings
) -> None:
    row = note_test(hook)
    settings.OWNLOG_WEBHOOK_NETWORKS = ()

    deliver(row.pk)

    assert receiver.got == []
    assert state(row).trouble == Trouble.INSIDE


def test_what_a_suspended_team_would_tell_waits(lab: Entity, hook: Hook, receiver: Receiver) -> None:
    row = note_test(hook)
    Entity.objects.filter(pk=lab.pk).update(suspended_at=clock.now())

    assert not deliver(row.pk) and deliver_due() == 0

    assert receiver.got == []


def test_an_address_that_cannot_be_read_is_said_and_stops_nobody(
    hook: Hook, team_hook: Hook, receiver: Receiver
) -> None:
    Hook.objects.filter(pk=hook.pk).update(sealed_address=b"x" * 60)
    broken, fine = note_test(hook), note_test(team_hook)

    deliver_due()

    assert (state(broken).trouble, state(fine).state) == ("unreadable", "delivered")


def test_what_is_noted_is_sent_by_itself(
    run: Run, hook: Hook, receiver: Receiver, by: Actor, django_capture_on_commit_callbacks: Committed
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        finish_run(run, state=RunState.FINISHED, by=by)
        assert receiver.got == []  # whoever ends a run waits for nobody

    assert receiver.ids == [one(hook).public_id]


# ── what one tenant takes of a worker ──


def test_one_thread_of_a_worker_at_most_is_at_deliveries(hook: Hook, receiver: Receiver) -> None:
    row = note_test(hook)
    with tasks._turn:
        tasks.deliver(row.pk)
        tasks.sweep()
        assert receiver.got == []

    tasks.sweep()

    assert state(row).state == "delivered"


def test_what_came_while_one_was_sent_goes_behind_it(
    hook: Hook, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = note_test(hook), note_test(hook)

    def sent_meanwhile(delivery: Delivery) -> Answered:
        monkeypatch.setattr(services, "send", send)
        tasks.deliver(second.pk)
        return Answered(status=200)

    monkeypatch.setattr(services, "send", sent_meanwhile)
    tasks.deliver(first.pk)

    assert (state(first).state, state(second).state) == ("delivered", "delivered")


def test_what_comes_while_a_sweep_is_at_others_goes_behind_them(
    hook: Hook, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    note_test(hook)
    came: list[Delivery] = []

    def sent_meanwhile(delivery: Delivery) -> Answered:
        monkeypatch.setattr(services, "send", send)
        came.append(note_test(hook))
        tasks.deliver(came[0].pk)
        return Answered(status=200)

    monkeypatch.setattr(services, "send", sent_meanwhile)
    tasks.sweep()

    assert state(came[0]).state == "delivered"


def test_whoever_comes_just_when_a_turn_ends_is_not_left_behind(
    hook: Hook, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = note_test(hook), note_test(hook)

    class Looking(threading.Event):
        """The other comes right after it was looked for."""

        def is_set(self) -> bool:
            found = super().is_set()
            if state(second).tries == 0:
                tasks.deliver(second.pk)
            return found

    monkeypatch.setattr(tasks, "_others_wait", Looking())
    tasks.deliver(first.pk)

    assert (state(first).state, state(second).state) == ("delivered", "delivered")


def test_more_than_a_worker_has_to_lose_is_never_lent() -> None:
    assert THREADS >= 4  # one at exports, one at imports, one at webhooks, one for all other work


def test_one_that_answers_slowly_rests_ten_times_as_long(
    hook: Hook, time_goes: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter([0.0, 9.0, 20.0, 21.0])
    monkeypatch.setattr(services, "send", lambda _row: Answered(status=200))
    rows = [note_test(hook) for _n in range(3)]

    with monkeypatch.context() as patched:
        patched.setattr(services, "time", SimpleNamespace(monotonic=lambda: next(seconds)))
        assert deliver(rows[0].pk)
        assert not deliver(rows[1].pk) and list(due_deliveries(10)) == []
        time_goes.go(seconds=91)
        assert deliver(rows[1].pk)

    assert deliver(rows[2].pk)  # it was quick again


def test_of_each_webhook_the_next_goes_before_the_second_of_any(hook: Hook, team_hook: Hook) -> None:
    crowd = [note_test(hook) for _n in range(5)]
    one = note_test(team_hook)

    assert due_deliveries(3) == [crowd[0].pk, one.pk, crowd[1].pk]

    Hook.objects.filter(pk=hook.pk).update(failures=1)
    assert due_deliveries(3) == [crowd[0].pk, one.pk]


def test_one_that_breaks_off_keeps_none_of_the_others_waiting(
    hook: Hook, team_hook: Hook, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, fine = note_test(hook), note_test(team_hook)

    def breaks(delivery: Delivery) -> Answered:
        if delivery.pk == broken.pk:
            raise RuntimeError
        return send(delivery)

    monkeypatch.setattr(services, "send", breaks)

    assert deliver_due() == 1

    assert (state(broken).state, state(fine).state) == ("waiting", "delivered")


# ── while a place is closed ──


def test_what_is_being_erased_tells_nobody_while_it_can_be_taken_back(
    vision: Project, lab: Entity, hook: Hook, team_hook: Hook, receiver: Receiver
) -> None:
    rows = [note_test(hook), note_test(team_hook)]
    for place, left in ((Project.objects.filter(pk=vision.pk), 1), (Entity.objects.filter(pk=lab.pk), 0)):
        place.update(erased_at=clock.now(), erasure_job=uuid.uuid4())
        assert len(due_deliveries(10)) == left

    assert not any(deliver(row.pk) for row in rows)
    for each in (hook, team_hook):
        tell_of_trouble(each.pk)
    assert (receiver.got, mail.outbox) == ([], [])


def test_what_has_waited_for_a_day_in_a_closed_place_is_not_told_later(
    lab: Entity, hook: Hook, receiver: Receiver, time_goes: Clock
) -> None:
    row = note_test(hook)
    Entity.objects.filter(pk=lab.pk).update(suspended_at=clock.now())
    time_goes.go(hours=23)
    forget_old()
    assert state(row).state == "waiting"
    time_goes.go(hours=2)

    forget_old()

    assert (state(row).state, row.trouble) == ("given_up", "off")
    Entity.objects.filter(pk=lab.pk).update(suspended_at=None)
    assert deliver_due() == 0 and receiver.got == []


def test_after_a_restore_none_sends_before_somebody_switches_it_on(
    run: Run, hook: Hook, team_hook: Hook, receiver: Receiver, by: Actor
) -> None:
    waiting = note_test(hook)
    job = erasing.erase_run(run, by=by)

    services.switch_all_off()
    switch_hook(state(hook), on=True, by=by)
    note_ended(job.public_id)

    assert deliver_due() == 0 and receiver.got == []
    assert (state(waiting).state, waiting.trouble, state(team_hook).is_on) == ("given_up", "off", False)
