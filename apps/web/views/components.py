"""Every part of the pages in its states, on one page: made of the same templates and scripts, of examples alone."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from apps.core.errors import NotFound, Unavailable
from apps.web import examples
from apps.web.colours import RUN_COLOURS
from apps.web.custody import lock_sentence
from apps.web.downloads import attachment, csv_lines
from apps.web.figures import figure
from apps.web.links import with_query
from apps.web.panels import Section
from apps.web.points import as_bytes
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.seals import Seal
from apps.web.switches import SwitchRow
from apps.web.views.series import PACKED


@require_safe
def components(request: Request) -> HttpResponse:
    """The page itself. The address says which of its switches are on."""
    return render(request, "specimens/page.html", _context(request))


@require_POST
def switch(request: Request, name: str) -> HttpResponseBase:
    """Turn a switch of the page: the row as it is then. Nothing is stored; one of them always fails."""
    if name == "unanswered":
        raise Unavailable(_("This switch is one that cannot be saved."))
    is_on = "on" in request.POST
    row = next((row for row in _switches([name] if is_on else []) if row.name == name), None)
    if row is None or row.fixed_by:
        raise NotFound("There is no such switch.")
    if request.htmx:
        return render(request, "components/toggle.html", {"row": row})
    return redirect(with_query(reverse("components"), {"on": name if is_on else ""}))


@require_POST
def choice(request: Request) -> HttpResponseBase:
    """Choose on the page: its address says what."""
    chosen = examples.example_choice(request.POST.get("density", "")).chosen
    return redirect(with_query(reverse("components"), {"density": chosen}))


@require_safe
def series(request: Request) -> HttpResponse:
    """Points of the page's panels: of one metric; none of another; and one is not found, so that a panel can say so."""
    key = _key(request)
    lines = examples.lines() if key == examples.METRIC else []
    return HttpResponse(as_bytes(key, lines), content_type=PACKED)


@require_safe
def series_table(request: Request) -> HttpResponse:
    """The same points as a table."""
    asked: dict[str, Any] = {"key": _key(request), "axis": "_step"}
    rows = [
        {
            "title": curve.title,
            "url": reverse("components"),
            "last": _written(points[-1]),
            "least": _written(min(points, key=lambda point: point[1])),
            "most": _written(max(points, key=lambda point: point[1])),
        }
        for curve in examples.CURVES
        if (points := curve.points()) and asked["key"] == examples.METRIC
    ]
    template = "charts/_table.html" if request.htmx else "specimens/table.html"
    return render(request, template, {"asked": asked, "rows": rows})


@require_safe
def series_csv(request: Request) -> StreamingHttpResponse:
    """The same points to keep."""
    key = _key(request)
    rows = [(curve.title, x, y) for curve in examples.CURVES for x, y in curve.points()]
    lines = csv_lines(["run", "_step", key], rows if key == examples.METRIC else [])
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = attachment("components.csv")
    return response


def _key(request: Request) -> str:
    key = request.GET.get("key", "")
    if key not in {examples.METRIC, examples.NOBODY_LOGS}:
        raise NotFound("There are no points of this.")
    return key


def _written(point: tuple[float, float]) -> dict[str, str]:
    return {"value": figure(point[1]), "at": f"{point[0]:.0f}"}


def _switches(on: list[str]) -> list[SwitchRow]:
    return examples.switches(on, action_of=lambda name: reverse("components-switch", args=[name]))


def _context(request: Request) -> dict[str, Any]:
    url = reverse("components")
    rows = examples.example_rows(url)
    return {
        "url": url,
        "form": examples.example_form(),
        "switches": _switches(request.GET.getlist("on")),
        "heads": examples.heads(),
        "table": {"rows": rows, "columns": [examples.METRIC]},
        "column_count": len(rows),
        "curves": examples.CURVES,
        "states": examples.states(),
        "conditions": examples.conditions(url),
        "reasons": [_("“%(value)s” is no number.") % {"value": "fast"}],
        "sections": examples.example_sections(),
        "folded": [Section("lr", ["lr"])],
        "failures": [Unavailable(_("one of its files cannot be opened."))],
        "locks": [lock_sentence("run", "tls"), lock_sentence("run", "machine"), lock_sentence("run", "open")],
        "seals": [Seal("0123456789abcdef" * 4), Seal("f0" * 32)],
        "numbers": range(1, RUN_COLOURS + 1),
        "pager": {
            "newer": "",
            "older": url,
            "place": _("%(first)s to %(last)s of %(total)s") % {"first": 51, "last": 100, "total": "2 400"},
        },
        "choice": examples.example_choice(request.GET.get("density", "")),
        "choice_href": reverse("components-choice"),
    }
