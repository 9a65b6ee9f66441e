"""Who asks: an API key as Bearer or as Basic `api:KEY`, or the browser's session, which then has to show its CSRF token."""

from __future__ import annotations

import base64
import binascii

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.authentication import SessionAuthentication as DrfSessionAuthentication
from rest_framework.request import Request

from apps.accounts.actors import Actor
from apps.api.errors import Unauthorized
from apps.teams.key_networks import actor_by_key

_LONGEST_HEADER = 1024
CHALLENGE = 'Bearer realm="ownlog"'


def nobody() -> Actor:
    return Actor.nobody()


class KeyAuthentication(BaseAuthentication):
    """A key that is sent and not ours is refused, also where none is needed."""

    def authenticate(self, request: Request) -> tuple[Actor, None] | None:
        header = request.headers.get("Authorization", "")
        if not header:
            return None
        actor = actor_by_key(_secret_in(header), request._request)
        if actor is None:
            raise Unauthorized
        return actor, None

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class SessionAuthentication(BaseAuthentication):
    """Whoever is signed in in this browser, or came to it by a share link."""

    def authenticate(self, request: Request) -> tuple[Actor, None] | None:
        actor: Actor = request._request.actor  # type: ignore[attr-defined]
        if not actor.is_signed_in and not actor.shares:
            return None
        DrfSessionAuthentication().enforce_csrf(request)
        return actor, None


def _secret_in(header: str) -> str:
    scheme, _, rest = header.partition(" ")
    rest = rest.strip()
    if len(header) > _LONGEST_HEADER:
        raise Unauthorized
    if scheme.lower() == "bearer":
        return rest
    if scheme.lower() != "basic":
        raise Unauthorized
    try:
        return base64.b64decode(rest, validate=True).decode("ascii").partition(":")[2]
    except (ValueError, binascii.Error):
        raise Unauthorized from None


class _BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = KeyAuthentication
    name = ["apiKey", "basicApiKey"]

    def get_security_definition(self, auto_schema: object) -> list[dict[str, str]]:
        return [
            {"type": "http", "scheme": "bearer", "description": "An API key."},
            {"type": "http", "scheme": "basic", "description": "User `api`, the API key as password."},
        ]


class _SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = SessionAuthentication
    name = "session"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "ownlog_session",
            "description": "The browser's session; writes also need the header X-CSRFToken.",
        }
