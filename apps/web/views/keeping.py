"""Settings about what is kept and what is told, of oneself and of a team. A choice is saved at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from apps.access.policy import Permission
from apps.core.errors import Conflict, Forbidden, Invalid
from apps.erasure.code import erase_code, saved_code_of
from apps.teams.choices import SettingName
from apps.teams.gate import may
from apps.teams.queries import Effective, effective, effective_of, told_to
from apps.web import keeping
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.switches import SwitchRow


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def system_metadata(request: Request) -> HttpResponseBase:
    """How much of the machine is kept with the asker's runs, and what became of what the last one told."""
    return _metadata(request, "", reverse("system-metadata"))


@require_http_methods(["GET", "HEAD", "POST"])
def team_metadata(request: Request, entity: str) -> HttpResponseBase:
    """The same for a team."""
    return _metadata(request, entity, reverse("team-system-metadata", args=[entity]))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def code_saving(request: Request) -> HttpResponseBase:
    """Whether code is kept with the asker's runs, and what holds in each place they log to."""
    return _code(request, "", reverse("code-saving"))


@require_http_methods(["GET", "HEAD", "POST"])
def team_code_saving(request: Request, entity: str) -> HttpResponseBase:
    """The same for a team."""
    return _code(request, entity, reverse("team-code-saving", args=[entity]))


@login_required
@require_POST
def erase_own_code(request: Request) -> HttpResponseBase:
    """Erase the code that was saved with the asker's runs."""
    return _erase(request, "", reverse("code-saving"))


@require_POST
def erase_team_code(request: Request, entity: str) -> HttpResponseBase:
    """The same for a team."""
    return _erase(request, entity, reverse("team-code-saving", args=[entity]))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def notifications(request: Request) -> HttpResponseBase:
    """Which mails the asker gets."""
    action = reverse("notifications")
    owner = keeping.owner_of(request.actor, Permission.ENTITY_READ, "")
    if request.method == "POST":
        name = next((each for each in keeping.MAILS if each == request.POST.get("name")), keeping.MAILS[0])
        keeping.save(owner, name, request.POST.dict(), by=request.actor)
        now = effective(owner, name)
        return saved(request, action, now, keeping.mail_switch(now, action))
    held = effective_of([owner], keeping.MAILS)[owner.pk]
    mails = [(held[each], keeping.mail_switch(held[each], action)) for each in keeping.MAILS]
    return render(request, "settings/notifications.html", {"mails": mails})


def _metadata(request: Request, team: str, action: str) -> HttpResponseBase:
    name, wrong = SettingName.SYSTEM_METADATA, ""
    if request.method == "POST":
        owner = keeping.owner_of(request.actor, Permission.ENTITY_ADMIN, team)
        try:
            keeping.save(owner, name, request.POST.dict(), by=request.actor)
            return redirect(action)
        except (Forbidden, Invalid) as error:
            wrong = error.public_message
    owner = keeping.owner_of(request.actor, Permission.ENTITY_READ, team)
    (held,) = told_to(request.actor, [effective(owner, name)])
    context = _frame(request, owner, held, team, action) | {
        "setting": keeping.metadata_choice(held),
        "last": keeping.last_run(request.actor, owner if team else None),
        "wrong": wrong,
    }
    return render(request, "settings/system_metadata.html", context, status=400 if wrong else 200)


def _code(request: Request, team: str, action: str) -> HttpResponseBase:
    name = SettingName.CODE_SAVING
    if request.method == "POST":
        owner = keeping.owner_of(request.actor, Permission.ENTITY_ADMIN, team)
        keeping.save(owner, name, request.POST.dict(), by=request.actor)
        held = effective(owner, name)
        places = [] if team else keeping.places_of(request.actor, name)
        response = saved(request, action, held, keeping.code_switch(held, action), places)
        if request.htmx and not held.is_on and saved_code_of(owner).files:
            response["HX-Refresh"] = "true"  # the page then offers to erase what was saved
        return response
    return _code_page(request, team, action)


def _code_page(request: Request, team: str, action: str, *, wrong: str = "") -> HttpResponse:
    name = SettingName.CODE_SAVING
    owner = keeping.owner_of(request.actor, Permission.ENTITY_READ, team)
    (held,) = told_to(request.actor, [effective(owner, name)])
    context = _frame(request, owner, held, team, action)
    row = keeping.code_switch(held, action, may_change=context["may_change"])
    saved = saved_code_of(owner) if context["may_change"] and not held.is_on else None
    context |= {"row": row, "saved": saved, "wrong": wrong}
    return render(request, "settings/code_saving.html", context, status=400 if wrong else 200)


def _erase(request: Request, team: str, action: str) -> HttpResponseBase:
    owner = keeping.owner_of(request.actor, Permission.ENTITY_ADMIN, team)
    if "agreed" not in request.POST:
        return _code_page(request, team, action, wrong=_("Tick this, or leave what was saved as it is."))
    if effective(owner, SettingName.CODE_SAVING).is_on:
        raise Conflict(_("Code saving is on: switch it off first."))
    erase_code(owner, by=request.actor)
    return redirect(action)


def saved(
    request: Request, action: str, held: Effective, row: SwitchRow, places: Sequence[keeping.Place] = ()
) -> HttpResponseBase:
    """What the page says of a switch as it is now for a script, the page for everybody else."""
    if not request.htmx:
        return redirect(action)
    return render(request, "settings/_switched.html", {"row": row, "held": held, "places": places})


def _frame(request: Request, owner: Any, held: Effective, team: str, action: str) -> dict[str, Any]:
    return {
        "team": owner.name if team else "",
        "held": held,
        "action": action,
        "may_change": may(request.actor, Permission.ENTITY_ADMIN, entity=owner),
        "places": [] if team else keeping.places_of(request.actor, held.name),
    }
