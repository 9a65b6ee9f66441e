"""The lines that the page with a new key shows: what is copied from there is what runs here."""

from __future__ import annotations

import ast
import html
import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
import requests
from nbclient import NotebookClient

from tests.live import LiveServer

pytestmark = pytest.mark.live
_PASSWORD = "a long pass phrase"
_ACCOUNT = f"""
import django; django.setup()
from apps.accounts.actors import Actor
from apps.teams.services import create_account, create_team
for name in ("bea", "cem"):
    person = create_account(name, email=name + "@example.org", password={_PASSWORD!r})
create_team("lab", admin=person, by=Actor.person(person))
"""
_LOGGED = "import sys, wandb; run = wandb.Api().runs(sys.argv[1])[0]; print(run.summary['loss'], run.lastHistoryStep, run.state)"


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    with LiveServer() as live:
        live.python("-c", _ACCOUNT)
        yield live


def lines_of(server: LiveServer, name: str, **form: str) -> dict[str, str]:
    """What each kind's Copy button copies, on the page that a person gets who signs in and makes a key."""
    browser = requests.Session()

    def send(path: str, **fields: str) -> str:
        page = browser.get(server.url + path, timeout=30).text
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
        assert token is not None
        answer = browser.post(server.url + path, {**fields, "csrfmiddlewaretoken": token[1]}, timeout=30)
        assert answer.status_code == 200
        return answer.text

    send("/sign-in", login=name, password=_PASSWORD)
    page = send("/settings/api-keys", **form)
    panes = re.findall(r'<div class="pane (\w+)" data-copy>.*?<pre [^>]*>(.*?)</pre>', page, re.DOTALL)
    return {kind: html.unescape(re.sub(r"<[^>]+>", "", text)) for kind, text in panes}


def without_install(lines: str) -> str:
    """The client is there; a test installs nothing."""
    first, _, rest = lines.partition("\n")
    assert first in {"pip install wandb", "%pip install --quiet wandb"}
    return rest


def logged(server: LiveServer, home: Path, path: str, lines: str) -> str:
    """What the run's summary says, read back with the key in these lines."""
    key = re.search(r"own_\w+", lines)
    assert key is not None
    return run_in(
        home, [sys.executable, "-c", _LOGGED, path], WANDB_BASE_URL=server.url, WANDB_API_KEY=key[0]
    )


def run_in(home: Path, command: list[str], **environment: str) -> str:
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    done = subprocess.run(
        command,
        cwd=home,
        env={"HOME": str(home), "PATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_lines_for_a_shell_log_a_run(server: LiveServer, tmp_path: Path) -> None:
    lines = lines_of(server, "bea")["bash"]

    run_in(tmp_path, ["sh", "-ec", without_install(lines)])

    assert logged(server, tmp_path, "bea/first", lines) == "0.02 49 finished"


def test_the_lines_for_a_teams_shell_log_a_run_of_the_team(server: LiveServer, tmp_path: Path) -> None:
    lines = lines_of(server, "cem", entity="lab")["bash"]

    run_in(tmp_path, ["sh", "-ec", without_install(lines)])

    assert logged(server, tmp_path, "lab/first", lines) == "0.02 49 finished"


def test_the_lines_for_a_notebook_log_a_run(
    server: LiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = lines_of(server, "cem")["notebook"]
    cell = nbformat.v4.new_code_cell(without_install(lines))  # type: ignore[no-untyped-call]
    notebook = nbformat.v4.new_notebook(cells=[cell])  # type: ignore[no-untyped-call]
    for name in ("WANDB_BASE_URL", "WANDB_API_KEY", "WANDB_PROJECT", "WANDB_ENTITY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))

    NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()

    assert logged(server, tmp_path, "cem/first", lines) == "0.02 49 finished"


# What cannot be installed here is read: the lines are Python, and name what the client and the frameworks document.
_NAMED = {
    "lightning": ("from lightning.pytorch.loggers import WandbLogger", 'WandbLogger(project="first")'),
    "hf": ("from transformers import TrainingArguments", 'report_to="wandb"'),
    "keras": ("from wandb.integration.keras import WandbMetricsLogger", "WandbMetricsLogger()"),
    "xgboost": ("from wandb.integration.xgboost import WandbCallback", "WandbCallback()"),
}


def test_the_lines_for_frameworks_are_python_with_the_key_filled_in(server: LiveServer) -> None:
    found = lines_of(server, "cem", entity="lab")

    assert set(found) == {"bash", "notebook", *_NAMED}
    for kind, words in _NAMED.items():
        ast.parse(found[kind])
        assert all(each in found[kind] for each in words)
        settings = dict(re.findall(r'os\.environ\["(\w+)"\] = "([^"]+)"', found[kind]))
        assert settings["WANDB_BASE_URL"] == server.url
        assert settings["WANDB_ENTITY"] == "lab"
        assert settings["WANDB_API_KEY"].startswith("own_")


@pytest.mark.parametrize("kind", ["keras", "xgboost"])
def test_the_clients_own_parts_are_there(kind: str) -> None:
    module, name = re.findall(r"from ([\w.]+) import (\w+)", _NAMED[kind][0])[0]
    there = importlib.util.find_spec(module)

    assert there is not None
    assert there.origin is not None
    assert re.search(rf"\b{name}\b", Path(there.origin).read_text())
