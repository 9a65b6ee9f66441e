"""Webhooks made, switched and removed by admins, and their deliveries made good."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterable
from datetime import timedelta

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.core import background, clock
from apps.core.errors import Invalid, NotFound, TooMuch
from apps.projects.models import Project
from apps.teams.models import Entity
from apps.vault.seal import seal_text
from apps.webhooks.models import Delivery, Hook
from apps.webhooks.outbox import note_test
from apps.webhooks.outside import read_address
from apps.webhooks.queries import (
    ADDRESS_LABEL,
    SECRET_LABEL,
    Owner,
    due_deliveries,
    hook_key,
    hooks_made_elsewhere,
    is_free,
    is_told,
    may_be_tried,
    own_networks,
    owner_key,
)
from apps.webhooks.sending import send
from apps.webhooks.signing import new_secret
from apps.webhooks.types import LEASE, PAUSES, Answered, DeliveryState, Happening, Trouble

log = logging.getLogger(__name__)

MOST_HOOKS = 10
MOST_TESTS_WAITING = 3
MOST_TESTS_AN_HOUR = 20  # a button is no way to make this instance knock at somebody’s door
TRIED_FOR = timedelta(hours=24)
KEPT_FOR = timedelta(days=30)
_TURN_SECONDS = 20.0
# One that takes what it is sent, but slowly, has a tenth of a worker's time at most: the others wait behind it.
_SLOW_SECONDS, _RESTS = 2.0, 10
_STANDING = ["failures", "failing_since", "waits_until", "told_at"]
_SWEEP_BATCH = 200


# ── what admins do ──


@transaction.atomic
def make_hook(owner: Owner, address: str, *, happenings: Iterable[Happening], by: Actor) -> tuple[Hook, str]:
    """A webhook of a project held with PROJECT_ADMIN, or of an entity held with ENTITY_ADMIN, and the secret it signs with."""
    read_address(address, own_networks())
    chosen = _checked(happenings)
    entity = owner.entity if isinstance(owner, Project) else owner
    Entity.objects.select_for_update(no_key=True).get(pk=entity.pk)  # two at once would be one too many
    project = owner if isinstance(owner, Project) else None
    if Hook.objects.filter(entity=entity, project=project).count() >= MOST_HOOKS:
        raise TooMuch(_("There are at most %(n)d webhooks in one place.") % {"n": MOST_HOOKS})
    hook = Hook(
        uuid=uuid.uuid4(), entity=entity, project=project, happenings=chosen, created_by_id=by.user_id
    )
    key, secret = owner_key(owner), new_secret()
    hook.sealed_address = seal_text(key, address.strip(), label=ADDRESS_LABEL, row=hook.uuid)
    hook.sealed_secret = seal_text(key, secret, label=SECRET_LABEL, row=hook.uuid)
    hook.save(force_insert=True)
    _record(EventKind.WEBHOOK_MADE, hook, by)
    return hook, secret


def _checked(happenings: Iterable[Happening]) -> str:
    chosen = [each for each in Happening.chosen_among() if each in set(happenings)]
    if not chosen:
        raise Invalid(_("Choose at least one thing to be told of."))
    return " ".join(each.value for each in chosen)


@transaction.atomic
def renew_secret(hook: Hook, *, by: Actor) -> str:
    """Another secret for a webhook that is held, from the next try on; the one of before signs nothing any more."""
    secret = new_secret()
    hook.sealed_secret = seal_text(hook_key(hook), secret, label=SECRET_LABEL, row=hook.uuid)
    hook.save(update_fields=["sealed_secret"])
    _record(EventKind.WEBHOOK_CHANGED, hook, by, what="secret")
    return secret


@transaction.atomic
def switch_hook(hook: Hook, *, on: bool, by: Actor) -> None:
    """Stop telling, or go on. What would have been told meanwhile is not told later."""
    changed = Hook.objects.filter(pk=hook.pk, is_on=not on).update(
        is_on=on, failures=0, failing_since=None, waits_until=None, told_at=None
    )
    if changed:
        if not on:
            _give_up(hook.deliveries.all(), Trouble.OFF)
        _record(EventKind.WEBHOOK_CHANGED, hook, by, what="on" if on else "off")


@transaction.atomic
def remove_hook(hook: Hook, *, by: Actor) -> None:
    """End a webhook with its secret and the list of its deliveries. Twice changes nothing."""
    # Whoever is about to tell it of something is waited for, so that this goes with it.
    held = Hook.objects.select_for_update().filter(pk=hook.pk).first()
    if held is not None:
        held.delete()
        _record(EventKind.WEBHOOK_REMOVED, hook, by)


@transaction.atomic
def send_test(hook: Hook) -> Delivery:
    """Send a delivery that says nothing but that it is one, also where others wait for the address to answer."""
    tests = hook.deliveries.filter(happening=Happening.TEST.value)
    if not hook.is_on:
        raise Invalid(_("Switch it on first."))
    if tests.filter(state=DeliveryState.WAITING.value).count() >= MOST_TESTS_WAITING:
        raise TooMuch(_("Tests are on their way already. Wait for what becomes of them."))
    if tests.filter(created_at__gt=clock.now() - timedelta(hours=1)).count() >= MOST_TESTS_AN_HOUR:
        raise TooMuch(_("There are at most %(n)d tests an hour.") % {"n": MOST_TESTS_AN_HOUR})
    if not Hook.objects.filter(pk=hook.pk).update(waits_until=None):  # which keeps it until this is over
        raise NotFound(_("There is no such webhook."))
    return note_test(hook)


def _record(kind: EventKind, hook: Hook, by: Actor, **facts: str) -> None:
    project = hook.project.public_id if hook.project is not None else ""
    record(kind, subject=hook.public_id, entity=hook.entity.public_id, project=project, by=by, **facts)


def note_maker_left(user: User, *, by: Actor) -> int:
    """Inside the transaction that closes somebody's account. What they made in places of others is the place's, and goes on: its
    record says of each that whoever made it is gone, and its trouble is told to all admins from then on. How many there are."""
    return _note_of_maker(user, by=by, what="maker_left")


def note_maker_back(user: User, *, by: Actor) -> int:
    """And that they are back."""
    return _note_of_maker(user, by=by, what="maker_back")


def _note_of_maker(user: User, *, by: Actor, what: str) -> int:
    hooks = list(hooks_made_elsewhere(user).select_related("project", "entity").order_by("pk"))
    for hook in hooks:
        _record(EventKind.WEBHOOK_CHANGED, hook, by, what=what)
    return len(hooks)


@transaction.atomic
def switch_all_off() -> None:
    """After a restore: what was switched off, removed or sent since the backup was made is not known any more."""
    _give_up(Delivery.objects.all(), Trouble.OFF)
    Hook.objects.update(is_on=False)


# ── what the worker does ──


def deliver(delivery_id: int) -> bool:
    """Try one delivery, if it is due. Whoever dies in here has tried, perhaps with success: it is tried again under the same id."""
    row = _claim(delivery_id)
    if row is None:
        return False
    began = time.monotonic()
    answered = send(row)
    _settle(row, answered, time.monotonic() - began)
    return True


def deliver_due() -> int:
    """Try what is due, for one turn: messages may be lost, and pauses end. Returns how many were tried."""
    ends, tried = time.monotonic() + _TURN_SECONDS, 0
    for pk in due_deliveries(_SWEEP_BATCH):
        if time.monotonic() > ends:
            break
        try:
            tried += deliver(pk)
        except Exception as error:  # noqa: BLE001  (one that cannot be tried must not keep the others waiting)
            log.error("delivery broke off: delivery=%s error=%s", pk, type(error).__name__)
    return tried


def forget_old() -> None:
    """What became of deliveries a month ago; and what has waited for a day where nobody is told of anything meanwhile."""
    late = Delivery.objects.filter(due_at__lt=clock.now() - TRIED_FOR).exclude(is_told())
    _give_up(late, Trouble.OFF)
    Delivery.objects.filter(done_at__lt=clock.now() - KEPT_FOR).delete()


def _claim(delivery_id: int) -> Delivery | None:
    now = clock.now()
    rows = Delivery.objects.select_related("hook__project__entity", "hook__entity")
    row = rows.filter(may_be_tried(now), pk=delivery_id).first()
    if row is None:
        return None
    mine = Delivery.objects.filter(is_free(now), pk=delivery_id)
    return row if mine.update(busy_until=now + LEASE, tries=F("tries") + 1, tried_at=now) else None


@transaction.atomic
def _settle(row: Delivery, answered: Answered, seconds: float) -> None:
    """The webhook first, then its deliveries, as whoever switches it off takes them."""
    hook = Hook.objects.select_for_update(no_key=True).filter(pk=row.hook_id).first()
    if hook is None:
        return
    now = clock.now()
    mine = Delivery.objects.filter(pk=row.pk, state=DeliveryState.WAITING.value)
    mine.update(status=answered.status, trouble=answered.trouble or "", busy_until=None)
    if answered.is_taken:
        mine.update(state=DeliveryState.DELIVERED.value, done_at=now)
        hook.failures, hook.failing_since, hook.told_at, hook.arrived_at = 0, None, None, now
        hook.waits_until = now + timedelta(seconds=_RESTS * seconds) if seconds > _SLOW_SECONDS else None
        hook.save(update_fields=[*_STANDING, "arrived_at"])
    elif answered.trouble is Trouble.GONE:
        mine.update(state=DeliveryState.GIVEN_UP.value, done_at=now)
        switch_hook(row.hook, on=False, by=Actor.system())
        _tell(hook)
    else:
        _pause(hook)


def _pause(hook: Hook) -> None:
    """It did not answer: all that waits for it waits longer each time, and what waited for a day is given up."""
    now = clock.now()
    pause = PAUSES[min(hook.failures, len(PAUSES) - 1)]
    hook.failures += 1
    hook.failing_since, hook.waits_until = hook.failing_since or now, now + pause
    hook.save(update_fields=_STANDING)
    waiting = hook.deliveries.filter(state=DeliveryState.WAITING.value)
    late = waiting.filter(due_at__lt=hook.waits_until - TRIED_FOR)
    if late.update(state=DeliveryState.GIVEN_UP.value, done_at=now, busy_until=None):
        _tell(hook)


def _give_up(rows: QuerySet[Delivery], trouble: Trouble) -> None:
    waiting = rows.filter(state__in=[DeliveryState.WAITING.value, DeliveryState.HELD.value])
    waiting.update(
        state=DeliveryState.GIVEN_UP.value, trouble=trouble.value, done_at=clock.now(), busy_until=None
    )


def _tell(hook: Hook) -> None:
    """Its owner, once until something arrives again."""
    if Hook.objects.filter(pk=hook.pk, told_at=None).update(told_at=clock.now()):
        background.enqueue("webhooks.tell_of_trouble", hook_id=hook.pk)
