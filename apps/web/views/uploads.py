from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse, JsonResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from apps.access.policy import Permission
from apps.core.errors import Invalid, OwnlogError, TooMuch
from apps.files.names import clean_file_name
from apps.files.services import announce_files, refusal, store_file
from apps.files.types import Withheld
from apps.projects.queries import open_project
from apps.runs.queries import get_run, open_run
from apps.web.by_hand.multipart import Part, parts_of
from apps.web.links import run_url
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.views.runs import frame

if TYPE_CHECKING:
    from apps.runs.models import Run

MOST_FILES = 100
LARGEST_FILE = 10 * 2**30


@dataclass(slots=True)
class Upload:
    """What came of a form: which files are kept, and which are not and why."""

    folder: str = ""
    kept: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)


# The usual check would read the whole body for the token, and with it every file into memory. It is made below, on the
# fields that stand before the first file, and before anything of a file is stored.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: Request, entity: str, project: str, run: str) -> HttpResponseBase:
    """Keep files of a run. They are sealed while they arrive, one after the other."""
    held = get_run(request.actor, Permission.FILE_WRITE, entity=entity, project=project, name=run)
    if request.method != "POST":
        return _page(request, held, Upload())
    try:
        parts = parts_of(request)
        fields, rest = fields_first(parts)
    except OwnlogError as error:
        return _page(request, held, Upload(refused=[("", error.public_message)]), status=400)
    request.POST = fields  # type: ignore[assignment]  # the fields alone, for the check that follows
    return _checked(request, held, rest)


@csrf_protect
def _checked(request: Request, held: Run, parts: Iterator[Part]) -> HttpResponseBase:
    found = Upload(folder=request.POST.get("folder", "").strip().strip("/"))
    try:
        _keep_all(held, parts, found)
    except OwnlogError as error:
        found.refused.append(("", error.public_message))
    if not found.kept and not found.refused:
        found.refused.append(("", _("Choose at least one file.")))
    status = 400 if found.refused else 200
    if not request.accepts("text/html"):
        return JsonResponse({"kept": found.kept, "refused": found.refused}, status=status)
    return _page(request, held, found, status=status) if found.refused else redirect(_address(held))


def fields_first(parts: Iterator[Part]) -> tuple[QueryDict, Iterator[Part]]:
    """The fields before the first file, and what follows them."""
    fields = QueryDict(mutable=True)
    for part in parts:
        if part.content is not None:
            return fields, chain([part], parts)
        fields[part.name] = part.text
    return fields, iter(())


def _keep_all(held: Run, parts: Iterator[Part], found: Upload) -> None:
    for part in parts:
        if part.content is None:
            continue
        if len(found.kept) + len(found.refused) >= MOST_FILES:
            raise TooMuch(_("At most %(n)d files can be sent at once.") % {"n": MOST_FILES})
        name = f"{found.folder}/{part.filename}" if found.folder else part.filename
        try:
            _keep(held, name, part.content)
        except (Invalid, TooMuch) as error:
            found.refused.append((name, error.public_message))
        else:
            found.kept.append(name)


def _keep(held: Run, name: str, content: Iterator[bytes]) -> None:
    clean_file_name(name)
    (room,) = announce_files(held, [name])
    if room.refused is Withheld.CODE:
        raise Invalid(_("This is code, and code saving is off: it was not stored."))
    if room.file is None:
        raise Invalid(refusal(Withheld.METADATA).public_message)
    store_file(room.file, content, max_bytes=LARGEST_FILE)


def _address(held: Run) -> str:
    place = open_project(held.project)
    return run_url(place.entity, place.name, open_run(held).head.name, "files")


def _page(request: Request, held: Run, found: Upload, *, status: int = 200) -> HttpResponse:
    context: dict[str, Any] = frame(request, open_run(held))
    return render(
        request, "by_hand/upload.html", context | {"upload": found, "most": MOST_FILES}, status=status
    )
