"""/projects/{entity}/{project}/webhooks and /entities/{entity}/webhooks, each with one below, its deliveries and a test"""

from __future__ import annotations

from typing import Any

import pytest

from apps.accounts.models import User
from apps.projects.models import Project
from apps.teams.models import Entity
from apps.webhooks.models import Delivery, Hook
from tests.api.conftest import API, VISION, Ask

PLACES = [f"{VISION}/webhooks", f"{API}/entities/lab/webhooks"]
NEW = {"address": "https://hooks.example/in", "events": ["run.finished", "erasure.done"]}


@pytest.mark.parametrize("url", PLACES)
def test_one_is_made_read_switched_tried_and_ended(ask: Ask, vision: Project, lab: Entity, url: str) -> None:
    made = ask("POST", url, NEW, by="alice")

    assert made.status == 201
    told = made.json
    secret = told.pop("secret")
    assert secret.startswith("whsec_")
    assert (told["address"], sorted(told["events"]), told["is_on"]) == (
        NEW["address"],
        ["erasure.done", "run.finished"],
        True,
    )
    one = f"{url}/{told['id']}"
    assert ask("GET", url, by="alice").json == {"items": [told], "total": 1, "next": None}
    assert ask("GET", one, by="alice").json == told
    tried = ask("POST", f"{one}/test", by="alice")
    assert (tried.status, tried.json["type"], tried.json["delivery"]) == (202, "webhook.test", "waiting")
    (listed,) = ask("GET", f"{one}/deliveries", by="alice").json["items"]
    assert listed == tried.json and set(listed) == {
        "id",
        "type",
        "delivery",
        "created_at",
        "tries",
        "tried_at",
        "status",
        "trouble",
    }
    assert ask("PATCH", one, {"is_on": False}, by="alice").json["is_on"] is False
    assert ask("GET", f"{one}/deliveries", by="alice").json["items"][0]["trouble"] == "off"
    assert ask("DELETE", one, by="alice").status == 204
    assert ask("GET", one, by="alice").status == 404
    assert not Delivery.objects.exists()


def test_sent_twice_with_one_key_it_is_made_once(ask: Ask, vision: Project) -> None:
    first, again = (ask("POST", PLACES[0], NEW, by="alice", Idempotency_Key="a") for _n in range(2))

    assert (first.status, again.status, again.json["id"]) == (201, 201, first.json["id"])
    assert first.json["secret"] and again.json["secret"] is None
    assert Hook.objects.count() == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"address": "https://h.example/"},
        {"address": "http://h.example/", "events": ["run.finished"]},
        {"address": "https://[::ffff:10.0.0.1]/", "events": ["run.finished"]},
        {"address": "https://h.example/\u0000", "events": ["run.finished"]},
        {"address": "x" * 2001, "events": ["run.finished"]},
        {"address": "https://h.example/", "events": []},
        {"address": "https://h.example/", "events": ["webhook.test"]},
        {"address": "https://h.example/", "events": ["run.finished"], "more": 1},
    ],
)
def test_what_makes_no_sense_is_refused(ask: Ask, vision: Project, body: Any) -> None:
    assert ask("POST", PLACES[0], body, by="alice").status == 400
    assert not Hook.objects.exists()


@pytest.mark.parametrize(
    ("who", "reads", "writes"),
    [("alice", 200, 201), ("bob", 403, 403), ("vera", 403, 403), ("mallory", 404, 404), (None, 404, 404)],
)
@pytest.mark.parametrize("url", PLACES)
def test_they_are_the_admins(
    ask: Ask, vision: Project, lab: Entity, mallory: User, url: str, who: str | None, reads: int, writes: int
) -> None:
    hook = ask("POST", url, NEW, by="alice").json["id"]

    assert ask("GET", url, by=who).status == reads
    assert ask("GET", f"{url}/{hook}", by=who).status == reads
    assert ask("POST", url, NEW, by=who).status == writes


def test_one_of_the_team_is_none_of_the_project(ask: Ask, vision: Project, lab: Entity) -> None:
    hook = ask("POST", PLACES[1], NEW, by="alice").json["id"]

    assert ask("GET", f"{PLACES[0]}/{hook}", by="alice").status == 404
    assert ask("GET", f"{PLACES[0]}/{'x' * 20}", by="alice").status == 404
    assert ask("DELETE", f"{PLACES[0]}/{hook}", by="alice").status == 404
