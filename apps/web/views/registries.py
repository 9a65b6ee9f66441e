"""A registry made and changed in the browser, who is named in it, and versions linked and unlinked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from apps.access.policy import Permission, Visibility
from apps.artifacts.queries import (
    get_link_in,
    get_version_named,
    open_collection,
    open_version,
    registries_to_link_to,
    registry_words,
)
from apps.artifacts.services import create_registry, link_version, unlink_version, update_registry
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound, TooMuch
from apps.projects.queries import get_project, open_project
from apps.projects.services import name_in_registry, somebody_called, unname_called
from apps.projects.types import RegistryRole
from apps.teams.queries import get_organisation
from apps.web.artifacts.registry_forms import LinkVersionForm, NamedForm, NewRegistryForm, RulesForm
from apps.web.links import project_url
from apps.web.registries import collection_url, settings_facts, short_name
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.sharing import DescriptionForm
from apps.web.views.artifacts import of_version

if TYPE_CHECKING:
    from apps.artifacts.types import OpenVersion
    from apps.projects.models import Project
    from apps.projects.types import OpenProject
    from apps.teams.models import Organisation

_FORM = ["GET", "HEAD", "POST"]
_NOTHING = "There is no such registry, or it is not shared with you."


# ── a registry ──


@require_http_methods(_FORM)
def new(request: Request, organisation: str) -> HttpResponseBase:
    """A form for a registry of an organisation."""
    held = get_organisation(request.actor, Permission.ENTITY_ADMIN, name=organisation)
    form = NewRegistryForm(request.POST if request.method == "POST" else None)
    try:
        if request.method == "POST" and form.is_valid():
            made = open_project(_made(held, form, request))
            return redirect(f"{project_url(made.entity, made.name)}/settings")
    except (Conflict, Invalid) as error:
        form.add_error("name", error.public_message)
    context = {"organisation": held.name, "form": form}
    return render(request, "registries/new.html", context, status=400 if form.errors else 200)


def _made(held: Organisation, form: NewRegistryForm, request: Request) -> Project:
    words = form.cleaned_data
    return create_registry(
        held,
        name=words["name"],
        by=request.actor,
        description=words["description"],
        visibility=Visibility(words["visibility"]),
        types=words["types"],
    )


def settings_page(request: Request, target: Project, **more: Any) -> HttpResponse:
    """The settings of a registry that was fetched with PROJECT_SHARE; a form in `more` comes back with what was wrong in it."""
    facts = settings_facts(request.actor, open_project(target))
    context = {
        **facts,
        "rules": RulesForm(words=facts["words"]),
        "person": NamedForm(),
        "description": DescriptionForm(initial={"description": facts["opened"].description}),
    } | more
    is_wrong = any(getattr(form, "errors", None) for form in more.values())
    return render(request, "registries/settings.html", context, status=400 if is_wrong else 200)


@require_POST
def rules(request: Request, entity: str, project: str) -> HttpResponseBase:
    """Which types it takes, and which aliases only its admins move."""
    target = get_project(request.actor, Permission.PROJECT_ADMIN, entity=entity, name=project)
    if not target.is_registry:
        raise NotFound(_NOTHING)
    form = RulesForm(request.POST, words=registry_words(target))
    try:
        if form.is_valid():
            types, protected = form.cleaned_data["types"], form.cleaned_data["protected"]
            update_registry(
                target,
                by=request.actor,
                takes_all_types=not types,
                types=types or None,
                protected=protected,
                only_if=form.is_as_shown,
            )
            return redirect(f"{project_url(entity, project)}/settings#rules")
    except (Conflict, Invalid) as error:
        form.add_error(None, error.public_message)
    return settings_page(request, target, rules=form)


def name_there(request: Request, target: Project) -> HttpResponseBase:
    """Name a person or a team in a registry that was fetched with PROJECT_SHARE, or change what they are in it."""
    form, place = NamedForm(request.POST), open_project(target)
    try:
        if form.is_valid():
            who, role = somebody_called(form.cleaned_data["name"]), RegistryRole(form.cleaned_data["role"])
            name_in_registry(target, who, role=role, by=request.actor)
            return redirect(f"{project_url(place.entity, place.name)}/settings#named")
    except Invalid as error:
        form.add_error("name", error.public_message)
    return settings_page(request, target, person=form)


def unname_there(request: Request, target: Project) -> HttpResponseBase:
    place = open_project(target)
    unname_called(target, request.POST.get("name", ""), by=request.actor)
    return redirect(f"{project_url(place.entity, place.name)}/settings#named")


# ── a version in one ──


@require_http_methods(_FORM)
def link(
    request: Request, entity: str, project: str, kind: str, collection: str, version: str
) -> HttpResponseBase:
    """A form that links a version to a registry, or lets further aliases lead to it there."""
    found = get_version_named(
        request.actor, Permission.FILE_WRITE, entity=entity, project=project, name=f"{collection}:{version}"
    )
    opened = open_version(found)
    places = registries_to_link_to(request.actor, found.collection.project.entity)
    by_name = {short_name(each): each for each in places}
    names = list(by_name)
    if request.method != "POST":
        form = LinkVersionForm(registries=names, name=opened.collection.name)
        return _link_page(request, opened, form, names)
    form = LinkVersionForm(request.POST, registries=names, name=opened.collection.name)
    try:
        if form.is_valid():
            return redirect(_linked(request, opened, by_name[form.cleaned_data["registry"]], form))
    except (Conflict, Forbidden, Invalid, TooMuch) as error:
        form.add_error(None, error.public_message)
    return _link_page(request, opened, form, names, status=400)


def _linked(request: Request, opened: OpenVersion, place: OpenProject, form: LinkVersionForm) -> str:
    """The address of the version in the registry, one of those into which the asker may link."""
    words = form.cleaned_data
    made = link_version(
        opened.version, place.project, name=words["collection"], aliases=words["aliases"], by=request.actor
    )
    portfolio = open_collection(made.collection)
    return f"{collection_url(place, portfolio)}/v{made.number}"


def _link_page(
    request: Request, opened: OpenVersion, form: LinkVersionForm, names: list[str], *, status: int = 200
) -> HttpResponse:
    owner = opened.version.collection.project.entity
    context = of_version(request, opened) | {
        "form": form,
        "registries": names,
        "is_in_organisation": owner.organisation_id is not None,
    }
    return render(request, "registries/link.html", context, status=status)


@require_POST
def unlink(
    request: Request, entity: str, project: str, kind: str, collection: str, version: str
) -> HttpResponseBase:
    """Take a version out of where it is linked. It stays where it was made."""
    held = get_project(request.actor, Permission.FILE_WRITE, entity=entity, name=project)
    found = get_link_in(request.actor, project=held, name=f"{collection}:{version}")
    if found is None:
        raise NotFound(_NOTHING)
    unlink_version(found, by=request.actor)
    return redirect(collection_url(open_project(held), open_collection(found.collection)))
