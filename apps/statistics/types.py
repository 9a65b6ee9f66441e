from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

# After its end a month is open for so long: whoever sees what would be counted can still switch it off.
DAYS_OPEN_AFTER = 3


@dataclass(frozen=True, slots=True)
class Parameters:
    """What bounds a release: it is what the promise is made of, so no operator chooses it. docs/statistics.md has the arithmetic."""

    libraries: int  # of one person that count in one release, at most
    epsilon: float  # of one release, for one person
    minimum: int  # noisy figures below it are not released, those that reach it are

    @property
    def scale(self) -> float:
        """Of the discrete Laplace noise: one person moves as many figures as `libraries`, each by one."""
        return self.libraries / self.epsilon

    @property
    def off_by_at_most(self) -> int:
        """How far noise moves a figure at most in 95 of 100 cases."""
        return math.ceil(self.scale * math.log(2 / (0.05 * (1 + math.exp(-1 / self.scale)))))


PARAMETERS = Parameters(libraries=10, epsilon=1.0, minimum=156)
# What the minimum above keeps the chance below that a library of one person alone is seen at all.
MOST_DELTA = 1e-6


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one person adds to a month: the listed libraries of their own runs, of which at most so many count."""

    month: date
    libraries: list[str]
    files: int  # that were read

    @property
    def is_cut(self) -> bool:
        return len(self.libraries) > PARAMETERS.libraries


@dataclass(frozen=True, slots=True)
class Listed:
    """The list of public names that is shipped: where it comes from, of which day, and what is on it."""

    source: str
    date: date
    licence: str
    names: frozenset[str]


def month_of(moment: datetime) -> date:
    """The first day of the month in UTC, which stands for the whole of it."""
    return moment.astimezone(UTC).date().replace(day=1)


def begin_of(month: date) -> datetime:
    return datetime(month.year, month.month, 1, tzinfo=UTC)


def next_month(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)


def month_before(month: date) -> date:
    return (month - timedelta(days=1)).replace(day=1)


def due_at(month: date) -> datetime:
    """When a month is released: not before."""
    return begin_of(next_month(month)) + timedelta(days=DAYS_OPEN_AFTER)


def ordinal(month: date) -> int:
    """Months counted from the year 0, so that what is later is larger."""
    return month.year * 12 + month.month - 1
