from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from apps.wandb_protocol.errors import answer


@csrf_exempt
def no_such_service(request: HttpRequest) -> HttpResponse:
    """404 for what other servers offer to the client and this one does not."""
    return answer(404, "This server does not offer this.", code="not_found")
