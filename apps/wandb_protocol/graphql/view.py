from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from apps.accounts.actors import Actor
from apps.core import jsontext
from apps.core.errors import Invalid, Unavailable
from apps.core.strangers import reading_of_a_stranger
from apps.wandb_protocol.auth import actor_of
from apps.wandb_protocol.body import read_body
from apps.wandb_protocol.errors import TRY_LATER, dump, speaks_to_client
from apps.wandb_protocol.filestream.message import is_shared_mode
from apps.wandb_protocol.graphql.context import Context
from apps.wandb_protocol.graphql.engine import NotNow, answer
from apps.wandb_protocol.signing import base_url

# Who has no key asks small questions; what a large body opens up to is many times its size.
_MOST_BYTES_OF_NOBODY = 128 * 1024


@csrf_exempt
@require_POST
@speaks_to_client
def graphql(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    context = Context(actor=actor, base_url=base_url(request), is_shared=is_shared_mode(request.headers))
    query, variables, operation_name = _asked(_body(request, actor))
    try:
        answered = answer(query, variables=variables, operation_name=operation_name, context=context)
    except NotNow as error:
        raise Unavailable(TRY_LATER) from error
    return HttpResponse(dump(answered), content_type="application/json")


def _body(request: HttpRequest, actor: Actor) -> bytes:
    if actor.is_signed_in:
        return read_body(request)
    with reading_of_a_stranger():
        return read_body(request, most=_MOST_BYTES_OF_NOBODY)


def _asked(body: bytes) -> tuple[str, dict[str, Any], str | None]:
    """Query, variables and operation name; the client sends an empty name where it means none."""
    request = jsontext.loads(body)
    if not isinstance(request, dict):
        raise Invalid("The body must be a JSON object.")
    query, variables, name = request.get("query"), request.get("variables"), request.get("operationName")
    if not isinstance(query, str) or not isinstance(variables or {}, dict) or not isinstance(name or "", str):
        raise Invalid("The body must hold a query, and perhaps variables and an operation name.")
    return query, variables or {}, name or None
