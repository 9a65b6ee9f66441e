"""About how many people use which library, month by month; and what one adds to that oneself."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from apps.statistics.queries import get_release, months_released, open_months, own_contributions
from apps.statistics.types import PARAMETERS, due_at
from apps.teams.choices import SettingName
from apps.teams.queries import effective, own_entity, told_to
from apps.web import keeping
from apps.web.library_figures import month_in, names_listed, shown, with_terms
from apps.web.privacy import part
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.views.keeping import saved

NAME = SettingName.STATISTICS


@login_required
@require_safe
def statistics(request: Request) -> HttpResponse:
    """What was released: the newest month, or the one that is asked for."""
    months = months_released(request.actor)
    asked = request.GET.get("month", "")
    month = month_in(asked) if asked else next(iter(months), None)
    open_month = open_months()[-1]
    context = {
        "shown": shown(get_release(request.actor, month=month)) if month else None,
        "others": [each for each in months if each != month],
        "next_month": open_month,
        "next_at": due_at(open_month),
        "minimum": PARAMETERS.minimum,
        "names": names_listed(),
        "made_with": "OpenDP",
    }
    return render(request, "statistics/page.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def mine(request: Request) -> HttpResponseBase:
    """The switch, and which libraries of the asker's own would be drawn from if the open months were released now."""
    action = reverse("statistics-settings")
    owner = own_entity(request.actor)
    if request.method == "POST":
        keeping.save(owner, NAME, request.POST.dict(), by=request.actor)
        now = effective(owner, NAME)
        row = part(now, action, may_change=True).row
        assert row is not None, "statistics are a switch"
        response = saved(request, action, now, row, keeping.places_of(request.actor, NAME))
        if request.htmx:
            response["HX-Refresh"] = "true"  # what would be counted stands on the page, or does no more
        return response
    (held,) = told_to(request.actor, [effective(owner, NAME)])
    context = {
        "held": held,
        "row": part(held, action, may_change=True).row,
        "months": with_terms(own_contributions(request.actor)),
        "places": keeping.places_of(request.actor, NAME),
        "most": PARAMETERS.libraries,
        "names": names_listed(),
    }
    return render(request, "settings/statistics.html", context)
