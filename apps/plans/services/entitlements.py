from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from apps.accounts.actors import SYSTEM_ID, Actor
from apps.accounts.models import User
from apps.accounts.queries import require_operator
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.core import clock
from apps.core.errors import Invalid
from apps.plans.models import Entitlement
from apps.plans.types import Plan


@transaction.atomic
def grant_plan(user: User, plan: Plan, *, by: Actor, until: datetime | None = None) -> Entitlement:
    """Let a person make teams. A plan that they have is replaced."""
    _require_operator(by)
    if until is not None and until <= clock.now():
        raise Invalid(_("The last day is over already."))
    granted, _made = Entitlement.objects.update_or_create(
        user=user,
        defaults={
            "plan": plan.value,
            "granted_by_id": by.user_id,
            "granted_at": clock.now(),
            "until": until,
        },
    )
    record(EventKind.PLAN_GRANTED, subject=user.public_id, entity=user.public_id, by=by, plan=plan.value)
    return granted


@transaction.atomic
def withdraw_plan(entitlement: Entitlement, *, by: Actor) -> None:
    """No more teams can be made with it; those that were made stay. Twice is allowed."""
    _require_operator(by)
    ended, _rows = Entitlement.objects.filter(pk=entitlement.pk).delete()
    if ended:
        person = entitlement.user.public_id
        record(EventKind.PLAN_WITHDRAWN, subject=person, entity=person, by=by, plan=entitlement.plan)


def _require_operator(by: Actor) -> None:
    """Whoever can run a command on the instance's machine operates it; others show it by their session."""
    if by.audit_id != SYSTEM_ID:
        require_operator(by)
