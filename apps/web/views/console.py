from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from apps.access.policy import Permission
from apps.core.errors import Invalid
from apps.runs.history import store
from apps.runs.queries import get_run
from apps.runs.types import OpenRun
from apps.web.console import EVERYTHING, LONGEST_READ, Wanted, console_lines, plain_line, wanted
from apps.web.console_search import find_lines
from apps.web.downloads import attachment
from apps.web.links import run_url, with_query
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.states import state_of
from apps.web.views.runs import frame, opened_run

if TYPE_CHECKING:
    from apps.runs.models import Run

CONSOLE_PAGE = 500
# Of the lines that a script asks for as they come into sight.
WINDOW = 250
MOST_AT_ONCE = 500
_PIECE_BYTES = 64 * 1024


@require_safe
def console(request: Request, entity: str, project: str, run: str) -> HttpResponse:
    """A page of console lines: the last one unless another is asked for, or the lines that hold what is searched for."""
    opened = opened_run(request, entity, project, run)
    looked_for, reason = _looked_for(request)
    context = frame(request, opened) | {
        "looked_for": looked_for,
        "reason": reason,
        "shows_times": request.GET.get("times") != "off",
        "total": opened.run.output_lines,
        "window": WINDOW,
    }
    page = _console_page if looked_for.is_everything else _found_page
    return render(request, "runs/console.html", context | page(request, opened, looked_for))


@require_safe
def lines(request: Request, entity: str, project: str, run: str) -> HttpResponse:
    """Some lines, by where they begin or by their numbers, with what is searched for marked."""
    held = _held(request, entity, project, run)
    looked_for, _ = _looked_for(request)
    numbers = _numbers(request.GET.get("numbers", ""))
    if numbers:
        found = store.console_at(held, numbers, longest=LONGEST_READ)
        shown = console_lines({number: found.get(number, "") for number in numbers}, looked_for=looked_for)
    else:
        first, count = _number(request, "first", 0), _number(request, "count", WINDOW)
        texts = store.console(held, first, min(count, MOST_AT_ONCE), longest=LONGEST_READ)
        shown = console_lines(texts, first=first, looked_for=looked_for)
    return render(request, "runs/_lines.html", {"lines": shown, "url": run_url(entity, project, run)})


@require_safe
def search(request: Request, entity: str, project: str, run: str) -> JsonResponse:
    """Numbers of the lines that hold what is searched for, from a line on, and where to go on from."""
    held = _held(request, entity, project, run)
    looked_for, reason = _looked_for(request)
    if reason or looked_for.is_everything:
        return JsonResponse({"numbers": [], "after": None, "reason": reason})
    found = find_lines(held, looked_for, first=_number(request, "after", 0))
    return JsonResponse({"numbers": found.numbers, "after": found.after, "reason": ""})


@require_safe
def changes(request: Request, entity: str, project: str, run: str) -> HttpResponse:
    """Which lines came or changed since a cursor. Answers 204 while nothing has and the run goes on."""
    held = _held(request, entity, project, run)
    cursor = request.GET.get("cursor", "")
    changed = store.console_changes(held, cursor)
    is_live = state_of(held).is_running
    if is_live and changed.cursor == cursor:
        return HttpResponse(status=204)
    return JsonResponse(
        {
            "cursor": changed.cursor,
            "total": changed.total,
            "stretches": changed.stretches,
            "live": is_live,
        }
    )


@require_safe
def text(request: Request, entity: str, project: str, run: str) -> HttpResponseBase:
    """The whole log to keep: the letters that a terminal would show, with time and mark before each line."""
    opened = opened_run(request, entity, project, run)
    return _kept(opened, (plain_line(line) for line in _all_lines(opened.run)), "console.txt")


@require_safe
def raw(request: Request, entity: str, project: str, run: str) -> HttpResponseBase:
    """The whole log to keep, as it came."""
    opened = opened_run(request, entity, project, run)
    return _kept(opened, _all_lines(opened.run), "console-raw.log")


def _held(request: Request, entity: str, project: str, name: str) -> Run:
    return get_run(request.actor, Permission.RUN_READ, entity=entity, project=project, name=name)


def _looked_for(request: Request) -> tuple[Wanted, str]:
    """What the address asks for, or why that cannot be searched for."""
    only_errors = request.GET.get("only") == "stderr"
    try:
        is_pattern = request.GET.get("pattern") == "1"
        return wanted(request.GET.get("q", ""), is_pattern=is_pattern, only_errors=only_errors), ""
    except Invalid as error:
        return EVERYTHING, error.public_message


def _number(request: Request, name: str, otherwise: int) -> int:
    given = request.GET.get(name, "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 13 else otherwise


def _numbers(given: str) -> list[int]:
    """Numbers of lines with commas between, in order; what is no number is left out."""
    parts = given.split(",", MOST_AT_ONCE)[:MOST_AT_ONCE]
    return sorted({int(part) for part in parts if part.isascii() and part.isdigit() and len(part) < 13})


def _console_page(request: Request, opened: OpenRun, looked_for: Wanted) -> dict[str, Any]:
    total = opened.run.output_lines
    last_page = max(0, (total - 1) // CONSOLE_PAGE)
    line = _number(request, "line", 0)
    asked = (line - 1) // CONSOLE_PAGE if line else _number(request, "page", last_page)
    place = min(asked, last_page)
    first = place * CONSOLE_PAGE
    # The cursor first: what comes between the two questions is then told again, never not at all.
    cursor = store.console_changes(opened.run).cursor
    texts = store.console(opened.run, first, CONSOLE_PAGE, longest=LONGEST_READ)
    return {
        "cursor": cursor,
        "lines": console_lines(texts, first=first),
        "first": first + 1,
        "last": min(first + CONSOLE_PAGE, total),
        "earlier": place - 1 if place else None,
        "later": place + 1 if place < last_page else None,
        "is_last": place == last_page,
    }


def _found_page(request: Request, opened: OpenRun, looked_for: Wanted) -> dict[str, Any]:
    cursor = store.console_changes(opened.run).cursor
    found = find_lines(opened.run, looked_for, first=_number(request, "after", 0), most=CONSOLE_PAGE)
    lines = store.console_at(opened.run, found.numbers, longest=LONGEST_READ)
    asked = {name: request.GET.get(name, "") for name in ("q", "pattern", "only", "times")}
    later = asked | {"after": str(found.after)}
    return {
        "cursor": cursor,
        "lines": console_lines(lines, looked_for=looked_for),
        "found": len(found.numbers),
        "go_on": with_query("", later) if found.after is not None else "",
    }


def _all_lines(run: Run) -> Iterator[str]:
    for _, stretch in store.console_stretches(run):
        yield from stretch


def _kept(opened: OpenRun, lines: Iterator[str], ending: str) -> StreamingHttpResponse:
    pieces = (f"{line}\n".encode("utf-8", "replace") for line in lines)
    response = StreamingHttpResponse(_in_pieces(pieces), content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = attachment(f"{opened.head.name.replace('/', '_')}-{ending}")
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def _in_pieces(lines: Iterator[bytes]) -> Iterator[bytes]:
    """A line is too little to send by itself."""
    waiting = bytearray()
    for line in lines:
        waiting += line
        if len(waiting) >= _PIECE_BYTES:
            yield bytes(waiting)
            waiting.clear()
    yield bytes(waiting)
