from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.access.policy import Permission
from apps.accounts.queries import name_of_author
from apps.artifacts.queries import count_links
from apps.audit.events import EventKind
from apps.audit.queries import last_author
from apps.core.errors import Invalid
from apps.core.marks import without_turning
from apps.files.code import files_and_code
from apps.files.media.reading import media_keys
from apps.projects.queries import open_project
from apps.runs.alerts import count_alerts
from apps.runs.defined import Definitions
from apps.runs.history import store
from apps.runs.queries import get_run, get_run_by_id, may_do, open_run
from apps.runs.services import request_stop, update_run
from apps.runs.types import OpenRun, Stream
from apps.web.code.kept import count_sources
from apps.web.colours import run_colour, swatch_class
from apps.web.editing import at_fault, patch_of, tag_line
from apps.web.figures import lasting
from apps.web.histograms import histogram_names
from apps.web.links import project_url, run_url
from apps.web.machine import system_sections
from apps.web.overview import moving, overview
from apps.web.panels import MOST_PANELS, metric_names, sections
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.states import duration_of, state_of
from apps.web.values import flat, is_number, summary_values

if TYPE_CHECKING:
    from apps.runs.models import Run

_SYSTEM_SAMPLE = 50


@require_safe
def run(request: Request, entity: str, project: str, run: str) -> HttpResponse:
    """The run at a glance: figures, first charts, config, summary, the end of its console, and who and when."""
    opened = opened_run(request, entity, project, run)
    context = frame(request, opened)
    return render(
        request, "runs/overview.html", context | overview(opened, context["keys"], context, request.actor)
    )


@require_safe
def charts(request: Request, entity: str, project: str, run: str) -> HttpResponse:
    opened = opened_run(request, entity, project, run)
    context = frame(request, opened)
    names = metric_names([context["keys"]], context["definitions"])
    context |= {"sections": sections(names), "axes": names[:MOST_PANELS], "stream": ""}
    return render(request, "runs/charts.html", context)


@require_safe
def system(request: Request, entity: str, project: str, run: str) -> HttpResponse:
    opened = opened_run(request, entity, project, run)
    context = {"sections": system_sections(_system_names(opened.run)), "stream": "events"}
    return render(request, "runs/charts.html", frame(request, opened) | context)


@require_safe
def live(request: Request, entity: str, project: str, run: str) -> HttpResponse:
    """The parts of the overview that change while the run goes on. Answers 204 while nothing has changed."""
    opened = opened_run(request, entity, project, run)
    if request.GET.get("version") == str(opened.run.version):
        return HttpResponse(status=204)
    context = frame(request, opened)
    waited_for_panels = request.GET.get("panels") == "0"
    context |= {
        "part": "head" if request.GET.get("part") == "head" else "",
        "wants_panels": waited_for_panels,
    }
    if not context["part"]:
        context |= moving(opened, context["keys"], request.actor)
    response = render(request, "runs/_live.html", context)
    if waited_for_panels and context["counts"]["charts"]:
        # The page was made before the first metric came: made anew, it has charts.
        response["HX-Refresh"] = "true"
    # Trees ask for themselves, with what is searched for in them.
    response["HX-Trigger"] = "run-moved"
    return response


@require_safe
def go(request: Request, public_id: str) -> HttpResponseBase:
    """From the id of a run to its page: addresses outside of this instance say no name."""
    opened = open_run(get_run_by_id(request.actor, Permission.RUN_READ, public_id=public_id))
    place = open_project(opened.run.project)
    return redirect(run_url(place.entity, place.name, opened.head.name))


@require_POST
def stop(request: Request, entity: str, project: str, run: str) -> HttpResponseBase:
    """Ask the run's script to stop; its client hears it at its next word."""
    target = get_run(request.actor, Permission.RUN_WRITE, entity=entity, project=project, name=run)
    request_stop(target, by=request.actor)
    if request.htmx:
        target.refresh_from_db(fields=["stop_requested_at", "version"])
        return render(request, "runs/_head.html", frame(request, open_run(target)))
    return redirect(run_url(entity, project, run))


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: Request, entity: str, project: str, run: str) -> HttpResponseBase:
    """Name, tags and notes of a run. What a form leaves out stays as it is."""
    target = get_run(request.actor, Permission.RUN_WRITE, entity=entity, project=project, name=run)
    opened, wrong = open_run(target), {}
    # A client may have given it marks that no name that is typed has: they are not in the way of whoever changes the tags.
    name = without_turning(opened.head.display_name)
    said = {"name": name, "tags": tag_line(opened.head.tags), "notes": opened.head.notes}
    if request.method == "POST":
        try:
            update_run(target, patch_of(request.POST), by=request.actor)
        except Invalid as error:
            if request.htmx:
                raise
            wrong = {at_fault(request.POST): error.public_message}
            said |= {name: request.POST[name] for name in said if name in request.POST}
        else:
            return HttpResponse(status=204) if request.htmx else redirect(run_url(entity, project, run))
    template = "runs/_edit.html" if request.htmx else "runs/edit.html"
    context = frame(request, opened) | {"said": said, "wrong": wrong}
    return render(request, template, context, status=400 if wrong else 200)


def opened_run(request: Request, entity: str, project: str, name: str) -> OpenRun:
    return open_run(get_run(request.actor, Permission.RUN_READ, entity=entity, project=project, name=name))


def frame(request: Request, opened: OpenRun) -> dict[str, Any]:
    """What all pages of a run show around their own part."""
    held, head = open_project(opened.run.project), opened.head
    state, keys = state_of(opened.run), store.keys_of(opened.run)
    definitions = Definitions.of_config(opened.config_text)
    files, code = files_and_code(opened.run)
    code += count_sources(opened.run)
    can_write = may_do(request.actor, Permission.RUN_WRITE, opened.run)
    return {
        "opened": opened,
        "project": held,
        "project_url": project_url(held.entity, held.name),
        "url": run_url(held.entity, held.name, head.name),
        "title": head.display_name or head.name,
        "colour": run_colour(opened.run.number),
        "swatch": swatch_class(run_colour(opened.run.number)),
        "keys": keys,
        "definitions": definitions,
        "state": state,
        "duration": lasting(duration_of(opened.run, summary_values(opened.summary_text))),
        "can": {
            "stop": can_write and state.is_running and opened.run.stop_requested_at is None,
            "write": can_write,
            "erase": may_do(request.actor, Permission.RUN_ERASE, opened.run),
            "export": may_do(request.actor, Permission.PROJECT_EXPORT, opened.run),
        },
        "stop_asked": _stop_asked(opened.run) if state.is_running else None,
        "counts": {
            "charts": len(metric_names([keys], definitions)),
            "histograms": len(histogram_names([keys])),
            "media": len(media_keys(keys)),
            "console": opened.run.output_lines,
            "files": files,
            "code": code,
            "artifacts": count_links(opened.run),
            "alerts": count_alerts(opened.run),
        },
    }


def _stop_asked(run: Run) -> dict[str, Any] | None:
    """Who asked the run to stop, and when, as long as its client has not obeyed."""
    if run.stop_requested_at is None:
        return None
    author = last_author(EventKind.RUN_STOP_REQUESTED, subject=run.public_id)
    return {"by": name_of_author(author), "at": run.stop_requested_at}


def _system_names(run: Run) -> list[str]:
    names: dict[str, None] = {}
    for row in store.sample_rows(run, Stream.EVENTS, _SYSTEM_SAMPLE):
        for name, value in flat(row).items():
            if is_number(value) and not name.startswith("_"):
                names[name] = None
    return sorted(names)
