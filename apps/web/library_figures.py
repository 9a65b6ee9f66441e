"""What was released of a month, as its page says it: figures as bars, and the parameters beside them in words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from apps.core.errors import NotFound
from apps.statistics.names import listed
from apps.statistics.types import Contribution, Parameters, due_at
from apps.web.figures import day

if TYPE_CHECKING:
    from apps.statistics.models import Release

_MONTH = re.compile(r"(?P<year>[0-9]{4})-(?P<month>0[1-9]|1[0-2])")
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_WIDTH = 100  # of the longest bar, in the units of its drawing


@dataclass(frozen=True, slots=True)
class Bar:
    """One library. `length` is in the units of the drawing."""

    library: str
    users: int
    length: str


@dataclass(frozen=True, slots=True)
class Month:
    """One month with what was released of it."""

    month: date
    released_on: date | None
    bars: list[Bar]
    terms: list[tuple[str, str]]  # the parameters, each with what it means
    minimum: int


@dataclass(frozen=True, slots=True)
class OpenMonth:
    """A month that is not released yet, with what one adds to it."""

    own: Contribution
    due_at: datetime


def month_in(text: str) -> date:
    """The month that an address names; NotFound when it names none."""
    match = _MONTH.fullmatch(text)
    if match is None or match["year"] == "0000":
        raise NotFound("There are no such statistics.")
    return date(int(match["year"]), int(match["month"]), 1)


def shown(release: Release) -> Month:
    """A release as the page shows it."""
    figures = list(release.figures.all())
    longest = max((each.users for each in figures), default=1)
    bars = [Bar(each.library, each.users, f"{_WIDTH * each.users / longest:.1f}") for each in figures]
    used = Parameters(release.libraries, release.epsilon, release.minimum)
    return Month(
        release.month,
        release.released_on,
        bars,
        terms(used, delta=release.delta, names_on=release.names_on),
        release.minimum,
    )


def terms(used: Parameters, *, delta: float, names_on: date) -> list[tuple[str, str]]:
    """The parameters of a release in words."""
    return [
        (
            _("Of one person"),
            _("at most %(n)s libraries count; of more, that many are drawn by lot") % {"n": used.libraries},
        ),
        (
            _("Noise"),
            _("discrete Laplace, scale %(scale)s: 95 of 100 figures are off by at most %(off)s")
            % {"scale": f"{used.scale:g}", "off": used.off_by_at_most},
        ),
        (_("Minimum"), _("%(n)s, noise included; what is below is not released") % {"n": used.minimum}),
        (
            _("What it costs a person"),
            _("ε = %(epsilon)s and δ = %(delta)s for each month")
            % {"epsilon": f"{used.epsilon:g}", "delta": power(delta)},
        ),
        (
            _("Names"),
            _("public packages on a list of %(day)s that comes with Ownlog") % {"day": day(names_on)},
        ),
    ]


def power(value: float) -> str:
    """A tiny number as people write it: 9.7 × 10⁻⁷."""
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa} × 10{str(int(exponent)).translate(_RAISED)}"


def with_terms(contributions: list[Contribution]) -> list[OpenMonth]:
    return [OpenMonth(each, due_at(each.month)) for each in contributions]


def names_listed() -> int:
    """How many names may be counted."""
    return len(listed().names)
