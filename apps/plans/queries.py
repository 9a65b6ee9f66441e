from __future__ import annotations

from django.db.models import Q

from apps.accounts.actors import Actor
from apps.core import clock
from apps.plans.models import Entitlement


def entitlement_of(actor: Actor) -> Entitlement | None:
    """The actor's own plan while it holds; asked anew each time, so that what is withdrawn ends at once."""
    if actor.user_id is None:
        return None
    holds = Q(until=None) | Q(until__gt=clock.now())
    return Entitlement.objects.filter(holds, user_id=actor.user_id).first()


def is_entitled(actor: Actor) -> bool:
    """Does a plan let the actor make teams?"""
    return entitlement_of(actor) is not None
