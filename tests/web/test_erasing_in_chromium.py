"""The whole way of an erasure in a browser: counted, its name typed, followed, and its receipt checked without the instance."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from apps.erasure import verify_receipt
from tests.live import LiveServer
from tests.web.in_chromium import IN_CHROMIUM, Seen

pytestmark = [*IN_CHROMIUM, pytest.mark.promise("P-09")]
PROJECT = "/kumiko-lab/open-baselines"
# What a worker does with what was asked for: a real epoch too.
_WORK = """
import django; django.setup()
from apps.erasure.models import ErasureJob
from apps.erasure.services import advance
from apps.vault import epochs
job = ErasureJob.objects.latest("pk")
advance(job.pk)
epochs.run()
advance(job.pk)
"""


def test_a_project_is_counted_typed_followed_and_its_receipt_checked_by_the_file_alone(
    open_page: Any, server: LiveServer, tmp_path: Path
) -> None:
    seen: Seen = open_page()
    page = seen.page
    seen.go(f"{PROJECT}/settings/erase")
    expect(page.locator("main")).to_contain_text("take it back on the page of the erasure until")
    name = page.get_by_label("The project’s name")
    now = page.get_by_role("button", name="Erase it for good now")
    name.fill("another")
    now.click()
    expect(page.locator("#erase-error")).to_be_visible()
    assert page.request.get(seen.url + PROJECT).status == 200

    name.fill("open-baselines")
    now.click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Being erased")
    expect(page.locator("[aria-current=step]")).to_have_count(1)
    assert page.request.get(seen.url + PROJECT).status == 404
    server.python("-c", _WORK)
    # The page asks by itself, and says so without being loaded by hand.
    expect(page.get_by_role("heading", level=1)).to_have_text("Erased")
    expect(page.locator("ol.erasing .is-done")).to_have_count(page.locator("ol.erasing li").count())
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the receipt").click()
    receipt = tmp_path / "receipt.json"
    download.value.save_as(receipt)
    document = json.loads(receipt.read_text())
    assert "open-baselines" not in receipt.read_text() and document["statement"]["deleted"]["runs"] > 0

    with page.expect_event("load"):
        page.get_by_role("link", name="How to check it").click()
    key = page.locator("pre[aria-labelledby=key]").inner_text().strip()
    page.set_input_files("#receipt-file", receipt)
    page.get_by_role("button", name="Check it").click()
    expect(page.get_by_role("status").filter(has_text="This receipt is genuine")).to_be_visible()
    assert _checked(key, receipt) == 0
    document["statement"]["deleted"]["runs"] += 1
    receipt.write_text(json.dumps(document))
    assert _checked(key, receipt) == 1
    # Of the name that was typed wrongly.
    assert all("400 (Bad Request)" in complaint for complaint in seen.complaints)


def _checked(key: str, receipt: Path) -> int:
    script = receipt.with_name("verify_receipt.py")
    script.write_bytes(Path(verify_receipt.__file__).read_bytes())
    done = subprocess.run(
        [sys.executable, "-I", str(script), "--key", key, str(receipt)],
        env={"PATH": ""},
        capture_output=True,
        timeout=60,
        check=False,
    )
    return done.returncode
