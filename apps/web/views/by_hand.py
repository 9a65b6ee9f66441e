"""What people make and log by hand. Each form says what is wrong in its own words and keeps what was typed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from apps.access.policy import Permission
from apps.accounts.replays import Done, KeyReused
from apps.core.errors import Conflict, Invalid, OwnlogError, TooMuch
from apps.projects.queries import get_project, get_project_by_id, open_project
from apps.projects.services import create_project
from apps.runs.queries import get_run, get_run_by_id, open_run
from apps.runs.services import add_history, create_run, finish_run, set_summary, update_run
from apps.runs.types import RunPatch, RunState
from apps.teams.queries import entities_where
from apps.web.by_hand.forms import ProjectForm, RunForm
from apps.web.by_hand.logged import logged
from apps.web.by_hand.one_row import RowForm, metric_names
from apps.web.by_hand.pairs import read_pairs
from apps.web.by_hand.resent import new_mark, once
from apps.web.by_hand.rows import read_rows
from apps.web.links import project_url, run_url, with_query
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.views.runs import frame

if TYPE_CHECKING:
    from apps.runs.models import Run

_FORM = ["GET", "HEAD", "POST"]
_MOST_COMPLETIONS = 200
_REFUSALS = (Conflict, Invalid, TooMuch, KeyReused)


@login_required
@require_http_methods(_FORM)
def new_project(request: Request) -> HttpResponseBase:
    """A form for a project of one's own or of a team; it is private."""
    entities = entities_where(request.actor, Permission.PROJECT_CREATE)
    if request.method != "POST":
        form = ProjectForm(entities=entities, initial={"entity": request.GET.get("entity", "")})
        return _page(request, "by_hand/project.html", {"form": form, "entities": entities})
    form = ProjectForm(request.POST, entities=entities)

    def create() -> Done:
        words = form.cleaned_data
        made = create_project(
            request.actor, entity=words["entity"], name=words["name"], description=words["description"]
        )
        return Done(201, made.public_id)

    try:
        if form.is_valid():
            made = once(request, create).subject
            opened = open_project(get_project_by_id(request.actor, Permission.PROJECT_READ, public_id=made))
            return redirect(project_url(opened.entity, opened.name))
    except _REFUSALS as error:
        form.add_error("name" if isinstance(error, Conflict) else None, _words_of(error))
    return _page(request, "by_hand/project.html", {"form": form, "entities": entities}, status=400)


@require_http_methods(_FORM)
def new_run(request: Request, entity: str, project: str) -> HttpResponseBase:
    """A form for a run that no script makes. It waits for values until somebody says that it has ended."""
    held = get_project(request.actor, Permission.RUN_CREATE, entity=entity, name=project)
    opened = open_project(held)
    context = {"opened": opened, "url": project_url(opened.entity, opened.name)}
    if request.method != "POST":
        return _page(request, "by_hand/run.html", context | {"form": RunForm()})
    form = RunForm(request.POST)

    def create() -> Done:
        return Done(201, create_run(held, name=None, by=request.actor, patch=form.patch()).run.public_id)

    try:
        if form.is_valid():
            made = once(request, create).subject
            run = open_run(get_run_by_id(request.actor, Permission.RUN_WRITE, public_id=made))
            return redirect(run_url(opened.entity, opened.name, run.head.name, "log"))
    except _REFUSALS as error:
        form.add_error(None, _words_of(error))
    return _page(request, "by_hand/run.html", context | {"form": form}, status=400)


@require_http_methods(_FORM)
def log(request: Request, entity: str, project: str, run: str) -> HttpResponseBase:
    """Add one row of values; on the same page stand the other things that one can add to a run."""
    held = _held(request, entity, project, run)
    if request.method != "POST":
        return _log_page(request, held)
    form = RowForm.sent(request.POST, request.POST.getlist("key"), request.POST.getlist("value"))
    if "more" in request.POST:
        form.add_lines()
        return _log_page(request, held, row=form)
    if not form.read():
        return _log_page(request, held, row=form, status=400)

    def add() -> Done:
        add_history(held, [form.line], by=request.actor, sets_summary=form.sets_summary)
        return Done(200, held.public_id, 1)

    try:
        return _stored(held, "rows", once(request, add).number)
    except _REFUSALS as error:
        form.error = _words_of(error)
        return _log_page(request, held, row=form, status=400)


@require_POST
def log_rows(request: Request, entity: str, project: str, run: str) -> HttpResponseBase:
    """Many rows in one text: first what was understood of it, then, when that is confirmed, the rows are stored."""
    held = _held(request, entity, project, run)
    text, sets_summary = request.POST.get("rows", ""), "sets_summary" in request.POST
    many: dict[str, Any] = {"text": text, "sets_summary": sets_summary}
    try:
        pasted = read_rows(text)
        many |= {"pasted": pasted, "digest": _digest(text)}
        # What was shown is what is stored: a text that changed since is shown again.
        if request.POST.get("shown") != many["digest"]:
            return _log_page(request, held, many=many)

        def add() -> Done:
            add_history(held, pasted.lines, by=request.actor, sets_summary=sets_summary)
            return Done(200, held.public_id, len(pasted.lines))

        return _stored(held, "rows", once(request, add).number)
    except _REFUSALS as error:
        return _log_page(request, held, many=many | {"error": _words_of(error)}, status=400)


@require_POST
def log_summary(request: Request, entity: str, project: str, run: str) -> HttpResponseBase:
    """Set some values of the summary; the others stay."""
    held = _held(request, entity, project, run)
    text = request.POST.get("summary", "")
    try:
        values = read_pairs(text)
        if not values:
            raise Invalid(_("Type at least one value."))
        set_summary(held, values, by=request.actor)
    except _REFUSALS as error:
        return _log_page(request, held, summary={"text": text, "error": _words_of(error)}, status=400)
    return _stored(held, "values", len(values))


@require_POST
def state(request: Request, entity: str, project: str, run: str) -> HttpResponseBase:
    """Say that a run has ended and how, or that it goes on."""
    held = _held(request, entity, project, run)
    wanted = request.POST.get("state", "")
    if wanted in {RunState.FINISHED, RunState.FAILED}:
        finish_run(held, state=RunState(wanted), by=request.actor)
    elif wanted == RunState.PENDING and RunState(held.state) in RunState.closed():
        update_run(held, RunPatch(state=RunState.PENDING), by=request.actor)
    return redirect(_address(held, "log"))


def _held(request: Request, entity: str, project: str, run: str) -> Run:
    return get_run(request.actor, Permission.RUN_WRITE, entity=entity, project=project, name=run)


def _address(held: Run, *rest: str) -> str:
    opened = open_run(held)
    place = open_project(held.project)
    return run_url(place.entity, place.name, opened.head.name, *rest)


def _stored(held: Run, what: str, count: int | None) -> HttpResponseBase:
    return redirect(with_query(_address(held, "log"), {what: str(count or 0)}))


def _log_page(
    request: Request,
    held: Run,
    *,
    row: RowForm | None = None,
    many: dict[str, Any] | None = None,
    summary: dict[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    held.refresh_from_db()
    context = frame(request, open_run(held))
    keys = context["keys"]
    context |= {
        "is_logging": True,
        "row": row or RowForm.empty(keys),
        "many": many or {"sets_summary": True},
        "summary_form": summary or {},
        "completions": metric_names(keys)[:_MOST_COMPLETIONS],
        "next_step": 0 if keys.last_step is None else int(keys.last_step) + 1,
        "logged": logged(keys),
        "is_closed": RunState(held.state) in RunState.closed(),
        "stored_rows": _count(request, "rows"),
        "stored_values": _count(request, "values"),
    }
    return _page(request, "by_hand/log.html", context, status=status)


def _page(request: Request, template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    return render(request, template, context | {"once": new_mark()}, status=status)


def _count(request: Request, name: str) -> int:
    """How many were stored, as the page that comes after says it."""
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else 0


def _digest(text: str) -> str:
    return hashlib.sha256(text.replace("\r\n", "\n").encode("utf-8", "surrogatepass")).hexdigest()


def _words_of(error: OwnlogError) -> str:
    if isinstance(error, KeyReused):
        return _("This form was sent before with other words in it. Send it once more to keep these as well.")
    if isinstance(error, Conflict):
        return _("There is a project of this name already.")
    return error.public_message
