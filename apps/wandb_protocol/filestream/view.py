from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from apps.access.policy import Permission
from apps.runs.history import store
from apps.runs.queries import get_run_again
from apps.wandb_protocol.auth import person_of
from apps.wandb_protocol.body import read_body
from apps.wandb_protocol.errors import speaks_to_client
from apps.wandb_protocol.filestream.message import read_message

# The client fills a request with 10 MiB of lines and escapes them again: each quote and backslash then takes twice
# its place, a control character six times. It drops the rest of the run when a request is refused as too large.
_MOST_BYTES = 64 * 1024 * 1024


@csrf_exempt
@require_POST
@speaks_to_client
def file_stream(request: HttpRequest, entity: str, project: str, run: str) -> HttpResponse:
    """Take what the client has to say, durably, and tell it whether somebody wants the run to stop."""
    actor = person_of(request)
    target = get_run_again(actor, Permission.RUN_WRITE, entity=entity, project=project, name=run)
    message = read_message(read_body(request, most=_MOST_BYTES), request.headers)
    result = store.append(target, message, by=actor)
    return JsonResponse({"stopped": True} if result.is_stop_requested else {})
