"""The comparison panel: the code of chosen runs against each other, next to what their configs differ in."""

from __future__ import annotations

import json

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core import jsontext
from apps.projects.models import Project
from apps.runs.models import Run
from apps.teams.choices import SettingName
from apps.teams.models import Entity
from apps.teams.services import choose
from apps.web.code.comparing import MOST_BYTES
from tests.factories import work
from tests.web.code.test_pages import keep
from tests.web.conftest import Visit, text_of

PAGE = "/lab/vision/compare/code"


@pytest.fixture
def three(vision: Project, lab: Entity, alice: User) -> list[Run]:
    """Two runs with code, and one of which only the commit is known."""
    choose(lab, SettingName.CODE_SAVING, True, by=Actor.person(alice))
    runs = [
        work.run(
            vision,
            name,
            by=alice,
            commit=letter * 40,
            config_text=jsontext.dumps({"lr": {"value": rate}, "seed": {"value": 1}}),
        )
        for name, letter, rate in (("one", "a", 0.1), ("two", "b", 0.2), ("three", "c", 0.1))
    ]
    keep(runs[0], **{"code/a.py": b"x = 1\ny = 2\n", "code/same.py": b"s", "code/gone.py": b"<b>old</b>"})
    keep(runs[1], **{"code/a.py": b"x = 1\ny = 3\n", "code/same.py": b"s", "code/new.py": b"n"})
    return runs


def body_of(visit: Visit, runs: str = "one,two", **query: str) -> str:
    answer = visit(PAGE, by="vera", runs=runs, **query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_two_runs_have_changed_files_first_and_their_config_beside(visit: Visit, three: list[Run]) -> None:
    page = body_of(visit)
    words = text_of(visit(PAGE, by="vera", runs="one,two"))

    places = [
        page.index(f'title="{name}"') for name in ("code/a.py", "code/gone.py", "code/new.py", "code/same.py")
    ]
    assert places == sorted(places)
    assert "code/a.py changed" in words
    assert "code/gone.py not there" in words
    assert "code/new.py added" in words
    assert "code/same.py the same" in words
    assert "Config lr 0.1 0.2" in words
    assert "seed" not in words


def test_one_file_stands_side_by_side_or_in_one_column(visit: Visit, three: list[Run]) -> None:
    beside = body_of(visit, file="code/a.py")
    assert '<div class="half removed">' in beside
    assert 'view=inline">In one column</a>' in beside

    column = body_of(visit, file="code/a.py", view="inline")
    assert column.index('class="line removed"') < column.index('class="line added"')
    assert ">Side by side</a>" in column
    assert "&lt;b&gt;" in body_of(visit, file="code/gone.py")


def test_a_run_of_which_only_the_commit_is_known_says_so(visit: Visit, three: list[Run]) -> None:
    words = text_of(visit(PAGE, by="vera", runs="one,three"))
    assert "cccccccccccc only the commit is known" in words
    assert "code/a.py not there" in words

    work.run(three[0].project, "four", by=User.objects.get(username="alice"), commit="d" * 40)
    alone = text_of(visit(PAGE, by="vera", runs="three,four"))
    assert "Neither of the two runs has code" in alone
    assert "dddddddddddd only the commit is known" in alone


def test_three_runs_are_a_table_and_then_pairs(visit: Visit, three: list[Run]) -> None:
    words = text_of(visit(PAGE, by="vera", runs="one,two,three"))
    assert "code/a.py first changed not there" in words
    assert words.count("The first run against:") == 1
    assert "The first run against:" not in text_of(visit(PAGE, by="vera", runs="one,two"))

    pair = text_of(visit(PAGE, by="vera", runs="one,two,three", pair=three[2].public_id))
    assert "The same in both." in pair


def test_notebooks_large_files_and_bytes_are_told_apart(visit: Visit, three: list[Run]) -> None:
    book = {"cells": [{"cell_type": "code", "source": "a = 1", "outputs": [{"text": "printed"}]}]}
    for run, number in zip(three[:2], (b"1", b"2"), strict=True):
        book["cells"][0]["source"] = f"a = {number.decode()}"
        keep(run, **{"code/n.ipynb": json.dumps(book).encode(), "code/x.so": b"\0" + number})
        keep(run, **{"code/big.py": number * (MOST_BYTES + 1)})

    notebook = text_of(visit(PAGE, by="vera", runs="one,two", file="code/n.ipynb"))
    assert "Of a notebook the cells are compared" in notebook
    assert "printed" not in notebook.partition("they printed")[2]
    assert "whether it differs is all that can be said" in body_of(visit, file="code/x.so")
    assert "too large to be compared" in body_of(visit, file="code/big.py")


def test_what_is_not_there_is_not_found_and_odd_words_are_harmless(
    visit: Visit, three: list[Run], mallory: User
) -> None:
    assert visit(PAGE, by="vera", runs="one,two", file="code/nothing.py").status_code == 404
    assert "Choose runs to compare" in body_of(visit, runs="one")
    assert "Choose runs to compare" in body_of(visit, runs="nothing,\x00")
    assert 'href="/lab/vision/runs/two"' in body_of(visit, pair="<b>", view="<b>", all="x")
    for who in ("mallory", None):
        assert visit(PAGE, by=who, runs="one,two").status_code == 404


def test_the_page_of_values_leads_there(visit: Visit, three: list[Run]) -> None:
    page = visit("/lab/vision/compare", by="vera", runs="one,two").content.decode()

    assert f'href="{PAGE}?runs={three[0].public_id},{three[1].public_id}">Code</a>' in page
