"""GET /api/v1/entities/{entity}/audit"""

from __future__ import annotations

import pytest

from apps.access.policy import Permission, Visibility
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.audit.sealing import seal
from apps.projects.models import Project
from apps.projects.queries import get_project
from apps.projects.services import update_project
from apps.runs.models import Run
from tests.api.conftest import API, Ask

URL = f"{API}/entities/lab/audit"


@pytest.fixture
def seen(vision: Project, run: Run, alice: User, mallory: User) -> Project:
    update_project(vision, by=Actor.person(alice), visibility=Visibility.PUBLIC)
    get_project(Actor.person(mallory), Permission.PROJECT_READ, entity="lab", name="vision")
    return vision


@pytest.mark.parametrize(
    ("who", "status"), [("alice", 200), ("bob", 403), ("vera", 403), ("mallory", 404), (None, 404)]
)
def test_the_record_is_for_admins(ask: Ask, seen: Project, who: str | None, status: int) -> None:
    assert ask("GET", URL, by=who).status == status


def test_an_entity_that_is_not_there(ask: Ask, alice: User) -> None:
    assert ask("GET", f"{API}/entities/nothere/audit", by="alice").status == 404


def test_each_line_says_who_and_what(ask: Ask, seen: Project, mallory: User) -> None:
    seal()
    (newest, *_) = ask("GET", URL, by="alice").json["items"]

    assert (newest["kind"], newest["by"], newest["by_id"]) == ("project.read", "mallory", mallory.public_id)
    assert (newest["project"], newest["project_id"]) == ("vision", seen.public_id)
    assert newest["facts"] == {"via": "public"}
    assert (len(newest["sha256"]), len(newest["previous_sha256"])) == (64, 64)


def test_a_line_that_waits_for_its_place_has_none_yet(ask: Ask, seen: Project) -> None:
    (newest, *_) = ask("GET", URL, by="alice").json["items"]

    assert (newest["number"], newest["previous_sha256"], newest["sha256"]) == (None, None, None)


def test_pages_follow_each_other(ask: Ask, seen: Project) -> None:
    whole = ask("GET", URL, by="alice").json
    first = ask("GET", f"{URL}?limit=3", by="alice").json
    rest = ask("GET", f"{URL}?limit=3&cursor={first['next']}", by="alice").json

    assert [each["id"] for each in first["items"] + rest["items"]] == [each["id"] for each in whole["items"]]
    assert (whole["next"], rest["next"]) == (None, None)


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ("kind=project.read", ["project.read"]),
        ("kind=project.read&kind=run.created", ["project.read", "run.created"]),
        ("by=mallory", ["project.read"]),
        ("by=nobody", []),
        ("until=2001-01-01T00:00:00Z", []),
        ("project=unknown", []),
    ],
)
def test_filters_narrow(ask: Ask, seen: Project, query: str, kinds: list[str]) -> None:
    assert [each["kind"] for each in ask("GET", f"{URL}?{query}", by="alice").json["items"]] == kinds


@pytest.mark.parametrize(
    "query", ["kind=planted", "since=never", "limit=0", "cursor=planted", "by=" + "x" * 40]
)
def test_what_cannot_be_asked_is_refused(ask: Ask, seen: Project, query: str) -> None:
    assert ask("GET", f"{URL}?{query}", by="alice").status in {400, 422}
