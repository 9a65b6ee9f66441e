from __future__ import annotations

import ipaddress
import json
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from django.core import mail
from django.db import transaction
from pytest_django.fixtures import Settings

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.services import link_version
from apps.core import clock
from apps.core.errors import Conflict, Invalid, NotFound, TooMuch
from apps.erasure import services as erasing
from apps.erasure.ladder import STEPS
from apps.erasure.taking_back import take_back
from apps.erasure.teams import erase_team
from apps.projects.models import Project
from apps.projects.services import update_project
from apps.runs.alerts import raise_alert
from apps.runs.models import Run
from apps.runs.services import finish_run, mark_silent_runs
from apps.runs.types import AlertLevel, RunState
from apps.teams.choices import SettingName
from apps.teams.models import Entity
from apps.teams.queries import own_entity
from apps.teams.services import choose, hand_over
from apps.webhooks import services, tasks
from apps.webhooks.models import Delivery, Hook
from apps.webhooks.notices import tell_of_trouble
from apps.webhooks.outbox import note_ended, note_test
from apps.webhooks.queries import due_deliveries, get_hook, hooks_of, open_secret
from apps.webhooks.sending import body_of, send
from apps.webhooks.services import (
    deliver,
    deliver_due,
    forget_old,
    make_hook,
    remove_hook,
    renew_secret,
    send_test,
    switch_hook,
)
from apps.webhooks.types import Answered, DeliveryState, Happening, Trouble
from config.launch.worker import THREADS
from tests.factories import artifacts, work
from tests.webhooks.receiver import Receiver

pytestmark = pytest.mark.django_db
Committed = Callable[..., Any]
ALL = Happening.chosen_among()


class Clock:
    """The product's, which a test moves on."""

    def __init__(self) -> None:
        self.moment = datetime.now(UTC)

    def now(self) -> datetime:
        return self.moment

    def go(self, **by: float) -> None:
        self.moment += timedelta(**by)


@pytest.fixture
def time_goes(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(clock, "now", made.now)
    return made


@pytest.fixture(autouse=True)
def _own_networks(settings: Settings) -> None:
    settings.OWNLOG_WEBHOOK_NETWORKS = (ipaddress.ip_network("127.0.0.1/32"),)
    settings.OWNLOG_BASE_URL = "https://logs.example.org"


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.person(alice)


@pytest.fixture
def address(receiver: Receiver) -> str:
    return f"http://127.0.0.1:{receiver.port}/hook"


@pytest.fixture
def hook(vision: Project, address: str, by: Actor) -> Hook:
    return make_hook(vision, address, happenings=ALL, by=by)[0]


@pytest.fixture
def team_hook(lab: Entity, address: str, by: Actor) -> Hook:
    return make_hook(lab, address, happenings=ALL, by=by)[0]


def state(row: Delivery | Hook) -> Any:
    row.refresh_from_db()
    return row


def one(hook: Hook) -> Delivery:
    return Delivery.objects.get(hook=hook)


# ── what is noted ──


def test_address_and_secret_are_sealed_and_come_back(vision: Project, address: str, by: Actor) -> None:
    hook, secret = make_hook(vision, f" {address} ", happenings=[Happening.RUN_FINISHED], by=by)

    (opened,) = hooks_of(vision)
    assert (opened.address, opened.happenings, open_secret(hook)) == (
        address,
        (Happening.RUN_FINISHED,),
        secret,
    )
    stored = bytes(hook.sealed_address) + bytes(hook.sealed_secret)
    assert address.encode() not in stored and secret.encode() not in stored
    assert secret.startswith("whsec_")


def test_a_run_that_ends_is_told_as_it_ends_or_not_at_all(
    run: Run, hook: Hook, team_hook: Hook, by: Actor
) -> None:
    with transaction.atomic():
        finish_run(run, state=RunState.FINISHED, by=by)
        assert Delivery.objects.count() == 2
        transaction.set_rollback(True)

    assert not Delivery.objects.exists()

    finish_run(run, state=RunState.FAILED, by=by)
    finish_run(run, state=RunState.FAILED, by=by)  # the client retries

    rows = Delivery.objects.order_by("hook")
    assert [(row.hook_id, row.happening, row.state) for row in rows] == [
        (hook.pk, "run.finished", "waiting"),
        (team_hook.pk, "run.finished", "waiting"),
    ]
    assert rows[0].facts == {
        "entity": run.project.entity.public_id,
        "project": run.project.public_id,
        "run": run.public_id,
        "state": "failed",
    }


def test_a_run_whose_client_fell_silent_has_ended_too(run: Run, hook: Hook) -> None:
    Run.objects.filter(pk=run.pk).update(heartbeat_at=clock.now() - timedelta(minutes=6))

    assert mark_silent_runs() == 1

    assert one(hook).facts == {
        "entity": run.project.entity.public_id,
        "project": run.project.public_id,
        "run": run.public_id,
        "state": "crashed",
    }


def test_whoever_is_elsewhere_or_chose_otherwise_hears_nothing(
    run: Run, lab: Entity, alice: User, address: str, by: Actor
) -> None:
    beside = work.project("lab", "beside", by=alice)
    make_hook(beside, address, happenings=ALL, by=by)
    make_hook(own_entity(by), address, happenings=ALL, by=by)
    make_hook(lab, address, happenings=[Happening.RUN_ALERT], by=by)

    finish_run(run, state=RunState.FINISHED, by=by)

    assert not Delivery.objects.exists()


def test_an_alert_is_told_once_however_often_it_is_raised(run: Run, hook: Hook, by: Actor) -> None:
    for text in ("marker one", "marker two"):
        made = raise_alert(
            run, title="marker", text=text, level=AlertLevel.ERROR, wait=timedelta(hours=1), by=by
        )
    assert made is not None

    row = one(hook)
    assert (row.happening, row.facts["alert"], row.facts["run"]) == (
        "run.alert",
        made.public_id,
        run.public_id,
    )
    assert b"marker" not in body_of(row) and b"ERROR" not in body_of(row)


def test_a_link_is_told_where_it_is_and_where_the_version_was_made(
    vision: Project, hook: Hook, team_hook: Hook, alice: User, address: str, by: Actor
) -> None:
    shelf = work.project("lab", "shelf", by=alice)
    there, _ = make_hook(shelf, address, happenings=[Happening.ARTIFACT_LINKED], by=by)
    version = artifacts.version(vision, "ds", {"a.txt": b"a"}, by=by)

    link_version(version, shelf, name="best", aliases=[], by=by)
    link_version(version, shelf, name="best", aliases=["again"], by=by)

    told = {row.hook_id: row.facts for row in Delivery.objects.filter(happening="artifact.linked")}
    assert set(told) == {hook.pk, team_hook.pk, there.pk}
    assert Delivery.objects.filter(happening="artifact.linked").count() == 3
    assert {facts["version"] for facts in told.values()} == {version.public_id}


def test_an_erasure_is_told_when_it_is_done_and_not_before(
    run: Run, hook: Hook, team_hook: Hook, by: Actor
) -> None:
    job = erasing.erase_run(run, by=by)
    assert {row.state for row in Delivery.objects.all()} == {"held"}
    assert list(due_deliveries(10)) == []

    for _twice in range(2):
        note_ended(job.public_id)

    rows = Delivery.objects.filter(happening="erasure.done")
    assert {(row.hook_id, row.state) for row in rows} == {(hook.pk, "waiting"), (team_hook.pk, "waiting")}
    body = json.loads(body_of(rows[0]))
    assert body["data"]["url"] == f"https://logs.example.org/settings/erasures/{job.public_id}"
    assert body["data"]["scope"] == "runs"


def test_the_last_step_of_an_erasure_tells(
    run: Run, team_hook: Hook, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = erasing.erase_run(run, by=by)
    for name in list(STEPS):
        monkeypatch.setitem(STEPS, name, lambda _job, _beat: None)

    erasing.advance(job.pk)

    assert one(team_hook).state == "waiting"


def test_a_project_that_is_erased_takes_its_webhooks_with_it(
    vision: Project, hook: Hook, team_hook: Hook, by: Actor
) -> None:
    job = erasing.erase_project(vision, by=by)
    for step in list(STEPS)[:4]:  # the wait, keys, bytes, rows
        STEPS[step](job, lambda: None)

    assert list(Hook.objects.values_list("pk", flat=True)) == [team_hook.pk]
    assert [row.hook_id for row in Delivery.objects.all()] == [team_hook.pk]


def test_a_team_that_is_erased_takes_those_of_all_its_projects_with_it(
    lab: Entity, hook: Hook, team_hook: Hook, by: Actor
) -> None:
    job = erase_team(lab, by=by, at_once=True)
    for step in list(STEPS)[:4]:
        STEPS[step](job, lambda: None)

    assert (Hook.objects.count(), Delivery.objects.count()) == (0, 0)


def test_an_erasure_that_is_taken_back_is_told_to_nobody(
    run: Run, lab: Entity, hook: Hook, by: Actor
) -> None:
    choose(lab, SettingName.GRACE_DAYS, 3, by=by)
    job = erasing.erase_run(run, by=by)
    assert one(hook).state == "held"

    take_back(by, public_id=job.public_id)

    assert Delivery.objects.count() == 0


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


# ── who looks after it ──


def test_another_secret_signs_from_then_on(hook: Hook, by: Actor) -> None:
    before = open_secret(hook)

    after = renew_secret(hook, by=by)

    assert open_secret(state(hook)) == after != before


def test_while_it_is_off_nothing_is_told_and_nothing_is_made_up_for(
    run: Run, hook: Hook, receiver: Receiver, by: Actor
) -> None:
    waiting = note_test(hook)
    switch_hook(hook, on=False, by=by)
    finish_run(run, state=RunState.FINISHED, by=by)
    with pytest.raises(Invalid):
        send_test(state(hook))

    switch_hook(hook, on=True, by=by)

    assert (state(waiting).state, waiting.trouble) == ("given_up", "off")
    assert deliver_due() == 0 and Delivery.objects.count() == 1
    assert send_test(state(hook)).state == DeliveryState.WAITING


def test_a_test_is_tried_at_once_and_not_piled_up(hook: Hook, receiver: Receiver, time_goes: Clock) -> None:
    receiver.answers = [500, 200]
    deliver(send_test(hook).pk)

    deliver(send_test(state(hook)).pk)

    assert len(receiver.got) == 2
    for _n in range(2):
        send_test(hook)
    with pytest.raises(TooMuch):
        send_test(hook)


def test_there_are_so_many_tests_an_hour(
    hook: Hook, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MOST_TESTS_AN_HOUR", 2)
    for _n in range(2):
        deliver(send_test(hook).pk)

    with pytest.raises(TooMuch):
        send_test(hook)

    assert len(receiver.got) == 2


def test_there_are_so_many_in_one_place(vision: Project, by: Actor) -> None:
    for n in range(services.MOST_HOOKS):
        make_hook(vision, f"https://example.com/{n}", happenings=ALL, by=by)

    with pytest.raises(TooMuch):
        make_hook(vision, "https://example.com/x", happenings=ALL, by=by)


@pytest.mark.parametrize(
    ("address", "happenings"),
    [
        ("https://10.0.0.1/", ALL),
        ("x", ALL),
        ("https://example.com/", []),
        ("https://example.com/", [Happening.TEST]),
    ],
)
def test_nonsense_makes_none(vision: Project, by: Actor, address: str, happenings: list[Happening]) -> None:
    with pytest.raises((Invalid, Conflict)):
        make_hook(vision, address, happenings=happenings, by=by)

    assert not Hook.objects.exists()


def test_one_is_found_in_its_place_alone(vision: Project, lab: Entity, hook: Hook, team_hook: Hook) -> None:
    assert get_hook(vision, hook.public_id) == hook and get_hook(lab, team_hook.public_id) == team_hook
    for place, public_id in ((lab, hook.public_id), (vision, team_hook.public_id), (vision, "x" * 20)):
        with pytest.raises(NotFound):
            get_hook(place, public_id)


def test_one_that_is_removed_takes_its_list_with_it(hook: Hook, by: Actor) -> None:
    note_test(hook)

    for _twice in range(2):
        remove_hook(hook, by=by)

    assert not Hook.objects.exists() and not Delivery.objects.exists()


def test_where_the_maker_is_no_admin_any_more_the_admins_hear_of_trouble(
    lab: Entity, bob: User, hook: Hook, by: Actor
) -> None:
    hand_over(lab, to="bob", by=by)
    mail.outbox.clear()

    tell_of_trouble(hook.pk)

    assert [message.to for message in mail.outbox] == [["bob@example.com"]]


def test_what_became_of_it_is_forgotten_after_a_month(
    hook: Hook, receiver: Receiver, time_goes: Clock
) -> None:
    old = note_test(hook)
    deliver(old.pk)
    time_goes.go(days=31)
    new = note_test(hook)

    forget_old()

    assert list(Delivery.objects.values_list("pk", flat=True)) == [new.pk]
