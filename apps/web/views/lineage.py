"""What a version or a run came of, and what came of it."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from apps.access.policy import Permission
from apps.runs.queries import get_run, open_run
from apps.vault.damage import leaving_out_damaged
from apps.web.artifacts.lineage import asked_of, shown_lineage
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.views.artifacts import held_version, of_version
from apps.web.views.runs import frame


@require_safe
def of_artifact(
    request: Request, entity: str, project: str, kind: str, collection: str, version: str
) -> HttpResponse:
    """From a version over the runs that made and read it, as far as both sides go."""
    opened = held_version(request, entity, project, collection, version)
    with leaving_out_damaged() as damaged:
        context = of_version(request, opened)
        context |= shown_lineage(request.actor, opened.version, asked_of(request.GET))
    return render(
        request, "artifacts/lineage.html", context | {"reasons": [each.message for each in damaged]}
    )


@require_safe
def of_run(request: Request, entity: str, project: str, run: str) -> HttpResponse:
    """From a run over the versions that it read and made."""
    held = get_run(request.actor, Permission.FILE_READ, entity=entity, project=project, name=run)
    with leaving_out_damaged() as damaged:
        context = frame(request, open_run(held))
        context |= shown_lineage(request.actor, held, asked_of(request.GET))
    return render(
        request, "artifacts/lineage_of_run.html", context | {"reasons": [each.message for each in damaged]}
    )
