"""What is in an archive is what was logged, to the letter and to the bit."""

from __future__ import annotations

import hashlib
import io
import math
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.exports import services
from apps.exports.models import Export
from apps.exports.services import advance, export_project, export_runs
from apps.exports.types import Tables
from apps.projects.models import Project, SavedView
from apps.projects.services import save_view
from apps.runs.alerts import raise_alert
from apps.runs.models import Run
from apps.runs.types import AlertLevel
from tests.exports.conftest import full_run, keep, make, opened, read_json
from tests.factories import artifacts, work

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-13")]
TOP = "projects/vision/runs/full"


def test_a_run_is_in_its_folder_as_it_was_logged(export: Export, full: Run) -> None:
    archive = opened(make(export))

    assert (
        archive.read(f"{TOP}/config.json")
        == b'{"lr": {"value": 1e-3}, "big": 73786976294838206464, "odd": NaN}'
    )
    assert archive.read(f"{TOP}/summary.json") == b'{"loss":0.1}'
    assert archive.read(f"{TOP}/output.log").decode() == "one\ntwo ✓\n"
    said = read_json(archive, f"{TOP}/run.json")
    assert (said["id"], said["display_name"], said["tags"]) == ("full", "好き", ["a", "b"])
    assert said["lines"] == {"history": 3, "events": 1, "output": 2}
    assert said["created_at"] == full.created_at.isoformat().replace("+00:00", "Z")


def test_the_history_opens_in_one_line_with_every_value(export: Export) -> None:
    archive = opened(make(export))

    table = pd.read_parquet(io.BytesIO(archive.read(f"{TOP}/history.parquet")))

    assert list(table["_step"]) == [0, 1, 2]
    assert math.isnan(table["loss"][0]) and table["loss"][1] == math.inf and table["loss"][2] == 0.1
    assert list(table["n"]) == [1, 2, 9007199254740993]
    assert table["deep.a"][0] == 0.25 and table["deep.a"][1] == -math.inf
    assert list(table["mixed"]) == ["1", '"one"', '[1,{"x":null}]']
    assert (table["big"][1], table["text"][0], table["flag"][2]) == ("73786976294838206464", "あ", True)


@pytest.mark.parametrize("reads", ["polars", "duckdb"])
def test_it_opens_in_one_line_elsewhere_too(export: Export, tmp_path: Path, reads: str) -> None:
    file = tmp_path / "history.parquet"
    file.write_bytes(opened(make(export)).read(f"{TOP}/history.parquet"))

    rows = by_polars(file) if reads == "polars" else by_duckdb(file)

    assert [row["_step"] for row in rows] == [0, 1, 2]
    assert math.isnan(rows[0]["loss"]) and rows[1]["loss"] == math.inf and rows[2]["loss"] == 0.1
    assert [row["n"] for row in rows] == [1, 2, 9007199254740993]
    assert (rows[1]["big"], rows[0]["text"], rows[2]["flag"]) == ("73786976294838206464", "あ", True)


def by_polars(file: Path) -> list[dict[str, Any]]:
    return pl.read_parquet(file).to_dicts()


def by_duckdb(file: Path) -> list[dict[str, Any]]:
    found = duckdb.sql("from read_parquet(?)", params=[str(file)])
    assert found is not None
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def test_alerts_come_with_their_run(export: Export, full: Run, alice: User) -> None:
    by, wait = Actor.person(alice), timedelta(0)
    for title in ("first", "損失 \ud800"):
        raise_alert(full, title=title, text="nan", level=AlertLevel.WARN, wait=wait, by=by)

    newest, oldest = read_json(opened(make(export)), f"{TOP}/alerts.json")

    assert (oldest["title"], newest["title"], newest["text"]) == ("first", "損失 \ud800", "nan")
    assert (newest["level"], newest["repeats"]) == ("WARN", 0) and newest["raised_at"].endswith("Z")


def test_saved_views_come_with_their_project(export: Export, vision: Project, alice: User) -> None:
    by = Actor.person(alice)
    views = [
        save_view(vision, name=name, table=table, by=by)
        for name, table in (("b ✓", {"q": ["n > 1"]}), ("A", {}))
    ]
    SavedView.objects.filter(pk=save_view(vision, name="broken", table={}, by=by).pk).update(
        sealed_name=b"\0"
    )

    archive = opened(make(export))

    told = read_json(archive, "projects/vision/views.json")
    assert [(each["id"], each["name"], each["table"]) for each in told] == [
        (views[1].public_id, "A", {}),
        (views[0].public_id, "b ✓", {"q": ["n > 1"]}),
    ]
    assert told[0]["created_at"] == views[1].created_at.isoformat().replace("+00:00", "Z")
    (missing,) = [
        each for each in read_json(archive, "manifest.json")["not_included"] if "views.json" in each["path"]
    ]
    assert missing["why"] == "damaged"


@pytest.mark.parametrize(
    ("tables", "line"), [(Tables.JSONL, '"big":73786976294838206464'), (Tables.CSV, "_step")]
)
def test_histories_come_as_csv_and_json_lines_when_asked(
    full: Run, alice: User, tables: Tables, line: str
) -> None:
    export = export_runs([full], by=Actor.person(alice), tables=tables)

    archive = opened(make(export))

    assert line in archive.read(f"{TOP}/history.{tables.value}").decode()


def test_files_keep_their_bytes_and_get_names_that_every_system_takes(export: Export) -> None:
    archive = opened(make(export))

    said = read_json(archive, f"{TOP}/run.json")["files"]
    kept = {each["name"]: archive.read(f"{TOP}/{each['path']}") for each in said}
    assert kept == {
        name: name.encode() * 3 if name != "wandb-metadata.json" else archive.read(f"{TOP}/metadata.json")
        for name in ["model.pt", "Model.pt", "out/ä/b.txt", "con.txt", "out", "wandb-metadata.json"]
    }
    paths = [each["path"] for each in said]
    assert sorted(paths) == sorted(
        f"files/{each}"
        for each in ["model.pt", "Model~2.pt", "out/ä/b.txt", "_con.txt", "out~2", "wandb-metadata.json"]
    )


def test_the_manifest_has_the_size_and_the_digest_of_every_other_file(export: Export) -> None:
    archive = opened(make(export))

    said = read_json(archive, "manifest.json")
    assert said["format"] == "ownlog-export/1"
    assert {each["path"] for each in said["files"]} == set(archive.namelist()) - {"manifest.json"}
    for each in said["files"]:
        data = archive.read(each["path"])
        assert (each["size"], each["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert archive.namelist()[:2] == ["manifest.json", "README.html"]


def test_the_page_lets_a_person_look_through_without_our_software(export: Export, full: Run) -> None:
    page = opened(make(export)).read("README.html").decode()

    assert "<bdi>好き</bdi>" in page
    assert "\n  &quot;lr&quot;: " in page
    assert f"<a href='{TOP}/'>" in page
    assert "<script" not in page and "src=" not in page


def test_artifacts_come_with_their_files_aliases_and_lineage(full: Run, vision: Project, alice: User) -> None:
    by = Actor.person(alice)
    files = {"a.bin": b"a" * 100, "deep/b.txt": b"b"}
    version = artifacts.version(vision, "Data-Set", files, by=by, run=full, metadata_text='{"n": 1}')
    archive = opened(make(export_project(vision, by=by)))

    top = f"projects/vision/artifacts/dataset/Data-Set~{version.collection.public_id[:8]}"
    assert {name: archive.read(f"{top}/v0/files/{name}") for name in files} == files
    assert read_json(archive, f"{top}/collection.json")["aliases"] == ["latest"]
    said = read_json(archive, f"{top}/v0/version.json")
    assert (said["made_by"]["id"], said["metadata"], said["number"]) == ("full", {"n": 1}, 0)
    listed = {each["path"]: each for each in read_json(archive, f"{top}/v0/manifest.json")}
    assert listed["a.bin"]["digest"] == artifacts.md5(files["a.bin"])
    run = read_json(archive, f"{TOP}/run.json")
    assert [each["name"] for each in run["artifacts"]["output"]] == ["Data-Set:v0"]


def test_chosen_runs_bring_nothing_of_others(full: Run, vision: Project, alice: User) -> None:
    full_run(vision, "other", by=alice)
    empty = work.run(vision, "empty", by=alice)

    archive = opened(make(export_runs([empty], by=Actor.person(alice))))

    assert sorted(archive.namelist()) == [
        "README.html",
        "manifest.json",
        *(f"projects/vision/runs/empty/{name}.json" for name in ("config", "run", "summary")),
    ]


def test_a_file_that_came_after_the_export_was_planned_is_neither_there_nor_said_to_be(
    export: Export, full: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(services, "_TURN_SECONDS", 0.0)
        advance(export.pk)  # planned, and nothing written
    keep(full, late=b"late")

    archive = opened(make(export))

    assert "late" not in [each["name"] for each in read_json(archive, f"{TOP}/run.json")["files"]]
    assert f"{TOP}/files/late" not in archive.namelist()
