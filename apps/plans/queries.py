from __future__ import annotations

from django.conf import settings
from django.db.models import Min, Q, QuerySet

from apps.accounts.actors import Actor
from apps.accounts.queries import names_of_authors
from apps.core import clock
from apps.core.amounts import Amount, amount_of
from apps.core.errors import NotFound
from apps.plans.models import Entitlement, PlanRequest, RequestStep
from apps.plans.types import Act, OpenStep, RequestState, RequestWords
from apps.plans.words import ADDRESS, EVIDENCE, REASON, STEP, USE
from apps.teams.own import own_key
from apps.vault.errors import KeyGone
from apps.vault.keys import OpenKey
from apps.vault.seal import unseal_text
from apps.vault.tree import open_key
from apps.vault.types import NodeId


def entitlement_of(actor: Actor) -> Entitlement | None:
    """The actor's own plan while it holds; asked anew each time, so that what is withdrawn ends at once."""
    if actor.user_id is None:
        return None
    holds = Q(until=None) | Q(until__gt=clock.now())
    return Entitlement.objects.filter(holds, user_id=actor.user_id).first()


def is_entitled(actor: Actor) -> bool:
    """Does a plan let the actor make teams?"""
    return entitlement_of(actor) is not None


def require_hosted() -> None:
    """Where teams take no plan there is nothing to ask for."""
    if not settings.OWNLOG_HOSTED:
        raise NotFound("Not found.")


def newest_request(actor: Actor) -> PlanRequest | None:
    """The actor's own request: the open one, or else the one that was closed last."""
    require_hosted()
    if actor.user_id is None or not actor.has_all_rights:
        return None
    return PlanRequest.objects.filter(user_id=actor.user_id).order_by("-pk").first()


def kept_requests_of(actor: Actor) -> Amount:
    """The actor's own, on whatever instance: their words until the decision, what was asked and answered, states and times."""
    if actor.user_id is None:
        return Amount()
    rows = PlanRequest.objects.filter(user_id=actor.user_id)
    found, steps = amount_of(rows), amount_of(RequestStep.objects.filter(request__in=rows))
    first = rows.aggregate(first=Min("created_at"))["first"]
    return Amount(found.count, found.stored_bytes + steps.stored_bytes, first)


def requests_that_wait() -> QuerySet[PlanRequest]:
    """Those on which it is the operators' turn; for callers that asked for one."""
    return PlanRequest.objects.filter(state=RequestState.OPEN)


def open_request_of(actor: Actor) -> PlanRequest:
    found = newest_request(actor)
    if found is None or not found.is_open:
        raise NotFound("Not found.")
    return found


def words_of(request: PlanRequest) -> RequestWords | None:
    """What the request says; None once it was erased. For its author, and for `services.read_request`."""
    sealed = (request.sealed_address, request.sealed_use, request.sealed_evidence)
    try:
        key = open_key(NodeId(request.vault_node))
    except KeyGone:
        return None
    labels = (ADDRESS, USE, EVIDENCE)
    texts = [
        unseal_text(key, each, label=label, row=request.uuid) if each is not None else ""
        for each, label in zip(sealed, labels, strict=True)
    ]
    return RequestWords(*texts)


def steps_of(request: PlanRequest) -> list[OpenStep]:
    """Its history, the oldest first; questions and answers as long as the words are there."""
    steps = list(request.steps.order_by("pk"))
    names = names_of_authors(each.by for each in steps)
    key = _key_of(request)
    return [
        OpenStep(
            act=Act(each.act),
            by=names.get(each.by, ""),
            at=each.at,
            text=_text_of(each, key),
        )
        for each in steps
    ]


def text_of_step(step: RequestStep) -> str:
    """A question or an answer, while the words are there. For its author, as above."""
    return _text_of(step, _key_of(step.request))


def _text_of(step: RequestStep, key: OpenKey | None) -> str:
    if key is None or step.sealed_text is None:
        return ""
    return unseal_text(key, step.sealed_text, label=STEP, row=step.uuid)


def _key_of(request: PlanRequest) -> OpenKey | None:
    try:
        return open_key(NodeId(request.vault_node))
    except KeyGone:
        return None


def reason_of(request: PlanRequest) -> str:
    """What the operators said with their decision, for the person who asked: it lies under that person's key."""
    if request.sealed_reason is None:
        return ""
    try:
        return unseal_text(own_key(request.user_id), request.sealed_reason, label=REASON, row=request.uuid)
    except KeyGone:
        return ""
