"""Charts in a look that somebody wrote: what the server puts into its places, and the frame in which it is drawn."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core import jsontext
from apps.files.media.charts import Chart
from apps.files.media.tables import Table
from apps.projects.models import Project
from apps.teams.services.suspending import suspend_entity
from apps.web.media.looks import MOST_ROWS, filled, rows_of
from tests.factories import artifacts, people, work
from tests.web.conftest import Log, Visit
from tests.web.media.conftest import Store

PAGE = "/lab/vision/runs/drawn/media"
FRAME = f"{PAGE}/look?key=key_table"
EVIL = "</script><script>alert(1)</script>"
LOOK = {
    "mark": "bar",
    "title": "${string:title}",
    "encoding": {"x": {"field": "${field:x}"}},
    "description": EVIL,
}
CHART = Chart("key", "lab/vision/bars", {"x": "a.b[0]", "y": "it's"}, {"title": "T"})


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("${field:x}", r"a\.b\[0\]"),
        ("${field:none}", "none"),
        ("datum['${field:x}'] > 1", "datum['a.b[0]'] > 1"),
        ("${string:title}: ${field:y}", "T: it's"),
        ("${string:none}${other:x}${field:", "${other:x}${field:"),
        ([{"a": "${string:title}"}, 1, None, True], [{"a": "T"}, 1, None, True]),
    ],
)
def test_columns_and_words_are_put_into_their_places(said: Any, expected: Any) -> None:
    assert filled(said, CHART) == expected


def test_rows_hold_what_a_chart_can_draw() -> None:
    rows = rows_of(Table(("a", "b"), [[1, float("nan")], ["x", [1, 2]], [None, True, "more"], [2.5]]))

    assert rows == [[1, None], ["x", "[1,2]"], [None, True], [2.5]]


def test_a_chart_has_as_many_rows_as_can_be_drawn() -> None:
    assert len(rows_of(Table(("a",), [[1]] * (MOST_ROWS + 1)))) == MOST_ROWS


@pytest.fixture
def drawn(vision: Project, alice: User, log: Log, store: Store) -> Callable[[str], None]:
    """Makes a run with a chart in this look."""

    def make(look: str) -> None:
        panel = {"panelDefId": look, "fieldSettings": {"x": "x"}, "stringSettings": {"title": EVIL}}
        config = {"_wandb": {"value": {"visualize": {"key": {"panel_config": panel}}}}}
        run = work.run(vision, "drawn", by=alice, display_name="a run", config_text=jsontext.dumps(config))
        path = "media/table/key_table.table.json"
        log(run, [{"_step": 0, "key_table": {"_type": "table-file", "path": path, "nrows": 1, "ncols": 2}}])
        store(run, {path: json.dumps({"columns": ["x", "y"], "data": [[EVIL, 1]]}).encode()})

    return make


def framed(by: str | None) -> Any:
    client = Client()
    if by:
        client.force_login(User.objects.get(username=by), backend="django.contrib.auth.backends.ModelBackend")
    return client.get(FRAME, headers={"Sec-Fetch-Dest": "iframe"})


def test_the_look_is_data_in_a_page_of_its_own_origin(drawn: Any, vision: Project, alice: User) -> None:
    artifacts.look(vision, "bars", json.dumps(LOOK), by=Actor.person(alice))
    drawn("lab/vision/bars")

    answer = framed("vera")
    page, policy = answer.content.decode(), answer["Content-Security-Policy"]

    held = re.search(r'<script id="look" type="application/json">(.*?)</script>', page, re.DOTALL)
    assert held is not None
    said = json.loads(held[1])
    assert said["look"] == LOOK | {"title": EVIL, "encoding": {"x": {"field": "x"}}}
    assert (said["columns"], said["rows"], said["name"]) == (["x", "y"], [[EVIL, 1]], "a run")
    assert policy.startswith("sandbox allow-scripts; default-src 'none'; script-src http")
    scripts = policy.partition("script-src ")[2].partition(";")[0].split()
    assert re.findall(r'<script src="([^"]+)"', page) == scripts
    assert len(scripts) == 4
    assert "allow-same-origin" not in policy
    assert "unsafe-eval" not in policy


def test_a_look_in_a_project_that_is_not_shared_is_as_if_it_were_not_there(
    drawn: Any, vision: Project, alice: User
) -> None:
    Project.objects.filter(pk=vision.pk).update(visibility="public")
    artifacts.look(
        work.project("alice", "custom-charts", by=alice), "bars", json.dumps(LOOK), by=Actor.person(alice)
    )
    drawn("alice/bars")

    hidden = framed("vera").content
    artifacts.look(vision, "bars", json.dumps(LOOK), by=Actor.person(alice))

    assert b'id="look"' in framed("alice").content
    assert b"not there, or it is not shared with you" in hidden
    assert b"<script" not in hidden
    assert framed(None).content == hidden


def test_a_look_of_a_team_that_is_suspended_leaves_the_frame_and_its_rows(
    drawn: Any, alice: User, vera: User
) -> None:
    press = people.team("press", admin=vera)
    place = work.project("press", "looks", by=vera)
    artifacts.look(place, "bars", json.dumps(LOOK), by=Actor.person(vera))
    drawn("press/looks/bars")
    assert b'id="look"' in framed("vera").content

    suspend_entity(press, by=Actor.person(alice))

    closed = framed("vera")
    assert closed.status_code == 200
    assert b"not there, or it is not shared with you" in closed.content


def test_whoever_sees_a_public_project_sees_the_look_in_it(drawn: Any, vision: Project, alice: User) -> None:
    Project.objects.filter(pk=vision.pk).update(visibility="public")
    artifacts.look(vision, "bars", json.dumps(LOOK), by=Actor.person(alice))
    drawn("lab/vision/bars")

    assert b'id="look"' in framed(None).content


def test_without_a_frame_it_leads_to_the_page_which_has_the_frame(
    visit: Visit, drawn: Any, mallory: User
) -> None:
    drawn("lab/vision/bars")

    assert visit(FRAME, by="vera")["Location"] == f"{PAGE}?key=key_table"
    page = visit(PAGE, by="vera").content.decode()
    assert (
        f'sandbox="allow-scripts" referrerpolicy="no-referrer" loading="lazy" src="{PAGE}/look?key=key_table&amp;at=0"'
        in page
    )
    assert "vega" not in page
    assert [visit(FRAME, by=who).status_code for who in ("mallory", None)] == [404, 404]


@pytest.mark.parametrize(
    "look", ["", "x", "lab/", "\x00", "lab/\x00/\x00", "a" * 5000, "lab/vision/bars:v999999999999"]
)
def test_odd_names_of_looks_are_answered(drawn: Any, look: str) -> None:
    drawn(look)

    assert framed("vera").status_code == 200
