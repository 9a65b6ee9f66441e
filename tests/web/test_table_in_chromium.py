"""The runs table in a real browser: eyes, choosing, editing, thousands of rows."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import expect

from tests.live import LiveServer
from tests.web.in_chromium import IN_CHROMIUM

pytestmark = IN_CHROMIUM

PROJECT = "/alice/vision"
MANY = 450
_MAKE_MANY = f"""
import django; django.setup()
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core import jsontext
from apps.projects.services import get_or_create_project
from apps.runs.services import start_run
from apps.runs.types import RunPatch, RunState
from django.db import transaction

actor = Actor.person(User.objects.get(username="alice"))
place = get_or_create_project(actor, entity="alice", name="many")
with transaction.atomic():
    for number in range({MANY}):
        patch = RunPatch(display_name=f"run {{number:05}}", summary_text=jsontext.dumps({{"n": number}}))
        start_run(place, name=f"r{{number}}", by=actor, patch=patch)
"""


def test_an_eye_takes_a_run_out_of_the_charts_and_brings_another_in(open_page: Any) -> None:
    seen = open_page()
    seen.go(PROJECT)
    rows = seen.page.locator("tr[data-run]")

    rows.nth(1).locator("[data-eye]").click()
    expect(seen.page.locator("[data-shown] strong")).to_have_text("11")
    rows.nth(14).locator("[data-eye]").click()
    expect(seen.page.locator("[data-shown] strong")).to_have_text("12")

    other = rows.nth(14).get_attribute("data-run")
    assert f"show={other}" in seen.page.url
    assert any(f"run={other}" in url for url in seen.series())
    seen.page.reload()
    expect(rows.nth(1).locator("[data-eye]")).to_have_attribute("aria-pressed", "false")
    expect(rows.nth(14).locator("[data-eye]")).to_have_attribute("aria-pressed", "true")
    expect(rows.nth(14).locator(".swatch")).to_have_class(re.compile(r"swatch run-\d+ ?"))
    assert seen.complaints == []


def test_chosen_runs_are_compared(open_page: Any) -> None:
    seen = open_page()
    seen.go(PROJECT)
    strip = seen.page.locator("form.chosen")
    expect(strip).to_be_hidden()

    seen.page.locator("input[name=runs]").nth(0).check()
    expect(strip.get_by_role("button", name="Compare")).to_be_disabled()
    stop = strip.get_by_role("button", name="Stop")
    expect(stop).to_be_hidden()  # it has ended
    seen.page.locator("tr[data-run]").nth(0).evaluate("row => { row.dataset.live = ''; }")
    seen.page.locator("input[name=runs]").nth(1).check()
    expect(stop).to_be_visible()
    seen.page.locator("input[name=runs]").nth(1).uncheck()
    seen.page.locator("input[name=runs]").nth(2).check()
    expect(strip).to_contain_text("2 chosen")
    strip.get_by_role("button", name="Compare").click()

    expect(seen.page.locator(".differences thead th[data-run]")).to_have_count(2)
    expect(seen.page.locator("figure.panel canvas").first).to_be_visible()
    assert seen.complaints == []
    assert seen.asked_elsewhere == []


def test_a_run_is_renamed_beside_its_row(open_page: Any) -> None:
    seen = open_page()
    seen.go(PROJECT)
    row = seen.page.locator("tr[data-run]").nth(3)
    row.hover()
    row.locator("[data-pen]").click()
    form = seen.page.locator("form.edit")
    name = "<b>renamed</b>"
    before = form.locator("[name=name]").input_value()

    form.locator("[name=name]").fill(name)
    form.get_by_role("button", name="Save").click()

    expect(row.locator("td.name bdi")).to_have_text(name)
    expect(form).to_have_count(0)
    row.hover()
    row.locator("[data-pen]").click()
    form.locator("[name=name]").fill(before)
    form.get_by_role("button", name="Save").click()
    expect(row.locator("td.name bdi")).to_have_text(before)
    assert seen.complaints == []


def test_what_the_page_shows_is_saved_and_comes_again(open_page: Any) -> None:
    """Also what the address says of the charts, which scripts write there."""
    seen = open_page()
    seen.go(f"{PROJECT}?order=-display_name")
    rows, menu = (
        seen.page.locator("tr[data-run]"),
        seen.page.locator(".filter details.menu", has=seen.page.locator(".saved")),
    )
    rows.nth(0).locator("[data-eye]").click()
    menu.locator("summary").click()
    menu.get_by_label("Name of a new view").fill("<b>without the first</b>")
    menu.get_by_role("button", name="Save as a new view").click()
    expect(menu.locator("summary bdi")).to_have_text("<b>without the first</b>")

    seen.go(PROJECT)
    menu.locator("summary").click()
    menu.get_by_role("link", name="without the first").click()

    expect(rows.nth(0).locator("[data-eye]")).to_have_attribute("aria-pressed", "false")
    assert "order=-display_name" in seen.page.url and "hide=" in seen.page.url
    rows.nth(0).locator("[data-eye]").click()
    menu.locator("summary").click()
    menu.get_by_role("button", name="Save to this view").click()
    seen.page.wait_for_url("**view=**")
    expect(rows.nth(0).locator("[data-eye]")).to_have_attribute("aria-pressed", "true")
    seen.go(f"{PROJECT}/views")
    seen.page.get_by_role("button", name="Delete <b>without the first</b>").click()
    expect(seen.page.get_by_text("without the first")).to_have_count(0)
    assert seen.complaints == []


def test_columns_and_orders_are_chosen_without_a_script(open_page: Any) -> None:
    seen = open_page(java_script_enabled=False)
    seen.go(PROJECT)
    page = seen.page

    page.locator("form[data-columns]").locator("xpath=..").locator("summary").click()
    page.locator("form[data-columns] input[value='config.seed']").check()
    page.get_by_role("button", name="Show these").click()

    expect(page.locator("thead th", has_text="seed")).to_be_visible()
    page.locator("input[name=runs]").nth(0).check()
    page.locator("input[name=runs]").nth(1).check()
    page.get_by_role("button", name="Compare").click()
    expect(page.locator(".differences thead th[data-run]")).to_have_count(2)


def test_of_thousands_of_rows_only_those_in_sight_are_in_the_page(open_page: Any, server: LiveServer) -> None:
    server.python("-c", _MAKE_MANY)
    seen = open_page()
    seen.go("/alice/many?order=%2Bdisplay_name")
    page, rows = seen.page, seen.page.locator("tbody tr[data-run]")
    assert seen.complaints == []
    expect(page.locator("[data-pager]")).to_have_count(0)
    expect(page.locator("table")).to_have_attribute("aria-rowcount", str(MANY + 1))

    for share, name in ((1, f"run {MANY - 1:05}"), (0.5, f"run {MANY // 2:05}"), (0, "run 00000")):
        page.locator("section.runs").evaluate(
            "(pane, share) => { pane.scrollTop = pane.scrollHeight * share; }", share
        )
        row = page.locator("tbody tr[data-run]", has_text=name)
        expect(row).to_be_visible()
        expect(row).to_have_attribute("aria-rowindex", str(int(name[4:]) + 2))
        assert rows.count() < 80
    assert seen.complaints == []


GROUPED = f"{PROJECT}?group=config.model"


def _names(page: Any) -> list[str]:
    return [each.strip() for each in page.locator("tbody td.name bdi").all_inner_texts()]


def test_a_group_unfolds_where_it_stands_and_keeps_the_focus(open_page: Any) -> None:
    seen = open_page()
    seen.go(GROUPED)
    page = seen.page
    folded = _names(page)
    link = page.locator("[data-fold]").nth(1)
    group = link.get_attribute("data-fold")

    link.focus()
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr[data-run]").first).to_be_visible()

    expect(page.locator("[data-fold]").nth(1)).to_be_focused()
    expect(page.locator("[data-fold]").nth(1)).to_have_attribute("aria-expanded", "true")
    assert [name for name in _names(page) if name in folded] == folded
    assert f"open={group}" in page.url
    assert page.locator(f"tbody tr[data-run][data-group='{group}']").count() == int(
        page.locator("tr.group-row .n").nth(1).inner_text()
    )
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr[data-run]")).to_have_count(0)
    assert "open=" not in page.url
    assert seen.complaints == []


def test_groups_unfold_without_a_script(open_page: Any) -> None:
    seen = open_page(java_script_enabled=False)
    seen.go(GROUPED)

    seen.page.locator("[data-fold]").nth(0).click()

    expect(seen.page.locator("tbody tr").nth(1)).to_have_attribute("data-run", re.compile("."))


def test_the_keys_of_the_table(open_page: Any) -> None:
    seen = open_page()
    seen.go(PROJECT)
    page, rows = seen.page, seen.page.locator("tbody tr[data-run]")

    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(rows.nth(1).locator("td.name a").first).to_be_focused()
    page.keyboard.press("x")
    page.keyboard.press("e")
    expect(rows.nth(1).locator("input[name=runs]")).to_be_checked()
    expect(rows.nth(1).locator("[data-eye]")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("e")
    expect(rows.nth(1).locator("[data-eye]")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("/")
    field = page.get_by_label("Add a condition")
    expect(field).to_be_focused()
    page.keyboard.type("x/j")
    expect(field).to_have_value("x/j")
    page.keyboard.press("Escape")
    url = rows.nth(1).get_attribute("data-url")
    rows.nth(1).locator("td.name a").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"{seen.url}{url}")


def test_single_keys_can_be_switched_off(open_page: Any) -> None:
    seen = open_page()
    seen.go(PROJECT)
    seen.page.evaluate("document.body.dataset.singleKeys = 'off'")

    seen.page.keyboard.press("j")
    seen.page.keyboard.press("/")

    expect(seen.page.locator("tbody a:focus, input:focus")).to_have_count(0)


def test_a_range_and_all_are_chosen_and_shown_alone(open_page: Any) -> None:
    seen = open_page()
    seen.go(PROJECT)
    page, boxes = seen.page, seen.page.locator("input[name=runs]")
    words = page.locator("form.chosen [role=status]")

    boxes.nth(2).click()
    boxes.nth(5).click(modifiers=["Shift"])
    expect(words).to_have_text("4 chosen")
    page.get_by_role("button", name="Only these in charts").click()
    expect(page.locator("[data-shown] strong")).to_have_text("4")
    expect(page.locator("tbody tr[data-run]:not(.off)")).to_have_count(4)
    assert "first=0" in page.url
    page.locator("[data-choose-all]").click()
    expect(words).to_have_text("24 chosen")
    expect(page.locator("tr[aria-selected=true]")).to_have_count(24)
    page.locator("[data-choose-all]").click()
    expect(page.locator("form.chosen")).to_be_hidden()
    page.locator("[data-eyes] summary").click()
    page.get_by_role("button", name="None", exact=True).click()
    expect(page.locator("[data-shown] strong")).to_have_text("0")
    assert seen.complaints == []


def test_chosen_runs_are_tagged_in_place(open_page: Any) -> None:
    seen = open_page()
    seen.go(f"{PROJECT}?col=tags")
    page, rows = seen.page, seen.page.locator("tbody tr[data-run]")

    for place, act, wanted in ((0, "Add to these", True), (0, "Take from these", False)):
        if wanted:
            rows.nth(place).locator("input[name=runs]").check()
            rows.nth(place + 1).locator("input[name=runs]").check()
        page.locator("form.chosen summary").click()
        page.locator("form.chosen input[name=tag]").fill("<i>keep</i>")
        page.get_by_role("button", name=act).click()
        for row in (rows.nth(place), rows.nth(place + 1)):
            if wanted:
                expect(row).to_contain_text("<i>keep</i>")
            else:
                expect(row).not_to_contain_text("keep")
    expect(page.locator("form.chosen [role=status]")).to_have_text("2 chosen")
    assert seen.complaints == []


def test_the_border_is_moved_with_pointer_and_keys(open_page: Any) -> None:
    seen = open_page()
    seen.go(PROJECT)
    page, border = seen.page, seen.page.locator("[data-border]")
    width = "document.querySelector('section.runs').getBoundingClientRect().width"
    before = page.evaluate(width)

    box = border.bounding_box()
    page.mouse.move(box["x"], box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] - 100, box["y"] + 200, steps=4)
    page.mouse.up()
    dragged = page.evaluate(width)
    page.keyboard.press("ArrowRight")

    assert abs(before - 100 - dragged) <= 2
    assert page.evaluate(width) == dragged + 24
    assert border.get_attribute("aria-valuenow") == str(round(dragged + 24))
    page.reload()
    expect(border).to_have_attribute("aria-valuenow", str(round(dragged + 24)))


_ADD_ONE = """
import django; django.setup()
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.projects.services import get_or_create_project
from apps.runs.services import start_run
from apps.runs.types import Lines, RunPatch, Stream, StreamRequest
from apps.runs.history import store
import sys

actor = Actor.person(User.objects.get(username="alice"))
place = get_or_create_project(actor, entity="alice", name=sys.argv[1])
run, _ = start_run(place, name=sys.argv[2], by=actor, patch=RunPatch(display_name=sys.argv[3]))
rows = ['{"loss": 1, "_step": 0}', '{"loss": 2, "_step": 1}']
store.append(run.run, StreamRequest(streams={Stream.HISTORY: Lines(first=0, lines=rows)}, summary_text='{"loss": 2}'))
"""


def _clock(seen: Any) -> None:
    """Let the page live through the seconds until it asks again."""
    seen.page.clock.run_for(4500)


def test_new_runs_and_changes_come_by_themselves(open_page: Any, server: LiveServer) -> None:
    server.python("-c", _ADD_ONE, "live", "first", "the first")
    seen = open_page()
    seen.page.clock.install()
    seen.go("/alice/live")
    page, rows = seen.page, seen.page.locator("tbody tr[data-run]")
    page.evaluate(
        "document.querySelector('tbody tr[data-run]').dataset.kept = 'yes'; document.querySelector('main').dataset.same = 'yes'"
    )
    rows.first.locator("input[name=runs]").check()
    rows.first.locator("td.name a").first.focus()

    server.python("-c", _ADD_ONE, "live", "second", "<b>second</b>")
    _clock(seen)

    expect(rows).to_have_count(2)
    expect(rows.first.locator("td.name bdi")).to_have_text("<b>second</b>")
    expect(page.locator("#run-total")).to_have_text("2")
    expect(page.locator("#run-count")).to_have_text("2")
    expect(rows.nth(1).locator("input[name=runs]")).to_be_checked()
    expect(rows.nth(1).locator("td.name a").first).to_be_focused()
    expect(page.locator("[data-shown] strong")).to_have_text("2")
    server.python("-c", _ADD_ONE, "live", "first", "a new name")
    _clock(seen)
    expect(rows.nth(1).locator("td.name bdi")).to_have_text("a new name")
    expect(page.locator("main")).to_have_attribute("data-same", "yes")
    seen.settle()
    asked = len(seen.asked)
    with page.expect_response(lambda answer: "/alice/live/live?" in answer.url) as answered:
        _clock(seen)
    assert answered.value.status == 204
    assert not any("/rows?" in url for url in seen.asked[asked:])
    assert seen.complaints == []


def test_a_project_without_runs_turns_into_the_table(open_page: Any, server: LiveServer) -> None:
    server.python("-c", _ADD_ONE.split("run, _")[0], "early")
    seen = open_page()
    seen.page.clock.install()
    seen.go("/alice/early")
    expect(seen.page.get_by_role("heading", name="No run yet")).to_be_visible()

    server.python("-c", _ADD_ONE, "early", "first", "the first")
    _clock(seen)

    expect(seen.page.locator("tbody tr[data-run]")).to_have_count(1)
    expect(seen.page.locator("figure.panel canvas").first).to_be_visible()
