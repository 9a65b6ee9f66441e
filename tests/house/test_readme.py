"""What README.md tells people to type exists, and what it links to is there."""

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


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(((?!http)[^)]+)\)", README))))
def test_each_link_leads_somewhere(target: str) -> None:
    assert (ROOT / target).exists()


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:apps|tests|docs)/[\w./]+)`", README))))
def test_each_named_place_exists(path: str) -> None:
    assert (ROOT / path).exists()
