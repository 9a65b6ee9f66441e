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
