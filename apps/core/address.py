"""Where this instance is reached, for mails: as the operator declared, or as whoever caused the mail reached it."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from contextvars import ContextVar

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port

_asked_at: ContextVar[str] = ContextVar("asked_at", default="")


def instance_address() -> str:
    """Without a slash at the end; empty where nobody knows an address that would work for whoever reads the mail."""
    return str(settings.OWNLOG_BASE_URL) or _asked_at.get()


class AskedAt:
    """Remembers, as long as a request takes, at which address it came."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        before = _asked_at.set(_address(request))
        try:
            return self.get_response(request)
        finally:
            _asked_at.reset(before)


def _address(request: HttpRequest) -> str:
    # Where every name is taken, whoever asks would write the link in a mail to somebody else.
    if "*" in settings.ALLOWED_HOSTS:
        return ""
    try:
        host = request.get_host()
    except DisallowedHost:
        return ""
    if _is_near(host) and not _is_for_this_machine_alone():
        return ""
    return f"{request.scheme}://{host}"


def _is_for_this_machine_alone() -> bool:
    """Does nobody reach it from elsewhere? A proxy that was told of may say localhost of everybody."""
    return not settings.OWNLOG_TRUSTED_PROXY and all(_is_near(host) for host in settings.ALLOWED_HOSTS)


def _is_near(host: str) -> bool:
    name = split_domain_port(host)[0].strip("[]").removeprefix(".")
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
