"""Files that a server keeps somewhere else: it names the address, and somebody who named that server trusted it with no more than its own
answers. So the host is looked up once, each of its numbers is judged as those of webhooks are (ADR 0216), and no key goes there."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from django.utils.translation import gettext as _

from apps.core.errors import Unavailable
from apps.imports.errors import Broken
from apps.imports.readers.asking import PATIENCE_SECONDS, Site
from apps.webhooks.outside import Network, is_allowed
from apps.webhooks.queries import own_networks

_MOST_NUMBERS = 8  # that are tried, each for as long as it takes to be sure


def download(site: Site, url: str, *, most: int | None = None) -> Iterator[bytes]:
    """What lies at an address that says by itself who may read it, piece by piece, and no more than `most` of it."""
    try:
        there, here = urlsplit(url), urlsplit(site.address)
        is_same = _origin(there) == _origin(here)
    except ValueError:
        raise Broken(_("The server names no usable address for a file.")) from None
    if there.scheme not in ("http", "https") or not there.hostname or there.username is not None:
        raise Broken(_("The server names no usable address for a file."))
    address = f"{there.scheme}://{there.netloc}"
    target = (there.path or "/") + (f"?{there.query}" if there.query else "")
    if not target.isascii() or not target.isprintable() or " " in target:
        raise Broken(_("The server names no usable address for a file."))
    place = Site if is_same else _Elsewhere
    return place(address, beat=site.beat, missing_is_lost=site.missing_is_lost).stream(target, most=most)


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


class _Elsewhere(Site):
    def _connection(self, parts: SplitResult) -> http.client.HTTPConnection:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        numbers = _judged(parts.hostname or "", port)
        if parts.scheme == "https":
            return _ToNumber(parts.hostname or "", port, numbers)
        raise Broken(_("The server keeps its files where this instance does not go."))


def _judged(host: str, port: int) -> list[str]:
    try:
        found = {str(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        raise Unavailable(_("The place where the server keeps its files cannot be found now.")) from None
    own = own_networks()
    if (port != 443 and port < 1024) or not all(_may(number, own) for number in found):
        raise Broken(_("The server keeps its files where this instance does not go."))
    return sorted(found)[:_MOST_NUMBERS]


def _may(number: str, own: Sequence[Network]) -> bool:
    try:
        return is_allowed(ip_address(number), own)
    except ValueError:
        return False


class _ToNumber(http.client.HTTPSConnection):
    """A connection to a number that was judged, under the name that was asked for."""

    def __init__(self, host: str, port: int, numbers: Sequence[str]) -> None:
        super().__init__(host, port, timeout=PATIENCE_SECONDS)
        self._numbers = numbers

    def connect(self) -> None:
        failed: OSError = ConnectionError()
        for number in self._numbers:
            try:
                wire = socket.create_connection((number, self.port), PATIENCE_SECONDS)
            except OSError as error:
                failed = error
                continue
            self.sock = ssl.create_default_context().wrap_socket(wire, server_hostname=self.host)
            return
        raise failed
