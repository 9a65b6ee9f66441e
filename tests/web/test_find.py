from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from apps.access.policy import Visibility
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core.errors import TooMuch
from apps.projects.models import Project
from apps.projects.services import update_project
from apps.runs.models import Run
from apps.web import finding
from tests.factories import work
from tests.web.conftest import Visit, text_of


def groups(response: Any) -> dict[str, list[str]]:
    """What was found, by kind: the ways to it."""
    parts = re.findall(r"<section><h2>(.*?)</h2>(.*?)</section>", response.content.decode(), re.DOTALL)
    return {title: re.findall(r'<a href="([^"]*)"', links) for title, links in parts}


def test_nothing_typed_offers_projects_and_what_there_is_to_do(visit: Visit, vision: Project) -> None:
    found = groups(visit("/find", by="alice"))

    assert list(found) == ["Projects", "Do"]
    assert found["Projects"] == ["/lab/vision"]
    assert "/settings/api-keys" in found["Do"]


def test_answers_are_grouped_by_kind(visit: Visit, told: Run) -> None:
    assert groups(visit("/find", by="vera", q="vis"))["Projects"] == ["/lab/vision"]
    assert groups(visit("/find", by="vera", q="THAT tells")) == {"Runs": ["/lab/vision/runs/told"]}
    assert groups(visit("/find", by="vera", q="paper")) == {"Runs": ["/lab/vision/runs/told"]}
    assert groups(visit("/find", by="vera", q="val/a")) == {"Metrics": ["/lab/vision?panel=val%2Facc"]}
    assert groups(visit("/find", by="vera", q="token")) == {"Do": ["/settings/api-keys"]}


@pytest.mark.parametrize(
    ("typed", "way"),
    [
        ("passkey", "/settings/security"),
        ("retention", "/settings/retention"),
        ("audit", "/settings/audit"),
        ("devices", "/settings/sessions"),
    ],
)
def test_every_page_of_settings_is_found_by_what_it_is_for(
    visit: Visit, alice: User, typed: str, way: str
) -> None:
    assert groups(visit("/find", by="alice", q=typed)) == {"Do": [way]}


def test_each_page_beside_the_settings_is_found(visit: Visit, alice: User) -> None:
    beside = re.findall(
        r'<a href="(/settings/[^"]*)"', visit("/settings/sessions", by="alice").content.decode()
    )
    acts = {each.url for each in finding._acts()}

    assert len(beside) > 12
    assert set(beside) - acts == set()


def test_what_is_offered_here_is_what_one_may_do_here(visit: Visit, vision: Project, bob: User) -> None:
    """Bob is a member, vera may look."""
    ways = {
        name: groups(visit("/find", by=name, q="hand", **{"in": "lab/vision"})) for name in ("bob", "vera")
    }

    assert ways == {
        "bob": {"Do": ["/lab/vision/new-run", "/home/new-project"]},
        "vera": {"Do": ["/home/new-project"]},
    }


def test_a_page_of_its_own_and_a_part_for_the_palette(
    visit: Visit, client: Client, told: Run, alice: User
) -> None:
    page = visit("/find", by="alice", q="told")
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    part = client.get("/find?q=told", headers={"HX-Request": "true"})

    assert "<title>Find" in page.content.decode()
    assert "<title>" not in part.content.decode()
    assert groups(page) == groups(part)
    assert 'data-found-for="told"' in part.content.decode()


@pytest.mark.parametrize("typed", ["vision", "told", "val/acc", "lab"])
@pytest.mark.parametrize("visibility", [Visibility.PRIVATE, Visibility.RESTRICTED])
def test_nothing_of_others_is_found(
    visit: Visit, told: Run, alice: User, mallory: User, bob: User, typed: str, visibility: Visibility
) -> None:
    update_project(told.project, by=Actor.person(alice), visibility=visibility)
    who = ["mallory", "bob"] if visibility is Visibility.RESTRICTED else ["mallory"]

    for name in who:
        found = visit("/find", by=name, q=typed, **{"in": "lab/vision"})
        missing = visit("/find", by=name, q=typed, **{"in": "lab/nothing"})
        assert groups(found) == {}
        assert text_of(found) == text_of(missing)


def test_who_is_not_signed_in_is_asked_to(visit: Visit) -> None:
    assert visit("/find", q="x").headers["Location"].startswith("/sign-in")


def test_a_public_project_is_searched_by_whoever_is_in_it(
    visit: Visit, told: Run, alice: User, mallory: User
) -> None:
    update_project(told.project, by=Actor.person(alice), visibility=Visibility.PUBLIC)

    assert groups(visit("/find", by="mallory", q="told")) == {}
    assert groups(visit("/find", by="mallory", q="told", **{"in": "lab/vision"})) == {
        "Runs": ["/lab/vision/runs/told"]
    }


def test_the_work_is_bounded_and_the_answer_says_so(
    visit: Visit, vision: Project, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "RUNS_LOOKED_AT", 2)
    for name in ("oldest", "middle", "newest"):
        work.run(vision, name, by=alice)

    elsewhere = visit("/find", by="alice", q="e")
    assert groups(elsewhere)["Runs"] == ["/lab/vision/runs/newest", "/lab/vision/runs/middle"]
    assert "Of runs, the newest" in text_of(elsewhere)

    here = visit("/find", by="alice", q="oldest", **{"in": "lab/vision"})
    assert groups(here)["Runs"] == ["/lab/vision/runs/oldest"]
    assert "Of runs, the newest" not in text_of(here)


def test_a_project_that_is_too_much_to_list_is_searched_by_its_newest_runs(
    visit: Visit, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_much(project: Project) -> None:
        raise TooMuch("The runs of this project hold too much to be listed together.")

    monkeypatch.setattr(finding, "heads_in", too_much)

    found = visit("/find", by="alice", q="run1", **{"in": "lab/vision"})

    assert groups(found) == {"Runs": ["/lab/vision/runs/run1"]}


HOSTILE = "<img src=x onerror=alert(1)>\u202e\"'&"


def test_hostile_names_are_words_and_nothing_else(visit: Visit, vision: Project, alice: User) -> None:
    work.run(vision, "x", by=alice, display_name=HOSTILE + "w" * 10_000)

    page = visit("/find", by="alice", q="<img").content.decode()

    assert "<img" not in page
    assert '<bdi class="clip">&lt;img src=x onerror=alert(1)&gt;' in page
    assert visit("/find", by="alice", q="\x00" + "w" * 100_000).status_code == 200
    assert visit("/find", by="alice", q="x", **{"in": "\x00/\x00"}).status_code == 200


def test_the_bar_of_every_page_leads_there(visit: Visit, run: Run) -> None:
    page = visit("/lab/vision/runs/run1", by="alice").content.decode()

    assert '<form class="finder" action="/find"><input type="hidden" name="in" value="lab/vision">' in page
    assert "data-palette" not in visit("/sign-in").content.decode()
