"""What operators do with a request: read, ask, decide. Whoever is none is refused before a word is opened."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from apps.accounts.actors import Actor
from apps.accounts.queries import require_operator
from apps.audit.events import EventKind
from apps.audit.repeats import Subject, count
from apps.audit.services import record
from apps.core import clock
from apps.core.errors import Conflict, NotFound
from apps.plans.models import PlanRequest
from apps.plans.queries import steps_of, words_of
from apps.plans.services.entitlements import grant_plan
from apps.plans.services.steps import add_step, locked
from apps.plans.services.words import erase_words
from apps.plans.types import OPEN_STATES, Act, OpenStep, Plan, RequestState, RequestWords
from apps.plans.words import REASON, checked, validate_text
from apps.teams.own import own_key
from apps.vault.seal import seal_text


def read_request(pk: int, *, by: Actor) -> tuple[PlanRequest, RequestWords | None, list[OpenStep]]:
    """A request with its words, as long as it has some. That they were read is told to whoever wrote them."""
    require_operator(by)
    request = PlanRequest.objects.select_related("user").filter(pk=pk).first()
    if request is None:
        raise NotFound("Not found.")
    words = words_of(request)
    if words is not None:
        count(EventKind.ADMIN_READ_REQUEST, [Subject(request.public_id, request.user.public_id)], by=by)
    return request, words, steps_of(request)


@transaction.atomic
def ask_question(request: PlanRequest, text: str, *, by: Actor) -> None:
    """Ask whoever asked. The request stays open; they answer on its page."""
    require_operator(by)
    request = locked(request, *OPEN_STATES)
    _require_active(request)
    add_step(request, Act.ASKED, by=by, text=checked(text, validate_text))
    request.state = RequestState.ASKED.value
    request.save(update_fields=["state"])
    _note(EventKind.PLAN_QUESTION_ASKED, request, by)


def approve_request(
    request: PlanRequest, *, by: Actor, reason: str = "", until: datetime | None = None
) -> None:
    """Give the plan, until its last moment where there is one; the request's words are erased."""
    require_operator(by)
    with transaction.atomic():
        request = locked(request, *OPEN_STATES)
        _require_active(request)
        grant_plan(request.user, Plan(request.plan), by=by, until=until)
        _close(request, RequestState.APPROVED, Act.APPROVED, reason, by)
        _note(EventKind.PLAN_REQUEST_APPROVED, request, by)
    erase_words(request.pk)


def decline_request(request: PlanRequest, *, by: Actor, reason: str = "") -> None:
    """Give no plan; the request's words are erased. They may ask again."""
    require_operator(by)
    with transaction.atomic():
        request = locked(request, *OPEN_STATES)
        _close(request, RequestState.DECLINED, Act.DECLINED, reason, by)
        _note(EventKind.PLAN_REQUEST_DECLINED, request, by)
    erase_words(request.pk)


def _close(request: PlanRequest, state: RequestState, act: Act, reason: str, by: Actor) -> None:
    request.state, request.closed_at = state.value, clock.now()
    if reason:
        # Not under the request's key, which ends now: the decision is said to the person, and theirs from here on.
        text = checked(reason, validate_text)
        request.sealed_reason = seal_text(own_key(request.user_id), text, label=REASON, row=request.uuid)
    request.save(update_fields=["state", "closed_at", "sealed_reason"])
    add_step(request, act, by=by)


def _require_active(request: PlanRequest) -> None:
    if not request.user.is_active:
        raise Conflict(_("Their account is suspended. Reactivate it first, or decline."))


def _note(kind: EventKind, request: PlanRequest, by: Actor) -> None:
    record(kind, subject=request.public_id, entity=request.user.public_id, by=by, plan=request.plan)
