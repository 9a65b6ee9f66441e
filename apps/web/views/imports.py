"""Imports: a file handed in, how far it is, and calling it off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.access.policy import Permission
from apps.core.errors import Invalid, OwnlogError
from apps.imports.handed_in import forget, hand_in
from apps.imports.queries import entity_to_import_into, get_import, get_import_to_end, imports_seen_by
from apps.imports.readers.opening import HANDED_IN
from apps.imports.services import give_up
from apps.imports.types import Clash, Origin
from apps.teams.queries import entities_where
from apps.web.by_hand.multipart import Part, parts_of
from apps.web.importing import clashes, origins, shown
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.views.uploads import fields_first

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apps.imports.models import Import

_LONGEST = 200


# As with files of a run: the usual check would read the whole body for the token. It is made on the fields before the file.
@csrf_exempt
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def imports(request: Request) -> HttpResponseBase:
    """The newest of them, and handing in a file."""
    if request.method != "POST":
        return _page(request, QueryDict())
    try:
        fields, rest = fields_first(parts_of(request))
    except OwnlogError as error:
        return _page(request, QueryDict(), error=error.public_message)
    request.POST = fields  # type: ignore[assignment]  # the fields alone, for the check that follows
    return _checked(request, rest)


@csrf_protect
def _checked(request: Request, parts: Iterator[Part]) -> HttpResponseBase:
    try:
        job = _handed_in(request, parts)
    except OwnlogError as error:
        return _page(request, request.POST, error=error.public_message)
    return redirect("import", job=job.public_id)


def _handed_in(request: Request, parts: Iterator[Part]) -> Import:
    said = request.POST
    clash, origin = said.get("on_clash", ""), said.get("origin", "")
    if clash not in set(Clash) or origin not in HANDED_IN:
        raise Invalid(_("Choose one of each."))
    entity = entity_to_import_into(request.actor, name=said.get("entity", ""))
    file = next((each.content for each in parts if each.content is not None), None)
    if file is None:
        raise Invalid(_("Choose a file."))
    return hand_in(entity, file, clash=Clash(clash), by=request.actor, origin=Origin(origin))


def _page(request: Request, said: Any, *, error: str = "") -> HttpResponse:
    mine = entities_where(request.actor, Permission.PROJECT_CREATE)
    context = {
        "imports": [shown(each) for each in imports_seen_by(request.actor)],
        "entities": [each.name for each in sorted(mine, key=lambda each: (each.user_id is None, each.name))],
        "entity": said.get("entity", request.user.username)[:_LONGEST],
        "origins": origins(),
        "origin": said.get("origin", Origin.OWNLOG.value)[:_LONGEST],
        "clashes": clashes(),
        "clash": said.get("on_clash", Clash.SKIP.value)[:_LONGEST],
        "error": error,
    }
    return render(request, "importing/imports.html", context, status=400 if error else 200)


@login_required
@require_safe
def one(request: Request, job: str) -> HttpResponse:
    """How far one import is."""
    found = shown(get_import(request.actor, public_id=job))
    response = render(request, "importing/import.html", {"found": found})
    if request.htmx and not found.is_going:
        response["HX-Refresh"] = "true"  # the page that waited says so in its heading too
    return response


@login_required
@require_POST
def stop(request: Request, job: str) -> HttpResponseBase:
    """Calling it off: what has come of it is erased, and what was handed in."""
    held = get_import_to_end(request.actor, public_id=job)
    give_up(held, by=request.actor)
    forget(held)
    return redirect("import", job=job)
