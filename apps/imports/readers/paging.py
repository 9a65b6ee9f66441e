"""Lists that a server tells page by page: they come to an end, whatever it says of the next page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from django.utils.translation import gettext as _

from apps.core.errors import TooMuch
from apps.imports.errors import Broken

_MOST_PAGES = 100_000
_MOST_EMPTY, _MOST_TWICE = (
    100,
    1_000,
)  # pages with nothing, and things that were there before, one after another
_LONGEST_TOKEN = 16 * 1024
_T = TypeVar("_T")


@dataclass(slots=True)
class Pages:
    """The pages of one list. Where their tokens go round, that is found without holding them: one is kept, and from time to time
    another (Brent's way)."""

    _count: int = 0
    _empty: int = 0
    _kept: str = ""
    _kept_until: int = 1

    def following(self, token: str, *, came: int) -> str:
        """The token of the next page, behind one with so many things; nothing where there is none."""
        if not token:
            return ""
        self._count += 1
        self._empty = 0 if came else self._empty + 1
        if token == self._kept or self._empty > _MOST_EMPTY or len(token) > _LONGEST_TOKEN:
            raise again_and_again()
        if self._count > _MOST_PAGES:
            raise too_long()
        if self._count == self._kept_until:
            self._kept, self._kept_until = token, 2 * self._count
        return token


@dataclass(slots=True)
class Once:
    """Things of a list that may move while it is read: what comes once more is passed by."""

    _seen: set[str] = field(default_factory=set)
    _twice: int = 0

    def is_new(self, key: str) -> bool:
        if key not in self._seen:
            self._seen.add(key)
            self._twice = 0
            return True
        self._twice += 1
        if self._twice > _MOST_TWICE:
            raise again_and_again()
        return False


def at_most(most: int, things: Iterable[_T]) -> Iterator[_T]:
    """The same things, for who holds all of them."""
    for count, each in enumerate(things, 1):
        if count > most:
            raise too_long()
        yield each


def again_and_again() -> Broken:
    return Broken(_("The server answers the same page again and again."))


def too_long() -> TooMuch:
    return TooMuch(_("The server lists more than can be read."))
