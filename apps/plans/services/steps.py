"""What every act on a request begins and ends with: its row held, its history longer by a line."""

from __future__ import annotations

import uuid

from django.utils.translation import gettext as _

from apps.accounts.actors import Actor
from apps.core import background
from apps.core.address import instance_address
from apps.core.errors import Conflict
from apps.plans.models import PlanRequest, RequestStep
from apps.plans.types import Act, RequestState
from apps.plans.words import STEP
from apps.vault.seal import seal_text
from apps.vault.tree import open_key
from apps.vault.types import NodeId


def locked(request: PlanRequest, *states: RequestState) -> PlanRequest:
    """The request as it is now, held until the end of the transaction; Conflict when it is in no such state."""
    fresh = PlanRequest.objects.select_for_update(no_key=True, of=("self",)).select_related("user")
    found = fresh.filter(pk=request.pk).first()
    if found is None or found.state not in states:
        raise Conflict(_("The request is not in a state for this any more. Look at it again."))
    return found


def add_step(request: PlanRequest, act: Act, *, by: Actor, text: str = "") -> None:
    """A line of the request's history, and the mail about it. `text` is sealed under the request's key."""
    row = uuid.uuid4()
    sealed = seal_text(open_key(NodeId(request.vault_node)), text, label=STEP, row=row) if text else None
    step = RequestStep.objects.create(
        uuid=row, request=request, act=act.value, by=by.audit_id, sealed_text=sealed
    )
    background.enqueue("plans.tell", step_id=step.pk, base=instance_address())
