from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from apps.accounts.actors import Actor
from apps.accounts.queries import no_account_yet
from apps.core.mail import sends_mail
from apps.web.adapter import invitation_of
from apps.web.appearance import appearance_of
from apps.web.custody import Audience
from apps.web.links import base_url, with_query
from apps.web.passkey_place import PasskeyPlace


@dataclass(frozen=True, slots=True)
class Me:
    """Whoever looks at the page, as the frame shows them."""

    is_signed_in: bool = False
    is_operator: bool = False
    username: str = ""

    @property
    def initials(self) -> str:
        return self.username[:2].upper()


class SignUp:
    """Who may make an account here. Asked by the pages before sign-in only, so it looks when it is asked."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @property
    def is_first(self) -> bool:
        return no_account_yet()

    @property
    def is_open(self) -> bool:
        return bool(settings.OWNLOG_SIGN_UP == "open")

    @property
    def is_invited(self) -> bool:
        return bool(settings.OWNLOG_SIGN_UP == "invited")

    @property
    def invitation(self) -> str:
        return invitation_of(self._request)


def page(request: HttpRequest) -> dict[str, Any]:
    """What the frame around each page says: who looks, and at which instance."""
    actor: Actor | None = getattr(request, "actor", None)
    me = Me()
    if actor is not None and actor.is_signed_in:
        me = Me(
            is_signed_in=True,
            is_operator=bool(getattr(request.user, "is_staff", False)),
            username=actor.username,
        )
    address = base_url(request)
    return {
        "me": me,
        "look": appearance_of(request),
        "instance": {"url": address, "host": address.split("://", 1)[-1]},
        "is_hosted": settings.OWNLOG_HOSTED,
        "sends_mail": sends_mail(),
        "audience": Audience(actor or Actor.nobody()),
        "sign_up": SignUp(request),
        "passkeys": PasskeyPlace(request),
        "way_in": _way_in(request),
        "here": _here(request),
    }


def _here(request: HttpRequest) -> str:
    """The project that the page is in, as `entity/project`: what is looked for is looked for there first."""
    names = request.resolver_match.kwargs if request.resolver_match else {}
    return f"{names['entity']}/{names['project']}" if {"entity", "project"} <= names.keys() else ""


def _way_in(request: HttpRequest) -> str:
    """The sign-in page, which leads back to what was asked for."""
    back = request.get_full_path() if request.method in ("GET", "HEAD") else ""
    return with_query(reverse("account_login"), {"next": back})
