"""How long runs and artifacts are kept, of oneself and of a team. What a choice would erase is asked about first."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from apps.access.policy import Permission
from apps.core.errors import Forbidden, Invalid
from apps.projects.retention import SETTING
from apps.teams.gate import may
from apps.web.grace import choose_grace, grace_rows, named_in
from apps.web.keeping import owner_of
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.retention import VERSIONS, Asking, choose_rule, rules_of, setting_of


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def mine(request: Request) -> HttpResponseBase:
    """Of the asker's own projects."""
    return _retention(request, "", reverse("retention"))


@require_http_methods(["GET", "HEAD", "POST"])
def of_team(request: Request, entity: str) -> HttpResponseBase:
    """Of a team's."""
    return _retention(request, entity, reverse("team-retention", args=[entity]))


def _retention(request: Request, team: str, action: str) -> HttpResponseBase:
    asking: Asking | None = None
    wrong, name, grace = "", setting_of(request.POST), named_in(request.POST)
    if request.method == "POST":
        owner = owner_of(request.actor, Permission.ENTITY_ADMIN, team)
        try:
            if grace is not None:
                choose_grace(owner, grace, request.POST.dict(), by=request.actor)
            else:
                asking = choose_rule(owner, owner.name, request.POST.dict(), by=request.actor, name=name)
        except (Forbidden, Invalid) as error:
            wrong = error.public_message
        if not wrong and asking is None:
            return redirect(action)
    owner = owner_of(request.actor, Permission.ENTITY_READ, team)
    typed = request.POST.get("days", "")[:20] if wrong else ""
    context = {
        "team": owner.name if team else "",
        "action": action,
        "may_change": may(request.actor, Permission.ENTITY_ADMIN, entity=owner),
        # Each with what was wrong in its own form, and what had been typed there.
        "both": [
            (rules_of(request.actor, owner, each), wrong if each is name and grace is None else "")
            for each in (SETTING, VERSIONS)
        ],
        "asking": asking,
        "typed": typed,
        "grace": grace_rows(request.actor, owner, refused=grace, typed=typed, wrong=wrong),
    }
    bad = wrong or (asking and asking.wrong)
    return render(request, "settings/retention.html", context, status=400 if bad else 200)
