"""axe over a page, by its script alone: what it finds against the rules, each with where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import axe_playwright_python  # type: ignore[import-untyped]
from playwright.sync_api import Page

_SCRIPT = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text()
# The rules that a theme can break.
COLOURS = ("color-contrast", "link-in-text-block")
_RUN = """async (rules) => {
  const options = rules.length ? { runOnly: { type: "rule", values: rules } } : {};
  const found = await axe.run(document, { resultTypes: ["violations"], ...options });
  const one = ({ id, nodes }) => `${id}: ${nodes.slice(0, 4).map((node) => node.target.join(" ")).join(" | ")}`;
  return found.violations.map(one);
}"""


def violations(page: Page, rules: Sequence[str] = ()) -> list[str]:
    """All that axe objects to as the page stands now, by all its rules or by some.

    The script is put in by the browser, past the page's policy.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(_SCRIPT + "; undefined")
    found: list[str] = page.evaluate(_RUN, list(rules))
    return found
