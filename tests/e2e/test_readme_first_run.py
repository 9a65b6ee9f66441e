"""The three lines of the README log a first run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live import ROOT, LiveServer

pytestmark = pytest.mark.live


def test_the_three_lines_of_the_readme_log_a_run(tmp_path: Path) -> None:
    # The line before these installs the client, which is there.
    lines = re.search(
        r"```bash\npip install wandb\n(export WANDB_BASE_URL.*?)```",
        (ROOT / "README.md").read_text(),
        re.DOTALL,
    )
    assert lines is not None

    with LiveServer() as server:
        key = server.account("alice")
        script = (
            lines[1].replace("http://127.0.0.1:8000", server.url).replace("API_KEY=...", f"API_KEY={key}")
        )
        environment = {"HOME": str(tmp_path), "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
        done = subprocess.run(
            ["sh", "-ec", script],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=90,
            check=True,
        )
        read = subprocess.run(
            [sys.executable, "-c", "import wandb; print(wandb.Api().runs('alice/first')[0].summary['loss'])"],
            cwd=tmp_path,
            env=environment | {"WANDB_BASE_URL": server.url, "WANDB_API_KEY": key},
            capture_output=True,
            text=True,
            timeout=90,
            check=True,
        )

    assert f"{server.url}/alice/first/runs/" in done.stderr
    assert read.stdout.strip() == "0.02"
