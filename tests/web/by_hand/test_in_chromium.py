"""A run made wholly by hand in a real browser, on a desk and on a phone, and read back by the real client."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.live import LiveServer
from tests.wandb_protocol.client import WandbClient
from tests.web.in_chromium import IN_CHROMIUM, Seen

pytestmark = IN_CHROMIUM

READ = """
    import math
    api = wandb.Api()
    (run,) = api.runs("alice/bench work")
    rows = list(run.scan_history())
    values = [{key: str(value) for key, value in row.items() if key not in {"_timestamp", "_runtime"}} for row in rows]
    run.file("plots/noise.bin").download(root="got", replace=True)
    tell(name=run.name, state=run.state, tags=run.tags, group=run.group, job=run.job_type, notes=run.notes,
        config=dict(run.config), rows=values, best=run.summary["best"], loss=run.summary["loss"],
        size=len(open("got/plots/noise.bin", "rb").read()), filtered=len(api.runs("alice/bench work",
        filters={"config.lr": {"$lt": 1e-3}})), frame=len(run.history(keys=["loss"], pandas=False)))
"""


def _is_on_a_phone(seen: Seen) -> bool:
    return bool(seen.page.evaluate("document.documentElement.scrollWidth") <= 390)


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    file = tmp_path / "noise.bin"
    file.write_bytes(bytes(range(256)) * 20_000)
    return file


def test_a_run_made_by_hand_is_a_run_to_the_client(
    open_page: Any, server: LiveServer, tmp_path: Path, noise: Path
) -> None:
    seen = open_page(width=390, height=844)
    page = seen.page

    seen.go("/")
    page.get_by_role("link", name="New project", exact=True).click()
    page.get_by_label("Name").fill("bench work")
    assert _is_on_a_phone(seen)
    page.get_by_role("button", name="Make the project").click()
    page.get_by_role("link", name="New run").click()
    page.get_by_label("Name").fill("pendulum 3")
    page.get_by_label("Group").fill("spring")
    page.get_by_label("Job type").fill("measure")
    page.get_by_label("Tags").fill("paper, by hand")
    page.get_by_label("Notes").fill("Two lines,\nof notes.")
    page.get_by_role("textbox", name="Settings").fill("lr = 1e-4\nname: adam")
    assert _is_on_a_phone(seen)
    page.get_by_role("button", name="Make the run").click()

    page.get_by_label("Name 1").fill("loss")
    page.get_by_label("Value 1").fill("0.5")
    page.get_by_label("Name 2").fill("note")
    page.get_by_label("Value 2").fill("begun")
    # Twice in a hurry.
    page.get_by_role("button", name="Store the row").dblclick()
    expect(page.locator("main").get_by_role("status")).to_contain_text("1 row is stored.")

    page.get_by_label("Rows").fill("step,loss,note\n5,nan,\n6,1e-4,done\n")
    page.get_by_role("button", name="Show what is understood").click()
    expect(page.locator("main").get_by_role("status")).to_contain_text(
        "Understood as CSV with commas: 2 rows."
    )
    assert _is_on_a_phone(seen)
    page.get_by_role("button", name="Store 2 rows").click()
    expect(page.locator("main").get_by_role("status")).to_contain_text("2 rows are stored.")

    page.locator("#summary-lines").fill("best = 0.9")
    page.get_by_role("button", name="Set these values").click()
    expect(page.locator("main").get_by_role("status")).to_contain_text("The summary has 1 value")

    page.get_by_role("link", name="Add files").click()
    page.get_by_label("Folder").fill("plots")
    page.locator("#upload-files").set_input_files(noise)
    page.get_by_role("button", name="Add these files").click()
    page.get_by_role("link", name="plots", exact=True).click()
    expect(page.get_by_role("link", name="noise.bin", exact=True)).to_be_visible()

    page.get_by_role("link", name="Log values").click()
    page.get_by_role("button", name="Finish").click()
    expect(page.get_by_role("heading", name="This run has ended")).to_be_visible()
    assert seen.complaints == []
    assert seen.asked_elsewhere == []

    key = server.manage("issue_api_key", "alice").split()[-1]
    told = WandbClient(server, tmp_path, key=key).run(READ).told
    assert told == {
        "name": "pendulum 3",
        "state": "finished",
        "tags": ["paper", "by hand"],
        "group": "spring",
        "job": "measure",
        "notes": "Two lines,\nof notes.",
        "config": {"lr": 1e-4, "name": "adam"},
        "rows": [
            {"_step": "0", "loss": "0.5", "note": "begun"},
            {"_step": "5", "loss": "nan"},
            {"_step": "6", "loss": "0.0001", "note": "done"},
        ],
        "best": 0.9,
        "loss": 1e-4,
        "size": 256 * 20_000,
        "filtered": 1,
        "frame": 3,
    }


def test_files_go_one_by_one_and_say_how_they_fared(open_page: Any, tmp_path: Path, noise: Path) -> None:
    seen = open_page()
    seen.go("/alice/vision/runs/demo0003/upload")
    patch = tmp_path / "diff.patch"
    patch.write_text("+ line")

    seen.page.locator("#upload-files").set_input_files([noise, patch])
    seen.page.get_by_role("button", name="Add these files").click()

    lines = seen.page.locator("[data-sending] li")
    expect(lines.nth(0)).to_contain_text("kept")
    expect(lines.nth(0).locator("progress")).to_have_js_property("value", 1)
    expect(lines.nth(1)).to_contain_text("This is code, and code saving is off")
    expect(seen.page.get_by_role("button", name="Add these files")).to_be_enabled()


def test_the_forms_work_without_a_script(open_page: Any, noise: Path) -> None:
    seen = open_page(java_script_enabled=False)
    seen.page.goto(f"{seen.url}/alice/vision/runs/demo0003/upload")

    seen.page.locator("#upload-files").set_input_files(noise)
    seen.page.get_by_role("button", name="Add these files").click()

    expect(seen.page.get_by_role("link", name="noise.bin", exact=True)).to_be_visible()
    seen.page.goto(f"{seen.url}/alice/vision/runs/demo0003/log")
    seen.page.get_by_label("Value of val/acc").fill("0.75")
    seen.page.get_by_role("button", name="More lines").click()
    expect(seen.page.get_by_label("Value of val/acc")).to_have_value("0.75")
    seen.page.get_by_role("button", name="Store the row").click()
    expect(seen.page.locator("main").get_by_role("status")).to_contain_text("1 row is stored.")
