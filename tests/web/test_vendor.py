from __future__ import annotations

import hashlib
import re
from pathlib import Path

VENDOR = Path(__file__).resolve().parents[2] / "static" / "vendor"
_ROW = re.compile(r"^\| (\S+) \| \S+ \| [\d.]+ \| \S+ \| ([0-9a-f]{64}) \|$", re.MULTILINE)


def test_vendored_files_are_the_recorded_ones() -> None:
    recorded = dict(_ROW.findall((VENDOR / "README.md").read_text()))

    found = {
        path.relative_to(VENDOR).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*")
        if path.is_file() and path.name != "README.md"
    }

    assert found == recorded


def test_each_vendored_package_has_its_licence_beside_it() -> None:
    folders = {path.name for path in VENDOR.iterdir() if path.is_dir()}

    assert {path.parent.name for path in VENDOR.glob("*/LICENSE")} == folders
