"""Home, the palette and the first-run page in a real browser, over the demo world."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from apps.demo.people import PASSWORD
from tests.live import LiveServer
from tests.web.axe import violations
from tests.web.in_chromium import IN_CHROMIUM, Seen

pytestmark = IN_CHROMIUM
_NEW = "import django; django.setup(); from apps.teams.services import create_account as make; make({0!r}, email={0!r} + '@example.org', password={1!r})"
_MANY = """
import django; django.setup()
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core import jsontext
from apps.projects.services import get_or_create_project
from apps.runs.history import store
from apps.runs.services import start_run
from apps.runs.types import Lines, RunPatch, Stream, StreamRequest

actor = Actor.person(User.objects.get(username="many"))
for number in range(40):
    project = get_or_create_project(actor, entity="many", name=f"project-{number}")
    run = start_run(project, name="r", by=actor, patch=RunPatch())[0].run
    rows = [jsontext.dumps({"loss": 1 / (step + 1), "_step": step}) for step in range(50)]
    store.append(run, StreamRequest(streams={Stream.HISTORY: Lines(first=0, lines=rows)}))
"""


def _asked_for(seen: Seen) -> set[str]:
    """The projects whose tiny charts were asked for."""
    queries = [url.partition("?")[2] for url in seen.asked if "/home/sparks?" in url]
    return {project for query in queries for project in query.split("&")}


def test_rows_in_sight_have_tiny_charts_and_the_others_get_theirs(open_page: Any, server: LiveServer) -> None:
    server.python("-c", _NEW.format("many", PASSWORD))
    server.python("-c", _MANY)
    seen = open_page(signed_in=False)
    seen.sign_in("many")
    rows = seen.page.locator("[data-spark]")

    expect(rows.first.locator("svg.spark path")).to_have_count(1)
    expect(rows.first).to_contain_text("loss 0.0200")
    assert rows.count() == 40
    assert rows.last.locator("svg").count() == 0
    assert 0 < len(_asked_for(seen)) < 24

    rows.last.scroll_into_view_if_needed()
    expect(rows.last.locator("svg.spark path")).to_have_count(1)
    assert seen.complaints == []


def test_search_answers_while_one_types_and_stands_in_the_address(open_page: Any) -> None:
    seen = open_page()
    seen.go("/")
    field = seen.page.locator("input[data-keeps-word]")

    field.press_sequentially("legal")
    expect(seen.page.locator("ul.ledger li")).to_have_count(1)
    expect(seen.page.locator("ul.ledger svg.spark")).to_have_count(1)
    assert seen.page.url.endswith("/?q=legal")

    seen.page.reload()
    expect(seen.page.locator("ul.ledger li")).to_have_count(1)
    seen.page.locator("input[data-keeps-word]").fill("")
    expect(seen.page.locator("ul.ledger li")).to_have_count(3)
    assert seen.complaints == []


def test_the_palette_opens_with_its_keys_and_enter_goes_to_the_first_answer(open_page: Any) -> None:
    seen = open_page()
    seen.go("/alice/vision/runs/demo0003")
    palette = seen.page.locator("dialog.palette")

    seen.page.keyboard.press("Control+k")
    expect(palette).to_be_visible()
    expect(palette.get_by_role("heading", name="Projects")).to_be_visible()
    assert violations(seen.page) == []
    seen.page.keyboard.type("appear dark")
    expect(palette.locator("a")).to_have_count(0)
    seen.page.keyboard.press("Control+a")
    seen.page.keyboard.type("dark")
    expect(palette.locator("[data-found-for=dark] a")).to_have_count(1)
    seen.page.keyboard.press("Enter")

    seen.page.wait_for_url(f"{seen.url}/settings/appearance")
    assert seen.complaints == []


def test_arrows_move_among_the_answers_and_typing_goes_on(open_page: Any) -> None:
    seen = open_page()
    seen.go("/alice/vision")
    focused = "document.activeElement.textContent || document.activeElement.name"

    seen.page.locator("[data-palette]").click()
    seen.page.keyboard.type("val")
    expect(seen.page.locator("#found [data-found-for=val] a")).not_to_have_count(0)
    links = [text.strip() for text in seen.page.locator("#found a").all_text_contents()]
    seen.page.keyboard.press("ArrowDown")
    seen.page.keyboard.press("ArrowDown")
    assert seen.page.evaluate(focused).strip() == links[1]
    seen.page.keyboard.press("ArrowUp")
    seen.page.keyboard.press("ArrowUp")
    assert seen.page.evaluate(focused) == "q"
    seen.page.keyboard.press("ArrowUp")
    assert seen.page.evaluate(focused).strip() == links[-1]
    seen.page.keyboard.type("/loss")
    expect(seen.page.locator("#palette input[name=q]")).to_have_value("val/loss")

    seen.page.keyboard.press("Escape")
    expect(seen.page.locator("dialog.palette")).to_be_hidden()


def test_a_metric_leads_to_its_panel(open_page: Any) -> None:
    seen = open_page()
    seen.go("/alice/vision")

    seen.page.keyboard.press("Control+k")
    seen.page.keyboard.type("val/acc")
    seen.page.locator("#found a[href*='panel=']").first.click()
    seen.page.wait_for_url(lambda url: "/alice/vision?" in url and "panel=" in url)

    expect(seen.page.locator("figure.panel:visible")).to_have_count(1)
    expect(seen.page.locator("figure.panel:visible b").first).to_have_text("val/acc")


def test_on_a_phone_the_way_to_find_is_an_icon(open_page: Any) -> None:
    seen = open_page(width=390, height=844)
    seen.go("/")
    button = seen.page.get_by_role("button", name="Find a project, run, metric or page")

    box = button.bounding_box()
    assert box is not None
    assert box["width"] == box["height"] == 36
    button.click()
    expect(seen.page.locator("dialog.palette input[name=q]")).to_be_focused()
    assert seen.page.evaluate("document.documentElement.scrollWidth") == 390


def test_finding_and_searching_without_a_script(open_page: Any) -> None:
    seen = open_page(java_script_enabled=False)
    seen.go("/alice/vision")

    seen.page.locator("[data-palette]").click()
    seen.page.locator("main input[name=q]").fill("vision")
    seen.page.locator("main button[type=submit]").click()
    expect(seen.page.locator("main section a").first).to_have_attribute("href", "/alice/vision")

    seen.go("/")
    seen.page.locator(".look-for input").fill("legal")
    seen.page.keyboard.press("Enter")
    expect(seen.page.locator("ul.ledger li")).to_have_count(1)


@pytest.mark.parametrize("script", [True, False])
def test_kinds_of_lines_are_chosen_with_the_keyboard(
    open_page: Any, server: LiveServer, script: bool
) -> None:
    name = f"fresh-{script}".lower()
    server.python("-c", _NEW.format(name, PASSWORD))
    seen = open_page(signed_in=False, java_script_enabled=script)
    seen.sign_in(name)
    panes = seen.page.locator(".pane:visible")

    expect(panes).to_have_count(1)
    expect(panes).to_contain_text("export WANDB_API_KEY=")
    if script:
        assert violations(seen.page) == []
    seen.page.locator("input[name=kind]").first.focus()
    for words in (
        "%pip install",
        "WandbLogger(project=",
        'report_to="wandb"',
        "WandbMetricsLogger",
        "WandbCallback",
    ):
        seen.page.keyboard.press("ArrowRight")
        expect(panes).to_have_count(1)
        expect(panes).to_contain_text(words)


def test_a_page_with_a_new_key_is_given_the_way_to_the_first_run(open_page: Any, server: LiveServer) -> None:
    server.python("-c", _NEW.format("arriving", PASSWORD))
    seen = open_page(signed_in=False)
    seen.sign_in("arriving")
    seen.page.locator("main form button").click()
    expect(seen.page.locator(".waiting")).to_be_visible()
    secret = seen.page.locator(".pane.bash pre").inner_text()

    server.python("-c", _MANY.replace("many", "arriving").replace("range(40)", "range(1)"))

    expect(seen.page.locator(".arrived a")).to_have_attribute("href", "/arriving/project-0")
    assert seen.page.locator(".pane.bash pre").inner_text() == secret
    assert seen.complaints == []
