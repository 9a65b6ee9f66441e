"""Who one is here, and what follows one everywhere. A choice is saved at once."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from apps.accounts.links import is_confirmed
from apps.accounts.queries import user_of
from apps.accounts.types import Language, Theme
from apps.accounts.zones import zone_called
from apps.core import clock
from apps.core.errors import Invalid
from apps.web.profile import Pick, named, pick, picks, save_pick
from apps.web.rendering import render
from apps.web.request import Request


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: Request) -> HttpResponseBase:
    """The asker's name, address, clock, and where their runs go."""
    if request.method != "POST":
        return _page(request)
    form = request.POST.dict()
    try:
        name = save_pick(request.actor, form)
    except Invalid as error:
        return _answer(request, pick(request.actor, named(form), wrong=error.public_message))
    return _answer(request, pick(request.actor, name))


def _answer(request: Request, done: Pick) -> HttpResponseBase:
    """The list as it is now for a script, the page for everybody else."""
    if request.htmx:
        # With the clock as it goes from now on; htmx puts in place what comes with 200 only.
        with timezone.override(zone_called(user_of(request.actor).time_zone)):
            return render(request, "settings/_pick.html", {"pick": done, "now": clock.now()})
    return _page(request, done) if done.wrong else redirect("profile")


def _page(request: Request, wrong: Pick | None = None) -> HttpResponse:
    user = user_of(request.actor)
    found = [wrong if wrong and wrong.name == each.name else each for each in picks(request.actor)]
    context = {
        "person": user,
        "is_confirmed": is_confirmed(user),
        "picks": found,
        "now": clock.now(),
        "language": {Language.ENGLISH: "English", Language.JAPANESE: "日本語"}.get(
            Language(user.language), ""
        ),
        "is_dark": user.theme == Theme.DARK,
        "is_light": user.theme == Theme.LIGHT,
    }
    return render(request, "settings/profile.html", context, status=400 if wrong else 200)
