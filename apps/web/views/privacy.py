"""Settings about who sees what: of oneself and of a team. A choice is saved at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.decorators import login_required
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from apps.access.policy import Permission
from apps.core.errors import Forbidden, Invalid
from apps.teams.choices import SettingName
from apps.teams.gate import may
from apps.teams.queries import effective, effective_of, told_to
from apps.web import keeping
from apps.web.privacy import OF_A_PERSON, OF_A_TEAM, part
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.views.keeping import saved

if TYPE_CHECKING:
    from apps.teams.models import Entity


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def mine(request: Request) -> HttpResponseBase:
    """Who sees the asker's new projects and finds the asker."""
    return _privacy(request, "", reverse("privacy-settings"))


@require_http_methods(["GET", "HEAD", "POST"])
def of_team(request: Request, entity: str) -> HttpResponseBase:
    """The same for a team."""
    return _privacy(request, entity, reverse("team-privacy", args=[entity]))


def _privacy(request: Request, team: str, action: str) -> HttpResponseBase:
    names, wrong = (OF_A_TEAM if team else OF_A_PERSON), ""
    if request.method == "POST":
        owner = keeping.owner_of(request.actor, Permission.ENTITY_ADMIN, team)
        try:
            return _save(request, owner, action, names)
        except (Forbidden, Invalid) as error:
            wrong = error.public_message
    owner = keeping.owner_of(request.actor, Permission.ENTITY_READ, team)
    may_change = may(request.actor, Permission.ENTITY_ADMIN, entity=owner)
    held = effective_of([owner], [*names, SettingName.PRIVATE_ONLY])[owner.pk]
    context = {
        "team": owner.name if team else "",
        "action": action,
        "may_change": may_change,
        "parts": [
            part(each, action, may_change=may_change)
            for each in told_to(request.actor, (held[name] for name in names))
        ],
        "private_only": held[SettingName.PRIVATE_ONLY],
        "wrong": wrong,
    }
    return render(request, "settings/privacy.html", context, status=400 if wrong else 200)


def _save(request: Request, owner: Entity, action: str, names: tuple[SettingName, ...]) -> HttpResponseBase:
    """The switch as it is now for a script, the page for everybody else."""
    form = request.POST.dict()
    name = next((each for each in names if each in form or form.get("name") == each), None)
    if name is None:
        raise Invalid(_("There is no such choice."))
    keeping.save(owner, name, form, by=request.actor)
    held = effective(owner, name)
    row = part(held, action, may_change=True).row
    return redirect(action) if row is None else saved(request, action, held, row)
