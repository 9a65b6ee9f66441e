"""What the person who asks does: ask, answer, withdraw."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.accounts.queries import user_of
from apps.accounts.services import require_all_rights
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.core import clock
from apps.core.errors import Conflict, Invalid, NotFound, TooMuch
from apps.plans.models import PlanRequest
from apps.plans.queries import is_entitled, require_hosted
from apps.plans.services.steps import add_step, locked
from apps.plans.services.words import erase_words
from apps.plans.types import FREE_PLANS, OPEN_STATES, Act, Plan, RequestState, RequestWords
from apps.plans.words import ADDRESS, EVIDENCE, USE, checked, validate_address, validate_text
from apps.vault.seal import seal_text
from apps.vault.tree import create_node, discard_node, open_key, operator_node
from apps.vault.types import NodeId, NodeKind

MOST_A_WEEK = 5  # of one person: each one is a mail to the operators


def ask_for_plan(plan: Plan, words: RequestWords, *, by: Actor) -> PlanRequest:
    """Ask the operators for a free plan. One request at a time."""
    require_hosted()
    require_all_rights(by)
    user = user_of(by)
    words = RequestWords(
        address=checked(words.address, validate_address),
        use=checked(words.use, validate_text),
        evidence=checked(words.evidence, validate_text),
    )
    if plan not in FREE_PLANS:
        raise Invalid(_("This plan is not one to ask for here."))
    if is_entitled(by):
        raise Conflict(_("You have a plan already."))
    _require_few(user.pk)
    with _request_key() as node, transaction.atomic():
        row, key = uuid.uuid4(), open_key(node)
        request = PlanRequest(
            uuid=row,
            user=user,
            plan=plan.value,
            vault_node=node,
            sealed_address=seal_text(key, words.address, label=ADDRESS, row=row),
            sealed_use=seal_text(key, words.use, label=USE, row=row),
            sealed_evidence=seal_text(key, words.evidence, label=EVIDENCE, row=row),
        )
        try:
            with transaction.atomic():
                request.save()
        except IntegrityError:
            raise Conflict(_("You have asked already: there is an open request.")) from None
        add_step(request, Act.SENT, by=by)
        record(
            EventKind.PLAN_REQUESTED,
            subject=request.public_id,
            entity=user.public_id,
            by=by,
            plan=plan.value,
        )
    return request


@transaction.atomic
def answer_question(request: PlanRequest, text: str, *, by: Actor) -> PlanRequest:
    """Answer what the operators asked; it is their turn again."""
    request = _own(request, by, RequestState.ASKED)
    add_step(request, Act.ANSWERED, by=by, text=checked(text, validate_text))
    request.state = RequestState.OPEN.value
    request.save(update_fields=["state"])
    record(EventKind.PLAN_QUESTION_ANSWERED, subject=request.public_id, entity=by.audit_id, by=by)
    return request


def withdraw_of(user: User, *, by: Actor) -> None:
    """Take back the open request of somebody whose account is closed, in the transaction that closes it; the sweep erases its words."""
    for request in PlanRequest.objects.select_for_update().filter(user=user, closed_at=None):
        request.state, request.closed_at = RequestState.WITHDRAWN.value, clock.now()
        request.save(update_fields=["state", "closed_at"])
        add_step(request, Act.WITHDRAWN, by=by)
        record(EventKind.PLAN_REQUEST_WITHDRAWN, subject=request.public_id, entity=user.public_id, by=by)


def withdraw_request(request: PlanRequest, *, by: Actor) -> None:
    """Take one's request back; its words are erased."""
    with transaction.atomic():
        request = _own(request, by, *OPEN_STATES)
        request.state, request.closed_at = RequestState.WITHDRAWN.value, clock.now()
        request.save(update_fields=["state", "closed_at"])
        add_step(request, Act.WITHDRAWN, by=by)
        record(EventKind.PLAN_REQUEST_WITHDRAWN, subject=request.public_id, entity=by.audit_id, by=by)
    erase_words(request.pk)


def _own(request: PlanRequest, by: Actor, *states: RequestState) -> PlanRequest:
    require_hosted()
    require_all_rights(by)
    if request.user_id != by.user_id:
        raise NotFound("Not found.")
    return locked(request, *states)


def _require_few(user_id: int) -> None:
    since = clock.now() - timedelta(days=7)
    if PlanRequest.objects.filter(user_id=user_id, created_at__gt=since).count() >= MOST_A_WEEK:
        raise TooMuch(_("You have asked often this week. Ask again in some days."))


@contextmanager
def _request_key() -> Iterator[NodeId]:
    """A key for the request that the block stores; taken away again when the block fails."""
    node = create_node(NodeKind.REQUEST, parent=operator_node())
    try:
        yield node
    except BaseException:
        discard_node(node)
        raise
