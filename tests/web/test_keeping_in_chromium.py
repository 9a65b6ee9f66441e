"""The switches and choices of what is kept and of who sees it, in a browser. Each is saved at once and stays."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, expect

from tests.live import LiveServer
from tests.web.in_chromium import IN_CHROMIUM, Seen

pytestmark = IN_CHROMIUM
TEAM = "/teams/kumiko-lab"
ORGANISATION = "/organisations/hokuto-institute"
PUBLISHED = "/kumiko-lab/open-baselines"
# What each row of an organisation's page is to say.
SAID = {
    "code_saving": "on",
    "mask_secrets": "on",
    "system_metadata": "none",
    "default_visibility": "restricted",
    "run_retention_days": "3650",
    "artifact_ttl_days": "3650",
    "private_only": "on",
}

# A run of alice's that ended, and was last heard of, three days ago.
_LONG_AGO = """
import django; django.setup()
from datetime import timedelta
from apps.core import clock
from apps.runs.models import Run
ago = clock.now() - timedelta(days=3)
run = Run.objects.filter(project__entity__name="alice", state="finished").first()
Run.objects.filter(pk=run.pk).update(finished_at=ago, heartbeat_at=ago)
"""
# What a worker does with the exports that were asked for.
_MAKE = """
import django; django.setup()
from apps.exports.models import Export
from tests.exports.conftest import make
for export in Export.objects.all():
    make(export)
"""


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One browser for all of these: alice signs in once."""
    opened = browser.new_context(viewport={"width": 1440, "height": 900})
    opened.set_default_timeout(30_000)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def seen(context: BrowserContext, server: LiveServer) -> Seen:
    page = Seen(context.new_page(), server.url)
    page.enter()
    return page


def pressed(seen: Seen, word: str) -> Locator:
    """The one of a few words that is chosen."""
    return seen.page.get_by_role("button", name=word, exact=True, pressed=True)


def press(seen: Seen, word: str) -> None:
    seen.page.get_by_role("button", name=word, exact=True).click()
    expect(pressed(seen, word)).to_have_count(1)


@pytest.mark.parametrize(
    ("url", "turned"),
    [
        ("/settings/code-saving", {"code_saving": "on"}),
        ("/settings/privacy", {"hidden": "on", "mask_secrets": "on", "statistics": "on"}),
        (
            "/settings/notifications",
            {
                "mail_teams": "off",
                "mail_keys": "off",
                "mail_exports": "off",
                "mail_imports": "off",
                "mail_alerts": "off",
                "mail_alerts_of_teams": "on",
                "mail_alert_words": "on",
            },
        ),
        (f"{TEAM}/code-saving", {"code_saving": "on"}),
        (f"{TEAM}/privacy", {"mask_secrets": "on", "statistics": "on"}),
    ],
)
def test_each_switch_saves_at_once_and_stays(seen: Seen, url: str, turned: dict[str, str]) -> None:
    """All of a page, and back again; those beside one that is turned stay as they are."""
    seen.go(url)
    rows = {name: seen.page.locator(f"#setting-{name}") for name in turned}
    assert seen.page.get_by_role("switch").count() == len(turned)

    for name, word in turned.items():
        expect(rows[name].locator("[data-word]")).to_have_text("off" if word == "on" else "on")
        rows[name].get_by_role("switch").click()
        expect(rows[name].locator("[data-word]")).to_have_text(word)
        # Also what else the page says of it, without asking for the page again.
        expect(seen.page.locator(f"#who-{name}")).to_contain_text("Set by alice")
    if url == "/settings/code-saving":
        mine = seen.page.locator("#places tbody tr", has_text="alice").first
        expect(mine).to_contain_text("on")
        expect(mine).not_to_contain_text("Default")

    seen.go(url)
    for name, word in turned.items():
        expect(rows[name].locator("[data-word]")).to_have_text(word)
        expect(rows[name].get_by_role("switch")).to_be_checked(checked=word == "on")
        section = seen.page.locator("section", has=rows[name])
        expect(section.locator(".side")).to_contain_text("Set by alice")

    for name, word in turned.items():
        rows[name].get_by_role("switch").click()
        expect(rows[name].locator("[data-word]")).to_have_text("off" if word == "on" else "on")


@pytest.mark.parametrize("url", ["/settings/privacy", f"{TEAM}/privacy"])
def test_the_visibility_of_new_projects_is_one_press(seen: Seen, url: str) -> None:
    seen.go(url)
    expect(pressed(seen, "Private")).to_have_count(1)

    for word in ("Open", "Restricted"):
        press(seen, word)
        assert seen.page.url == seen.url + url
        expect(seen.page.locator(".choice [aria-pressed=true]")).to_have_count(1)
    section = seen.page.locator("section", has=seen.page.locator("#default_visibility"))
    expect(section.locator(".side")).to_contain_text("Set by alice")

    press(seen, "Private")


def test_each_level_of_metadata_is_one_press(seen: Seen) -> None:
    seen.go("/settings/system-metadata")

    for word in ("All", "None", "Minimal"):
        press(seen, word)
        expect(seen.page.locator(".choice [aria-pressed=true]")).to_have_count(1)


def test_a_team_chooses_no_level_above_what_its_organisation_allows(seen: Seen) -> None:
    seen.go(f"{TEAM}/system-metadata")

    expect(seen.page.get_by_role("button", name="All", exact=True)).to_be_disabled()
    expect(seen.page.locator(".note")).to_contain_text("hokuto-institute")
    press(seen, "None")
    expect(seen.page.locator(".side").first).to_contain_text("Set by alice")
    press(seen, "Minimal")


def test_a_number_of_days_that_erases_asks_for_the_name_and_never_is_saved(
    seen: Seen, server: LiveServer
) -> None:
    server.python("-c", _LONG_AGO)
    seen.go("/settings/retention")
    runs = seen.page.locator("section", has=seen.page.locator("#days"))

    seen.page.fill("#days", "1")
    runs.get_by_role("button", name="Save", exact=True).click()
    confirm = seen.page.get_by_label("Type alice to have it so")
    expect(confirm).to_be_visible()
    confirm.fill("bob")
    confirm.press("Enter")
    expect(seen.page.locator("#confirm-wrong")).to_contain_text("This is not the name.")
    seen.page.get_by_role("link", name="Change nothing").click()
    expect(seen.page.locator("#days")).to_have_value("")
    expect(runs.locator(".side")).to_contain_text("Default")

    # What erases nothing is saved without a question, and so is that nothing is erased any more.
    seen.page.fill("#days", "3650")
    seen.page.press("#days", "Enter")
    expect(runs.locator(".side")).to_contain_text("Set by alice")
    expect(seen.page.locator("#days")).to_have_value("3650")
    runs.get_by_role("button", name="Never erase by age").click()
    expect(seen.page.locator("#days")).to_have_value("")
    expect(runs.locator(".side")).to_contain_text("Set by alice")
    runs.get_by_role("button", name="Take the choice back").click()
    expect(runs.locator(".side")).to_contain_text("Default")


def test_what_an_organisation_fixes_is_seen_and_held_on_the_page_of_its_team(seen: Seen) -> None:
    seen.go(ORGANISATION)
    row = seen.page.get_by_role("form", name="Code saving", exact=True)

    row.locator("select").select_option("off")
    row.get_by_label("Teams may not choose otherwise").check()
    row.get_by_role("button", name="Save: Code saving").click()
    expect(row).to_contain_text("Set by alice")
    expect(row.locator("select")).to_have_value("off")

    seen.go(f"{TEAM}/code-saving")
    there = seen.page.locator("#setting-code_saving")
    expect(there.get_by_role("switch")).to_be_disabled()
    expect(there).to_contain_text("The organisation hokuto-institute has fixed this.")

    seen.go(ORGANISATION)
    row.locator("select").select_option("")
    row.get_by_role("button", name="Save: Code saving").click()
    expect(row).not_to_contain_text("Set by alice")


def test_each_row_of_an_organisation_is_saved_by_its_button_and_stays(seen: Seen, browser: Browser) -> None:
    """All seven, one after the other; what it says last closes to everybody else what its team had published."""
    outside = browser.new_context(base_url=seen.url)
    assert outside.request.get(PUBLISHED).status == 200
    seen.go(ORGANISATION)
    assert seen.page.locator("form.said").count() == len(SAID)

    for name, value in SAID.items():
        row = seen.page.locator("form.said", has=seen.page.locator(f"#said-{name}"))
        box = row.locator("[name=value]")
        assert box.input_value() != value
        box.fill(value) if name.endswith("_days") else box.select_option(value)
        with seen.page.expect_event("load"):
            row.get_by_role("button").click()
        expect(box).to_have_value(value)
        expect(row).to_contain_text("Set by alice")

    seen.go(ORGANISATION)
    kept = seen.page.locator("form.said [name=value]").evaluate_all(
        "boxes => boxes.map((each) => each.value)"
    )
    assert sorted(kept) == sorted(SAID.values())
    assert outside.request.get(PUBLISHED).status == 404
    outside.close()
    seen.go(f"{PUBLISHED}/settings")
    expect(seen.page.locator("input[name=visibility][value=public]")).to_be_disabled()


def test_what_is_chosen_of_a_list_in_the_profile_is_saved_at_once(seen: Seen) -> None:
    seen.go("/settings/profile")

    for name, chosen in (("time_zone", "Asia/Tokyo"), ("default_entity", "kumiko-lab")):
        picked = seen.page.locator(f"#{name}")
        before = picked.input_value()
        picked.select_option(chosen) if name == "time_zone" else picked.select_option(label=chosen)
        expect(seen.page.locator(f"#pick-{name}")).to_contain_text("Saved.")
        kept = picked.input_value()
        assert kept != before
        seen.go("/settings/profile")
        expect(picked).to_have_value(kept)

        picked.select_option(before)
        expect(seen.page.locator(f"#pick-{name}")).to_contain_text("Saved.")


def test_no_page_of_these_complained_but_of_the_name_that_was_wrong(seen: Seen) -> None:
    assert [each for each in seen.complaints if "400 (Bad Request)" not in each] == []


def test_an_export_is_asked_for_waited_for_and_taken_along(
    seen: Seen, server: LiveServer, tmp_path: Path
) -> None:
    """The page says by itself that it is ready."""
    seen.go("/alice/vision/export")
    seen.page.get_by_role("button", name="Export", exact=True).click()
    expect(seen.page.get_by_role("heading", level=1)).to_have_text("Being exported")
    server.python("-c", _MAKE)

    expect(seen.page.get_by_role("heading", level=1)).to_have_text("The export is ready")
    with seen.page.expect_download() as begun:
        seen.page.get_by_role("link", name="Download").click()

    begun.value.save_as(tmp_path / "export.zip")
    archive = zipfile.ZipFile(tmp_path / "export.zip")
    assert archive.testzip() is None
    assert "projects/vision/runs/demo0003/history.parquet" in archive.namelist()
