from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Plan(StrEnum):
    """The plans with which teams can be made. Without one a person is on the free plan, which has no row."""

    TEAM = "team"
    ACADEMIC = "academic"
    OPEN_SOURCE = "open_source"


FREE_PLANS = (Plan.ACADEMIC, Plan.OPEN_SOURCE)  # those that one asks for here


class RequestState(StrEnum):
    OPEN = "open"  # the operators' turn
    ASKED = "asked"  # the person's turn: there is a question
    APPROVED = "approved"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


OPEN_STATES = (RequestState.OPEN, RequestState.ASKED)


class Act(StrEnum):
    """What was done with a request: its history."""

    SENT = "sent"
    ASKED = "asked"
    ANSWERED = "answered"
    APPROVED = "approved"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, repr=False)
class RequestWords:
    """What somebody writes to the operators. Content: no log prints it."""

    address: str
    use: str
    evidence: str


@dataclass(frozen=True, slots=True, repr=False)
class OpenStep:
    act: Act
    by: str  # a user name; empty when they are gone
    at: datetime
    text: str  # a question or an answer, while the words are there
