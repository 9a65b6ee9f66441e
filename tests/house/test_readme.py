"""What README.md tells people to type exists, and what any document links to is there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
COMMANDS = [
    line.split("#")[0].strip()
    for block in re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.strip()
]


def named(pattern: str) -> list[str]:
    return sorted({match for command in COMMANDS for match in re.findall(pattern, command)})


@pytest.mark.parametrize("target", named(r"^make ([a-z]+)"))
def test_each_make_target_exists(target: str) -> None:
    done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", named(r"manage\.py ([a-z_]+)"))
def test_each_management_command_tells_what_it_does(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", command, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_make_help_lists_what_the_readme_names() -> None:
    printed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert [target for target in named(r"^make ([a-z]+)") if f"make {target}" not in printed] == []


def documents() -> list[Path]:
    """Those of the repository: what lies beside them was installed or made."""
    places = ("*.md", "docs/**/*.md", "apps/*/README.md", "bench/*.md", "tests/*.md")
    return [path for place in places for path in ROOT.glob(place)]


def test_each_link_leads_somewhere() -> None:
    links = [
        (path, target)
        for path in documents()
        for target in re.findall(r"\]\(((?!http|#)[^)#\s]+)", path.read_text())
    ]

    broken = [
        f"{path.relative_to(ROOT)}: {link}" for path, link in links if not (path.parent / link).exists()
    ]

    assert broken == []
    assert len(links) > 100


def test_each_app_says_what_it_owns() -> None:
    apps = [path.parent for path in ROOT.glob("apps/*/apps.py")]

    assert [app.name for app in apps if not (app / "README.md").exists()] == []


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:apps|tests|docs)/[\w./]+)`", README))))
def test_each_named_place_exists(path: str) -> None:
    assert (ROOT / path).exists()
