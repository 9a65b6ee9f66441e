"""Changing what is said of a version, and of an artifact; by the same acts as a script's calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from apps.access.policy import Permission
from apps.artifacts.queries import get_collection, get_version_named, open_collection, open_version
from apps.artifacts.services import update_collection, update_version
from apps.core.errors import Changed, Conflict, Invalid, TooMuch
from apps.web.artifacts.forms import CollectionForm, VersionForm
from apps.web.links import artifact_url
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.views.artifacts import around, of_version

if TYPE_CHECKING:
    from apps.artifacts.types import OpenCollection, OpenVersion

_FORM = ["GET", "HEAD", "POST"]


@require_http_methods(_FORM)
def version(
    request: Request, entity: str, project: str, kind: str, collection: str, version: str
) -> HttpResponseBase:
    """Aliases, tags, description and metadata of a version."""
    held = get_version_named(
        request.actor,
        Permission.FILE_WRITE,
        entity=entity,
        project=project,
        name=f"{collection}:{version}",
    )
    opened = open_version(held)
    if request.method != "POST":
        return _version_page(request, opened, VersionForm(opened=opened))
    form = VersionForm(request.POST, opened=opened)
    try:
        if form.is_valid():
            update_version(opened.version, form.patch(), by=request.actor, only_if=form.is_as_shown)
            return redirect(of_version(request, opened)["address"])
    except (Conflict, Invalid, TooMuch) as error:
        form.add_error(None, error.public_message)
    return _version_page(request, opened, form, status=400)


@require_http_methods(_FORM)
def collection(request: Request, entity: str, project: str, collection: str) -> HttpResponseBase:
    """Name, type, description and tags of an artifact."""
    held = get_collection(
        request.actor, Permission.FILE_WRITE, entity=entity, project=project, name=collection
    )
    opened = open_collection(held)
    if request.method != "POST":
        return _collection_page(request, opened, CollectionForm(opened=opened))
    form = CollectionForm(request.POST, opened=opened)
    try:
        if form.is_valid():
            now = update_collection(held, by=request.actor, only_if=form.is_as_shown, **form.changes())
            return redirect(artifact_url(entity, project, now.type_name, now.name))
    except (Conflict, Invalid, TooMuch) as error:
        is_name = isinstance(error, Conflict) and not isinstance(error, Changed)
        form.add_error("name" if is_name else None, error.public_message)
    return _collection_page(request, opened, form, status=400)


def _version_page(
    request: Request, opened: OpenVersion, form: VersionForm, *, status: int = 200
) -> HttpResponse:
    return render(
        request, "artifacts/edit_version.html", of_version(request, opened) | {"form": form}, status=status
    )


def _collection_page(
    request: Request, opened: OpenCollection, form: CollectionForm, *, status: int = 200
) -> HttpResponse:
    context = around(request, opened.collection.project)
    place = context["opened"]
    address = artifact_url(place.entity, place.name, opened.type_name, opened.name)
    context |= {"artifact": opened, "address": address, "form": form}
    return render(request, "artifacts/edit_collection.html", context, status=status)
