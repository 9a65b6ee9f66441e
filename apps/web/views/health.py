from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from apps.erasure import alarms


@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """That this process answers. It asks nothing of the stores: a full disk must not have the server restarted."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def erasures(request: HttpRequest) -> HttpResponse:
    """Whether erasures keep their limits; 503 when they do not. For a monitor: nothing is restarted by it."""
    found = alarms.health()
    lines = [f"{found.late} erasures past their limit"] if found.late else []
    if found.denied:
        lines.append(f"{found.denied} erasures refused by a store")
    if found.uncleared:
        lines.append(f"{found.uncleared} erasures whose names the database does not let be cleared away")
    if found.epoch is not None:
        lines.append(f"epoch {found.epoch.number} broken off since {found.epoch.since:%Y-%m-%dT%H:%M:%SZ}")
    return HttpResponse(
        "\n".join([*lines, ""]) if lines else "ok\n",
        content_type="text/plain",
        status=200 if found.is_good else 503,
        headers={"Cache-Control": "no-store"},
    )
