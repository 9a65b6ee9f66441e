"""Every kind of thing that may be in a project comes back as it was: in what the archive says, and in the rows behind it."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import Link, RunVersion
from apps.artifacts.services import link_version, update_version, use_version
from apps.artifacts.types import RunRole, VersionPatch
from apps.files.media import kinds
from apps.files.models import RunFile
from apps.files.queries import list_files
from apps.imports.readers.ownlog.reading import OwnlogReader
from apps.imports.types import ImportState
from apps.projects.models import Project
from apps.runs.history import store
from apps.runs.queries import find_run
from apps.runs.types import Stream, StreamRequest
from apps.teams.choices import SettingName
from apps.teams.models import Entity
from apps.teams.services import choose
from tests.exports.conftest import keep, log
from tests.factories import artifacts, people, work
from tests.imports import media
from tests.imports.conftest import (
    archive_of,
    archive_of_account,
    archive_of_all,
    files_of,
    imported,
    listing,
    zipped,
)
from tests.imports.rows import rows_of
from tests.imports.test_equality import public_ids, told

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-13")]

LOOK = {"$schema": "https://vega.github.io/schema/vega-lite/v5.json", "mark": "bar", "title": "${string:t}"}
TABLE = {"columns": ["a"], "data": [[1], [None]]}
DAY = 86_400
FULL = "projects/vision/runs/full"


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
    return make_full(world, home, alice)


def make_full(world: Project, home: Entity, alice: User) -> Project:
    """The same project with what a script may log besides: every kind of media with the lines that name them, code, a chart with a
    look of its own, tables in an artifact, one that refers to what lies elsewhere, versions that are kept for a day, for ever, and as
    their owner has it."""
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
        config_text=json.dumps({"_wandb": {"value": media.CLASSES | {"visualize": {"bars": chart}}}}),
    )
    bars = "media/table/bars_0_1.table.json"
    logged = media.LOGGED | {"bars": {"_type": "table-file", "path": bars, "nrows": 2, "ncols": 1}}
    files = media.named_in(logged) | {bars: json.dumps(TABLE).encode()}
    keep(
        run, **files, **{"code/train.py": b"print(1)\n", "code/sub/a.ipynb": b"{}", "diff.patch": b"--- a\n"}
    )
    page = next(each for each in files if each.endswith(".html"))
    keep(run, **{page: b"<p>y"})  # sent again: it changed since it came
    log(run, Stream.HISTORY, [json.dumps({"_step": 0, "_timestamp": 1.5} | logged)])
    store.append(run, StreamRequest(is_complete=True, exit_code=3))
    artifacts.look(world, "mine", json.dumps(LOOK), by=by)
    artifacts.version(world, "tables", media.TABLES, by=by, run=run)
    refs = {"far.bin": "s3://bucket/far.bin?versionId=1", "near": "https://example.org/near"}
    for ttl in (DAY, -2, None):
        of_version = {"a": b"a" * (ttl or 1) if ttl != DAY else b"day"}
        version = artifacts.version(world, "Refs", of_version, refs=refs, by=by, run=run, ttl_seconds=ttl)
    update_version(version, VersionPatch(description="said later"), by=by)
    return world


def test_the_world_has_each_kind_of_media_that_is_read_here() -> None:
    tables = {"joined-table", "partitioned-table", "table"}
    in_artifact = {name for data in media.TABLES.values() for name in media.types_in(json.loads(data))}

    assert {*kinds._READERS, "mask", "boxes2D", "histogram", *tables} <= {
        *media.types_in(media.LOGGED),
        *in_artifact,
    }


def test_every_kind_of_thing_is_equal_in_the_archive_and_in_the_rows(
    full_world: Project, home: Entity, alice: User
) -> None:
    before = archive_of(full_world, alice)

    job = imported(before, home, by=alice)

    assert (job.state, job.runs, job.versions, job.left_out) == (ImportState.DONE, 4, 7, 0)
    (brought,) = Project.objects.filter(entity=home)
    assert_equal(rows_of(brought), rows_of(full_world))
    ids = dict(zip(public_ids(brought), public_ids(full_world), strict=True))
    assert_equal(told(files_of(archive_of(brought, alice)), ids), told(files_of(before), {}))
    run = find_run(brought, "media")
    assert run is not None
    assert {each.name for each in list_files(run)} > set(media.named_in(media.LOGGED))


@pytest.fixture
def two(vision: Project, alice: User) -> list[Project]:
    """Projects of one team, with lineage and a link from one into the other, both ways."""
    by = Actor.person(alice)
    other = work.project("lab", "other", by=alice)
    maker, reader = work.run(vision, "maker", by=alice), work.run(other, "reader", by=alice)
    data = artifacts.version(vision, "data", {"a": b"a"}, by=by, run=maker)
    model = artifacts.version(other, "model", {"m": b"m"}, by=by, run=reader, type_name="model")
    use_version(reader, data)
    use_version(maker, model)
    link_version(data, other, name="shelf", aliases=["prod"], by=by)
    for run in (maker, reader):
        log(run, Stream.HISTORY, ['{"_step": 0, "loss": 0.5}'])
        store.append(run, StreamRequest(is_complete=True, exit_code=0))
    return [vision, other]


def test_an_archive_of_a_team_and_then_one_of_an_account_is_equal(
    two: list[Project], lab: Entity, home: Entity, alice: User
) -> None:
    """The team's becomes what a person has, their account's another team's."""
    of_team = archive_of_all(lab, two, alice)
    imported(of_team, home, by=alice)
    own = _projects(home)
    of_account = archive_of_account(home, own, alice)
    studio = people.team("studio", admin=alice)

    job = imported(of_account, studio, by=alice)

    assert (job.state, job.projects, job.runs, job.versions) == (ImportState.DONE, 2, 2, 2)
    assert job.left_out == 0  # no hash of a key, which the archive says is not in it, would have come
    brought = _projects(studio)
    again = archive_of_all(studio, brought, alice)
    for these, archive in ((own, of_account), (brought, again)):
        assert_equal(_rows_of_all(these), _rows_of_all(two))
        assert_equal(_told_of_projects(archive, _ids(these, two)), _told_of_projects(of_team, {}))
        edges = RunVersion.objects.filter(run__project__in=these, role=RunRole.INPUT.value).order_by("run")
        (vision, other), found = these, edges.values_list("run__project", "version__collection__project")
        assert list(found) == [(vision.pk, other.pk), (other.pk, vision.pk)]
        assert Link.objects.get(collection__project=other).version.collection.project == vision


def _projects(entity: Entity) -> list[Project]:
    return list(Project.objects.filter(entity=entity).order_by("pk"))


def _rows_of_all(projects: list[Project]) -> dict[str, Any]:
    return {f"{n}, {name}": said for n, each in enumerate(projects) for name, said in rows_of(each).items()}


def _ids(these: list[Project], those: list[Project]) -> dict[str, str]:
    """Those by these, whatever is of the same place."""
    return {
        here: there
        for this, that in zip(these, those, strict=True)
        for here, there in zip(public_ids(this), public_ids(that), strict=True)
    }


def _told_of_projects(archive: bytes, ids: dict[str, str]) -> dict[str, str]:
    """What is said of the owner (people, settings, the record, an account) is not brought."""
    said = told(files_of(archive), ids)
    return {path: what for path, what in said.items() if path.startswith("projects/")}


def test_what_is_missing_of_projects_is_left_out_and_what_is_withheld_of_an_account_is_not(
    archive: bytes,
) -> None:
    missing = [f"{FULL}/files/x", f"{FULL}: artifact a", "runs", "run 0123", "version 0123", "artifacts"]
    withheld = [
        "account/api-keys.json: secret_sha256_hex",
        "backups",
        "audit.jsonl",
        "account",
        "entity 0123",
    ]
    said = [{"path": path, "why": "w"} for path in missing + withheld]

    reader = OwnlogReader(io.BytesIO(zipped(listing(files_of(archive), not_included=said))))

    assert reader.left_out == len(missing)
    reader.close()


def test_of_an_archive_that_says_no_moments_of_files_those_of_the_zip_count(
    vision: Project, home: Entity, alice: User
) -> None:
    """As the first ones were."""
    run = work.run(vision, "full", by=alice)
    keep(run, a=b"a")
    files = files_of(archive_of(vision, alice))
    said = json.loads(files[f"{FULL}/run.json"])
    files[f"{FULL}/run.json"] = json.dumps(said | {"files": [{"name": "a", "path": "files/a"}]}).encode()

    imported(zipped(listing(files)), home, by=alice)

    file = RunFile.objects.get(run__project__entity=home)
    assert file.created_at == file.updated_at and file.updated_at.microsecond == 0
