"""Folders that the real client left where it had no server."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core import clock
from apps.core.errors import NotFound
from apps.files.queries import list_files
from apps.imports.errors import Broken
from apps.imports.models import Import
from apps.imports.readers.wandb_offline.folders import Folder
from apps.imports.readers.wandb_offline.log import records
from apps.imports.readers.wandb_offline.reading import OfflineReader
from apps.imports.services import ask_for_import, bring
from apps.imports.types import Clash
from apps.projects.models import Project
from apps.projects.queries import open_project
from apps.runs.defined import Definitions
from apps.runs.history import store
from apps.runs.models import Run
from apps.runs.queries import find_run, open_run
from apps.runs.types import Stream
from apps.teams.models import Entity
from tests.imports.test_beats import words_said
from tests.wandb_protocol.client import PYTHON

pytestmark = pytest.mark.django_db
_SCRIPT = """
import wandb, time
fast = wandb.Settings(x_stats_sampling_interval=0.2)
run = wandb.init(project="offline", id="done", name="好き", notes="n", tags=["a", "b"], group="g", job_type="t",
                 config={"lr": 1e-3, "deep": {"a": [1, None]}, "big": 2**70}, settings=fast)
run.define_metric("epoch", hidden=True)
run.define_metric("val/*", step_metric="epoch", summary="min")
run.config["later"] = True
for n in range(300):
    run.log({"loss": 1 / (n + 1), "n": n, "deep": {"x": n, "y": {"z": "s"}}, "epoch": n // 10, "val/acc": n * 0.5})
run.log({"odd": float("nan"), "huge": 2**80, "text": "é" * 40_000, "flag": True, "none": None, "far": float("-inf")})
run.summary["best"] = 7
print("first line")
print("second ✓", flush=True)
open(run.dir + "/model.txt", "w").write("weights")
run.save(run.dir + "/model.txt", base_path=run.dir)
time.sleep(1)
run.finish()
run = wandb.init(project="offline", id="failed", settings=fast)
run.log({"loss": 1})
run.finish(exit_code=3)
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("offline")
    (home / "train.py").write_text(_SCRIPT)
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    own = {"HOME": str(home), "WANDB_MODE": "offline", "WANDB_DIR": str(home), "PYTHONWARNINGS": "ignore"}
    subprocess.run(
        [PYTHON, "train.py"], cwd=home, env=kept | own, check=True, timeout=200, capture_output=True
    )
    return home / "wandb"


@pytest.fixture
def home(alice: User) -> Entity:
    return Entity.objects.get(user=alice)


def imported(path: Path, into: Entity, by: User) -> Import:
    reader, actor = OfflineReader(path), Actor.person(by)
    job = ask_for_import(into, reader, clash=Clash.RENAME, by=actor, whose_runs=actor)
    return bring(job, reader, by=actor)


def brought_run(entity: Entity, name: str) -> Run:
    found = find_run(Project.objects.filter(entity=entity).latest("pk"), name)
    assert found is not None
    return found


def test_all_that_the_client_noted_is_there(folders: Path, home: Entity, alice: User) -> None:
    job = imported(folders, home, alice)

    assert (job.projects, job.runs) == (1, 2)
    assert open_project(Project.objects.get(entity=home)).name == "offline"
    run = brought_run(home, "done")
    opened = open_run(run)
    head = opened.head
    assert (head.display_name, head.notes, head.tags, head.group, head.job_type) == (
        "好き",
        "n",
        ["a", "b"],
        "g",
        "t",
    )
    config = json.loads(opened.config_text)
    assert {name: config[name]["value"] for name in ("lr", "deep", "big", "later")} == {
        "lr": 1e-3,
        "deep": {"a": [1, None]},
        "big": 2**70,
        "later": True,
    }
    assert (run.state, run.exit_code) == ("finished", 0)
    assert json.loads(opened.summary_text)["best"] == 7


def test_a_word_is_said_before_the_first_piece_comes(folders: Path) -> None:
    assert min(words_said(OfflineReader(folders))) > 0


def test_every_row_is_there_to_the_last_value(folders: Path, home: Entity, alice: User) -> None:
    imported(folders, home, alice)

    rows = list(store.rereadable(brought_run(home, "done"), Stream.HISTORY)())

    assert [row["_step"] for row in rows] == list(range(301))
    assert [row["loss"] for row in rows[:300]] == [1 / (n + 1) for n in range(300)]
    assert rows[7]["deep"] == {"x": 7, "y": {"z": "s"}}
    last = rows[300]
    assert math.isnan(last["odd"]) and last["far"] == -math.inf
    assert (last["huge"], last["text"], last["flag"]) == (2**80, "é" * 40_000, True)


def test_moments_console_and_system_metrics_are_those_of_then(
    folders: Path, home: Entity, alice: User
) -> None:
    imported(folders, home, alice)

    run = brought_run(home, "done")
    rows = list(store.rereadable(run, Stream.HISTORY)())
    assert abs(run.created_at.timestamp() - rows[0]["_timestamp"]) < 60
    assert run.finished_at is not None and run.created_at < run.finished_at < clock.now()
    assert run.finished_at - run.created_at < timedelta(minutes=3)
    lines = [line.partition(" ")[2] for line in store.console(run, 0, 1000)]
    assert lines.index("first line") + 1 == lines.index("second ✓")
    (event, *_rest) = store.rereadable(run, Stream.EVENTS)()
    assert any(name.startswith("system.") for name in event)


def test_definitions_of_metrics_are_kept(folders: Path, home: Entity, alice: User) -> None:
    imported(folders, home, alice)

    said = Definitions.of_config(open_run(brought_run(home, "done")).config_text)

    assert said.axis_of("val/acc") == "epoch"
    assert said.is_hidden("epoch")


def test_files_are_kept_and_links_are_not_followed(
    folders: Path, home: Entity, alice: User, tmp_path: Path
) -> None:
    copied = shutil.copytree(folders, tmp_path / "wandb", symlinks=True)
    (tmp_path / "secret").write_text("of the machine")
    (one,) = (log.parent for log in copied.glob("offline-run-*-done/run-done.wandb"))
    (one / "files/stolen.txt").symlink_to(tmp_path / "secret")
    (one / "files/all").symlink_to(tmp_path)

    job = imported(copied, home, alice)

    names = {each.name for each in list_files(brought_run(home, "done"))}
    assert "model.txt" in names
    assert not any("stolen" in name or "secret" in name for name in names)
    assert job.left_out >= 2


@pytest.mark.parametrize("linked", ["files", "log"])
def test_a_folder_that_is_a_link_is_not_followed(linked: str, folders: Path, tmp_path: Path) -> None:
    """Whoever packed it may have made it lead anywhere on this machine."""
    log, secret = log_of(folders, "failed"), tmp_path / "secret"
    secret.mkdir()
    (secret / "key.txt").write_text("of the machine")
    packed = tmp_path / "offline-run-20260101_000000-failed"
    packed.mkdir()
    (packed / "files").symlink_to(secret)
    there = packed / log.name
    if linked == "log":
        there.symlink_to(log)
        with pytest.raises(NotFound):
            OfflineReader(packed)
        return
    there.write_bytes(log.read_bytes())

    reader = OfflineReader(packed)

    (project,) = reader.projects()
    assert [list(run.read().files()) for run in project.runs()] == [[]] and reader.left_out == 1


def test_a_failed_run_has_its_exit_code(folders: Path, home: Entity, alice: User) -> None:
    imported(folders, home, alice)

    run = brought_run(home, "failed")
    assert (run.state, run.exit_code) == ("failed", 3)


def log_of(folders: Path, name: str) -> Path:
    (found,) = folders.glob(f"offline-run-*-{name}/run-{name}.wandb")
    return found


@pytest.mark.parametrize("share", [0.3, 0.7, 0.99])
def test_a_run_that_was_killed_is_brought_as_far_as_it_came(
    folders: Path, tmp_path: Path, share: float
) -> None:
    whole = log_of(folders, "done").read_bytes()
    path = tmp_path / "run-done.wandb"
    path.write_bytes(whole[: int(len(whole) * share)])

    found = Folder.read(tmp_path, path)

    assert found.run_id == "done" and found.exit_code is None
    assert 0 < len(list(found.rows(Stream.HISTORY))) <= 301


_BREAK: dict[str, Callable[[bytes], bytes]] = {
    "another program's": lambda data: b"LOG!" + data[4:],
    "of another version": lambda data: data[:6] + b"\x07" + data[7:],
    "nothing": lambda _data: b"",
    "a flipped bit": lambda data: data[:3000] + bytes([data[3000] ^ 1]) + data[3001:],
}


@pytest.mark.parametrize("name", _BREAK)
def test_what_is_damaged_is_said(folders: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / "run-done.wandb"
    path.write_bytes(_BREAK[name](log_of(folders, "done").read_bytes()))

    with pytest.raises(Broken):
        list(records(path))


def test_a_folder_without_runs_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        OfflineReader(tmp_path)
