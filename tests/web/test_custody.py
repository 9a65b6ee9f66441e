"""What a page says of itself: who can see the project, and how what it shows is encrypted."""

from __future__ import annotations

import pytest
from django.test import Client, RequestFactory
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from apps.access.policy import Visibility
from apps.accounts.models import User
from apps.projects.models import Project
from apps.projects.queries import open_projects
from apps.runs.models import Run
from apps.teams.models import Entity
from apps.vault.models import Node
from apps.vault.types import NodeKind
from apps.web.custody import Audience, way_here
from tests.factories import people, work
from tests.web.conftest import Visit, text_of


@pytest.mark.parametrize(
    ("visibility", "words"),
    [
        (Visibility.PRIVATE, "Team, 3 people"),
        (Visibility.RESTRICTED, "Restricted, 1 person"),
        (Visibility.PUBLIC, "Public"),
        (Visibility.OPEN, "Open: anybody signed in adds runs"),
    ],
)
def test_badge_says_who_sees_a_teams_project(
    visit: Visit, vision: Project, visibility: Visibility, words: str
) -> None:
    Project.objects.filter(pk=vision.pk).update(visibility=visibility)

    for url in ("/", "/lab", "/lab/vision", "/lab/vision/compare"):
        assert words in text_of(visit(url, by="alice"))


def test_badge_of_a_run_counts_the_team(visit: Visit, told: Run) -> None:
    for url in ("", "/charts", "/console", "/files", "/series/table?key=loss"):
        page = text_of(visit(f"/lab/vision/runs/told{url}", by="vera"))

        assert "Team, 3 people" in page
        assert "Private" not in page


def test_ones_own_project_is_private(visit: Visit, alice: User) -> None:
    work.project("alice", "mine", by=alice)

    assert "Private" in text_of(visit("/alice", by="alice"))


def test_all_badges_of_a_page_cost_one_question(
    lab: Entity, alice: User, vera: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    people.team("other", admin=alice, viewers=[vera])
    projects = [work.project(team, f"p{n}", by=alice) for team in ("lab", "other") for n in range(3)]
    audience, opened_projects = Audience(people.actor(alice)), open_projects(projects)

    with django_assert_num_queries(1):
        counts = [audience.people(opened) for opened in opened_projects]

    assert counts == [3, 3, 3, 2, 2, 2]


@pytest.mark.parametrize(
    ("address", "is_secure", "way"),
    [
        ("127.0.0.1:8000", False, "machine"),
        ("localhost", False, "machine"),
        ("[::1]:8000", False, "machine"),
        ("ownlog.example.org", False, "open"),
        ("127.0.0.1.example.org", False, "open"),
        ("ownlog.example.org", True, "tls"),
        ("127.0.0.1:8443", True, "tls"),
    ],
)
def test_way_of_a_page(settings: Settings, address: str, is_secure: bool, way: str) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    request = RequestFactory(headers={"Host": address}).get("/", secure=is_secure)

    assert way_here(request) == way


@pytest.mark.parametrize(
    ("host", "is_secure", "words"),
    [
        ("testserver", False, "but not on its way here: this address has no TLS."),
        ("testserver", True, "and by TLS on its way here."),
        ("localhost", False, "without TLS, but within this machine."),
    ],
)
def test_lock_is_true_of_the_request(
    visit: Visit, told: Run, client: Client, host: str, is_secure: bool, words: str
) -> None:
    client.force_login(
        User.objects.get(username="alice"), backend="django.contrib.auth.backends.ModelBackend"
    )
    kinds = {Node.objects.get(pk=thing.vault_node).kind for thing in (told, told.project)}

    of_run = text_of(client.get("/lab/vision/runs/told", headers={"host": host}, secure=is_secure))
    of_project = text_of(client.get("/lab/vision", headers={"host": host}, secure=is_secure))

    assert kinds == {NodeKind.RUN, NodeKind.PROJECT}
    assert "under this run’s own key" in of_run
    assert "under this project’s own key" in of_project
    assert words in of_run
    assert words in of_project
