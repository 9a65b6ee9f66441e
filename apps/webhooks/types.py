from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apps.webhooks.models import Hook


# Longer than any try: a worker that has not come back since is dead, and another one tries again.
LEASE = timedelta(minutes=1)
# Between tries at a webhook that does not answer, by how many have failed in a row: about eleven within the day.
PAUSES = tuple(timedelta(seconds=each) for each in (30, 120, 600, 1800, 3600, 7200, 14400))
LONGEST_PAUSE = max(PAUSES)


class Happening(StrEnum):
    """What a webhook may tell of; the word is the `type` in its body."""

    ARTIFACT_LINKED = "artifact.linked"
    ERASURE_DONE = "erasure.done"
    RUN_ALERT = "run.alert"
    RUN_FINISHED = "run.finished"
    TEST = "webhook.test"  # by a button, to see whether it arrives

    @classmethod
    def chosen_among(cls) -> tuple[Happening, ...]:
        """In the order in which people choose among them."""
        return (cls.RUN_FINISHED, cls.RUN_ALERT, cls.ARTIFACT_LINKED, cls.ERASURE_DONE)


class DeliveryState(StrEnum):
    HELD = "held"  # of something that is under way: an erasure
    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


class Trouble(StrEnum):
    """Why a delivery did not arrive. Of what the other side answered only its status is kept."""

    NAME = "name"  # nobody knows the host
    INSIDE = "inside"  # it leads to where this instance sends nothing
    CONNECT = "connect"
    TLS = "tls"
    TIME = "time"
    ANSWER = "answer"  # what came was no HTTP
    REDIRECT = "redirect"
    STATUS = "status"
    GONE = "gone"  # 410: the other side wants no more
    OFF = "off"  # the webhook was switched off meanwhile
    UNREADABLE = "unreadable"  # its address does not open


@dataclass(frozen=True, slots=True)
class OpenHook:
    """A webhook with its address."""

    hook: Hook
    address: str = field(repr=False)
    happenings: tuple[Happening, ...]

    @property
    def public_id(self) -> str:
        return self.hook.public_id


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of one try."""

    status: int | None = None
    trouble: Trouble | None = None

    @property
    def is_taken(self) -> bool:
        return self.trouble is None


@dataclass(frozen=True, slots=True)
class Health:
    """How a webhook is doing, for whoever looks after it."""

    is_on: bool
    failing_since: datetime | None
    next_try: datetime | None
    last_arrived: datetime | None
    waiting: int
