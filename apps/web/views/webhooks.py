"""Webhooks of oneself, of a team and of a project: which there are, made, tried, switched, removed, and what they were told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from apps.access.policy import Permission
from apps.core.errors import Invalid, TooMuch
from apps.projects.queries import get_project, open_project
from apps.vault.damage import leaving_out_damaged
from apps.web.keeping import owner_of
from apps.web.links import project_url
from apps.web.registries import frame as registry_frame
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.shown_once import first_time
from apps.web.views.artifacts import around
from apps.web.webhooks import HookForm, happening_words, standing, told
from apps.webhooks.queries import (
    damaged_hooks,
    deliveries_of,
    find_hook,
    get_hook,
    health_of,
    hooks_of,
    open_hook,
)
from apps.webhooks.services import make_hook, remove_hook, renew_secret, send_test, switch_hook

if TYPE_CHECKING:
    from apps.webhooks.models import Hook
    from apps.webhooks.queries import Owner

_FORM = ["GET", "HEAD", "POST"]


@dataclass(frozen=True, slots=True)
class _Place:
    """Whose webhooks these are, and what their pages show around them."""

    owner: Owner
    url: str
    frame: dict[str, Any]


@login_required
@require_http_methods(_FORM)
def mine(request: Request) -> HttpResponseBase:
    return _list(request, _of_entity(request, ""))


@login_required
@require_http_methods(_FORM)
def one_of_mine(request: Request, hook: str) -> HttpResponseBase:
    return _one(request, _of_entity(request, ""), hook)


@require_http_methods(_FORM)
def of_team(request: Request, entity: str) -> HttpResponseBase:
    return _list(request, _of_entity(request, entity))


@require_http_methods(_FORM)
def one_of_team(request: Request, entity: str, hook: str) -> HttpResponseBase:
    return _one(request, _of_entity(request, entity), hook)


@require_http_methods(_FORM)
def of_project(request: Request, entity: str, project: str) -> HttpResponseBase:
    return _list(request, _of_project(request, entity, project))


@require_http_methods(_FORM)
def one_of_project(request: Request, entity: str, project: str, hook: str) -> HttpResponseBase:
    return _one(request, _of_project(request, entity, project), hook)


@require_safe
def go(request: Request, public_id: str) -> HttpResponseBase:
    """From the id of a webhook, which is all that a mail says of it, to its page."""
    hook = find_hook(request.actor, public_id)
    if hook.project is not None:
        place = open_project(hook.project)
        return redirect(f"{project_url(place.entity, place.name)}/settings/webhooks/{hook.public_id}")
    if hook.entity.user_id is not None:
        return redirect("webhook", hook.public_id)
    return redirect("team-webhook", hook.entity.name, hook.public_id)


def _of_entity(request: Request, team: str) -> _Place:
    owner = owner_of(request.actor, Permission.ENTITY_ADMIN, team)
    url = reverse("team-webhooks", args=[owner.name]) if team else reverse("webhooks")
    frame = {
        "parent": "webhooks/in_settings.html",
        "team": owner.name if team else "",
        "is_of_project": False,
    }
    return _Place(owner, url, frame)


def _of_project(request: Request, entity: str, project: str) -> _Place:
    held = get_project(request.actor, Permission.PROJECT_ADMIN, entity=entity, name=project)
    if held.is_registry:
        context, parent = registry_frame(open_project(held)), "webhooks/in_registry.html"
    else:
        context, parent = around(request, held), "webhooks/in_project.html"
    frame = {"parent": parent, "is_of_project": True, **context}
    return _Place(held, f"{context['url']}/settings/webhooks", frame)


def _list(request: Request, place: _Place) -> HttpResponseBase:
    form = HookForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            words = form.cleaned_data
            with first_time(request):
                made, secret = make_hook(
                    place.owner, words["address"], happenings=form.chosen, by=request.actor
                )
            return _page(request, place, made, secret=secret)
        except (Invalid, TooMuch) as error:
            form.add_error("address", error.public_message)
    with leaving_out_damaged() as damaged:
        hooks = [
            {
                "opened": each,
                "url": f"{place.url}/{each.public_id}",
                "standing": standing(each),
                "tells": [happening_words(one) for one in each.happenings],
            }
            for each in hooks_of(place.owner)
        ]
    context = place.frame | {
        "list_url": place.url,
        "hooks": hooks,
        "form": form,
        "damaged": damaged,
        "unreadable": damaged_hooks(place.owner, damaged) if damaged else [],
    }
    return render(request, "webhooks/list.html", context, status=400 if form.errors else 200)


def _one(request: Request, place: _Place, public_id: str) -> HttpResponseBase:
    hook = get_hook(place.owner, public_id)
    if request.method != "POST":
        return _page(request, place, hook)
    act = request.POST.get("act", "")
    if act == "secret":
        with first_time(request):
            secret = renew_secret(hook, by=request.actor)
        return _page(request, place, hook, secret=secret)
    if act == "remove":
        remove_hook(hook, by=request.actor)
        return redirect(place.url)
    try:
        _do(hook, act, request)
    except (Invalid, TooMuch) as error:
        return _page(request, place, hook, wrong=error.public_message)
    return redirect(f"{place.url}/{hook.public_id}")


def _do(hook: Hook, act: str, request: Request) -> None:
    if act == "test":
        send_test(hook)
    elif act in ("on", "off"):
        switch_hook(hook, on=act == "on", by=request.actor)


def _page(request: Request, place: _Place, hook: Hook, *, secret: str = "", wrong: str = "") -> HttpResponse:
    """One webhook with its last deliveries. A secret stands in the answer to the form that made it, and nowhere again."""
    hook.refresh_from_db()
    opened = open_hook(hook)
    context = place.frame | {
        "list_url": place.url,
        "hook_url": f"{place.url}/{hook.public_id}",
        "hook": opened,
        "tells": [happening_words(each) for each in opened.happenings],
        "standing": standing(opened),
        "health": health_of(hook),
        "deliveries": told(deliveries_of(hook)),
        "secret": secret,
        "wrong": wrong,
    }
    return render(request, "webhooks/one.html", context, status=400 if wrong else 200)
