"""The same people everywhere: alice owns the lab team, bob is a member, vera may look, mallory is nobody there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from apps.accounts.models import User
from apps.projects.models import Project
from apps.runs.models import Run
from apps.teams.models import Entity
from tests.factories import people, work


@pytest.fixture(autouse=True)
def _vault_in_every_database_test(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that may use the database may use both: content without its keys is of no use."""
    if "db" in request.fixturenames or "transactional_db" in request.fixturenames:
        people.make_root()
    yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        marker = item.get_closest_marker("django_db")
        if marker is not None and "databases" not in marker.kwargs:
            marker.kwargs["databases"] = ["default", "vault"]


@pytest.fixture
def alice(db: None) -> User:
    return people.person("alice")


@pytest.fixture
def bob(db: None) -> User:
    return people.person("bob")


@pytest.fixture
def vera(db: None) -> User:
    return people.person("vera")


@pytest.fixture
def mallory(db: None) -> User:
    return people.person("mallory")


@pytest.fixture
def lab(alice: User, bob: User, vera: User) -> Entity:
    return people.team("lab", admin=alice, members=[bob], viewers=[vera])


@pytest.fixture
def vision(lab: Entity, alice: User) -> Project:
    return work.project("lab", "vision", by=alice)


@pytest.fixture
def run(vision: Project, alice: User) -> Run:
    return work.run(vision, "run1", by=alice)
