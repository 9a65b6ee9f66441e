from __future__ import annotations

from dataclasses import replace

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.templatetags.static import static
from django.views.decorators.http import require_safe

from apps.access.policy import Permission
from apps.files.queries import file_names, find_file, open_files, read_file
from apps.runs.queries import get_run, open_run
from apps.web.folders import PAGE, crumbs_of, entries_in, entries_named
from apps.web.links import with_query
from apps.web.parts import erase_file_url
from apps.web.previews import HEAD_BYTES, film_type, image_type, preview_of
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.serving import ANYTHING, drawn_apart, handed, sandboxed, served, small_of
from apps.web.views.runs import frame

# Classic scripts: a module is asked for across origins, and the frame's origin is nobody's.
DRAWN_BY = ("vendor/plotly/plotly-strict.min.js", "js/frames/plotly.js")
MOST_OF_FIGURE = 16 * 1024 * 1024


@require_safe
def files(request: Request, entity: str, project: str, run: str) -> HttpResponse:
    """The files that the run uploaded: a folder of them, or those with a word in their path; a page at a time."""
    held = get_run(request.actor, Permission.FILE_READ, entity=entity, project=project, name=run)
    names = file_names(held)
    inside, wanted = request.GET.get("in", ""), request.GET.get("q", "")
    entries = entries_named(names, wanted) if wanted else entries_in(names, inside)
    start = page_asked(request) * PAGE
    shown = entries[start : start + PAGE]
    opened = open_files(held, [entry.id for entry in shown if entry.id is not None])
    around = frame(request, open_run(held))
    may_erase, url = around["can"]["erase"], around["url"]
    context = {
        "entries": [
            replace(
                entry,
                file=opened.get(entry.id or 0),
                erase_url=erase_file_url(url, entry.path) if may_erase else "",
            )
            for entry in shown
        ],
        "crumbs": crumbs_of(inside),
        "wanted": wanted,
        "has_files": bool(names),
        "total": len(entries),
        "first": start + 1,
        "last": start + len(shown),
        **_around(request, start, len(entries)),
    }
    return render(request, "runs/files.html", around | context)


@require_safe
def preview(request: Request, entity: str, project: str, run: str, name: str) -> HttpResponse:
    """What the file holds, as far as its first bytes tell; nothing of it runs."""
    held = get_run(request.actor, Permission.FILE_READ, entity=entity, project=project, name=run)
    found = find_file(held, name)
    head = b"".join(read_file(found.file, end=HEAD_BYTES))
    around = frame(request, open_run(held))
    context = {
        "erase_url": erase_file_url(around["url"], found.name) if around["can"]["erase"] else "",
        "file": found,
        "crumbs": crumbs_of(found.name),
        "preview": preview_of(found.name, head, size=found.size),
        "shown_bytes": min(HEAD_BYTES, found.size),
    }
    return render(request, "runs/preview.html", around | context)


@require_safe
def image(request: Request, entity: str, project: str, run: str, name: str) -> HttpResponseBase:
    """The bytes of an image for a page to show, of the type that they are. Opened by itself it is kept, not shown.

    What is no image has the type of anything: no browser shows it. `small=1`: the small one, once it is made.
    """
    held = get_run(request.actor, Permission.FILE_READ, entity=entity, project=project, name=run)
    found = find_file(held, name)
    shown = (small_of(found) if request.GET.get("small") == "1" else None) or handed(found)
    kind = image_type(b"".join(shown.read(end=16)))
    return served(request, shown, kind or ANYTHING)


@require_safe
def play(request: Request, entity: str, project: str, run: str, name: str) -> HttpResponseBase:
    """The bytes of a sound or a film for a player, which asks for the parts that it wants; of the type that they are."""
    held = get_run(request.actor, Permission.FILE_READ, entity=entity, project=project, name=run)
    found = find_file(held, name)
    return served(request, found, film_type(b"".join(read_file(found.file, end=16))) or ANYTHING)


@require_safe
def html(request: Request, entity: str, project: str, run: str, name: str) -> HttpResponseBase:
    """A page that the run logged, for a frame; anything else, and whoever asks without a frame, gets a file to keep."""
    held = get_run(request.actor, Permission.FILE_READ, entity=entity, project=project, name=run)
    found = find_file(held, name)
    if not found.name.lower().endswith((".html", ".htm")):
        return served(request, found, ANYTHING)
    return sandboxed(request, found, with_scripts=request.GET.get("scripts") == "1")


@require_safe
def plotly(request: Request, entity: str, project: str, run: str, name: str) -> HttpResponseBase:
    """A frame in which our script draws what the run logged as a Plotly figure; asked for in any other way it is a file to keep."""
    held = get_run(request.actor, Permission.FILE_READ, entity=entity, project=project, name=run)
    found = find_file(held, name)
    is_figure = found.name.lower().endswith(".plotly.json") and found.size <= MOST_OF_FIGURE
    if not is_figure or request.headers.get("Sec-Fetch-Dest") != "iframe":
        return served(request, found, ANYTHING)
    scripts = [request.build_absolute_uri(static(each)) for each in DRAWN_BY]
    text = b"".join(read_file(found.file)).decode("utf-8", "replace")
    page = render(request, "media/plotly_frame.html", {"scripts": scripts, "figure": text})
    return drawn_apart(page, scripts)


@require_safe
def download(request: Request, entity: str, project: str, run: str, name: str) -> HttpResponseBase:
    """The file's bytes, to be kept and never shown: whatever it holds, it runs nowhere on this origin."""
    held = get_run(request.actor, Permission.FILE_READ, entity=entity, project=project, name=run)
    found = find_file(held, name)
    return served(request, found, ANYTHING)


def page_asked(request: Request) -> int:
    """The page that the address names; the first one is 0."""
    given = request.GET.get("page", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 7 else 0


def _around(request: Request, start: int, total: int) -> dict[str, str]:
    """The addresses of the pages before and after."""
    page = start // PAGE
    asked = {name: request.GET.get(name, "") for name in ("in", "q")}
    return {
        "earlier": with_query("", asked | {"page": str(page - 1)}) if page else "",
        "later": with_query("", asked | {"page": str(page + 1)}) if start + PAGE < total else "",
    }
