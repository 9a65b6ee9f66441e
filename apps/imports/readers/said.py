"""A JSON object that somebody else wrote, looked at field by field."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from django.utils.translation import gettext as _

from apps.core import clock
from apps.imports.errors import Broken

_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_CLOCKS_DIFFER = timedelta(days=1)
_MOST = 2**53
_W = TypeVar("_W", bound=StrEnum)


class Said:
    """What an object says. What is missing is nothing; what is of another kind than it should be is Broken."""

    def __init__(self, value: Any) -> None:
        if not isinstance(value, dict):
            raise _other("{}")
        self.raw: Mapping[str, Any] = value

    def text(self, name: str) -> str:
        value = self.raw.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise _other(name)
        return value

    def texts(self, name: str) -> list[str]:
        value = self.raw.get(name) or []
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise _other(name)
        return value

    def one_of(self, words: type[_W], name: str) -> _W:
        try:
            return words(self.text(name))
        except ValueError:
            raise _other(name) from None

    def number(self, name: str) -> int:
        value = self.raw.get(name) or 0
        if type(value) is not int or not 0 <= value < _MOST:
            raise _other(name)
        return value

    def count(self, name: str) -> int:
        """Of things of which no database has more than it can number."""
        value = self.number(name)
        if value >= 2**31:
            raise _other(name)
        return value

    def maybe_number(self, name: str) -> int | None:
        return None if self.raw.get(name) is None else self.number(name)

    def code(self, name: str) -> int | None:
        """A number that a process ended with."""
        value = self.raw.get(name)
        if value is not None and (type(value) is not int or not -(2**31) <= value < 2**31):
            raise _other(name)
        return value

    def objects(self, name: str) -> list[Said]:
        value = self.raw.get(name) or []
        if not isinstance(value, list):
            raise _other(name)
        return [Said(each) for each in value]

    def object(self, name: str) -> Said:
        return Said(self.raw.get(name) or {})

    def moment(self, name: str) -> datetime:
        found = self.maybe_moment(name)
        if found is None:
            raise _other(name)
        return found

    def maybe_moment(self, name: str) -> datetime | None:
        value = self.raw.get(name)
        if value is None:
            return None
        try:
            found = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            raise _other(name) from None
        return past(found if found.tzinfo else found.replace(tzinfo=UTC), name)


def past(moment: datetime, name: str) -> datetime:
    """A moment that was; clocks may differ by a day."""
    if not _FIRST <= moment <= clock.now() + _CLOCKS_DIFFER:
        raise _other(name)
    return moment.astimezone(UTC)


def of_milliseconds(value: int | None, name: str) -> datetime | None:
    """A moment as other programs count it, from 1970 on. Nothing, or no time at all, is none."""
    if not value:
        return None
    try:
        return past(_FIRST + timedelta(milliseconds=value), name)
    except OverflowError:
        raise _other(name) from None


def _other(name: str) -> Broken:
    return Broken(_("What was to be imported says something unusable of “%(name)s”.") % {"name": name})
