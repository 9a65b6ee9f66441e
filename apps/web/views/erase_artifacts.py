"""Erasing a version of an artifact, or an artifact: what would go, what stays and who notices, then the erasure itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from apps.access.policy import Permission
from apps.artifacts.queries import (
    all_versions,
    get_collection,
    get_version_named,
    open_collection,
    open_version,
)
from apps.artifacts.types import CollectionKind
from apps.erasure.artifacts import erase_artifact, erase_unused, erase_versions
from apps.erasure.errors import InUse
from apps.erasure.grace import could_be_taken_back_until
from apps.erasure.types import Scope
from apps.projects.queries import open_project
from apps.web.artifacts.erasing import Chosen, Noticing, noticing
from apps.web.artifacts.ledger import version_url
from apps.web.links import artifact_url
from apps.web.registries import frame
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.views.artifacts import around

if TYPE_CHECKING:
    from apps.artifacts.types import OpenCollection
    from apps.erasure.models import ErasureJob

_FORM = ["GET", "HEAD", "POST"]


@require_http_methods(_FORM)
def version(
    request: Request, entity: str, project: str, kind: str, collection: str, version: str
) -> HttpResponseBase:
    """One version. An alias may lead elsewhere in a moment: what was shown is asked for by its number."""
    held = get_version_named(
        request.actor,
        Permission.FILE_ERASE,
        entity=entity,
        project=project,
        name=f"{collection}:{version}",
    )
    opened = open_version(held)
    address = version_url(open_project(held.collection.project), opened)
    if (collection, version) != (opened.collection.name, f"v{held.number}"):
        return redirect(f"{address}/erase")
    errors: dict[str, str] = {}
    if request.method == "POST":
        # That it is used was shown, or it is said now.
        is_said = "used" in request.POST
        try:
            job = erase_versions([held], by=request.actor, even_if_used=is_said, at_once=_is_for_now(request))
        except InUse:
            errors["what"] = _came_in_between()
        else:
            return _begun([job])
    context = around(request, held.collection.project) | {
        "title": opened.name,
        "action": f"{address}/erase",
        "back": address,
        "noticing": noticing(request.actor, [held]),
        "aliases": opened.aliases,
        "until": could_be_taken_back_until(held.collection.project.entity, Scope.VERSIONS),
        "errors": errors,
    }
    return render(request, "erasing/artifact.html", context, status=409 if errors else 200)


@require_http_methods(_FORM)
def collection(request: Request, entity: str, project: str, collection: str) -> HttpResponseBase:
    """An artifact with all its versions, or those of them that nobody uses. Its name is typed first."""
    held = get_collection(
        request.actor, Permission.FILE_ERASE, entity=entity, project=project, name=collection
    )
    opened, versions = open_collection(held), all_versions(held.pk)
    found = noticing(request.actor, versions)
    if request.method != "POST":
        return _collection_page(request, opened, found, chosen=found.proposed)
    chosen = _chosen(request.POST.get("what", ""))
    errors: dict[str, str] = {}
    if request.POST.get("name", "").strip() != opened.name:
        errors["name"] = _("This is not the name of the artifact. Type it as it stands above.")
    if chosen is Chosen.UNUSED and not found.unused:
        errors["what"] = _("Every version is used. Say that all of them go, or leave it as it is.")
    if errors:
        return _collection_page(request, opened, found, chosen=chosen, errors=errors)
    at_once = _is_for_now(request)
    try:
        if chosen is Chosen.UNUSED:
            return _begun(erase_unused(versions, by=request.actor, at_once=at_once))
        is_said = chosen is Chosen.ALL
        return _begun([erase_artifact(held, by=request.actor, even_if_used=is_said, at_once=at_once)])
    except InUse:
        found = noticing(request.actor, all_versions(held.pk))
        errors["what"] = _came_in_between()
        return _collection_page(request, opened, found, chosen=found.proposed, errors=errors, status=409)


def _chosen(what: str) -> Chosen:
    """What takes the least, where a form says something else."""
    return Chosen(what) if what in set(Chosen) else Chosen.UNUSED


def _came_in_between() -> str:
    return _(
        "Since you opened this page a run has read it, or something links it. Nothing was erased: look once more."
    )


def _is_for_now(request: Request) -> bool:
    return "now" in request.POST


def _begun(jobs: list[ErasureJob]) -> HttpResponseBase:
    return redirect("erasure", erasure=jobs[0].public_id) if len(jobs) == 1 else redirect("erasures")


def _collection_page(
    request: Request,
    opened: OpenCollection,
    found: Noticing,
    *,
    chosen: Chosen,
    errors: dict[str, str] | None = None,
    status: int = 400,
) -> HttpResponse:
    context: dict[str, Any] = around(request, opened.collection.project)
    place = context["opened"]
    if opened.collection.project.is_registry:
        context |= frame(place)
    address = artifact_url(place.entity, place.name, opened.type_name, opened.name)
    context |= {
        "artifact": opened,
        "title": opened.name,
        "is_of_links": opened.collection.kind == CollectionKind.PORTFOLIO,
        "action": request.path,
        "back": address,
        "noticing": found,
        "until": could_be_taken_back_until(opened.collection.project.entity, Scope.ARTIFACT),
        "takes_all": chosen is Chosen.ALL,
        "errors": errors or {},
        "typed": request.POST.get("name", "")[:200],
    }
    return render(request, "erasing/artifact.html", context, status=status if errors else 200)
