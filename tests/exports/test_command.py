"""`manage.py export`: a file in the clear where somebody on the machine said, and the record says that they did."""

from __future__ import annotations

import errno
import io
import stat
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from apps.accounts.actors import OPERATOR_ID
from apps.audit.models import Event
from apps.blobs.store import default_store
from apps.core import clock
from apps.erasure.exports import erase_old_exports
from apps.exports.management.commands import export as command
from apps.exports.models import Export
from apps.projects.models import Project
from apps.runs.models import Run

pytestmark = pytest.mark.django_db


def export(*words: str) -> str:
    said = io.StringIO()
    call_command("export", *words, stderr=said)
    return said.getvalue()


def test_a_project_goes_into_a_file_for_its_owner_alone(full: Run, tmp_path: Path) -> None:
    path = tmp_path / "vision.zip"

    said = export("lab/vision", "--to", str(path))

    made = Export.objects.get()
    assert said.endswith(f"export {made.public_id}: 1 run, {made.files} files, {made.size} bytes\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    archive = zipfile.ZipFile(path)
    assert "projects/vision/runs/full/history.parquet" in archive.namelist()
    assert len(archive.namelist()) == made.files
    assert [(event.kind, event.by) for event in Event.objects.filter(kind__startswith="export.")] == [
        ("export.asked", OPERATOR_ID),
        ("export.fetched", OPERATOR_ID),
    ]
    assert erase_old_exports() == 1  # the sealed copy has done its work


def test_runs_are_named_and_the_whole_of_an_owner_has_the_record(
    full: Run, vision: Project, tmp_path: Path
) -> None:
    export("lab/vision", "full", "--to", str(tmp_path / "run.zip"), "--tables", "csv")
    export("lab", "--to", str(tmp_path / "lab.zip"))

    assert "projects/vision/runs/full/history.csv" in zipfile.ZipFile(tmp_path / "run.zip").namelist()
    whole = zipfile.ZipFile(tmp_path / "lab.zip")
    assert {"entity.json", "audit.jsonl", "projects/vision/project.json"} <= set(whole.namelist())


@pytest.mark.parametrize("words", [("lab/nothing",), ("lab/vision", "nothing"), ("nobody",), ("lab", "full")])
def test_what_is_not_there_is_said_and_nothing_is_written(
    full: Run, tmp_path: Path, words: tuple[str, ...]
) -> None:
    path = tmp_path / "x.zip"

    with pytest.raises(CommandError):
        export(*words, "--to", str(path))

    assert (path.exists(), Export.objects.exists()) == (False, False)


def test_a_disk_or_a_database_that_is_away_is_waited_for_and_said(
    full: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, now, away = (
        clock.now,
        [timedelta()],
        [OSError(errno.EIO, "/a/place"), OperationalError("at a place")],
    )
    store = type(default_store())
    put: Callable[..., Any] = store.put

    def some_times(*args: Any, **named: Any) -> Any:
        if away:
            raise away.pop()
        return put(*args, **named)

    def later(seconds: float) -> None:
        now[0] += timedelta(minutes=1)

    monkeypatch.setattr(clock, "now", lambda: real() + now[0])
    monkeypatch.setattr(command, "time", SimpleNamespace(sleep=later))
    monkeypatch.setattr(store, "put", some_times)

    said = export("lab/vision", "--to", str(tmp_path / "vision.zip"))

    assert "waits: OperationalError\n" in said and "waits: OSError\n" in said and "place" not in said
    assert zipfile.is_zipfile(tmp_path / "vision.zip")


def test_no_file_is_written_over(full: Run, tmp_path: Path) -> None:
    path = tmp_path / "mine"
    path.write_text("mine")

    with pytest.raises(CommandError, match="there already"):
        export("lab/vision", "--to", str(path))

    assert path.read_text() == "mine"
