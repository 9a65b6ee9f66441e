from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.db.models import Q, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils.translation import gettext as _

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core import clock
from apps.core.errors import NotFound
from apps.core.ids import is_public_id
from apps.core.pauses import is_over
from apps.core.waiting import Work, work_of
from apps.projects.gate import require as require_in_project
from apps.projects.models import Project
from apps.teams.gate import require
from apps.teams.models import Entity
from apps.vault.damage import leave_out
from apps.vault.errors import Tampered
from apps.vault.keys import OpenKey
from apps.vault.seal import unseal_text
from apps.vault.tree import open_key
from apps.vault.types import NodeId
from apps.webhooks.models import Delivery, Hook
from apps.webhooks.outside import Network
from apps.webhooks.types import LEASE, LONGEST_PAUSE, DeliveryState, Happening, Health, OpenHook

ADDRESS_LABEL = "webhook.address"
SECRET_LABEL = "webhook.secret"
MOST_DELIVERIES_SHOWN = 100
Owner = Entity | Project


def hooks_of(owner: Owner) -> list[OpenHook]:
    """The webhooks of a project held with PROJECT_ADMIN, or those of a whole entity held with ENTITY_ADMIN, the oldest first."""
    found = []
    for row in _of(owner).select_related("project__entity", "entity").order_by("pk"):
        try:
            found.append(open_hook(row))
        except Tampered as error:
            leave_out(error)
    return found


def damaged_hooks(owner: Owner, damaged: Iterable[Tampered]) -> list[Hook]:
    """Those that `hooks_of` left out: nobody knows any more where they lead, and they can be removed."""
    rows = [each.row for each in damaged if each.label == ADDRESS_LABEL]
    return list(_of(owner).filter(uuid__in=rows).order_by("pk"))


def get_hook(owner: Owner, public_id: str) -> Hook:
    """One of `hooks_of`."""
    rows = _of(owner).select_related("project__entity", "entity")
    hook = rows.filter(public_id=public_id).first() if is_public_id(public_id) else None
    if hook is None:
        raise NotFound(_("There is no such webhook."))
    return hook


def find_hook(actor: Actor, public_id: str) -> Hook:
    """The webhook with this opaque id, for who may change it."""
    rows = Hook.objects.select_related("project__entity", "entity").filter(
        Q(project=None) | Q(project__erased_at=None)
    )
    hook = rows.filter(public_id=public_id).first() if is_public_id(public_id) else None
    if hook is None:
        raise NotFound(_("There is no such webhook."))
    if hook.project is not None:
        require_in_project(actor, Permission.PROJECT_ADMIN, hook.project, what="webhook")
    else:
        require(actor, Permission.ENTITY_ADMIN, entity=hook.entity, what="webhook")
    return hook


def hooks_made_elsewhere(user: User) -> QuerySet[Hook]:
    """Those that somebody made in places of others, which stay with the place when their account is erased."""
    there = Q(project=None) | Q(project__erased_at=None)
    rows = Hook.objects.filter(there, created_by=user, entity__erased_at=None)
    return rows.exclude(entity__user=user)


def open_hook(hook: Hook) -> OpenHook:
    address = unseal_text(hook_key(hook), bytes(hook.sealed_address), label=ADDRESS_LABEL, row=hook.uuid)
    return OpenHook(hook, address, tuple(Happening(each) for each in hook.happenings.split()))


def open_secret(hook: Hook) -> str:
    return unseal_text(hook_key(hook), bytes(hook.sealed_secret), label=SECRET_LABEL, row=hook.uuid)


def hook_key(hook: Hook) -> OpenKey:
    return owner_key(hook.project or hook.entity)


def owner_key(owner: Owner) -> OpenKey:
    return open_key(NodeId(owner.vault_node))


def health_of(hook: Hook) -> Health:
    waiting = hook.deliveries.filter(state=DeliveryState.WAITING.value)
    return Health(
        is_on=hook.is_on,
        failing_since=hook.failing_since,
        next_try=hook.waits_until if hook.failures and hook.is_on else None,
        last_arrived=hook.arrived_at,
        waiting=waiting.count(),
    )


def deliveries_of(hook: Hook, *, most: int = MOST_DELIVERIES_SHOWN) -> list[Delivery]:
    """The last of a webhook that is held, the newest first. What waits for something to end is no delivery yet."""
    rows = hook.deliveries.exclude(state=DeliveryState.HELD.value)
    return list(rows.order_by("-pk")[:most])


def deliveries_that_wait() -> Work:
    """For the operators' page of jobs."""
    return work_of(
        _("Webhook deliveries"), Delivery.objects.filter(state=DeliveryState.WAITING.value), "due_at"
    )


def due_deliveries(most: int) -> list[int]:
    """The next of each webhook, the longest due first, then the second of each: none waits behind all that another one has.

    Of one that does not answer only the next, and not before its time.
    """
    now = clock.now()
    free = Delivery.objects.filter(may_be_tried(now), is_free(now))
    nth = Window(RowNumber(), partition_by="hook_id", order_by=["due_at", "pk"])
    found = free.annotate(nth=nth).filter(Q(nth=1) | Q(hook__failures=0), nth__lte=most)
    return list(found.order_by("nth", "due_at", "pk").values_list("pk", flat=True)[:most])


def is_free(now: datetime) -> Q:
    """Deliveries that wait, and that no worker is at. By the row's own columns alone: of two who claim one at once, one finds it taken."""
    return is_over("busy_until", now, longest=2 * LEASE) & Q(state=DeliveryState.WAITING.value)


def may_be_tried(now: datetime) -> Q:
    """Deliveries of webhooks that are told, and do not rest."""
    return is_told() & is_over("hook__waits_until", now, longest=2 * LONGEST_PAUSE)


def is_told() -> Q:
    """Deliveries of webhooks that are on, in places that are there for somebody: neither suspended nor being erased."""
    in_a_place = Q(hook__project=None) | Q(hook__project__erased_at=None)
    return in_a_place & Q(hook__is_on=True, hook__entity__suspended_at=None, hook__entity__erased_at=None)


def own_networks() -> tuple[Network, ...]:
    """Networks of the operator's own that webhooks may lead into."""
    return tuple(settings.OWNLOG_WEBHOOK_NETWORKS)


def _of(owner: Owner) -> QuerySet[Hook]:
    if isinstance(owner, Project):
        return Hook.objects.filter(project=owner)
    return Hook.objects.filter(entity=owner, project=None)
