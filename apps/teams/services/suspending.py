from __future__ import annotations

from django.db import transaction

from apps.accounts.actors import Actor
from apps.accounts.queries import require_operator
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.core import clock
from apps.teams.models import Entity


@transaction.atomic
def suspend_entity(entity: Entity, *, by: Actor) -> None:
    """Close all that a person or a team owns, to everybody, from the next request on. It is kept as it is."""
    require_operator(by)
    if Entity.objects.filter(pk=entity.pk, suspended_at=None).update(suspended_at=clock.now()):
        record(EventKind.ENTITY_SUSPENDED, subject=entity.public_id, entity=entity.public_id, by=by)


@transaction.atomic
def reactivate_entity(entity: Entity, *, by: Actor) -> None:
    require_operator(by)
    if Entity.objects.filter(pk=entity.pk, suspended_at__isnull=False).update(suspended_at=None):
        record(EventKind.ENTITY_REACTIVATED, subject=entity.public_id, entity=entity.public_id, by=by)
