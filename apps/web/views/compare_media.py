"""The same media of several runs side by side."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from apps.access.policy import Permission
from apps.files.media.reading import media_keys
from apps.projects.queries import get_project, open_project
from apps.runs.queries import open_runs
from apps.runs.table import select_runs
from apps.vault.damage import leaving_out_damaged
from apps.web.colours import run_colour, swatch_class, told_apart
from apps.web.comparing import title_of
from apps.web.drawn import keys_that_open
from apps.web.links import project_url, run_url
from apps.web.media.panels import Panel, over_each_other, panels_of_runs
from apps.web.points import bound
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.trees import by_name
from apps.web.views.compare import chosen_runs
from apps.web.views.table import rights


@require_safe
def media(request: Request, entity: str, project: str) -> HttpResponse:
    """One key in each of the chosen runs, at the step nearest to the one asked for."""
    held = get_project(request.actor, Permission.FILE_READ, entity=entity, name=project)
    at = request.GET.get("at", "")
    with leaving_out_damaged() as damaged:
        runs = open_runs(chosen_runs(request, held))
        names = sorted(
            {key.name for keys in keys_that_open(each.run for each in runs) for key in media_keys(keys)},
            key=by_name,
        )
        asked = request.GET.get("key", "")
        key = asked if asked in names else (names[0] if names else "")
        panels = panels_of_runs(runs, key, step=bound(at)) if key else []
    opened = open_project(held)
    colours = told_apart(run_colour(each.run.number) for each in runs)
    columns: list[dict[str, Any]] = [
        {
            "title": title_of(each),
            "url": run_url(opened.entity, opened.name, each.head.name),
            "swatch": swatch_class(colour),
            "panel": panel,
        }
        for each, colour, panel in zip(runs, colours, panels, strict=False)
    ]
    context = {
        "opened": opened,
        "can": rights(request, held),
        "url": project_url(opened.entity, opened.name),
        "total": select_runs(held, limit=0).total,
        "damaged": damaged,
        "runs": ",".join(each.run.public_id for each in runs),
        "names": names,
        "key": key,
        "at": at,
        "steps": _steps(panels),
        "columns": columns,
        "together": over_each_other(panels, colours, [title_of(each) for each in runs]),
    }
    return render(request, "media/compare.html", context)


def _steps(panels: list[Panel]) -> int:
    """How many different steps the runs have this key at."""
    return len({step for panel in panels for step in panel.steps})
