"""Errors of services as pages. What never was and what one may not see are the same page."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.encoding import iri_to_uri
from django.utils.translation import gettext as _
from django.views.defaults import server_error

from apps.core.errors import (
    Conflict,
    Erased,
    Forbidden,
    Invalid,
    NotFound,
    OwnlogError,
    Suspended,
    TooMuch,
    Unavailable,
)
from apps.erasure.queries import job_that_closed
from apps.erasure.taking_back import may_decide
from apps.web.appearance import speak
from apps.web.links import page_above, project_url
from apps.web.rendering import render

if TYPE_CHECKING:
    from apps.erasure.models import ErasureJob

_STATUS: dict[type[OwnlogError], int] = {
    NotFound: 404,
    Forbidden: 403,
    Conflict: 409,
    Invalid: 400,
    TooMuch: 413,
    Erased: 410,
    Unavailable: 503,
}


def error_page(request: HttpRequest, error: OwnlogError) -> HttpResponse:
    """The page for an error that a service raised."""
    status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 500)
    if status == 404:
        return not_found(request)
    if isinstance(error, Suspended):
        return _page(
            request,
            403,
            _("Suspended"),
            _("The operators have suspended this. What is in it is kept as it is."),
        )
    if status == 403:
        return forbidden(request)
    facts = {
        409: _("This cannot be done now"),
        400: _("This cannot be used"),
        413: _("This is too much at once"),
        410: _("This has been erased"),
        503: _("Not at this moment"),
    }
    fact = facts.get(status, _("Something broke here"))
    back = _page_of_the_form(request) or (_readable_above(request) if status == 410 else "")
    if status == 410 and (waits := _may_be_taken_back(request)) is not None:
        return _page(request, status, _("Waiting to be erased"), "", back=back, waits=waits)
    return _page(request, status, fact, error.public_message, back=back)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if request.resolver_match is None:
        speak(request)  # no view, so nobody knew that a page would be the answer
    reason = _("There is nothing at this address, or it is not shared with you.")
    if not _is_signed_in(request):
        reason = _(
            "There is nothing at this address, or it is not shared with everybody. Signing in may open it."
        )
    return _page(request, 404, _("Not found"), reason)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """What they have, and the way back to where they may be."""
    actor = getattr(request, "actor", None)
    fact, reason = (
        _("Only for reading"),
        _("You may read this. To change it takes an account and a role there."),
    )
    if _is_signed_in(request):
        fact = _("Not with your role")
        reason = _(
            "You may see this, but your role does not allow to change it. Its owner or an admin can give you more."
        )
    elif actor is not None and actor.shares:
        reason = _("You came by a link for reading. Nothing can be changed by it.")
    return _page(request, 403, fact, reason, back=_readable_above(request))


def not_by_this_method(request: HttpRequest, *, allowed: str) -> HttpResponse:
    """An address that only takes what a form sends, or only answers: said alike to everybody, whatever lies there."""
    speak(request)  # refused before anybody asked in which language
    is_page = "GET" in allowed
    reason = (
        _("This page does not take what was sent to it. Nothing was changed.")
        if is_page
        else _("This is the address that a form is sent to, and no page by itself. Nothing was changed.")
    )
    back = quote(request.path) if is_page else page_above(request.path)
    response = _page(request, 405, _("Nothing was done"), reason, back=back)
    response["Allow"] = allowed
    return response


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(
        request, 400, _("This cannot be used"), _("The request is not one that this page understands.")
    )


def too_often(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """A form of a way in, sent so often that it may be somebody who guesses."""
    reason = _(
        "This was tried too often within a minute. Nothing was changed. Wait a minute, then try again."
    )
    return _page(request, 429, _("Too many tries"), reason, back=_page_of_the_form(request))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form came from elsewhere, or from a page that was open since before the last sign-in."""
    advice = _(
        "The form was made before you last signed in or out. Open the page again and send it once more."
    )
    return _page(request, 403, _("The form is too old"), advice)


def broken(request: HttpRequest) -> HttpResponse:
    return server_error(request, template_name="500.html")


def _is_signed_in(request: HttpRequest) -> bool:
    actor = getattr(request, "actor", None)
    return actor is not None and actor.is_signed_in


def _page_of_the_form(request: HttpRequest) -> str:
    """Where what was refused was sent from, if that was a page of ours: the browser says so to nobody else."""
    came = urlsplit(request.headers.get("Referer", ""))
    is_ours = came.netloc == request.get_host() and not came.path.startswith("//")
    return (
        iri_to_uri(came._replace(scheme="", netloc="", fragment="").geturl())
        if is_ours and request.method == "POST"
        else ""
    )


def _readable_above(request: HttpRequest) -> str:
    """The page of the project or team that the address is about, which whoever is told of a role may read."""
    names = request.resolver_match.kwargs if request.resolver_match else {}
    if project := _project_above(request):
        return project
    if "entity" in names and request.path.startswith("/teams/"):
        return reverse("team", args=[names["entity"]])
    return ""


def _may_be_taken_back(request: HttpRequest) -> ErasureJob | None:
    """The erasure of the run that the address is about, while it waits, for whoever may take it back; others are told what they were."""
    names = request.resolver_match.kwargs if request.resolver_match else {}
    actor = getattr(request, "actor", None)
    if actor is None or not {"entity", "project", "run"} <= names.keys():
        return None
    job = job_that_closed(actor, entity=names["entity"], project=names["project"], run=names["run"])
    return job if job is not None and may_decide(actor, job) else None


def _project_above(request: HttpRequest) -> str:
    names = request.resolver_match.kwargs if request.resolver_match else {}
    return project_url(names["entity"], names["project"]) if "entity" in names and "project" in names else ""


def _page(
    request: HttpRequest,
    status: int,
    fact: str,
    reason: str,
    *,
    back: str = "",
    waits: ErasureJob | None = None,
) -> HttpResponse:
    if request.method == "GET" and back == quote(request.path):
        back = ""  # it is this page
    is_to_project = bool(back) and back == _project_above(request)
    context = {
        "status": status,
        "fact": fact,
        "reason": reason,
        "back": back,
        "is_to_project": is_to_project,
        "waits": waits,
    }
    return render(request, "error.html", context, status=status)
