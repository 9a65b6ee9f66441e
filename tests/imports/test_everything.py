"""Every kind of thing that may be in a project comes back as it was: in what the archive says, and in the rows behind it."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.services import update_version
from apps.artifacts.types import VersionPatch
from apps.imports.types import ImportState
from apps.projects.models import Project
from apps.runs.history import store
from apps.runs.types import Stream, StreamRequest
from apps.teams.choices import SettingName
from apps.teams.models import Entity
from apps.teams.services import choose
from tests.exports.conftest import keep, log
from tests.factories import artifacts, work
from tests.imports.conftest import archive_of, files_of, imported
from tests.imports.rows import rows_of
from tests.imports.test_equality import public_ids, told

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-13")]

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
LOOK = {"$schema": "https://vega.github.io/schema/vega-lite/v5.json", "mark": "bar", "title": "${string:t}"}
TABLE = {"columns": ["a"], "data": [[1], [None]]}
DAY = 86_400


def assert_equal(these: dict[str, Any], those: dict[str, Any]) -> None:
    """A failure shows what differs, and not all that is there."""
    named = these.keys() | those.keys()
    found = {name: (these.get(name), those.get(name)) for name in sorted(named)}
    assert {name: both for name, both in found.items() if both[0] != both[1]} == {}


@pytest.fixture
def home(alice: User) -> Entity:
    return Entity.objects.get(user=alice)


@pytest.fixture
def full_world(world: Project, home: Entity, alice: User) -> Project:
    """The same project with what a script may log besides: media with the lines that name them, code, a chart with a look of its
    own, an artifact that refers to what lies elsewhere, versions that are kept for a day, for ever, and as their owner has it."""
    by = Actor.person(alice)
    for entity in (world.entity, home):
        choose(entity, SettingName.CODE_SAVING, True, by=by)
    chart = {"panel_config": {"panelDefId": "lab/vision/mine", "fieldSettings": {"x": "a"}}}
    run = work.run(
        world,
        "media",
        by=alice,
        group="folds",
        job_type="train",
        notes="n",
        commit="c0ffee",
        program="train.py",
        sweep="s1",
        config_text=json.dumps({"_wandb": {"value": {"visualize": {"bars": chart}}}}),
    )
    media = {
        "media/images/sample_0_1.png": PNG,
        "media/table/bars_0_1.table.json": json.dumps(TABLE).encode(),
        "media/audio/beep_0.wav": b"RIFF",
        "media/html/page_0.html": b"<p>x",
    }
    keep(
        run, **media, **{"code/train.py": b"print(1)\n", "code/sub/a.ipynb": b"{}", "diff.patch": b"--- a\n"}
    )
    keep(run, **{"media/html/page_0.html": b"<p>y"})  # sent again: it changed since it came
    kinds = ("image-file", "table-file", "audio-file", "html-file")
    row = {
        f"m{n}": {"_type": kind, "path": path, "size": len(media[path])}
        for n, (kind, path) in enumerate(zip(kinds, media, strict=True))
    }
    row["hist"] = {"_type": "histogram", "bins": [0, 1, 2], "values": [1, 2]}
    log(run, Stream.HISTORY, [json.dumps({"_step": 0, "_timestamp": 1.5} | row)])
    store.append(run, StreamRequest(is_complete=True, exit_code=3))
    artifacts.look(world, "mine", json.dumps(LOOK), by=by)
    refs = {"far.bin": "s3://bucket/far.bin?versionId=1", "near": "https://example.org/near"}
    for ttl in (DAY, -2, None):
        files = {"a": b"a" * (ttl or 1) if ttl != DAY else b"day"}
        version = artifacts.version(world, "Refs", files, refs=refs, by=by, run=run, ttl_seconds=ttl)
    update_version(version, VersionPatch(description="said later"), by=by)
    return world


def test_every_kind_of_thing_is_equal_in_the_archive_and_in_the_rows(
    full_world: Project, home: Entity, alice: User
) -> None:
    before = archive_of(full_world, alice)

    job = imported(before, home, by=alice)

    assert (job.state, job.runs, job.versions, job.left_out) == (ImportState.DONE, 4, 6, 0)
    (brought,) = Project.objects.filter(entity=home)
    assert_equal(rows_of(brought), rows_of(full_world))
    ids = dict(zip(public_ids(brought), public_ids(full_world), strict=True))
    assert_equal(told(files_of(archive_of(brought, alice)), ids), told(files_of(before), {}))
