"""Looks that somebody wrote, drawn in a browser: in their frame, in both themes, and what they may not do is not done."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Frame, expect

from tests.live import LiveServer
from tests.web.axe import violations
from tests.web.in_chromium import IN_CHROMIUM, Seen

pytestmark = [*IN_CHROMIUM, pytest.mark.promise("P-06")]
PAGE = "/alice/looks/runs/drawn/media"
AWAY = "http://127.0.0.1:9/away"
SIDES = {"x": {"field": "${field:across}", "type": "nominal"}, "y": {"field": "up", "type": "quantitative"}}
SCALES = [
    {"name": "x", "type": "band", "domain": {"data": "wandb", "field": "name\\.x"}, "range": "width"},
    {"name": "y", "domain": {"data": "wandb", "field": "up"}, "range": "height"},
]
BAR = {
    "x": {"scale": "x", "field": "name\\.x"},
    "width": {"scale": "x", "band": 1},
    "y": {"scale": "y", "field": "up"},
    "y2": {"scale": "y", "value": 0},
    "tooltip": {"signal": "'<b>' + datum.up"},
    "href": {"value": AWAY},
}
LOOKS: dict[str, dict[str, Any]] = {
    "lite": {
        "data": {"name": "wandb"},
        "title": "${string:title}",
        "mark": {"type": "bar", "tooltip": True, "href": AWAY},
        "transform": [{"calculate": "datum.up * 2", "as": "twice"}],
        "encoding": SIDES,
        "config": {
            "__proto__": {"evil": 1},
            "axis": {"__proto__": {"evil": 1}, "constructor": {"prototype": {"evil": 1}}},
        },
    },
    "full": {
        "$schema": "https://vega.github.io/schema/vega/v6.json",
        "width": 200,
        "height": 100,
        "data": [{"name": "far", "url": AWAY + "/data.json"}, {"name": "wandb", "url": AWAY + "/rows"}],
        "scales": SCALES,
        "axes": [{"orient": "bottom", "scale": "x"}],
        "marks": [
            {"type": "rect", "from": {"data": "wandb"}, "encode": {"update": BAR}},
            {
                "type": "image",
                "encode": {"enter": {"url": {"value": AWAY + "/image"}, "width": {"value": 9}}},
            },
        ],
    },
    "code": {
        "mark": "bar",
        "transform": [{"calculate": "constructor.constructor('top.evil = 1')()", "as": "n"}],
        "encoding": SIDES,
    },
    "none": {"<b>": 1},
}
MAKE = """
import django; django.setup()
import json, sys
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core import jsontext
from apps.files.services import announce_files, store_file
from apps.runs.history import store
from apps.runs.types import Lines, Stream, StreamRequest
from tests.factories import artifacts, work
alice = User.objects.get(username="alice")
place = work.project("alice", "looks", by=alice)
shown, row, files = {}, {"_step": 0}, {}
for name, look in json.loads(sys.argv[1]).items():
    artifacts.look(place, name, json.dumps(look), by=Actor.person(alice))
    shown[name] = {"panel_config": {"panelDefId": f"alice/looks/{name}", "fieldSettings": {"across": "name.x"}, "stringSettings": {"title": "<i>A title"}}}
    path = f"media/table/{name}.table.json"
    row[f"{name}_table"] = {"_type": "table-file", "path": path, "nrows": 3, "ncols": 2}
    files[path] = json.dumps({"columns": ["name.x", "up"], "data": [["a", 1], ["b", 2], ["<b>", 3]]}).encode()
config = jsontext.dumps({"_wandb": {"value": {"visualize": shown}}})
run = work.run(place, "drawn", by=alice, config_text=config)
store.append(run, StreamRequest(streams={Stream.HISTORY: Lines(first=0, lines=[jsontext.dumps(row)])}))
for announced, content in zip(announce_files(run, list(files)), files.values()):
    store_file(announced.file, [content])
"""
TRY = """async (site) => {
  const tries = {
    cookie: () => document.cookie, parent: () => parent.document.title, away: () => fetch(site, { mode: "no-cors" }),
    site: () => fetch("/alice/looks", { mode: "no-cors" }),
    code: async () => { await new Promise((done) => setTimeout(done)); return new Function("return 1")(); },
  };
  const reached = [];
  for (const [name, act] of Object.entries(tries)) { try { await act(); reached.push(name); } catch { /* refused */ } }
  return [window.origin, reached];
}"""


@pytest.fixture(scope="module", autouse=True)
def _made(server: LiveServer) -> None:
    server.python("-c", MAKE, json.dumps(LOOKS))


def frame_of(seen: Seen, name: str) -> Frame:
    box = seen.page.locator(f"figure[data-media={name}_table] iframe")
    box.scroll_into_view_if_needed()
    handle = box.element_handle()
    assert handle is not None
    frame = handle.content_frame()
    assert frame is not None
    frame.wait_for_selector("#drawn[data-drawn], #said:not([hidden])", state="attached")
    return frame


def test_a_look_is_drawn_beside_its_rows_in_the_theme_of_the_page(open_page: Any) -> None:
    inks = []
    for theme in ("light", "dark"):
        seen = open_page(color_scheme=theme)
        seen.go(PAGE)
        frame = frame_of(seen, "lite")

        expect(frame.locator(".mark-rect.role-mark path")).to_have_count(3)
        title = frame.locator(".role-title-text text")
        expect(title).to_have_text("<i>A title")
        inks.append(title.get_attribute("fill"))
        box = frame.evaluate("() => [document.querySelector('svg').clientWidth, innerWidth]")
        assert 0.8 * box[1] < box[0] <= box[1]
        panel = seen.page.locator("figure[data-media=lite_table]")
        assert "name.x" in panel.inner_text() and panel.locator("a", has_text="3 rows").count() == 1
        assert violations(seen.page) == []
        assert (seen.complaints, seen.asked_elsewhere) == ([], [])

        assert frame.evaluate("() => [{}.evil, [].evil, Object.evil]") == [None, None, None]

    assert len(set(inks)) == 2


def test_a_look_reaches_nothing_and_what_it_may_not_is_said(open_page: Any) -> None:
    seen = open_page()
    seen.go(PAGE)
    frame = frame_of(seen, "full")

    bars = frame.locator(".mark-rect.role-mark path")
    expect(bars).to_have_count(3)
    expect(frame.locator("#said")).to_contain_text("Nothing is fetched for a chart.")
    bars.first.click()
    assert (seen.complaints, seen.asked_elsewhere) == ([], [])
    assert seen.page.url.endswith(PAGE)
    # Last, for what is refused by the policy is noted as an error.
    assert frame.evaluate(TRY, AWAY) == ["null", []]


@pytest.mark.parametrize("name", ["none", "code"])
def test_what_cannot_be_drawn_says_why_beside_its_rows(open_page: Any, name: str) -> None:
    seen = open_page()
    seen.go(PAGE)

    said = frame_of(seen, name).locator("#said")

    expect(said).to_contain_text("This look cannot be drawn:")
    assert seen.page.evaluate("() => window.evil") is None
    assert seen.complaints == []
    assert seen.page.locator(f"figure[data-media={name}_table] a", has_text="3 rows").count() == 1


def test_nothing_of_it_is_asked_for_where_no_such_chart_is(open_page: Any) -> None:
    seen = open_page()
    seen.go("/alice/looks/runs/drawn")

    assert [url for url in seen.asked if "vega" in url] == []
