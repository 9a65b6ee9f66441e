"""The runs table in groups, with pinned columns, and what is typed to find runs."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from apps.accounts.models import User
from apps.core import jsontext
from apps.projects.models import Project
from apps.runs.models import Run
from tests.factories import work
from tests.web.conftest import Visit, text_of
from tests.web.test_project_page import HOSTILE

PAGE = "/lab/vision"
MODELS = ("vit", "resnet", "vit", "resnet", "vit")


@pytest.fixture
def five(vision: Project, alice: User) -> list[Run]:
    return [
        work.run(
            vision,
            f"run-{number}",
            by=alice,
            display_name=f"run {number}",
            notes=f"note {number}",
            tags=[f"tag{number}"],
            config_text=jsontext.dumps({"model": {"value": model}, "depth": {"value": number}}),
            summary_text=jsontext.dumps({"acc": number / 10}),
        )
        for number, model in enumerate(MODELS)
    ]


def _rows(page: str) -> list[str]:
    """Names of runs, and in brackets the titles of groups."""
    found = re.findall(
        r'data-group-name="([^"]*)" data-group-colour="\d+">|<tr[^>]*data-run="[^"]*" data-name="([^"]*)"',
        page,
    )
    return [f"[{group}]" if group else run for group, run in found]


def _link(page: str, group: str) -> dict[str, list[str]]:
    href = re.findall(rf'href="([^"]*)" data-fold="{group}"', page)[0].replace("&amp;", "&")
    return parse_qs(urlsplit(href).query)


def test_groups_with_what_their_numbers_come_to(visit: Visit, five: list[Run]) -> None:
    page = visit(PAGE, by="vera", group="config.model", col="summary_metrics.acc")

    assert _rows(page.content.decode().split("<tbody>")[1]) == ["[model vit]", "[model resnet]"]
    assert re.search(r"vit 3 3 running 0.2000 0.0000 – 0.4000", text_of(page))
    assert re.search(r"resnet 2 2 running 0.2000 0.1000 – 0.3000", text_of(page))
    assert 'aria-rowcount="3"' in page.content.decode()


def test_a_group_is_unfolded_by_a_link_that_keeps_the_rest(visit: Visit, five: list[Run]) -> None:
    page = visit(
        PAGE, by="vera", group="config.model", q="config.depth > 0", order="-config.depth"
    ).content.decode()
    asked = _link(page, five[0].public_id)

    unfolded = visit(PAGE, by="vera", **asked).content.decode()

    assert asked == {
        "group": ["config.model"],
        "q": ["config.depth > 0"],
        "order": ["-config.depth"],
        "open": [five[0].public_id],
    }
    assert "open" not in _link(unfolded, five[0].public_id)


def test_runs_of_an_unfolded_group_stand_below_it(visit: Visit, five: list[Run]) -> None:
    page = visit(PAGE, by="vera", group="config.model", open=five[0].public_id, order="-config.depth")
    rows = visit(f"{PAGE}/rows", by="vera", group="config.model", open=five[1].public_id, **{"from": "1"})

    table = page.content.decode().split("<tbody>")[1]
    assert _rows(table) == ["[model vit]", "run 4", "run 2", "run 0", "[model resnet]"]
    assert _rows(rows.content.decode()) == ["[model resnet]", "run 3", "run 1"]
    assert rows["X-Length"] == "4"


def test_the_charts_are_told_each_runs_group(visit: Visit, five: list[Run]) -> None:
    page = visit(PAGE, by="vera", group="config.model").content.decode()

    drawn = page.split('id="drawn"')[1].split("</div>")[0]
    found = re.findall(
        r'data-run="([^"]*)".*? data-group="([^"]*)" data-group-name="([^"]*)" data-group-colour="(\d)"',
        drawn,
    )
    vit = [(five[n].public_id, five[0].public_id, "model vit", "1") for n in (4, 2, 0)]
    resnet = [(five[n].public_id, five[1].public_id, "model resnet", "2") for n in (3, 1)]
    assert found == vit + resnet


def test_several_keys_and_one_that_means_nothing(visit: Visit, five: list[Run]) -> None:
    two = visit(PAGE, by="vera", group=["config.model", "config.depth"]).content.decode()
    bad = visit(PAGE, by="vera", group="nothing")

    assert _rows(two.split("<tbody>")[1])[0] == "[model vit, depth 4]"
    assert "Runs have no “nothing”" in text_of(bad)
    assert len(_rows(bad.content.decode().split("<tbody>")[1])) == 5


def test_hostile_groups_are_harmless(visit: Visit, vision: Project, alice: User) -> None:
    config = jsontext.dumps({HOSTILE: {"value": HOSTILE * 40}})
    work.run(vision, "odd", by=alice, config_text=config, tags=[HOSTILE])

    for key in (f"config.{HOSTILE}", "tags"):
        page = visit(PAGE, by="vera", group=key, pin=f"config.{HOSTILE}")
        assert page.status_code == 200
        assert b"<img" not in page.content


# ── Columns ──


def _heads(page: str) -> list[str]:
    return re.findall(r'<bdi class="clip">([^<]*)</bdi>', page.split("</thead>")[0].split("<thead>")[1])


def test_pinned_columns_stand_beside_the_name(visit: Visit, five: list[Run]) -> None:
    asked: dict[str, Any] = {"col": ["summary_metrics.acc", "tags"], "pin": ["config.depth", "tags"]}

    page = visit(PAGE, by="vera", **asked).content.decode()

    assert _heads(page) == ["depth", "Tags", "State", "acc", "Created", "Runtime"]
    assert re.search(r'<td class="pin pin-4 num"><bdi class="clip" title="4">4<', page)
    assert re.search(r'<td class="pin pin-5"><bdi class="clip" title="tag4">tag4<', page)


def test_columns_are_moved_and_pinned_by_links(visit: Visit, five: list[Run]) -> None:
    page = visit(PAGE, by="vera", col=["summary_metrics.acc", "config.depth"]).content.decode()

    def leads(words: str) -> dict[str, list[str]]:
        href = re.findall(rf'href="([^"]*)"[^>]*aria-label="{words}"', page)[0].replace("&amp;", "&")
        return parse_qs(urlsplit(href).query)

    assert leads("Move acc to the right") == {"col": ["config.depth", "summary_metrics.acc"]}
    assert leads("Pin depth beside the name") == {
        "col": ["summary_metrics.acc", "config.depth"],
        "pin": ["config.depth"],
    }
    assert "Move acc to the left" not in page


# ── What is typed ──


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("run 3", ["run 3"]),
        ("TAG2", ["run 2"]),
        ("note 1", ["run 1"]),
        ("run-0", ["run 0"]),
        ("config.depth > 2", ["run 4", "run 3"]),
        ("tags = tag1", ["run 1"]),
        ("state = running", ["run 4", "run 3", "run 2", "run 1", "run 0"]),
        ("config.model ~ /^res/", ["run 3", "run 1"]),
        ('{"$or": [{"tags": "tag0"}, {"config.depth": 4}]}', ["run 4", "run 0"]),
    ],
)
def test_runs_are_found_by_words_and_conditions(
    visit: Visit, five: list[Run], typed: str, names: list[str]
) -> None:
    page = visit(PAGE, by="vera", q=typed).content.decode()

    assert _rows(page.split("<tbody>")[1]) == names


def test_values_are_offered_while_one_types(
    visit: Visit, five: list[Run], vision: Project, alice: User
) -> None:
    work.run(vision, "odd", by=alice, tags=["1", HOSTILE])

    page = visit(PAGE, by="vera").content.decode()
    offered = page.split('id="completions"')[1].split("</datalist")[0]

    for condition in ("config.model = vit", "tag = tag3", "state = crashed", "tag = &quot;1&quot;"):
        assert f'<option value="{condition}">' in offered
    assert "<img" not in offered
