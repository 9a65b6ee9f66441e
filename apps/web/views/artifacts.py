"""A project's artifacts, one of them with its versions, and a version with its files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from apps.access.policy import Permission
from apps.artifacts.queries import (
    as_linked,
    collections_in,
    get_collection,
    get_version_named,
    may_erase,
    may_erase_all,
    open_collection,
    open_member,
    open_version,
    read_version,
    read_version_named,
    versions_of_run,
    withheld_artifacts,
)
from apps.artifacts.services import may_add_to, may_unlink
from apps.artifacts.types import LATEST, CollectionKind, RunRole
from apps.projects.queries import get_project, open_project
from apps.runs.queries import count_runs, get_run, open_run
from apps.runs.types import RunCount
from apps.vault.damage import leaving_out_damaged
from apps.web.artifacts import ledger
from apps.web.artifacts.browser import PAGE, entry_at, everything, handed_entry, md5_of, shelf_of
from apps.web.artifacts.facts import facts_of
from apps.web.code.zipped import zipped
from apps.web.downloads import attachment
from apps.web.folders import crumbs_of
from apps.web.links import artifact_url, project_url, with_query
from apps.web.previews import HEAD_BYTES, film_type, image_type, preview_of
from apps.web.registries import frame as frame_of_registry
from apps.web.registries import history
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.secrets import found_in
from apps.web.serving import ANYTHING, sandboxed, served
from apps.web.views.files import page_asked
from apps.web.views.runs import frame
from apps.web.views.table import rights

if TYPE_CHECKING:
    from apps.artifacts.types import OpenVersion
    from apps.projects.models import Project

_MOST_OF_A_RUN = 500


@require_safe
def artifacts(request: Request, entity: str, project: str) -> HttpResponseBase:
    """The project's artifacts by name, of all types or of one; a page at a time."""
    held = get_project(request.actor, Permission.FILE_READ, entity=entity, name=project)
    if held.is_registry:
        return redirect("project", entity, project)
    with leaving_out_damaged() as damaged:
        context = around(request, held)
        place, chosen = context["opened"], request.GET.get("type", "")
        found = collections_in(request.actor, held)
        wanted = ledger.of_type(found, chosen)
        start = page_asked(request) * ledger.PAGE
        context |= {
            "types": ledger.types_in(place, found, chosen),
            "chosen": chosen,
            "everything": len(found),
            "lines": ledger.lines_of(request.actor, place, wanted[start : start + ledger.PAGE]),
            **paged(request, len(wanted), ledger.PAGE, {"type": chosen}),
        }
    return render(request, "artifacts/page.html", context | {"damaged": damaged})


@require_safe
def collection(request: Request, entity: str, project: str, kind: str, collection: str) -> HttpResponse:
    """One artifact: what is said of it, and its versions, the newest first. The type in the address is for reading."""
    held = get_collection(
        request.actor, Permission.FILE_READ, entity=entity, project=project, name=collection
    )
    context, opened = around(request, held.project), open_collection(held)
    if held.project.is_registry:
        context |= frame_of_registry(context["opened"])
        context["moves"] = history(request.actor, context["opened"], [opened])
    place, total = context["opened"], ledger.count_lines(request.actor, opened)
    start = page_asked(request) * ledger.PAGE
    with leaving_out_damaged() as damaged:
        lines = ledger.version_lines(request.actor, opened, place, start=start)
    context |= {
        "artifact": opened,
        "address": artifact_url(place.entity, place.name, opened.type_name, opened.name),
        "lines": lines,
        "damaged": damaged,
        "versions": total,
        "may_erase": may_erase_all(request.actor, held.project),
        **paged(request, total, ledger.PAGE, {}),
    }
    name = "registries/collection.html" if held.project.is_registry else "artifacts/collection.html"
    return render(request, name, context)


@require_safe
def version(
    request: Request, entity: str, project: str, kind: str, collection: str, version: str
) -> HttpResponse:
    """A version: what is said of it, who made and read it, and one folder of its files."""
    opened = _shown(request, entity, project, collection, version)
    inside = request.GET.get("in", "").strip("/")
    context = of_version(request, opened)
    shelf = shelf_of(opened, inside, page_asked(request))
    portfolio = opened.collection.collection
    context |= facts_of(request.actor, opened, context["opened"]) | {
        "may_unlink": portfolio.kind == CollectionKind.PORTFOLIO
        and may_unlink(request.actor, portfolio, opened.aliases),
        "secrets": found_in(request.actor, opened),
        "shelf": shelf,
        "inside": inside,
        "crumbs": crumbs_of(inside),
        **paged(request, shelf.total, PAGE, {"in": inside}),
    }
    return render(request, "artifacts/version.html", context)


@require_safe
def go(request: Request, public_id: str) -> HttpResponseBase:
    """From the id of a version to its page, or to that of the link by which alone the asker reads it."""
    version, link = read_version(request.actor, public_id=public_id)
    collection = version.collection if link is None else link.collection
    place, opened = open_project(collection.project), open_collection(collection)
    number = version.number if link is None else link.number
    return redirect(artifact_url(place.entity, place.name, opened.type_name, opened.name, f"v{number}"))


@require_safe
def of_client(request: Request, entity: str, project: str) -> HttpResponseBase:
    """From the address that the client gives to a linked version, which its query names, to its page."""
    owner, _slash, rest = request.GET.get("selectionPath", "").partition("/")
    place, _slash, name = rest.partition("/")
    opened = _shown(request, owner, place, name, request.GET.get("version") or LATEST)
    return redirect(ledger.version_url(open_project(opened.collection.collection.project), opened))


@require_safe
def preview(
    request: Request, entity: str, project: str, kind: str, collection: str, version: str, name: str
) -> HttpResponse:
    """What a file of a version holds, as far as its first bytes tell; of a reference only where it points."""
    opened = _shown(request, entity, project, collection, version)
    entry = entry_at(opened, name)
    context = of_version(request, opened) | {"entry": entry, "crumbs": crumbs_of(entry.path)}
    if entry.stored:
        head = b"".join(handed_entry(opened, entry).read(end=HEAD_BYTES))
        context |= {
            "preview": preview_of(entry.name, head, size=entry.size),
            "is_film": film_type(head[:16]) is not None,
            "shown_bytes": min(HEAD_BYTES, entry.size),
            "md5": md5_of(entry),
        }
    return render(request, "artifacts/preview.html", context)


@require_safe
def image(
    request: Request, entity: str, project: str, kind: str, collection: str, version: str, name: str
) -> HttpResponseBase:
    """The bytes of an image for the preview to show; what is no image has the type of anything."""
    opened = _shown(request, entity, project, collection, version)
    found = handed_entry(opened, entry_at(opened, name))
    return served(request, found, image_type(b"".join(found.read(end=16))) or ANYTHING)


@require_safe
def play(
    request: Request, entity: str, project: str, kind: str, collection: str, version: str, name: str
) -> HttpResponseBase:
    """The bytes of a sound or a film for a player, which asks for the parts that it wants."""
    opened = _shown(request, entity, project, collection, version)
    found = handed_entry(opened, entry_at(opened, name))
    return served(request, found, film_type(b"".join(found.read(end=16))) or ANYTHING)


@require_safe
def html(
    request: Request, entity: str, project: str, kind: str, collection: str, version: str, name: str
) -> HttpResponseBase:
    """A page that lies in a version, still and in a sandbox, for a frame; anything else is a file to keep."""
    opened = held_version(request, entity, project, collection, version)
    found = handed_entry(opened, entry_at(opened, name))
    if not found.name.lower().endswith((".html", ".htm")):
        return served(request, found, ANYTHING)
    return sandboxed(request, found, with_scripts=False)


@require_safe
def download(
    request: Request, entity: str, project: str, kind: str, collection: str, version: str, name: str
) -> HttpResponseBase:
    """The bytes of a file, to be kept and never shown."""
    opened = _shown(request, entity, project, collection, version)
    return served(request, handed_entry(opened, entry_at(opened, name)), ANYTHING)


@require_safe
def whole(
    request: Request, entity: str, project: str, kind: str, collection: str, version: str
) -> StreamingHttpResponse:
    """All files of a version as one archive, as they are: what is worth keeping is mostly packed already."""
    opened = _shown(request, entity, project, collection, version)
    response = StreamingHttpResponse(zipped(everything(opened), packed=False), content_type="application/zip")
    name = f"{opened.collection.name}-v{opened.version.number}.zip"
    response["Content-Disposition"] = attachment(name)
    response["X-Content-Type-Options"] = "nosniff"
    return response


@require_safe
def of_run(request: Request, entity: str, project: str, run: str) -> HttpResponse:
    """What a run read and what it made."""
    held = get_run(request.actor, Permission.FILE_READ, entity=entity, project=project, name=run)
    context = frame(request, open_run(held))
    sides = {
        role.value: ledger.lines_of_run(versions_of_run(request.actor, held, role, most=_MOST_OF_A_RUN))
        for role in RunRole
    }
    context |= sides | {"withheld": withheld_artifacts(held), "most": _MOST_OF_A_RUN}
    return render(request, "artifacts/of_run.html", context)


def around(request: Request, held: Project) -> dict[str, Any]:
    """What pages of a project's artifacts show around their own part."""
    opened = open_project(held)
    return {
        "opened": opened,
        "url": project_url(opened.entity, opened.name),
        "can": rights(request, held),
        "total": count_runs([held]).get(held.pk, RunCount()).total,
    }


def paged(request: Request, total: int, size: int, asked: dict[str, str]) -> dict[str, Any]:
    """Where a page stands among all, and the addresses of those beside it."""
    page = page_asked(request)
    start = page * size
    return {
        "first": start + 1,
        "last": min(total, start + size),
        "of": total,
        "earlier": (with_query("", asked | {"page": str(page - 1) if page > 1 else ""}) or "?")
        if page
        else "",
        "later": with_query("", asked | {"page": str(page + 1)}) if start + size < total else "",
    }


def held_version(request: Request, entity: str, project: str, collection: str, version: str) -> OpenVersion:
    """A version for whoever may read it where it was made: what comes before and after it is shown as well."""
    return open_version(
        get_version_named(
            request.actor,
            Permission.FILE_READ,
            entity=entity,
            project=project,
            name=f"{collection}:{version}",
        )
    )


def _shown(request: Request, entity: str, project: str, collection: str, version: str) -> OpenVersion:
    """A version where it was made, or as it was linked."""
    name = f"{collection}:{version}"
    found, link = read_version_named(request.actor, entity=entity, project=project, name=name)
    return open_version(found) if link is None else as_linked(open_member(link))


def of_version(request: Request, opened: OpenVersion) -> dict[str, Any]:
    context = around(request, opened.collection.collection.project)
    place, artifact = context["opened"], opened.collection
    if place.project.is_registry:
        context |= frame_of_registry(place)
    may_add = may_add_to(request.actor, artifact.collection)
    is_made_here = artifact.collection.kind != CollectionKind.PORTFOLIO
    return context | {
        "version": opened,
        "artifact": artifact,
        "collection_url": artifact_url(place.entity, place.name, artifact.type_name, artifact.name),
        "address": ledger.version_url(place, opened),
        "may_add": may_add,
        # Into a registry: of the organisation that is above the project's owner, if there is one.
        "may_link": may_add and is_made_here and place.project.entity.organisation_id is not None,
        "may_erase": may_erase(request.actor, opened.version),
    }
