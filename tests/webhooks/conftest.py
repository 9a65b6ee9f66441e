from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core import clock
from apps.projects.models import Project
from apps.teams.models import Entity
from apps.webhooks.models import Delivery, Hook
from apps.webhooks.services import make_hook
from apps.webhooks.types import Happening
from tests.webhooks.receiver import Names, Receiver, receiving

Committed = Callable[..., Any]
ALL = Happening.chosen_among()


class Clock:
    """The product's, which a test moves on."""

    def __init__(self) -> None:
        self.moment = datetime.now(UTC)

    def now(self) -> datetime:
        return self.moment

    def go(self, **by: float) -> None:
        self.moment += timedelta(**by)


@pytest.fixture
def time_goes(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(clock, "now", made.now)
    return made


@pytest.fixture
def own_networks(settings: Settings) -> None:
    """The operator lets webhooks lead to this machine, where the receiver is."""
    settings.OWNLOG_WEBHOOK_NETWORKS = (ipaddress.ip_network("127.0.0.1/32"),)
    settings.OWNLOG_BASE_URL = "https://logs.example.org"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    made = Names()
    made.put_on(monkeypatch)
    return made


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.person(alice)


@pytest.fixture
def address(receiver: Receiver) -> str:
    return f"http://127.0.0.1:{receiver.port}/hook"


@pytest.fixture
def hook(vision: Project, address: str, by: Actor) -> Hook:
    return make_hook(vision, address, happenings=ALL, by=by)[0]


@pytest.fixture
def team_hook(lab: Entity, address: str, by: Actor) -> Hook:
    return make_hook(lab, address, happenings=ALL, by=by)[0]


def state(row: Delivery | Hook) -> Any:
    """This row as it is stored now."""
    row.refresh_from_db()
    return row


def one(hook: Hook) -> Delivery:
    return Delivery.objects.get(hook=hook)
