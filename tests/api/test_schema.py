"""/api/v1/schema, /api/v1/docs, addresses that lead nowhere, limits and sign-in"""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import Client

from apps.accounts.models import User
from apps.api import throttling
from apps.api.views.schema import schema
from apps.projects.models import Project
from apps.runs.models import Run
from tests.api.conftest import API, RUN, Ask
from tests.factories import people

ROOT = Path(__file__).resolve().parents[2]


def test_the_snapshot_is_the_schema() -> None:
    written = yaml.safe_load((ROOT / "docs/openapi.yaml").read_text())

    assert written == schema(), "run: .venv/bin/python -m tests.api.snapshot"


@pytest.mark.parametrize(("query", "kind"), [("", "application/vnd.oai.openapi"), ("?format=json", "json")])
def test_the_schema_is_for_everybody(ask: Ask, query: str, kind: str) -> None:
    answer = ask("GET", f"{API}/schema{query}")

    assert answer.status == 200
    assert kind in answer.headers["Content-Type"]
    assert yaml.safe_load(answer.text)["openapi"].startswith("3.")


def test_the_docs_name_every_operation_and_ask_nobody_else(client: Client) -> None:
    answer = client.get(f"{API}/docs")

    text = answer.content.decode()
    assert answer.status_code == 200
    operations = [each for methods in schema()["paths"].values() for each in methods.values()]
    assert [each["operationId"] for each in operations if f'id="{each["operationId"]}"' not in text] == []
    assert re.findall(r"(?:src|href)=\"(?!/|#|\?)[^\"]*", text) == []
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH"])
def test_an_address_that_leads_nowhere_is_a_problem(ask: Ask, method: str) -> None:
    answer = ask(method, f"{API}/nothing/here")

    assert answer.json == {
        "type": "urn:ownlog:problem:not_found",
        "title": "Not found",
        "status": 404,
        "code": "not_found",
        "detail": "There is nothing at this address.",
    }


def test_answers_tell_how_much_is_left(ask: Ask, told: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttling, "FOR_A_PERSON", 2)

    answers = [ask("GET", RUN, by="vera") for _ in range(3)]

    assert [each.status for each in answers] == [200, 200, 429]
    assert [each.headers["RateLimit-Remaining"] for each in answers] == ["1", "0", "0"]
    assert {each.headers["RateLimit-Limit"] for each in answers} == {"2"}
    assert 0 < int(answers[0].headers["RateLimit-Reset"]) <= 60
    assert int(answers[2].headers["Retry-After"]) > 0
    assert answers[2].json["code"] == "throttled"
    assert ask("GET", RUN, by="alice").status == 200


def basic(secret: str, user: str = "api") -> str:
    return "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()


def test_a_key_is_taken_as_bearer_or_basic(ask: Ask, told: Run, vera: User) -> None:
    secret = people.api_key(vera)

    for header in (f"Bearer {secret}", f"bearer  {secret}", basic(secret)):
        assert ask("GET", RUN, Authorization=header).status == 200


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer nonsense", "Basic !", basic("x"), "Digest a", "x" * 2000]
)
def test_a_key_that_is_not_ours_is_refused(ask: Ask, told: Run, header: str) -> None:
    answer = ask("GET", RUN, Authorization=header)

    assert (answer.status, answer.json["code"]) == (401, "unauthorized")


def test_a_session_reads_and_needs_its_token_to_write(told: Run, bob: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(bob, backend="django.contrib.auth.backends.ModelBackend")
    send: dict[str, Any] = {"content_type": "application/json"}

    assert client.get(RUN).status_code == 200
    refused = client.patch(RUN, b"{}", **send)
    assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
    token = client.get("/settings/api-keys").cookies["ownlog_csrf"].value
    assert client.patch(RUN, b"{}", headers={"X-CSRFToken": token}, **send).status_code == 200


def test_a_body_of_unknown_length_is_refused(ask: Ask, told: Run) -> None:
    answer = ask("PATCH", RUN, by="bob", Transfer_Encoding="chunked")

    assert (answer.status, answer.json["code"]) == (411, "length_needed")


def test_behind_a_proxy_requests_are_counted_for_who_makes_them(
    vision: Project, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """Counted for the proxy's address, one stranger would use up what everybody may ask."""
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    monkeypatch.setattr(throttling, "FOR_NOBODY", 1)

    def asked(forwarded: str) -> int:
        headers = {"X-Forwarded-For": forwarded}
        return Client().get(f"{API}/projects/lab/vision", headers=headers).status_code

    assert [asked("1.1.1.1"), asked("9.9.9.9, 1.1.1.1"), asked("2.2.2.2")] == [404, 429, 404]


def test_without_a_proxy_nobody_chooses_for_whom_they_are_counted(
    vision: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttling, "FOR_NOBODY", 1)

    def asked(forwarded: str) -> int:
        headers = {"X-Forwarded-For": forwarded}
        return Client().get(f"{API}/projects/lab/vision", headers=headers).status_code

    assert [asked("1.1.1.1"), asked("2.2.2.2")] == [404, 429]
