from __future__ import annotations

from rest_framework.request import Request

from apps.accounts.actors import Actor
from apps.api.throttling import Rate


class ApiRequest(Request):
    """What a view of this door is given. For annotations."""

    actor: Actor
    rate: Rate
    body: bytes
