"""The oldest client that is promised to work, installed apart, passes the tests of a whole run."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.live import ROOT
from tests.turns import PASSES

pytestmark = [pytest.mark.live, pytest.mark.embedded]  # the instance it speaks to is the same
REQUIREMENTS = ROOT / "requirements/oldest-client.txt"


@pytest.fixture(scope="module")
def oldest_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has wandb 0.28.0 as its package index serves it."""
    place = tmp_path_factory.mktemp("oldest-client")
    venv.create(place)
    python = place / "bin/python"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
    subprocess.run(
        [*pip, "--no-compile", "--require-hashes", "--only-binary", ":all:", "-r", str(REQUIREMENTS)],
        check=True,
    )
    return python


def test_oldest_client_logs_a_whole_run(oldest_python: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-n0",
            "-p",
            "no:cacheprovider",
            "tests/wandb_protocol/test_client_run.py",
            "-k",
            "not code",  # what the server does with code is not this client's
        ],
        cwd=ROOT,
        # The file has one pass a day, and this is not it.
        env=os.environ | {"OWNLOG_TEST_WANDB_PYTHON": str(oldest_python), PASSES: "whole"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-6000:]
    assert " passed" in done.stdout
