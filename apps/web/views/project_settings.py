"""Settings of one project: who sees it, by name and by link, and what it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from apps.access.policy import Permission, Visibility
from apps.core.errors import Forbidden, Invalid, NotFound
from apps.files.exposure import Asked, exposure_of, is_published_by
from apps.projects.queries import NO_PROJECT, get_project, named_people, open_links, open_project
from apps.projects.services import check_visibility, update_project
from apps.projects.types import PUBLISHED, NamedRole
from apps.runs.queries import count_runs
from apps.runs.types import RunCount
from apps.teams.choices import SettingName
from apps.teams.queries import effective
from apps.vault.damage import leaving_out_damaged
from apps.web.custody import Audience
from apps.web.links import project_url, with_query
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.retention import choose_rule, rules_of_project
from apps.web.secrets import found_in_project
from apps.web.sharing import DescriptionForm, LinkForm, PersonForm, VisibilityForm, choices
from apps.web.views import registries
from apps.web.views.table import rights

if TYPE_CHECKING:
    from apps.projects.models import Project

_FORM = ["GET", "HEAD", "POST"]


def held(request: Request, entity: str, project: str) -> Project:
    return get_project(request.actor, Permission.PROJECT_SHARE, entity=entity, name=project)


def held_with_runs(request: Request, entity: str, project: str) -> Project:
    """The same for what is about runs, or about people of elsewhere: a registry has neither, and no such address."""
    target = held(request, entity, project)
    if target.is_registry:
        raise NotFound(NO_PROJECT)
    return target


@require_http_methods(_FORM)
def settings(request: Request, entity: str, project: str) -> HttpResponseBase:
    """The page; a POST changes who sees the project, or asks first what publishing would show."""
    target = held(request, entity, project)
    if request.method != "POST":
        return settings_page(request, target)
    form = VisibilityForm(request.POST)
    if not form.is_valid():
        return settings_page(request, target, visibility=form)
    return _change(request, target, form, entity=entity, project=project)


def _change(
    request: Request, target: Project, form: VisibilityForm, *, entity: str, project: str
) -> HttpResponseBase:
    url = f"{project_url(entity, project)}/settings"
    try:
        check_visibility(target.entity, form.chosen)
        if is_published_by(target, form.chosen):
            return redirect(with_query(f"{url}/publish", {"visibility": form.chosen.value}))
        update_project(target, by=request.actor, visibility=form.chosen)
    except Forbidden as error:
        form.add_error("visibility", error.message)
        return settings_page(request, target, visibility=form)
    return redirect(url)


@require_http_methods(_FORM)
def publish(request: Request, entity: str, project: str) -> HttpResponseBase:
    """What becomes visible, in numbers. Where that is code, what tells of machines or what looks like a secret, it has to be agreed to by itself."""
    target = held_with_runs(request, entity, project)
    url = f"{project_url(entity, project)}/settings"
    form = VisibilityForm(request.POST or request.GET)
    if not form.is_valid() or not is_published_by(target, form.chosen):
        return redirect(url)
    with leaving_out_damaged():
        secrets = found_in_project(target)
        exposure = exposure_of(target, secrets=secrets.count)
    asked = {
        "agreed": exposure.asked not in ([], [Asked.SECRETS]),
        "agreed_secrets": Asked.SECRETS in exposure.asked,
    }
    missing = {name: is_asked and name not in request.POST for name, is_asked in asked.items()}
    if request.method == "POST" and not any(missing.values()):
        try:
            update_project(target, by=request.actor, visibility=form.chosen)
        except Forbidden as error:
            form.add_error("visibility", error.message)
            return settings_page(request, target, visibility=form)
        return redirect(url)
    context = {
        **_frame(request, target),
        "visibility": form.chosen.value,
        "exposure": exposure,
        "asked": asked,
        "secrets": secrets,
        "missing": missing if request.method == "POST" else {},
    }
    return render(request, "projects/publish.html", context, status=400 if request.method == "POST" else 200)


@require_POST
def describe(request: Request, entity: str, project: str) -> HttpResponseBase:
    target = held(request, entity, project)
    form = DescriptionForm(request.POST)
    if not form.is_valid():
        return settings_page(request, target, description=form)
    update_project(target, by=request.actor, description=form.cleaned_data["description"])
    return redirect(f"{project_url(entity, project)}/settings")


@require_POST
def retention(request: Request, entity: str, project: str) -> HttpResponseBase:
    """How long this project's runs are kept. What a choice would erase is asked about first."""
    target = held_with_runs(request, entity, project)
    name = open_project(target).name
    try:
        asking = choose_rule(target, name, request.POST.dict(), by=request.actor)
    except (Forbidden, Invalid) as error:
        typed = request.POST.get("days", "")[:20]
        return settings_page(request, target, wrong=error.public_message, typed=typed)
    if asking is None:
        return redirect(f"{project_url(entity, project)}/settings#retention")
    return settings_page(request, target, asking=asking)


def settings_page(request: Request, target: Project, **more: Any) -> HttpResponse:
    """The whole page; a form in `more` comes back with what was wrong in it."""
    if target.is_registry:
        return registries.settings_page(request, target, **more)
    frame = _frame(request, target)
    kept = effective(target.entity, SettingName.PRIVATE_ONLY)
    with leaving_out_damaged():
        secrets = found_in_project(target)
    links = open_links(target)
    context = {
        **frame,
        "choices": choices(frame["opened"], Audience(request.actor), private_only=kept.is_on),
        "visibility": VisibilityForm(initial={"visibility": frame["opened"].visibility}),
        "description": DescriptionForm(initial={"description": frame["opened"].description}),
        "person": PersonForm(),
        "link": LinkForm(initial={"days": 7}),
        "people": named_people(target),
        "roles": list(NamedRole),
        "links": links,
        "links_that_work": sum(not each.is_shut for each in links),
        "secrets": secrets,
        "is_restricted": target.visibility == Visibility.RESTRICTED,
        "is_published": frame["opened"].visibility in PUBLISHED,
        "was_published": Visibility(target.visibility) in PUBLISHED,
        "kept": kept,
        "rules": rules_of_project(request.actor, target),
        "may_change": True,
    } | more
    is_wrong = "wrong" in more or any(
        getattr(form, "errors", None) or getattr(form, "wrong", None) for form in more.values()
    )
    return render(request, "projects/settings.html", context, status=400 if is_wrong else 200)


def _frame(request: Request, target: Project) -> dict[str, Any]:
    opened = open_project(target)
    return {
        "opened": opened,
        "url": project_url(opened.entity, opened.name),
        "can": rights(request, target),
        "total": count_runs([target]).get(target.pk, RunCount()).total,
    }
