from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe


@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """That this process answers. It asks nothing of the stores: a full disk must not have the server restarted."""
    return HttpResponse("ok\n", content_type="text/plain")
