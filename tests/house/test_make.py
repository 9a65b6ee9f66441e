"""What make does before the instance is asked for anything."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.live import ROOT


def test_of_two_that_begin_where_nothing_is_installed_one_installs(tmp_path: Path) -> None:
    """`make up` in one shell and `make demo` in another, as somebody does who has just cloned this, and whose first try
    was killed while it made `.venv`: there is a python and no pip."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    launch = tmp_path / "config/launch"
    launch.mkdir(parents=True)
    shutil.copy(ROOT / "config/launch/alone.py", launch)
    # What is begun once all is installed, and pins of which none has to be fetched.
    for name in (
        "config/__init__.py",
        "config/launch/__init__.py",
        "requirements/dev.txt",
        "requirements/base.txt",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    for name in (
        "manage.py",
        "config/launch/__main__.py",
        "config/launch/prepare.py",
        "config/launch/options.py",
    ):
        (tmp_path / name).write_text("import pip; print('begun')")
    half_made = tmp_path / ".venv/bin"
    half_made.mkdir(parents=True)
    (half_made / "python").symlink_to(sys.executable)
    (half_made.parent / "pyvenv.cfg").write_text(f"home = {Path(sys.executable).resolve().parent}\n")
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "VIRTUAL_ENV"))
    }

    both = [
        subprocess.Popen(
            ["make", target],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for target in ("up", "demo")
    ]
    printed = "".join(one.communicate(timeout=120)[0] for one in both)

    assert [one.returncode for one in both] == [0, 0], printed
    assert [printed.count(words) for words in ("Making .venv", "Installing what Ownlog", "begun")] == [
        1,
        1,
        3,
    ], printed


def test_who_begins_after_a_pull_waits_for_who_began_before_it(tmp_path: Path) -> None:
    program = Path(shutil.copy(ROOT / "config/launch/alone.py", tmp_path))

    def begin(command: str) -> subprocess.Popen[str]:
        words = [sys.executable, "-I", str(program), str(tmp_path / "lock"), command]
        return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    first = begin("echo begun; read stop; echo over")
    assert first.stdout is not None
    assert first.stdout.readline() == "begun\n"
    Path(shutil.copy(program, tmp_path / "new")).replace(program)
    second = begin("echo mine")
    assert second.stdout is not None
    assert second.stdout.readline() == "Another make is installing here; waiting for it\n"

    assert first.communicate("\n", timeout=60)[0] == "over\n"
    assert second.communicate(timeout=60)[0] == "mine\n"
