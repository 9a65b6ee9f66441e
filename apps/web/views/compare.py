from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from apps.access.policy import Permission
from apps.core.errors import Invalid
from apps.projects.queries import get_project, open_project
from apps.runs.defined import Definitions
from apps.runs.queries import find_run, open_runs, runs_in
from apps.runs.table import select_runs
from apps.vault.damage import leaving_out_damaged
from apps.web.colours import run_colour, swatch_class, told_apart
from apps.web.comparing import compare as compared
from apps.web.drawn import names_logged
from apps.web.links import project_url, run_url
from apps.web.panels import MOST_PANELS, sections
from apps.web.rendering import render
from apps.web.request import Request

if TYPE_CHECKING:
    from apps.projects.models import Project
    from apps.runs.models import Run
    from apps.runs.types import OpenRun

MOST_RUNS = 24


@require_safe
def compare(request: Request, entity: str, project: str) -> HttpResponse:
    """Chosen runs as columns: the keys in which they differ, or all, with their charts under them."""
    held = get_project(request.actor, Permission.PROJECT_READ, entity=entity, name=project)
    with leaving_out_damaged() as damaged:
        runs = open_runs(_chosen(request, held))
        definitions = Definitions.of_runs(each.config_text for each in runs)
        names = names_logged((each.run for each in runs), definitions)
    everything = request.GET.get("all") == "1"
    opened = open_project(held)
    return render(
        request,
        "projects/compare.html",
        {
            "opened": opened,
            "url": project_url(opened.entity, opened.name),
            "is_team": held.entity.user_id is None,
            "total": select_runs(held, limit=0).total,
            "damaged": damaged,
            "columns": [
                _column(each, colour, entity, opened.name)
                for each, colour in zip(
                    runs, told_apart(run_colour(each.run.number) for each in runs), strict=True
                )
            ],
            "groups": compared(runs, everything=everything) if runs else [],
            "everything": everything,
            "chosen": ",".join(each.run.public_id for each in runs),
            "sections": sections(names),
            "definitions": definitions,
            "axes": names[:MOST_PANELS],
            "runs_query": "".join(f"&run={each.run.public_id}" for each in runs),
        },
    )


def _chosen(request: Request, project: Project) -> list[Run]:
    """The runs named in the address, by public id as the table names them, or by the client's id."""
    asked = [name for text in request.GET.getlist("runs") for name in text.split(",") if name.strip()]
    asked = list(dict.fromkeys(asked))[:MOST_RUNS]
    found = {run.public_id: run for run in runs_in(project, public_ids=asked)}
    return list({run.pk: run for name in asked if (run := found.get(name) or _named(project, name))}.values())


def _named(project: Project, name: str) -> Run | None:
    try:
        return find_run(project, name)
    except Invalid:
        return None


def _column(opened: OpenRun, colour: int, entity: str, project: str) -> dict[str, Any]:
    return {
        "run": opened.run,
        "title": opened.head.display_name or opened.head.name,
        "url": run_url(entity, project, opened.head.name),
        "colour": colour,
        "swatch": swatch_class(colour),
        "is_live": opened.run.state == "running",
    }
