"""axe over a page, by its script alone: what it finds against the rules, each with where it stands."""

from __future__ import annotations

from pathlib import Path

import axe_playwright_python  # type: ignore[import-untyped]
from playwright.sync_api import Page

_SCRIPT = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text()
_RUN = """async () => {
  const found = await axe.run(document, { resultTypes: ["violations"] });
  const one = ({ id, nodes }) => `${id}: ${nodes.slice(0, 4).map((node) => node.target.join(" ")).join(" | ")}`;
  return found.violations.map(one);
}"""


def violations(page: Page) -> list[str]:
    """All that axe objects to as the page stands now. The script is put in by the browser, past the page's policy."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(_SCRIPT + "; undefined")
    found: list[str] = page.evaluate(_RUN)
    return found
