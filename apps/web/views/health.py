from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from apps.core import clock
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


@require_safe
def measures(request: HttpRequest) -> HttpResponse:
    """The same as numbers, in the text format of Prometheus. Counts and seconds alone: no name, no id, no label."""
    found = alarms.measures()
    epoch = found.health.epoch
    broken_off = int((clock.now() - epoch.since).total_seconds()) if epoch is not None else 0
    told = {
        "unfinished": (found.unfinished, "Erasures that may be worked on and have no receipt yet."),
        "oldest_seconds": (found.oldest, "For how long the oldest of them has been due."),
        "late": (found.health.late, "Erasures past their limit."),
        "denied": (found.health.denied, "Erasures refused by a store."),
        "uncleared": (
            found.health.uncleared,
            "Erasures whose names the database does not let be cleared away.",
        ),
        "epoch_broken_off_seconds": (
            broken_off,
            "For how long an epoch has been broken off; 0 where none is.",
        ),
    }
    lines = [
        f"# HELP ownlog_erasures_{name} {words}\n# TYPE ownlog_erasures_{name} gauge\nownlog_erasures_{name} {value}\n"
        for name, (value, words) in told.items()
    ]
    return HttpResponse(
        "".join(lines),
        content_type="text/plain; version=0.0.4; charset=utf-8",
        headers={"Cache-Control": "no-store"},
    )
