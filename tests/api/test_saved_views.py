"""/projects/{entity}/{project}/views, and one below it"""

from __future__ import annotations

from typing import Any

import pytest

from apps.accounts.models import User
from apps.projects.models import Project, SavedView
from apps.projects.services import views
from tests.api.conftest import VISION, Ask

URL = f"{VISION}/views"
NEW = {"name": "of the paper", "table": {"q": ["loss < 1"], "order": ["-created_at"]}}


def test_one_is_saved_listed_changed_and_deleted(ask: Ask, vision: Project) -> None:
    made = ask("POST", URL, NEW, by="bob")

    assert made.status == 201
    told = made.json
    assert {name: told[name] for name in NEW} == NEW
    assert set(told) == {"id", "name", "table", "created_at", "changed_at"}
    one = f"{URL}/{told['id']}"
    assert ask("GET", URL, by="vera").json == {
        "items": [told],
        "total": 1,
        "next": None,
        "unreadable": [],
    }
    assert ask("GET", one, by="vera").json == told
    assert ask("PATCH", one, {"name": "calm"}, by="bob").json["name"] == "calm"
    changed = ask("PATCH", one, {"table": {"group": ["state"]}}, by="bob")
    assert (changed.status, changed.json["table"], changed.json["name"]) == (
        200,
        {"group": ["state"]},
        "calm",
    )
    assert ask("PATCH", one, {}, by="bob").json == changed.json
    assert ask("DELETE", one, by="bob").status == 204
    assert ask("GET", one, by="bob").status == 404


def test_sent_twice_with_one_key_it_is_saved_once(ask: Ask, vision: Project) -> None:
    first, again = (ask("POST", URL, NEW, by="bob", Idempotency_Key="a") for _n in range(2))

    assert (first.status, again.status, again.json) == (201, 201, first.json)
    assert ask("POST", URL, NEW, by="bob").status == 409


def test_a_damaged_one_keeps_nobody_from_the_others_and_is_told_of_by_its_id(
    ask: Ask, vision: Project
) -> None:
    broken, sound = (ask("POST", URL, NEW | {"name": name}, by="bob").json for name in ("broken", "sound"))
    SavedView.objects.filter(public_id=broken["id"]).update(sealed_table=b"damaged")

    told = ask("GET", URL, by="vera").json

    assert (told["items"], told["unreadable"]) == ([sound], [broken["id"]])
    alone = ask("GET", f"{URL}/{broken['id']}", by="vera")
    assert (alone.status, alone.json["code"]) == (500, "tampered")  # as a run, or a file
    assert "was changed or damaged" in alone.json["detail"]
    whole = ask("PATCH", f"{URL}/{broken['id']}", NEW | {"name": "mended"}, by="bob")
    assert (whole.status, whole.json["table"]) == (200, NEW["table"])
    SavedView.objects.filter(public_id=broken["id"]).update(sealed_name=b"damaged")
    assert ask("DELETE", f"{URL}/{broken['id']}", by="bob").status == 204
    assert ask("GET", URL, by="vera").json["unreadable"] == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "x" * 101},
        {"name": "x", "table": ["q"]},
        {"name": "x", "table": {"q": "loss"}},
        {"name": "x", "table": {"q": [1, {}]}},
        {"name": "x", "table": {"colour": ["red"]}},
        {"name": "x", "table": {"q": ["x" * 2001]}},
        {"name": "x", "more": 1},
    ],
)
def test_what_makes_no_sense_is_refused(ask: Ask, vision: Project, body: Any) -> None:
    assert ask("POST", URL, body, by="bob").status in {400, 422}
    assert not SavedView.objects.exists()


def test_too_many_and_too_large_are_said_to_be(
    ask: Ask, vision: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = {"name": "large", "table": {"q": ["x" * 2000] * 4}}
    assert "7 KiB" in ask("POST", URL, large, by="bob").text
    monkeypatch.setattr(views, "MOST_VIEWS", 0)

    refused = ask("POST", URL, NEW, by="bob")

    assert refused.status == 413 and "at most 0 saved views" in refused.text


@pytest.mark.parametrize(
    ("who", "reads", "writes"), [("vera", 200, 403), ("mallory", 404, 404), (None, 404, 404)]
)
def test_who_may_only_look_changes_nothing(
    ask: Ask, vision: Project, mallory: User, who: str | None, reads: int, writes: int
) -> None:
    one = f"{URL}/{ask('POST', URL, NEW, by='bob').json['id']}"

    assert [ask("GET", url, by=who).status for url in (URL, one)] == [reads] * 2
    answers = [
        ask("POST", URL, NEW, by=who),
        ask("PATCH", one, {"name": "x"}, by=who),
        ask("DELETE", one, by=who),
    ]
    assert [each.status for each in answers] == [writes] * 3
    assert SavedView.objects.count() == 1
