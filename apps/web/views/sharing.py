"""People named in a project and links to it, from its settings page; and the address that a link is."""

from __future__ import annotations

from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.middleware import SHARES
from apps.core.errors import Forbidden, Invalid
from apps.projects.queries import find_share_link, open_project
from apps.projects.services import make_share_link, name_person, revoke_share_link, unname_person
from apps.projects.types import NamedRole
from apps.web.links import base_url, project_url
from apps.web.request import Request
from apps.web.sharing import LinkForm, PersonForm
from apps.web.shown_once import first_time
from apps.web.views.project_settings import held, held_with_runs, settings_page
from apps.web.views.registries import name_there, unname_there

_MOST_HELD = 50


@require_POST
def name(request: Request, entity: str, project: str) -> HttpResponseBase:
    """Name somebody, or change what a named person may do."""
    target = held(request, entity, project)
    if target.is_registry:
        return name_there(request, target)
    form = PersonForm(request.POST)
    try:
        if form.is_valid():
            role = NamedRole(form.cleaned_data["role"])
            name_person(target, username=form.cleaned_data["username"], role=role, by=request.actor)
            return redirect(f"{project_url(entity, project)}/settings#people")
    except (Invalid, Forbidden) as error:
        form.add_error("username", error.message)
    return settings_page(request, target, person=form)


@require_POST
def unname(request: Request, entity: str, project: str) -> HttpResponseBase:
    target = held(request, entity, project)
    if target.is_registry:
        return unname_there(request, target)
    unname_person(target, username=request.POST.get("username", ""), by=request.actor)
    return redirect(f"{project_url(entity, project)}/settings#people")


@require_POST
def make_link(request: Request, entity: str, project: str) -> HttpResponseBase:
    """The answer to this is the only page on which the link's address ever stands."""
    target = held_with_runs(request, entity, project)
    form = LinkForm(request.POST)
    try:
        if form.is_valid():
            words = form.cleaned_data
            with first_time(request):
                link, secret = make_share_link(
                    target, label=words["label"], days=words["days"], by=request.actor
                )
            address = base_url(request) + reverse("share", args=[secret])
            return settings_page(request, target, made={"address": address, "link": link})
    except (Invalid, Forbidden) as error:
        form.add_error(None, error.message)
    return settings_page(request, target, link=form)


@require_POST
def revoke_link(request: Request, entity: str, project: str) -> HttpResponseBase:
    target = held_with_runs(request, entity, project)
    revoke_share_link(target, public_id=request.POST.get("link", ""), by=request.actor)
    return redirect(f"{project_url(entity, project)}/settings#links")


@require_safe
def follow(request: Request, secret: str) -> HttpResponseBase:
    """Remember in this browser's session by which link it came, and lead on. The secret stands in no page after this."""
    link = find_share_link(secret)
    if request.method == "GET":
        others = [each for each in request.session.get(SHARES, []) if each != link.public_id]
        request.session[SHARES] = [*others, link.public_id][-_MOST_HELD:]
    opened = open_project(link.project)
    return redirect(project_url(opened.entity, opened.name))
