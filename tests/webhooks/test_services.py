"""Webhooks are made, tried, switched off and on, and removed."""

from __future__ import annotations

import pytest
from django.core import mail

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core.errors import Conflict, Invalid, NotFound, TooMuch
from apps.projects.models import Project
from apps.runs.models import Run
from apps.runs.services import finish_run
from apps.runs.types import RunState
from apps.teams.models import Entity
from apps.teams.services import hand_over
from apps.webhooks import services
from apps.webhooks.models import Delivery, Hook
from apps.webhooks.notices import tell_of_trouble
from apps.webhooks.outbox import note_test
from apps.webhooks.queries import get_hook, hooks_of, open_secret
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
from apps.webhooks.types import DeliveryState, Happening
from tests.webhooks.conftest import ALL, Clock, state
from tests.webhooks.receiver import Receiver

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_networks")]


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
