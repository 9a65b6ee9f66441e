"""A server of another program that somebody on this machine named. Nobody else can: whoever may choose an address here may ask whatever this
machine reaches (for what comes from a page, see ADR 0216)."""

from __future__ import annotations

import base64
import http.client
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from django.utils.translation import gettext as _

from apps.core import jsontext
from apps.core.errors import Invalid, NotFound, TooMuch, Unavailable
from apps.imports.types import Beat

PATIENCE_SECONDS = 60.0
_MOST_JSON = 64 * 2**20
_PIECE = 256 * 1024
_WAITS = (0.5, 2.0, 5.0)  # before it is asked again
_LONGEST_WAIT = 120.0  # that a server may ask for
_SECONDS = re.compile(r"[0-9]{1,6}", re.ASCII)
_BUSY = frozenset({429, 500, 502, 503, 504})
_BREAKS = (OSError, http.client.HTTPException)


class _Busy(Unavailable):
    def __init__(self, status: int, seconds: float) -> None:
        super().__init__(_("The server answers %(status)d: ask again later.") % {"status": status})
        self.seconds = seconds  # as long as it asks one to wait


class _KeyRefused(Unavailable):
    """To ask again at once changes nothing; what has come stays for when it is asked with another."""


@dataclass(frozen=True, slots=True)
class Site:
    """Asked with one key. It is never sent on: no redirect is followed."""

    address: str
    key: str = ""
    user: str = ""  # the key is their password
    beat: Beat = field(default_factory=Beat, compare=False, repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.address)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
            raise Invalid(_("Give an address that begins with https:// or http://."))

    def json(
        self, path: str, /, *, body: Mapping[str, Any] | None = None, **query: str | int
    ) -> dict[str, Any]:
        """What it answers, an object. Asked again where it is busy; Unavailable where it stays so."""
        data = None if body is None else jsontext.dumps(dict(body)).encode()
        for wait in (*_WAITS, None):
            try:
                return _object(self._whole(path, data, query))
            except Unavailable as error:
                _wait(error, wait)
        raise AssertionError  # the last of them raises

    def stream(self, path: str, /, **query: str | int) -> Iterator[bytes]:
        """A file, piece by piece. Unavailable where it ends too early; asked again only before its first piece has come."""
        for wait in (*_WAITS, None):
            began = False
            try:
                for piece in self._pieces(path, query):
                    began = True
                    yield piece
                return
            except Unavailable as error:
                _wait(error, None if began else wait)

    def _pieces(self, path: str, query: Mapping[str, str | int]) -> Iterator[bytes]:
        with self._answer(path, None, query) as answer:
            try:
                while piece := answer.read(_PIECE):
                    yield piece
            except _BREAKS:
                raise _gone() from None
            _check_end(answer)

    def _whole(self, path: str, data: bytes | None, query: Mapping[str, str | int]) -> bytes:
        with self._answer(path, data, query) as answer:
            try:
                raw = answer.read(_MOST_JSON + 1)
            except _BREAKS:
                raise _gone() from None
            if len(raw) > _MOST_JSON:
                raise TooMuch(_("The server answers more at once than can be read."))
            _check_end(answer)
        return raw

    @contextmanager
    def _answer(
        self, path: str, data: bytes | None, query: Mapping[str, str | int]
    ) -> Iterator[http.client.HTTPResponse]:
        parts = urlsplit(self.address)
        target = parts.path.rstrip("/") + path + (f"?{urlencode(query, quote_via=quote)}" if query else "")
        connection = self._connection(parts)
        try:
            try:
                connection.request("GET" if data is None else "POST", target, data, self._headers(data))
                answer = connection.getresponse()
            except _BREAKS:
                raise _gone() from None
            with answer:  # where the other side ends the connection it is the answer alone that holds it
                _check(answer.status, answer.headers.get("Retry-After", ""))
                yield answer
        finally:
            connection.close()

    def _connection(self, parts: SplitResult) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        return kind(parts.hostname or "", parts.port, timeout=PATIENCE_SECONDS)

    def _headers(self, data: bytes | None) -> dict[str, str]:
        headers = {} if data is None else {"Content-Type": "application/json"}
        if self.user:
            headers["Authorization"] = (
                "Basic " + base64.b64encode(f"{self.user}:{self.key}".encode()).decode()
            )
        elif self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        return headers


def _wait(error: Unavailable, seconds: float | None) -> None:
    """Before it is asked again; where that is not done, or would change nothing, the error is raised."""
    if seconds is None or isinstance(error, _KeyRefused):
        raise error
    time.sleep(max(seconds, error.seconds) if isinstance(error, _Busy) else seconds)


def _check(status: int, retry_after: str) -> None:
    if status == 200:
        return
    if status in _BUSY:
        asked = int(retry_after) if _SECONDS.fullmatch(retry_after) else 0
        raise _Busy(status, min(asked, _LONGEST_WAIT))
    if status in (401, 403):
        raise _KeyRefused(_("The server does not accept this key."))
    raise NotFound(
        _("The server answers %(status)d: it is not what was expected there.") % {"status": status}
    )


def _check_end(answer: http.client.HTTPResponse) -> None:
    """Read piece by piece, an answer that is shorter than it says ends without a word."""
    if answer.length:
        raise _gone()


def _object(raw: bytes) -> dict[str, Any]:
    value = jsontext.loads(raw)
    if not isinstance(value, dict):
        raise Invalid(_("The server answers something else than was asked for."))
    return value


def _gone() -> Unavailable:
    return Unavailable(_("The server cannot be reached, or broke off: ask again later."))
