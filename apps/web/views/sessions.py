from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.queries import user_of
from apps.accounts.sessions import row_of
from apps.teams.browsers import browsers_of, end_browser, end_other_browsers
from apps.web.rendering import render
from apps.web.request import Request


@login_required
@require_safe
def sessions(request: Request) -> HttpResponse:
    """Where the asker is signed in."""
    browsers = browsers_of(user_of(request.actor), session_row=_here(request))
    return render(request, "settings/sessions.html", {"browsers": browsers})


@login_required
@require_POST
def end(request: Request, public_id: str) -> HttpResponseBase:
    end_browser(request.actor, public_id)
    return redirect("sessions")


@login_required
@require_POST
def end_others(request: Request) -> HttpResponseBase:
    end_other_browsers(user_of(request.actor), session_row=_here(request), by=request.actor)
    return redirect("sessions")


def _here(request: Request) -> str:
    return row_of(request.session.session_key or "")
