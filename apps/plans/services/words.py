"""The end of a request's words: its key first."""

from __future__ import annotations

from django.db import transaction

from apps.accounts.actors import Actor
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.core import clock
from apps.plans.models import PlanRequest, RequestStep
from apps.vault.tree import erase_node
from apps.vault.types import NodeId


def erase_words(request_id: int) -> None:
    """Destroy the key of a closed request, then what it sealed. Doing it again, or half of it, is allowed."""
    request = PlanRequest.objects.filter(pk=request_id, closed_at__isnull=False, words_erased_at=None).first()
    if request is None:
        return
    # Should the process die behind this line, what is left is noise already, and the sweep clears it away.
    erase_node(NodeId(request.vault_node))
    with transaction.atomic():
        RequestStep.objects.filter(request=request).update(sealed_text=None)
        left = PlanRequest.objects.filter(pk=request.pk, words_erased_at=None)
        gone = left.update(
            sealed_address=None, sealed_use=None, sealed_evidence=None, words_erased_at=clock.now()
        )
        if gone:
            record(
                EventKind.PLAN_WORDS_ERASED,
                subject=request.public_id,
                entity=request.user.public_id,
                by=Actor.system(),
            )


def sweep_words() -> None:
    """Erase what a process that died between a decision and this left."""
    left = PlanRequest.objects.filter(closed_at__isnull=False, words_erased_at=None)
    for request_id in list(left.values_list("pk", flat=True)):
        erase_words(request_id)
