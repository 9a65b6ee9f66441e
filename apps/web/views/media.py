"""The media of a run: all of its keys, one of them over its steps, and what lies over an image."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.templatetags.static import static
from django.views.decorators.http import require_safe

from apps.access.policy import Permission
from apps.core.errors import Invalid
from apps.files.media.pictures import coloured_mask
from apps.files.media.reading import MediaKey, media_keys
from apps.files.media.tables import table_at
from apps.files.queries import file_as_io, find_file
from apps.projects.queries import open_project
from apps.runs.history import store
from apps.runs.queries import get_run, open_run
from apps.runs.types import OpenRun, Stream
from apps.vault.damage import leaving_out_damaged
from apps.web.appearance import appearance_of
from apps.web.colours import run_colour
from apps.web.figures import place_on
from apps.web.links import run_url, with_query
from apps.web.media.looks import look_of
from apps.web.media.overlays import Picked
from apps.web.media.panels import MOST_ALONE, MOST_IN_PANEL, panels_of
from apps.web.media.tables import Asked, table_page
from apps.web.points import bound
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.serving import drawn_apart
from apps.web.trees import by_name
from apps.web.values import client_facts
from apps.web.views.runs import frame

KEYS_ON_PAGE = 24
# What draws a look that somebody wrote. Classic scripts, as for figures of Plotly.
DRAWN_BY = (
    "vendor/vega/vega.min.js",
    "vendor/vega-lite/vega-lite.min.js",
    "vendor/vega-interpreter/vega-interpreter.js",
    "js/frames/vega.js",
)
_LONGEST_KEY = 2000
_MOST_PICKED = 1000
_LONGEST_WORDS = 200


@require_safe
def media(request: Request, entity: str, project: str, run: str) -> HttpResponse:
    """Every key with its last step, or with the step asked for; or one key alone, larger."""
    opened = _opened(request, entity, project, run)
    context = frame(request, opened)
    keys = sorted(media_keys(context["keys"]), key=lambda key: by_name(key.name))
    asked = request.GET.get("key", "")
    chosen = [key for key in keys if key.name == asked] if asked else keys
    start = _page(request) * KEYS_ON_PAGE
    # The cursor first: a row that comes in between is then asked for once more, and never missed.
    cursor = store.present_cursor(opened.run, Stream.HISTORY)
    with leaving_out_damaged() as damaged:
        panels = panels_of(
            opened.run,
            chosen[start : start + KEYS_ON_PAGE],
            facts=client_facts(opened.config_text),
            step=bound(request.GET.get("at", "")),
            most=MOST_ALONE if asked else MOST_IN_PANEL,
            picked=_picked(request),
        )
    context |= {
        "panels": panels,
        "is_one": bool(asked),
        "scripts": bool(asked) and request.GET.get("scripts") == "1",
        "total": len(keys),
        "damaged": damaged,
        "at": request.GET.get("at", ""),
        "cursor": cursor,
        **_around(request, start, len(chosen)),
    }
    return render(request, "media/page.html", context)


@require_safe
def panel(request: Request, entity: str, project: str, run: str) -> HttpResponse:
    """One key at one step, for the page around it. With a cursor nothing (204) when no row came since."""
    opened = _opened(request, entity, project, run)
    cursor = store.present_cursor(opened.run, Stream.HISTORY)
    if request.GET.get("cursor", "") == cursor:
        return HttpResponse(status=204)
    key = _key(request, opened)
    with leaving_out_damaged() as damaged:
        (found,) = panels_of(
            opened.run,
            [key],
            facts=client_facts(opened.config_text),
            step=bound(request.GET.get("at", "")),
            most=MOST_ALONE if request.GET.get("all") == "1" else MOST_IN_PANEL,
            picked=_picked(request),
        )
    held = open_project(opened.run.project)
    context = {
        "panel": found,
        "cursor": cursor,
        "damaged": damaged,
        "is_one": request.GET.get("all") == "1",
        "url": run_url(held.entity, held.name, opened.head.name),
    }
    return render(request, "media/_panel.html", context)


@require_safe
def look(request: Request, entity: str, project: str, run: str) -> HttpResponseBase:
    """A frame in which our script draws a chart as somebody described it; asked for in any other way it leads to the page.

    Where the description lies is asked of the gate by itself: who may see the run may not see that, perhaps.
    """
    opened = _opened(request, entity, project, run)
    key = _key(request, opened)
    if request.headers.get("Sec-Fetch-Dest") != "iframe":
        held = open_project(opened.run.project)
        page = f"{run_url(held.entity, held.name, opened.head.name)}/media"
        return redirect(with_query(page, {"key": key.name, "at": request.GET.get("at", "")}))
    facts, step = client_facts(opened.config_text), bound(request.GET.get("at", ""))
    with leaving_out_damaged():
        (found,) = panels_of(opened.run, [key], facts=facts, step=step, most=1)
        said = look_of(request.actor, found.drawing) if found.drawing else None
    scripts = [request.build_absolute_uri(static(each)) for each in DRAWN_BY] if said else []
    context = {
        "scripts": scripts,
        "theme": appearance_of(request).theme,
        "drawn": said
        and said
        | {"name": opened.head.display_name or opened.head.name, "colour": run_colour(opened.run.number)},
    }
    return drawn_apart(render(request, "media/look_frame.html", context), scripts or ["'none'"])


@require_safe
def mask(request: Request, entity: str, project: str, run: str, name: str) -> HttpResponse:
    """A mask in colours, to be laid over its image; without the classes that are hidden."""
    held = get_run(request.actor, Permission.FILE_READ, entity=entity, project=project, name=run)
    found = find_file(held, name)
    hidden = {
        int(number)
        for number in request.GET.get("hide", "").split(",")[:256]
        if number.isascii() and number.isdigit() and len(number) < 4
    }
    response = HttpResponse(coloured_mask(file_as_io(found.file), hidden=hidden), content_type="image/png")
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


@require_safe
def table(request: Request, entity: str, project: str, run: str) -> HttpResponse:
    """A table that a key holds at a step: a page of its rows, sorted and searched on the server."""
    opened = _opened(request, entity, project, run)
    context = frame(request, opened)
    key, asked = _key(request, opened), _asked(request)
    found = table_at(opened.run, key.name, bound(request.GET.get("at", "")))
    place = {"key": request.GET.get("key", ""), "at": request.GET.get("at", "")}
    context |= {
        "key": key.name,
        "table": found,
        "label": place_on("_step", found.step) if found.step is not None else "",
        "shown": table_page(
            opened.run,
            found,
            asked,
            actor=request.actor,
            url=f"{context['url']}/media/table",
            place=place,
        ),
        "asked": asked,
        "at": place["at"],
    }
    return render(request, "media/table.html", context)


def _asked(request: Request) -> Asked:
    order = request.GET.get("order", "")
    number = order.removeprefix("-")
    column = int(number) if number.isascii() and number.isdigit() and len(number) < 5 else 0
    text = request.GET.get("q", "")[:_LONGEST_WORDS]
    return Asked(-column if order.startswith("-") else column, text, _page(request))


def _opened(request: Request, entity: str, project: str, run: str) -> OpenRun:
    return open_run(get_run(request.actor, Permission.FILE_READ, entity=entity, project=project, name=run))


def _key(request: Request, opened: OpenRun) -> MediaKey:
    name = request.GET.get("key", "")
    if not name or len(name) > _LONGEST_KEY:
        raise Invalid("A panel needs its key.")
    found = {key.name: key for key in media_keys(store.keys_of(opened.run))}
    if name not in found:
        raise Invalid("The run logs no media under this key.")
    return found[name]


def _picked(request: Request) -> Picked:
    return Picked(
        is_chosen=request.GET.get("picked") == "1",
        shown=frozenset(request.GET.getlist("show")[:_MOST_PICKED]),
    )


def _page(request: Request) -> int:
    given = request.GET.get("page", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 7 else 0


def _around(request: Request, start: int, total: int) -> dict[str, Any]:
    page = start // KEYS_ON_PAGE
    at = request.GET.get("at", "")
    return {
        "first": start + 1,
        "last": min(total, start + KEYS_ON_PAGE),
        "earlier": with_query("", {"at": at, "page": str(page - 1)}) if page else "",
        "later": with_query("", {"at": at, "page": str(page + 1)}) if start + KEYS_ON_PAGE < total else "",
    }
