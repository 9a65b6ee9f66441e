"""Who asks: `Authorization: Basic base64("api:" + key)`, and nothing else.

Cookies, `Use-Admin-Privileges` and `X-Wandb-Username` are never authority here.
"""

from __future__ import annotations

import base64
import binascii

from django.http import HttpRequest

from apps.accounts.actors import Actor
from apps.teams.key_networks import actor_by_key
from apps.wandb_protocol.errors import Unauthorized

_LONGEST_HEADER = 1024


def actor_of(request: HttpRequest) -> Actor:
    """The person behind the key; nobody without one. A key that is not ours raises Unauthorized."""
    header = request.headers.get("Authorization", "")
    if not header:
        return Actor.nobody()
    scheme, _, rest = header.partition(" ")
    if len(header) > _LONGEST_HEADER or scheme.lower() != "basic":
        raise Unauthorized
    actor = actor_by_key(_secret_in(rest.strip()), request)
    if actor is None:
        raise Unauthorized
    return actor


def person_of(request: HttpRequest) -> Actor:
    """Like actor_of, where nobody has no business."""
    actor = actor_of(request)
    if not actor.is_signed_in:
        raise Unauthorized
    return actor


def _secret_in(credentials: str) -> str:
    try:
        return base64.b64decode(credentials, validate=True).decode("ascii").partition(":")[2]
    except (ValueError, binascii.Error):
        raise Unauthorized from None
