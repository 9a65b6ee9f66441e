"""A server of another program that somebody on this machine named. Nobody else can: whoever may choose an address here may ask whatever this
machine reaches (for what comes from a page, see ADR 0216). What it answers is trusted no more for that (ADR 0275)."""

from __future__ import annotations

import base64
import http.client
import io
import re
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from django.utils.translation import gettext as _

from apps.core import jsontext
from apps.core.errors import Invalid, NotFound, NotThere, OwnlogError, TooMuch, Unavailable
from apps.imports.types import Beat

PATIENCE_SECONDS = 60.0  # without a byte
# An answer may let us wait so long, and longer by what has come of it: one byte a minute is none.
_ANSWER_SECONDS, _SLOWEST = 300.0, 16 * 1024
_MOST_HEAD = 2**20  # bytes before an answer begins
_MOST_JSON = 64 * 2**20
_MOST_VALUES = 4_000_000  # of an answer, however short it writes them
_MOST_FILE = 2**40  # of which nobody says how large it is
_WRAPPED = 8  # bytes at most that a byte takes on the way
_PIECE = 256 * 1024
_WAITS = (0.5, 2.0, 5.0)  # before it is asked again
_LONGEST_WAIT = 120.0  # that a server may ask for
_BETWEEN_BEATS = 60.0
_SECONDS = re.compile(r"[0-9]{1,6}", re.ASCII)
_BUSY = frozenset({429, 500, 502, 503, 504})
_NOT_THERE = frozenset({404, 410})
_NOT_KNOWN = frozenset({*range(400, 500), 501})  # it has understood, and does not do it
_FIRST_WORDS = 4096
_ITSELF = (b"NoSuchKey", b"BlobNotFound", b"RESOURCE_DOES_NOT_EXIST")  # S3 and Google, Azure, MLflow
_BREAKS = (OSError, http.client.HTTPException)
_T = TypeVar("_T")


class _Busy(Unavailable):
    def __init__(self, status: int, seconds: float) -> None:
        super().__init__(_("The server answers %(status)d: ask again later.") % {"status": status})
        self.seconds = seconds  # as long as it asks one to wait


class _NotNow(Unavailable):
    """To ask again at once changes nothing; what has come stays for when it is asked again, or with another key."""


class Denied(_NotNow):
    """With this key, or at an address that was good for a while. Whether anything is there is not said by it."""


class SomethingElse(Unavailable):
    """As of who stands in front of it for a while: a page for people, a way to elsewhere, an answer that is cut short. That is none."""


class OneAlone(NotThere):
    """Whoever keeps it says that it has all but this one. A bare 404 may be of a proxy that has lost its way to all of them."""


@dataclass(frozen=True, slots=True)
class Site:
    """Asked with one key. It is never sent on: no redirect is followed."""

    address: str
    key: str = field(default="", repr=False)
    user: str = ""  # the key is their password
    missing_is_lost: bool = False  # of a file that it answers 404 for: neither asked for again nor doubted
    beat: Beat = field(default_factory=Beat, compare=False, repr=False)

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.address)
            is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_one = False
        if not is_one or parts.username is not None:
            raise Invalid(_("Give an address that begins with https:// or http://."))
        if not self.user and not (self.key.isascii() and self.key.isprintable()):  # it is sent as it is
            raise Invalid(_("A key is written in visible letters of ASCII."))

    def json(
        self, path: str, /, *, body: Mapping[str, Any] | None = None, **query: str | int
    ) -> dict[str, Any]:
        """What it answers, an object. Asked again where it is busy, or answers what cannot be understood; Unavailable where it stays so."""
        data = None if body is None else jsontext.dumps(dict(body)).encode()
        for wait in (*_WAITS, None):
            try:
                return _object(b"".join(self._pieces(path, data, query, _MOST_JSON)))
            except Unavailable as error:
                self._wait(error, wait)
        raise AssertionError  # the last of them raises

    def stream(self, path: str, /, *, most: int | None = None, **query: str | int) -> Iterator[bytes]:
        """A file of at most so many bytes, piece by piece. Unavailable where it ends too early; asked again only before its first
        piece has come, also where it is not there: behind a proxy that may be for a moment."""
        for wait in (*_WAITS, None):
            began = False
            try:
                for piece in self._pieces(path, None, query, _MOST_FILE if most is None else most):
                    began = True
                    yield piece
                return
            except Unavailable as error:
                self._wait(error, None if began else wait)
            except NotThere as error:
                self._wait(error, None if isinstance(error, OneAlone) else wait)

    def once_more(self, ask: Callable[[], _T], answers: Callable[[], object]) -> _T:
        """What came was something else than it says. What it is now; where that is wrong too, `answers` has to be answered first, so
        that nothing is given up for who stands in front of it."""
        self.pause()
        try:
            return ask()
        except (Invalid, TooMuch):
            answers()
            raise

    def whole(self, read: Callable[[], Iterator[bytes]], answers: Callable[[], object]) -> Iterator[bytes]:
        """A file whose bytes `read` holds to what is said of them. The first are gone to whoever keeps them: where it was something else
        for once, it comes when all is asked for again."""
        try:
            yield from read()
        except (Invalid, TooMuch):
            self.once_more(lambda: deque(read(), maxlen=0), answers)
            raise broke_off() from None

    def pause(self) -> None:
        self._sleep(next(iter(_WAITS), 0.0))

    def _pieces(
        self, path: str, data: bytes | None, query: Mapping[str, str | int], most: int
    ) -> Iterator[bytes]:
        came = 0
        with self._answer(path, data, query, most) as answer:
            try:
                while piece := answer.read(_PIECE):
                    came += len(piece)
                    if came > most:
                        raise _too_much()
                    yield piece
            except _BREAKS:
                raise broke_off() from None
            if (
                answer.length
            ):  # read piece by piece, an answer that is shorter than it says ends without a word
                raise broke_off()

    @contextmanager
    def _answer(
        self, path: str, data: bytes | None, query: Mapping[str, str | int], most: int
    ) -> Iterator[http.client.HTTPResponse]:
        parts = urlsplit(self.address)
        target = parts.path.rstrip("/") + path + (f"?{urlencode(query, quote_via=quote)}" if query else "")
        connection = self._connection(parts)
        connection.response_class = partial(_Answer, beat=self.beat)  # type: ignore[assignment]
        try:
            try:
                self.beat()
                connection.request("GET" if data is None else "POST", target, data, self._headers(data))
                answer = connection.getresponse()
            except _BREAKS:
                raise broke_off() from None
            assert isinstance(answer, _Answer)
            with answer:  # where the other side ends the connection it is the answer alone that holds it
                _check(answer, self.missing_is_lost)
                answer.wire.room = _WRAPPED * most + _MOST_HEAD
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

    def _wait(self, error: Unavailable | NotThere, seconds: float | None) -> None:
        """Before it is asked again; where that is not done, or would change nothing, the error is raised."""
        if seconds is None or isinstance(error, _NotNow):
            raise error
        self._sleep(max(seconds, error.seconds) if isinstance(error, _Busy) else seconds)

    def _sleep(self, left: float) -> None:
        while left > 0:
            self.beat()
            time.sleep(min(left, _BETWEEN_BEATS))
            left -= _BETWEEN_BEATS


class _Answer(http.client.HTTPResponse):
    """One that is read with little patience, from its first byte on."""

    def __init__(self, sock: socket.socket, *args: Any, beat: Beat, **named: Any) -> None:
        super().__init__(sock, *args, **named)
        self.wire = _Wire(self.fp.detach(), sock, beat)
        self.fp = io.BufferedReader(self.wire)


class _Wire(io.RawIOBase):
    """What comes from a server: no more than there is room for, and not too slowly. How long whoever reads takes does not count."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, beat: Beat) -> None:
        self._raw, self._sock, self._beat = raw, sock, beat
        self.room = _MOST_HEAD
        self._came, self._waited = 0, 0.0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._beat()
        left = _ANSWER_SECONDS + self._came / _SLOWEST - self._waited
        if left <= 0:
            raise _NotNow(_("The server answers too slowly: ask again later."))
        self._sock.settimeout(min(left, PATIENCE_SECONDS))
        began = time.monotonic()
        try:
            came: int = self._raw.readinto(buffer) or 0
        except TimeoutError:
            if left > PATIENCE_SECONDS:
                raise
            raise _NotNow(_("The server answers too slowly: ask again later.")) from None
        finally:
            self._waited += time.monotonic() - began
        self._came += came
        self.room -= came
        if self.room < 0:
            raise _too_much()
        return came

    def close(self) -> None:
        self._raw.close()
        super().close()


def _check(answer: http.client.HTTPResponse, missing_is_lost: bool) -> None:
    status, retry_after = answer.status, answer.headers.get("Retry-After", "")
    if status in _BUSY:
        asked = int(retry_after) if _SECONDS.fullmatch(retry_after) else 0
        raise _Busy(status, min(asked, _LONGEST_WAIT))
    if status in (401, 403):
        raise Denied(_("The server does not accept this key."))
    if status != 200:
        raise _kind(answer, missing_is_lost)(
            _("The server answers %(status)d: it is not what was expected there.") % {"status": status}
        )
    # Packed, a file would be kept as another than it is, and an answer could open to anything.
    if answer.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise _something_else()


def _kind(answer: http.client.HTTPResponse, missing_is_lost: bool) -> type[OwnlogError]:
    if answer.status not in _NOT_THERE:
        return NotFound if answer.status in _NOT_KNOWN else SomethingElse
    try:
        said = answer.read(_FIRST_WORDS)
    except _BREAKS:
        said = b""
    is_alone = missing_is_lost or answer.status == 410 or any(words in said for words in _ITSELF)
    return OneAlone if is_alone else NotThere


def _object(raw: bytes) -> dict[str, Any]:
    if jsontext.values_in(raw) > _MOST_VALUES:
        raise _too_much()
    try:
        value = jsontext.loads(raw)
    except Invalid:  # a page for people, mostly: of one who has to sign in
        raise _something_else() from None
    if not isinstance(value, dict):
        raise _something_else()
    return value


def _something_else() -> SomethingElse:
    return SomethingElse(_("The server answers something else than was asked for."))


def _too_much() -> TooMuch:
    return TooMuch(_("The server answers more at once than can be read."))


def broke_off() -> Unavailable:
    return Unavailable(_("The server cannot be reached, or broke off: ask again later."))
