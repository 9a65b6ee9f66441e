"""What make does before the instance is asked for anything."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.live import ROOT


def test_of_two_that_begin_where_nothing_is_installed_one_installs(tmp_path: Path) -> None:
    """`make up` in one shell and `make demo` in another, as somebody does who has just cloned this."""
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
