"""GET and POST /api/v1/projects"""

from __future__ import annotations

import json

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import User
from apps.leaks.services import scan
from apps.projects.models import Project
from apps.runs.models import Run
from apps.teams.choices import SettingName
from apps.teams.models import Entity
from apps.teams.services import choose
from tests.api.conftest import API, Ask
from tests.factories import artifacts, people, work

URL = f"{API}/projects"


def test_the_list_shows_my_own_and_my_teams(ask: Ask, told: Run, bob: User) -> None:
    work.project("bob", "own", by=bob)

    page = ask("GET", URL, by="bob").json

    assert [(each["entity"], each["name"], each["run_count"]) for each in page["items"]] == [
        ("bob", "own", 0),
        ("lab", "vision", 1),
    ]
    assert (page["total"], page["next"]) == (2, None)


@pytest.mark.parametrize(
    ("who", "status", "names"),
    [("alice", 200, ["vision"]), ("vera", 200, ["vision"]), ("mallory", 404, None), (None, 401, None)],
)
def test_the_list_of_an_entity(
    ask: Ask, told: Run, who: str | None, status: int, names: list[str] | None
) -> None:
    answer = ask("GET", f"{URL}?entity=lab", by=who)

    assert answer.status == status
    assert names is None or [each["name"] for each in answer.json["items"]] == names


def test_pages_follow_each_other(ask: Ask, alice: User) -> None:
    for number in range(3):
        work.project("alice", f"p{number}", by=alice)

    first = ask("GET", f"{URL}?limit=2", by="alice").json
    second = ask("GET", f"{URL}?limit=2&cursor={first['next']}", by="alice").json

    assert [each["name"] for each in first["items"] + second["items"]] == ["p2", "p1", "p0"]
    assert (first["total"], second["next"]) == (3, None)


@pytest.mark.parametrize("more", [0, 2])
def test_the_list_asks_a_constant_number_of_questions(
    ask: Ask, alice: User, vision: Project, more: int
) -> None:
    for number in range(more):
        work.project("lab", f"more{number}", by=alice)
    ask("GET", URL, by="alice")

    with CaptureQueriesContext(connections["default"]) as asked:
        assert ask("GET", URL, by="alice").json["total"] == 1 + more

    assert len(asked) == 5


@pytest.mark.parametrize(("who", "status"), [("alice", 201), ("bob", 201), ("vera", 403), ("mallory", 404)])
def test_making_one_in_a_team(ask: Ask, vision: Project, mallory: User, who: str, status: int) -> None:
    answer = ask("POST", URL, {"entity": "lab", "name": "new"}, by=who)

    assert answer.status == status
    if status == 201:
        assert (answer.json["name"], answer.json["visibility"]) == ("new", "private")
        assert answer.headers["ETag"]


def test_nobody_makes_one(ask: Ask) -> None:
    answer = ask("POST", URL, {"name": "new"})

    assert (answer.status, answer.json["code"]) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="ownlog"'


def test_one_of_the_same_name_is_a_conflict(ask: Ask, vision: Project) -> None:
    assert ask("POST", URL, {"entity": "lab", "name": "vision"}, by="alice").status == 409


def test_only_admins_make_it_public_at_once(ask: Ask, vision: Project) -> None:
    body = {"entity": "lab", "name": "new", "visibility": "public"}

    assert ask("POST", URL, body, by="bob", Idempotency_Key="a").status == 403
    assert ask("GET", URL, by="bob").json["total"] == 1
    assert ask("POST", URL, body | {"name": "other"}, by="alice").json["visibility"] == "public"


def test_what_nobody_logs_on_purpose_is_published_only_by_name(ask: Ask, told: Run) -> None:
    url = f"{URL}/lab/vision"

    refused = ask("PATCH", url, {"visibility": "public"}, by="alice")
    wrong = ask("PATCH", url, {"visibility": "open", "agree_to_show": ["code"]}, by="alice")
    unknown = ask("PATCH", url, {"visibility": "open", "agree_to_show": ["names"]}, by="alice")

    assert (refused.status, refused.json["code"]) == (409, "would_show")
    assert refused.json["would_show"] == wrong.json["would_show"] == ["system_metadata"]
    assert "1 run that tells of its machine to everybody" in refused.json["detail"]
    assert (unknown.status, unknown.json["errors"][0]["field"]) == (400, "agree_to_show")
    assert ask("GET", url, by="alice").json["visibility"] == "private"

    agreed = {"visibility": "public", "agree_to_show": ["system_metadata"]}
    assert ask("PATCH", url, agreed, by="bob").status == 403
    assert ask("PATCH", url, agreed, by="alice").json["visibility"] == "public"
    assert ask("PATCH", url, {"visibility": "open"}, by="alice").status == 200  # shows nothing more


def test_code_in_artifacts_is_published_only_by_name(ask: Ask, vision: Project, alice: User) -> None:
    url, by = f"{URL}/lab/vision", people.actor(alice)
    choose(vision.entity, SettingName.CODE_SAVING, True, by=by)
    artifacts.version(vision, "source-of-it", {"train.py": b"print(1)"}, by=by, type_name="code")

    refused = ask("PATCH", url, {"visibility": "public"}, by="alice")

    assert (refused.status, refused.json["would_show"]) == (409, ["code"])
    assert "1 version of an artifact of code" in refused.json["detail"]
    agreed = {"visibility": "public", "agree_to_show": ["code"]}
    assert ask("PATCH", url, agreed, by="alice").json["visibility"] == "public"


def test_what_looks_like_a_secret_is_published_only_by_name(ask: Ask, vision: Project, alice: User) -> None:
    url, config = f"{URL}/lab/vision", json.dumps({"hub": {"value": "hf" + "_" + "Ab" * 17}})
    assert scan(work.run(vision, "leaky", by=alice, config_text=config))

    refused = ask("PATCH", url, {"visibility": "public"}, by="alice")

    assert (refused.status, refused.json["would_show"]) == (409, ["secrets"])
    assert "1 value that looks like a secret" in refused.json["detail"]
    agreed = {"visibility": "public", "agree_to_show": ["secrets"]}
    assert ask("PATCH", url, agreed, by="alice").json["visibility"] == "public"


def test_what_an_organisation_keeps_is_told_as_it_is(
    ask: Ask, vision: Project, lab: Entity, alice: User
) -> None:
    url, group = f"{URL}/lab/vision", people.organisation("group", admin=alice, teams=[lab])
    before = ask("PATCH", url, {"visibility": "public"}, by="alice")

    choose(group, SettingName.PRIVATE_ONLY, True, by=people.actor(alice))

    after = ask("GET", url, by="alice", If_None_Match=before.headers["ETag"])
    assert (before.json["visibility"], after.status, after.json["visibility"]) == ("public", 200, "private")
    assert ask("GET", url).status == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "a", "nickname": "b"}, "nickname"),
        ({"name": ["a"]}, "name"),
    ],
)
def test_fields_that_cannot_be_used_are_named(ask: Ask, alice: User, body: object, field: str) -> None:
    answer = ask("POST", URL, body, by="alice")

    assert answer.status == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert [each["field"] for each in answer.json["errors"]] == [field]


@pytest.mark.parametrize("body", [b"{", b"[]", b'"a"', b"\xff", b"[" * 200])
def test_what_is_no_object_is_refused(ask: Ask, alice: User, body: bytes) -> None:
    assert ask("POST", URL, body, by="alice").status == 400
