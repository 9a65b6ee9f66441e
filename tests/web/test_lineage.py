"""The page of a lineage: a picture with links, folded where it is much, and the same as a list."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.utils.html import escape

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import RunVersion, Version
from apps.artifacts.services import use_version
from apps.artifacts.types import RunRole
from apps.projects.models import Project
from apps.runs.models import Run
from apps.web.artifacts.graph import MOST_IN_A_COLUMN, Node, drawn, short
from tests.factories import artifacts, work
from tests.web.conftest import Visit, text_of

PAGE = "/lab/vision/artifacts/dataset/data/v0/lineage"
OF_RUN = "/lab/vision/runs/train/lineage"
HOSTILE = '<i>\u202e"x"</i>'


@pytest.fixture
def data(vision: Project, alice: User) -> Version:
    """A data set that `train` read, who made a model."""
    by = Actor.person(alice)
    made = artifacts.version(vision, "data", {"a": b"1"}, by=by)
    train = work.run(vision, "train", by=alice, display_name=HOSTILE)
    use_version(train, made)
    artifacts.version(vision, "net", {"w": b"2"}, by=by, run=train, type_name="model & co")
    return made


def reads(version: Version, count: int, alice: User, **patch: Any) -> list[Run]:
    place = version.collection.project
    names = [f"{patch['group']}r{n}" for n in range(count)]
    runs = [work.run(place, name, by=alice, display_name=name, **patch) for name in names]
    RunVersion.objects.bulk_create(
        RunVersion(run=run, version=version, role=RunRole.INPUT.value) for run in runs
    )
    return runs


def picture_of(page: str) -> str:
    return page[page.index("data-lineage") : page.index("lineage-list")]


@pytest.mark.parametrize("address", [PAGE, OF_RUN])
def test_outsiders_find_nothing_and_viewers_a_picture_and_a_list(
    visit: Visit, data: Version, mallory: User, address: str
) -> None:
    page = visit(address, by="vera").content.decode()

    assert [visit(address, by=who).status_code for who in ("mallory", None)] == [404, 404]
    for part in (picture_of(page), page[page.index("lineage-list") :]):
        assert "data:v0" in part and "net:v0" in part and escape("<i>") in part
    assert "<i>" not in page
    assert "\u202e" not in picture_of(page)
    assert len(re.findall(r'<path d="M', picture_of(page))) == 2
    assert page.count('aria-current="true"') == 2  # in the picture and in the list
    assert "model &amp; co" in page


def test_each_box_leads_to_the_lineage_of_what_it_is_and_each_line_of_the_list_to_its_page(
    visit: Visit, data: Version
) -> None:
    page = visit(PAGE, by="vera").content.decode()

    assert 'href="/lab/vision/runs/train/lineage"' in picture_of(page)
    assert 'href="/lab/vision/artifacts/model%20%26%20co/net/v0/lineage"' in picture_of(page)
    assert 'href="/lab/vision/runs/train"' in page[page.index("lineage-list") :]


def test_many_runs_of_a_group_are_one_box_that_can_be_opened(
    visit: Visit, data: Version, alice: User
) -> None:
    reads(data, 5, alice, group="sweep & co")
    reads(data, 2, alice, group="few")

    page = visit(PAGE, by="vera").content.decode()
    fold = re.search(r'href="\?open=(\w+)"', page)
    assert fold is not None
    opened = visit(PAGE, by="vera", open=fold[1]).content.decode()

    assert "sweep &amp; co" in picture_of(page) and "5 runs" in picture_of(page)
    assert "sweep &amp; cor3" not in picture_of(page) and ">fewr1<" in picture_of(page)
    assert all(f">sweep &amp; cor{n}<" in page[page.index("lineage-list") :] for n in range(5))
    assert "5 runs" not in picture_of(opened) and ">sweep &amp; cor3<" in picture_of(opened)
    assert "Fold again" in opened


def test_what_nothing_hangs_together_with_says_so(visit: Visit, vision: Project, alice: User) -> None:
    artifacts.version(vision, "data", {"a": b"1"}, by=Actor.person(alice))

    assert "Nothing beside it" in text_of(visit(PAGE, by="vera"))


def test_further_steps_are_a_link_away(visit: Visit, data: Version, vision: Project, alice: User) -> None:
    by, last = Actor.person(alice), data
    for n in range(4):
        run = work.run(vision, f"on{n}", by=alice)
        use_version(run, last)
        last = artifacts.version(vision, f"d{n}", {"x": b"%d" % n}, by=by, run=run)

    page = visit(PAGE, by="vera").content.decode()

    assert 'href="?layers=8"' in page and "d1:v0" in page and "d2:v0" not in page
    assert "d3:v0" in visit(PAGE, by="vera", layers="8").content.decode()


@pytest.mark.parametrize(
    "asked", [{"layers": "x"}, {"layers": "9" * 5000}, {"layers": "-1"}, {"open": "\x00,<b>," + "a," * 9000}]
)
def test_odd_questions_are_answered(visit: Visit, data: Version, asked: dict[str, str]) -> None:
    assert visit(PAGE, by="vera", **asked).status_code == 200


def node(number: int, layer: int, **more: Any) -> Node:
    return Node(("run" if layer % 2 else "version", number), layer, f"n{number}", f"/{number}", **more)


def test_runs_without_a_group_beside_the_same_versions_are_folded_and_others_are_not() -> None:
    here = node(0, 0, is_here=True)
    alike, other, end = [node(n, 1) for n in range(1, 6)], node(9, 1), node(20, 2)
    edges = [(here.key, each.key) for each in (*alike, other)] + [(other.key, end.key)]

    picture = drawn([here, *alike, other, end], edges)

    assert sorted(len(box.nodes) for box in picture.boxes) == [1, 1, 1, 5]
    assert len(picture.paths) == 3


def test_a_column_is_never_longer_than_it_may_be_and_nothing_is_lost() -> None:
    here = node(0, 0, is_here=True)
    runs = [node(n, 1, like=("g", f"group {n}")) for n in range(1, 101)]
    edges = [(here.key, each.key) for each in runs]

    picture = drawn([here, *runs], edges)
    column = dict(picture.columns)[1]

    assert len(column) == MOST_IN_A_COLUMN
    assert {each.key for box in column for each in box.nodes} == {each.key for each in runs}
    assert len(drawn([here, *runs], edges, [column[-1].fold]).boxes) == 101


def test_boxes_do_not_lie_upon_each_other() -> None:
    nodes = [node(0, 0, is_here=True), *(node(n, n % 7 - 3 or 1, like=("x", str(n))) for n in range(1, 80))]

    picture = drawn(nodes, [])
    places = [(box.x, box.y) for box in picture.boxes]

    assert len(set(places)) == len(places)
    assert max(x for x, _y in places) < picture.width and max(y for _x, y in places) < picture.height


def test_a_long_name_keeps_its_end() -> None:
    assert short("a-data-set-with-a-very-long-name:v12") == "a-data-set-with-a-v…e:v12"
    assert short("データセットデータセットデータセット:v3") == "データセットデー…ット:v3"
    assert short("a\u202e\nb") == "a b"
