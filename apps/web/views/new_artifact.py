"""A version by hand: its name, and files that are sealed while they arrive. Nobody sees it before it is whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from apps.access.policy import Permission
from apps.artifacts.queries import open_version
from apps.artifacts.services import make_version
from apps.core.errors import Conflict, Forbidden, Invalid, OwnlogError, TooMuch
from apps.projects.queries import get_project, open_project
from apps.web.artifacts.forms import NewVersionForm
from apps.web.artifacts.ledger import version_url
from apps.web.by_hand.multipart import Part, parts_of
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.views.artifacts import around
from apps.web.views.uploads import fields_first

if TYPE_CHECKING:
    from apps.projects.models import Project

MOST_FILES = 500
_REFUSALS = (Conflict, Forbidden, Invalid, TooMuch)


# The usual check would read the whole body for the token, and with it every file into memory. It is made below, on the
# fields that stand before the first file, and before anything of a file is stored.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: Request, entity: str, project: str) -> HttpResponseBase:
    """A form for a version of files from one's own disk."""
    held = get_project(request.actor, Permission.FILE_WRITE, entity=entity, name=project)
    if request.method != "POST":
        asked = {name: request.GET.get(name, "")[:200] for name in ("name", "type_name")}
        return _page(request, held, NewVersionForm(initial={"aliases": "latest"} | asked))
    try:
        fields, rest = fields_first(parts_of(request))
    except OwnlogError as error:
        form = NewVersionForm({})
        form.errors.clear()
        form.add_error("uploads", error.public_message)
        return _refused(request, held, form)
    request.POST = fields  # type: ignore[assignment]  # the fields alone, for the check that follows
    return _checked(request, held, rest)


@csrf_protect
def _checked(request: Request, held: Project, parts: Iterator[Part]) -> HttpResponseBase:
    form = NewVersionForm(request.POST)
    try:
        if form.is_valid():
            files = _files(parts, form.cleaned_data["folder"])
            made = make_version(held, form.new_version(), files, by=request.actor)
            return _done(request, version_url(open_project(held), open_version(made)))
    except _REFUSALS as error:
        # A type that the name has not, or that is not kept here, is said where it was typed.
        field = "type_name" if isinstance(error, Conflict | Forbidden) else "uploads"
        form.add_error(field, error.public_message)
    except OwnlogError as error:
        form.add_error("uploads", error.public_message)
    return _refused(request, held, form)


def _refused(request: Request, held: Project, form: NewVersionForm) -> HttpResponseBase:
    if request.accepts("text/html"):
        return _page(request, held, form, status=400)
    errors = [str(each) for errors in form.errors.values() for each in errors]
    return JsonResponse({"errors": errors}, status=400)


def _done(request: Request, address: str) -> HttpResponseBase:
    return redirect(address) if request.accepts("text/html") else JsonResponse({"url": address})


def _files(parts: Iterator[Part], folder: str) -> Iterator[tuple[str, Iterator[bytes]]]:
    for count, part in enumerate(each for each in parts if each.content is not None):
        if count >= MOST_FILES:
            raise TooMuch(_("At most %(n)d files can be sent at once.") % {"n": MOST_FILES})
        assert part.content is not None
        yield (f"{folder}/{part.filename}" if folder else part.filename), part.content


def _page(request: Request, held: Project, form: NewVersionForm, *, status: int = 200) -> HttpResponse:
    context: dict[str, Any] = around(request, held) | {"form": form, "most": MOST_FILES}
    return render(request, "artifacts/new.html", context, status=status)
