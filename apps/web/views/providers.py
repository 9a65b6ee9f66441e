"""To Google or GitHub, and back."""

from __future__ import annotations

from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.providers.base import AuthProcess
from django.http.response import HttpResponseBase, HttpResponseRedirect
from django.views.decorators.http import require_POST

from apps.accounts.providers import offered
from apps.core.errors import NotFound
from apps.web.rendering import render
from apps.web.request import Request


@require_POST
def start(request: Request, provider: str) -> HttpResponseBase:
    """A page that leads on at once and says what is asked for.

    A page in between, since the policy lets no form lead to another server, also not by a redirect.
    """
    asked = next((each for each in offered() if each.id == provider), None)
    if asked is None:
        raise NotFound("There is no such way to sign in here.")
    if request.POST.get("process") == AuthProcess.CONNECT:
        raise_if_reauthentication_required(request, app="allauth.socialaccount")
    onward = get_adapter().get_provider(request, provider).redirect_from_request(request)
    if not isinstance(onward, HttpResponseRedirect):
        return onward  # type: ignore[no-any-return]
    return render(request, "socialaccount/leaving.html", {"url": onward.url, "provider": asked})
