from __future__ import annotations

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from apps.accounts.actors import Actor


class Request(HttpRequest):
    """What a view is given, once the middleware has been over it. For annotations."""

    actor: Actor
    htmx: HtmxDetails
