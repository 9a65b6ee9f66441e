"""Where passkeys work: at a name, over a connection that nobody can change. Pages at any other address say so and show the way."""

from __future__ import annotations

import ipaddress
from functools import cached_property
from typing import Literal
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.http.request import validate_host

from apps.web.links import base_url

Hindrance = Literal["", "number", "open", "elsewhere"]
_NEAR = "localhost"  # a name, and the only one at which browsers go without HTTPS


def domain_of(request: HttpRequest) -> str:
    """The name that passkeys belong to: the instance's, or the asker's where the instance has a number only."""
    own = _host(base_url(request))
    return own if own and not _is_number(own) else _asked_at(request)


class PasskeyPlace:
    """Of one request. Asked by the pages that speak of passkeys only, so it looks when it is asked."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @property
    def asked_at(self) -> str:
        return _asked_at(self._request)

    @cached_property
    def domain(self) -> str:
        return domain_of(self._request)

    @cached_property
    def hindrance(self) -> Hindrance:
        """Why no passkey can be made or used on this page: it stands at a number, without HTTPS, or at another name."""
        if _is_number(self.domain):
            return "number"
        if not _is_near(self.domain) and self._scheme != "https":
            return "open"
        is_here = self.asked_at == self.domain or self.asked_at.endswith(f".{self.domain}")
        return "" if is_here else "elsewhere"

    @cached_property
    def way(self) -> str:
        """The same page where passkeys work; empty where there is no such place yet."""
        path = (
            self._request.get_full_path() if self._request.method in ("GET", "HEAD") else self._request.path
        )
        if self.hindrance == "elsewhere":
            return base_url(self._request) + path
        if self.hindrance != "number" or not self.is_this_machine or not _allows_near():
            return ""
        port = urlsplit(f"//{self._request.get_host()}").port
        return f"{self._request.scheme}://{_NEAR}{f':{port}' if port else ''}{path}"

    @cached_property
    def is_this_machine(self) -> bool:
        """Is the number one of the machine that the browser runs on? Then it has a name that works."""
        return _is_number(self.asked_at) and ipaddress.ip_address(self.asked_at).is_loopback

    @property
    def _scheme(self) -> str:
        own = base_url(self._request)
        return own.partition("://")[0] if _host(own) == self.domain else str(self._request.scheme)


def _asked_at(request: HttpRequest) -> str:
    return _host(f"//{request.get_host()}")


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_near(host: str) -> bool:
    return host == _NEAR or host.endswith(f".{_NEAR}")


def _allows_near() -> bool:
    return validate_host(_NEAR, settings.ALLOWED_HOSTS)
