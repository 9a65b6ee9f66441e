from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from apps.access.policy import Permission
from apps.runs.history import store
from apps.runs.queries import get_run
from apps.wandb_protocol.auth import person_of
from apps.wandb_protocol.body import read_body
from apps.wandb_protocol.errors import speaks_to_client
from apps.wandb_protocol.filestream.message import read_message


@csrf_exempt
@require_POST
@speaks_to_client
def file_stream(request: HttpRequest, entity: str, project: str, run: str) -> HttpResponse:
    """Take what the client has to say, durably, and tell it whether somebody wants the run to stop."""
    actor = person_of(request)
    target = get_run(actor, Permission.RUN_WRITE, entity=entity, project=project, name=run)
    result = store.append(target, read_message(read_body(request), request.headers), by=actor)
    return JsonResponse({"stopped": True} if result.is_stop_requested else {})
