"""POST, GET and DELETE on exports, and their archives whole and in parts"""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from django.test import Client

from apps.access.policy import Scope
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.accounts.services import KeyTerms, issue_api_key
from apps.audit.models import Event
from apps.erasure.models import ErasureJob
from apps.exports.models import Export
from apps.projects.models import Project
from apps.runs.models import Run
from apps.teams.models import Membership
from tests.api.conftest import API, Ask
from tests.erasure.conftest import finish
from tests.exports.conftest import make
from tests.factories import people, work

EXPORTS = f"{API}/exports"
OF_VISION = {"entity": "lab", "project": "vision"}


@pytest.fixture
def ready(ask: Ask, told: Run) -> str:
    """bob's export of the project; its address."""
    export = ask("POST", EXPORTS, OF_VISION, by="bob").json["id"]
    make(Export.objects.get(public_id=export))
    return f"{EXPORTS}/{export}"


def test_who_asks_for_an_export_and_what_is_answered_then(ask: Ask, told: Run) -> None:
    for who, status in [("mallory", 404), (None, 401), ("revoked", 401), ("vera", 202), ("bob", 202)]:
        assert ask("POST", EXPORTS, OF_VISION, by=who).status == status, who

    begun = ask("POST", EXPORTS, OF_VISION | {"runs": ["told"], "tables": "csv"}, by="alice")

    assert begun.status == 202
    told_of = {
        name: begun.json[name] for name in ("entity", "scope", "tables", "state", "percent", "files", "size")
    }
    assert told_of == {
        "entity": "lab",
        "scope": "runs",
        "tables": "csv",
        "state": "queued",
        "percent": 0,
        "files": 0,
        "size": 0,
    }
    assert ask("POST", EXPORTS, {"entity": "lab"}, by="bob").json["scope"] == "entity"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"entity": "lab", "runs": ["told"]}, 400),
        (OF_VISION | {"runs": []}, 400),
        (OF_VISION | {"runs": ["absent"]}, 404),
        (OF_VISION | {"runs": ["told", "absent"]}, 404),
        (OF_VISION | {"runs": ["\0"]}, 400),
        (OF_VISION | {"runs": ["x"] * 501}, 400),
        (OF_VISION | {"tables": "xls"}, 400),
        (OF_VISION | {"what": 1}, 400),
        ({"entity": "lab", "project": "nothing"}, 404),
        ({"entity": "nobody"}, 404),
        ([], 400),
    ],
)
def test_what_cannot_be_exported_is_said_and_nothing_is_begun(
    ask: Ask, told: Run, body: object, status: int
) -> None:
    assert ask("POST", EXPORTS, body, by="alice").status == status
    assert not Export.objects.exists()


def test_asking_again_with_the_same_key_is_one_export(ask: Ask, told: Run) -> None:
    first, second = (ask("POST", EXPORTS, OF_VISION, by="bob", Idempotency_Key="x") for _ in range(2))

    assert first.json["id"] == second.json["id"]
    assert Export.objects.count() == 1


def test_an_export_is_seen_by_who_asked_and_by_admins(ask: Ask, ready: str) -> None:
    assert [ask("GET", ready, by=who).status for who in ("bob", "alice", "vera", "mallory", None)] == [
        200,
        200,
        404,
        404,
        401,
    ]
    assert ask("GET", ready, by="bob").json["percent"] == 100
    assert [len(ask("GET", EXPORTS, by=who).json["items"]) for who in ("bob", "alice", "vera")] == [1, 1, 0]


def test_the_archive_is_fetched_whole_and_in_parts_by_who_may_export_still(
    ask: Ask, ready: str, bob: User
) -> None:
    whole = ask("GET", f"{ready}/archive", by="bob")

    assert (whole.status, whole.headers["Content-Type"]) == (200, "application/zip")
    assert whole.headers["Content-Length"] == str(len(whole.body))
    assert whole.headers["Content-Disposition"].startswith('attachment; filename="ownlog-lab-')
    names = zipfile.ZipFile(io.BytesIO(whole.body)).namelist()
    assert "projects/vision/runs/told/history.parquet" in names
    part = ask("GET", f"{ready}/archive", by="bob", Range="bytes=100-199")
    assert (part.status, part.body) == (206, whole.body[100:200])
    assert part.headers["Content-Range"] == f"bytes 100-199/{len(whole.body)}"
    end = ask("GET", f"{ready}/archive", by="bob", Range=f"bytes={len(whole.body) - 5}-")
    assert end.body == whole.body[-5:]
    assert ask("GET", f"{ready}/archive", by="bob", Range=f"bytes={len(whole.body)}-").status == 416
    assert ask("HEAD", f"{ready}/archive", by="bob").body == b""
    for who, status in [("vera", 404), ("mallory", 404), (None, 401)]:
        assert ask("GET", f"{ready}/archive", by=who).status == status
    assert Event.objects.filter(kind="export.fetched", by=bob.public_id).count() == 1
    Membership.objects.filter(user=bob).delete()
    assert ask("GET", f"{ready}/archive", by="bob").status == 404


def test_an_archive_that_is_not_ready_is_not_there(ask: Ask, told: Run) -> None:
    export = ask("POST", EXPORTS, OF_VISION, by="bob").json["id"]

    assert ask("GET", f"{EXPORTS}/{export}/archive", by="bob").status == 404


def test_an_export_is_ended_by_who_sees_it(ask: Ask, ready: str) -> None:
    for who, status in [("vera", 404), ("mallory", 404), (None, 401)]:
        assert ask("DELETE", ready, by=who).status == status

    begun = ask("DELETE", ready, by="alice")

    assert (begun.status, begun.json["kind"], begun.json["asked"]) == (202, "exports", 1)
    for address in (ready, f"{ready}/archive"):
        assert ask("GET", address, by="bob").status == 404
    assert finish(ErasureJob.objects.get()).done_at is not None
    assert ask("DELETE", ready, by="alice").status == 404


def test_of_an_entity_come_the_projects_that_one_may_export(
    ask: Ask, told: Run, vision: Project, alice: User
) -> None:
    Project.objects.filter(pk=vision.pk).update(visibility="restricted")
    work.run(work.project("lab", "other", by=alice), "r", by=alice)

    export = ask("POST", EXPORTS, {"entity": "lab"}, by="bob").json["id"]

    make(Export.objects.get(public_id=export))
    body = ask("GET", f"{EXPORTS}/{export}/archive", by="bob").body
    projects = {name.split("/")[1] for name in zipfile.ZipFile(io.BytesIO(body)).namelist() if "/" in name}
    assert projects == {"other"}


def test_a_part_from_the_second_byte_on_is_on_the_record(ask: Ask, ready: str, bob: User) -> None:
    part = ask("GET", f"{ready}/archive", by="bob", Range="bytes=1-")

    assert part.status == 206
    assert Event.objects.filter(kind="export.fetched", by=bob.public_id).count() == 1


def test_a_key_that_only_reads_ends_no_export(ask: Ask, ready: str, bob: User) -> None:
    _key, secret = issue_api_key(bob, by=Actor.person(bob), terms=KeyTerms(Scope.READ))

    refused = ask("DELETE", ready, Authorization=f"Bearer {secret}")

    assert (refused.status, ErasureJob.objects.exists()) == (403, False)
    assert ask("GET", ready, Authorization=f"Bearer {secret}").status == 200


def test_a_browser_that_was_left_open_takes_no_account_along(told: Run, bob: User) -> None:
    client = Client(headers={"Accept": "application/json"})
    client.force_login(bob, backend="django.contrib.auth.backends.ModelBackend")
    people.has_signed_in(client, bob, ago=3600)

    def asked() -> int:
        return client.post(EXPORTS, '{"scope": "account"}', content_type="application/json").status_code

    assert asked() == 403 and not Export.objects.exists()
    people.has_signed_in(client, bob, ago=1)
    assert asked() == 202
    archive = f"{EXPORTS}/{make(Export.objects.get()).public_id}/archive"

    people.has_signed_in(client, bob, ago=3600)

    assert client.get(archive).status_code == 403
    people.has_signed_in(client, bob, ago=1)
    assert client.get(archive).status_code == 200


def test_an_account_is_exported_by_a_key_that_carries_everything(ask: Ask, told: Run, bob: User) -> None:
    secret = issue_api_key(bob, by=Actor.person(bob), terms=KeyTerms(scope=Scope.READ))[1]
    reading = {"Authorization": f"Bearer {secret}"}
    assert ask("POST", EXPORTS, {"scope": "account"}, **reading).status == 403
    for body in (
        {"scope": "entity"},
        {"scope": "account", "entity": "bob"},
        {"scope": "account"} | OF_VISION,
    ):
        assert ask("POST", EXPORTS, body, by="bob").status == 400

    begun = ask("POST", EXPORTS, {"scope": "account", "tables": "jsonl"}, by="bob")

    assert (begun.status, begun.json["scope"], begun.json["entity"]) == (202, "account", "bob")
    export = f"{EXPORTS}/{begun.json['id']}"
    make(Export.objects.get(public_id=begun.json["id"]))
    archive = ask("GET", f"{export}/archive", by="bob")
    assert "account/person.json" in zipfile.ZipFile(io.BytesIO(archive.body)).namelist()
    assert ask("GET", EXPORTS, **reading).json["items"] == []
    others: list[dict[str, Any]] = [{"by": "alice"}, {"by": "vera"}, reading]
    for other in others:
        for way, path in (("GET", export), ("GET", f"{export}/archive"), ("DELETE", export)):
            assert ask(way, path, **other).status == 404, (other, way, path)
