from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from django.http import HttpResponse

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core import jsontext
from apps.projects.models import Project
from apps.projects.services import create_project
from apps.runs.models import Run
from apps.runs.types import RunState
from tests.factories import work
from tests.web.conftest import Log, Visit, text_of

PAGE = "/lab/vision"
HOSTILE = "<img src=x onerror=alert(1)>\u202e\u2066'\"&amp;{{ 7*7 }}"


def _named(response: HttpResponse) -> list[str]:
    """The runs of the table, in its order."""
    return re.findall(r'class="pin pin-3 name"><a href="[^"]*" title="([^"]*)"', response.content.decode())


@pytest.fixture
def three(vision: Project, alice: User) -> None:
    for name, rate, loss in (("one", 0.1, 0.5), ("two", 0.01, 0.25), ("three", 0.001, float("nan"))):
        work.run(
            vision,
            name,
            by=alice,
            display_name=name,
            tags=["paper"] if name == "two" else [],
            state=RunState.FINISHED if name == "three" else RunState.RUNNING,
            config_text=jsontext.dumps({"lr": {"value": rate}, "seed": {"value": 1}}),
            summary_text=jsontext.dumps({"val/loss": loss}),
        )


def test_table_shows_runs_with_what_tells_them_apart(visit: Visit, three: None) -> None:
    response = visit(PAGE, by="vera")

    words = text_of(response)
    assert sorted(_named(response)) == ["one", "three", "two"]
    assert "val/loss" in words
    assert re.search(r"two running 0.2500 0.01 just now", words)
    assert re.search(r"three finished nan 1e-3", words)
    assert "seed" not in words.split("Show these")[1]  # it is the same in all


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ("state = finished", ["three"]),
        ("state in running, finished", ["one", "three", "two"]),
        ("config.lr > 0.005", ["one", "two"]),
        ("val/loss < 0.3", ["two"]),
        ("tag = paper", ["two"]),
        ("name ~ T", ["three", "two"]),
        ("two", ["two"]),
        ('{"config.lr": 0.1}', ["one"]),
        ("state != finished", ["one", "two"]),
    ],
)
def test_filter(visit: Visit, three: None, condition: str, names: list[str]) -> None:
    response = visit(PAGE, by="bob", q=condition)

    assert sorted(_named(response)) == names
    assert response.content.decode().count('class="term"') == 1


def test_conditions_add_up_and_can_be_taken_away(visit: Visit, three: None) -> None:
    response = visit(PAGE, by="bob", q=["config.lr > 0.005", "tag = paper"])

    assert _named(response) == ["two"]
    assert f'href="{PAGE}?q=tag+%3D+paper"' in response.content.decode()


@pytest.mark.parametrize("condition", ['{"state": ', "name ~ " + "a" * 600, '{"$where": "1"}'])
def test_a_condition_that_means_nothing_is_explained_and_changes_nothing(
    visit: Visit, three: None, condition: str
) -> None:
    response = visit(PAGE, by="bob", q=condition)

    assert response.status_code == 200
    assert len(_named(response)) == 3
    assert 'id="filter-reason"' in response.content.decode()


def test_no_run_passes(visit: Visit, three: None) -> None:
    assert "No run passes this filter" in text_of(visit(PAGE, by="bob", q="state = crashed"))


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("+config.lr", ["three", "two", "one"]),
        ("-config.lr", ["one", "two", "three"]),
        ("+display_name", ["one", "three", "two"]),
        ("", ["three", "two", "one"]),
    ],
)
def test_sorting(visit: Visit, three: None, order: str, names: list[str]) -> None:
    assert _named(visit(PAGE, by="bob", order=order)) == names


def test_heads_are_links_that_turn_the_order(visit: Visit, three: None) -> None:
    page = visit(PAGE, by="bob", order="-config.lr").content.decode()

    assert 'aria-sort="descending"' in page
    assert f'href="{PAGE}?order=%2Bconfig.lr"' in page


def test_pages_of_fifty(visit: Visit, vision: Project, alice: User) -> None:
    for number in range(53):
        work.run(vision, f"run-{number:02}", by=alice, display_name=f"run {number:02}")

    first, second = visit(PAGE, by="bob"), visit(PAGE, by="bob", **{"from": "50"})

    assert len(_named(first)) == 50
    assert _named(second) == ["run 02", "run 01", "run 00"]
    assert "1 to 50 of 53" in text_of(first)
    assert 'href="?from=50"' in first.content.decode()


@pytest.mark.parametrize("start", ["-1", "x", "9" * 30, "٣"])
def test_a_place_that_is_none_is_the_first(visit: Visit, three: None, start: str) -> None:
    assert len(_named(visit(PAGE, by="bob", **{"from": start}))) == 3


def test_names_are_harmless(visit: Visit, lab: object, alice: User, log: Log) -> None:
    project = work.project("lab", "b🦔 & <b>", by=alice)
    run = work.run(project, "r1", by=alice, display_name=HOSTILE, tags=[HOSTILE], notes=HOSTILE)
    work.run(project, "r2", by=alice, config_text=jsontext.dumps({HOSTILE: {"value": HOSTILE}}))
    log(run, [{HOSTILE: 1.5, "_step": 0}], summary_text=jsontext.dumps({HOSTILE: 1.5}))

    address = f"/lab/{quote('b🦔 & <b>', safe='')}"
    for page in (
        address,
        f"{address}/runs/r1",
        f"{address}/runs/r2",
        f"{address}/runs/r1/charts",
        "/",
        "/lab",
    ):
        response = visit(page, by="alice")
        assert response.status_code == 200
        assert b"<img" not in response.content
        assert (
            b"<b>" not in response.content.replace(b"<b>%d" % 1, b"").replace(b"<b title", b"") or page == "/"
        )


def test_an_empty_project_says_so(visit: Visit, vision: Project) -> None:
    assert "No run yet" in text_of(visit(PAGE, by="vera"))


@pytest.mark.parametrize(("name", "is_plain"), [("vision-2.1", True), ("it's $(here)", False)])
def test_an_empty_project_has_the_lines_of_its_first_run(
    visit: Visit, alice: User, vision: Project, name: str, is_plain: bool
) -> None:
    """A name that means something to a shell stands in none."""
    create_project(Actor.person(alice), entity="lab", name=name)
    url = f"/lab/{quote(name)}"

    by_alice, by_viewer = visit(url, by="alice").content.decode(), visit(url, by="vera").content.decode()

    lines = f"wandb.init(project='{name}')"
    assert (lines in by_alice, "WANDB_ENTITY=lab" in by_alice) == (is_plain, is_plain)
    assert "wandb.init" not in by_viewer


def test_panels_are_the_metrics_in_sections(visit: Visit, told: Run) -> None:
    page = visit(PAGE, by="vera").content.decode()

    assert re.findall(r'data-key="([^"]+)"', page) == ["val/acc", "loss"]


def test_the_clients_address_of_a_project_leads_here(visit: Visit, vision: Project) -> None:
    assert visit(f"{PAGE}/workspace", by="vera")["Location"] == PAGE
