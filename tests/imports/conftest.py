from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.services import link_version, use_version
from apps.exports.models import Export
from apps.exports.queries import read_archive
from apps.exports.services import export_account, export_entity, export_project
from apps.exports.types import Tables
from apps.imports.models import Import
from apps.imports.readers.ownlog.reading import OwnlogReader
from apps.imports.services import ask_for_import, bring
from apps.imports.types import Clash
from apps.projects.models import Project
from apps.projects.services import save_view
from apps.runs.alerts import raise_alert
from apps.runs.models import Run
from apps.runs.services import finish_run
from apps.runs.types import AlertLevel, RunState, Stream
from apps.teams.choices import SettingName
from apps.teams.models import Entity
from apps.teams.services import choose
from tests.exports.conftest import full_run, log, make
from tests.factories import artifacts, work

Files = dict[str, bytes]


def archive_of(project: Project, by: User, tables: Tables = Tables.PARQUET) -> bytes:
    return _whole(export_project(project, by=Actor.person(by), tables=tables))


def archive_of_all(entity: Entity, projects: list[Project], by: User) -> bytes:
    return _whole(export_entity(entity, projects, by=Actor.person(by)))


def archive_of_account(own: Entity, projects: list[Project], by: User) -> bytes:
    return _whole(export_account(own, projects, by=Actor.person(by)))


def _whole(export: Export) -> bytes:
    return b"".join(read_archive(make(export)))


def imported(archive: bytes, into: Entity, *, by: User, clash: Clash = Clash.RENAME) -> Import:
    reader, actor = OwnlogReader(io.BytesIO(archive)), Actor.person(by)
    return bring(ask_for_import(into, reader, clash=clash, by=actor, whose_runs=actor), reader, by=actor)


def run_that_keeps_code(project: Project, into: Entity, by: Actor) -> Run:
    """A run of a project whose owner, and whoever imports it, have code saved."""
    for entity in (project.entity, into):
        choose(entity, SettingName.CODE_SAVING, True, by=by)
    return work.run(project, "run", by=User.objects.get(username=by.username))


def files_of(archive: bytes) -> Files:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def zipped(files: Mapping[str, bytes]) -> bytes:
    """An archive of these files as anybody's ZIP program packs it."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            made.writestr(name, data)
    return held.getvalue()


def listing(files: Files, **head: Any) -> Files:
    """The same files with a manifest that is true of them."""
    said = json.loads(files["manifest.json"]) if "manifest.json" in files else {}
    rest = {name: data for name, data in files.items() if name != "manifest.json"}
    said["files"] = [
        {"path": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in rest.items()
    ]
    return {"manifest.json": json.dumps(said | head).encode(), **rest}


def with_ids(archive: bytes, ids: Mapping[str, str]) -> bytes:
    """As another instance would have written it, which gave other ids."""
    files = files_of(archive)
    for there, here in ids.items():
        files = {path: data.replace(there.encode(), here.encode()) for path, data in files.items()}
    return zipped(listing(files))


@pytest.fixture
def home(alice: User) -> Entity:
    """alice's own."""
    return Entity.objects.get(user=alice)


@pytest.fixture
def world(vision: Project, alice: User) -> Project:
    return make_world(vision, alice)


def make_world(vision: Project, alice: User) -> Project:
    """A project with everything in it: two runs with all kinds of lines and files, one that logged nothing, an artifact of two
    versions that share a file, made by one run and read by the other, and a portfolio."""
    by = Actor.person(alice)
    first = full_run(vision, "full", by=alice)
    second = full_run(vision, "好き 2", by=alice)
    log(second, Stream.HISTORY, ['{"_step": 3, "nothing": null}', "{}"], 3)
    empty = work.run(vision, "empty", by=alice, notes="<b>no line</b>")
    files = {"a.bin": b"a" * 100, "deep/b.txt": b"b"}
    one = artifacts.version(
        vision, "Data-Set", files, by=by, run=first, metadata_text='{"n": 1, "odd": NaN}', tags=("t",)
    )
    two = artifacts.version(
        vision, "Data-Set", files | {"c": b"c"}, by=by, run=first, aliases=("latest", "best"), description="d"
    )
    for run, version in ((second, one), (second, two), (empty, two)):
        use_version(run, version)
    link_version(two, vision, name="shelf", aliases=["prod"], by=by)
    shown = f"{second.public_id}.{empty.public_id}"
    save_view(
        vision,
        name="<b>好き</b> / of the paper",
        table={"q": ["loss < 1", "n ~ /é/"], "show": [shown]},
        by=by,
    )
    save_view(vision, name="all", table={}, by=by)
    for title in ("loß", "loß", "<b>other</b>"):
        raise_alert(
            first, title=title, text="is NaN\n好き", level=AlertLevel.WARN, wait=timedelta(hours=1), by=by
        )
    for run in (first, second, empty):
        finish_run(run, state=RunState.FINISHED, by=by)
    return vision


_made: list[bytes] = []


@pytest.fixture
def archive(request: pytest.FixtureRequest, alice: User) -> bytes:
    """Of such a project. It is made once: what was there when it was made is long gone, as on another instance."""
    if not _made:
        _made.append(archive_of(request.getfixturevalue("world"), alice))
    return _made[0]


@pytest.fixture
def path(archive: bytes, tmp_path: Path) -> Path:
    found = tmp_path / "export.zip"
    found.write_bytes(archive)
    return found
