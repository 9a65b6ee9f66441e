"""The end of one's account: what would go, the word and the proof, and the page that a mailed link leads to afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.actors import Actor
from apps.accounts.names import as_stored
from apps.accounts.queries import user_of
from apps.core.errors import Conflict, Invalid
from apps.erasure.accounts import account_would_go, erase_account
from apps.erasure.grace import could_be_taken_back_until
from apps.erasure.idle import tell_of_closing
from apps.erasure.queries import would_go
from apps.erasure.taking_back import erase_now_by_link, take_back_by_link
from apps.erasure.types import Scope
from apps.erasure.ways_back import erasure_behind, path_of, receipt_behind, was_handed_over
from apps.teams.queries import own_entity
from apps.web.again import require_fresh_proof
from apps.web.downloads import attachment
from apps.web.erasing import progress_of
from apps.web.receipts import as_file
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.seals import seal_of

if TYPE_CHECKING:
    from apps.accounts.models import User


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def erase(request: Request) -> HttpResponseBase:
    """The asker's account with everything of their own. Its name is typed first, and they show once more who they are."""
    user, own = user_of(request.actor), own_entity(request.actor)
    error, typed = "", request.POST.get("name", "")
    if request.method == "POST":
        if as_stored(typed.strip()) == user.username:
            require_fresh_proof(request, user)
            try:
                return _closed(request, user, at_once="now" in request.POST)
            except Conflict as refused:
                error = refused.public_message
        else:
            error = _("This is not your user name. Type it as it stands above.")
    context = {
        "name": user.username,
        "went": would_go(Scope.ACCOUNT, [own]),
        "beside": account_would_go(user),
        "until": could_be_taken_back_until(own, Scope.ACCOUNT),
        "error": error,
        "typed": typed[:200],
    }
    return render(request, "erasing/account.html", context, status=400 if error else 200)


def _closed(request: Request, user: User, *, at_once: bool) -> HttpResponse:
    """The last page that this browser is shown of the account. Where no mail went out it has the link, this once."""
    job, secret = erase_account(user, by=request.actor, at_once=at_once)
    is_mailed = tell_of_closing(user, secret)
    logout(request)
    request.actor = Actor.nobody()
    context = {
        "job": progress_of(job),
        "address": user.email if is_mailed else "",
        "link": "" if is_mailed else request.build_absolute_uri(path_of(secret)),
    }
    return render(request, "erasing/account_closed.html", context)


@require_safe
def closed(request: Request, secret: str) -> HttpResponse:
    """How far the erasure of an account is, for whoever has the link: its person cannot sign in any more."""
    response = _page_of_link(request, secret)
    if request.htmx and progress_of(erasure_behind(secret)).is_over:
        response["HX-Refresh"] = "true"  # the page that waited says so in its heading too
    return response


def _page_of_link(request: Request, secret: str, *, error: str = "") -> HttpResponse:
    job = progress_of(erasure_behind(secret))
    words = {
        "job": job,
        "seal": seal_of(receipt_behind(secret)) if job.has_receipt else None,
        "secret": secret,
        "error": error,
        "may_hasten": was_handed_over(secret),
    }
    return render(request, "erasing/way_back.html", words, status=400 if error else 200)


@require_POST
def begin(request: Request, secret: str) -> HttpResponseBase:
    """Do not wait until the account is erased. Its name is typed once more."""
    try:
        erase_now_by_link(secret, name=request.POST.get("name", ""))
    except Invalid as refused:
        return _page_of_link(request, secret, error=refused.public_message)
    return redirect("closed-account", secret=secret)


@require_POST
def restore(request: Request, secret: str) -> HttpResponseBase:
    """Take the account back. What comes of it stands on the page of the link."""
    take_back_by_link(secret)
    return redirect("closed-account", secret=secret)


@require_safe
def receipt(request: Request, secret: str) -> HttpResponse:
    found = receipt_behind(secret)
    headers = {
        "Content-Disposition": attachment(f"receipt-{found['statement']['erasure']}.json"),
        "Cache-Control": "no-store",
    }
    return HttpResponse(as_file(found), content_type="application/json", headers=headers)
