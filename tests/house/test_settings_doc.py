"""docs/settings.md names every variable that the code reads, and no other."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAME = re.compile(r"\bOWNLOG_[A-Z_]+[A-Z]\b")
# Passed from the launcher to its own children; nobody sets them.
PRIVATE: frozenset[str] = frozenset()


def read_by_the_code() -> set[str]:
    call = re.compile(
        r"""env\.(?:text|boolean|integer|choice|listed|networks|folder|secret|server)\(\s*["'](OWNLOG_[A-Z_]+)["']"""
    )
    return {name for path in (ROOT / "config").rglob("*.py") for name in call.findall(path.read_text())}


def test_every_setting_is_documented() -> None:
    documented = set(NAME.findall((ROOT / "docs/settings.md").read_text()))

    assert documented == read_by_the_code() - PRIVATE
