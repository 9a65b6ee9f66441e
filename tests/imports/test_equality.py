"""What was exported, imported and exported again is the same in every value, moment, id, digest, alias and edge."""

from __future__ import annotations

import io
import json
from typing import Any

import pyarrow.parquet as pq
import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import Version
from apps.exports.types import Tables
from apps.imports import services
from apps.imports.models import ImportItem
from apps.imports.types import ImportState
from apps.projects.models import Project
from apps.projects.queries import open_project
from apps.projects.saved_views import views_of
from apps.runs.history import store
from apps.runs.models import Alert, Run
from apps.runs.services import finish_run
from apps.runs.types import RunState, Stream
from apps.teams.models import Entity
from tests.exports.conftest import log
from tests.factories import work
from tests.imports.conftest import Files, archive_of, files_of, imported, with_ids

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-13")]
_OURS = {"manifest.json", "README.html"}  # say when this export was made
# Whose a run is here is said besides; who may see a project is not brought.
_NOT_BROUGHT = {"imported_by", "entity", "people", "visibility", "visibility_chosen"}
_STEPS, _AT_ONCE = 100_000, 20_000


def told(files: Files, ids: dict[str, str]) -> dict[str, str]:
    """What an archive says, whatever the order in which it says it, with other ids in the place of these."""
    found = {}
    for path, data in files.items():
        if path not in _OURS:
            for there, here in ids.items():
                path = path.replace(f"~{there[:8]}", f"~{here[:8]}")
                data = data.replace(there.encode(), here.encode())
            found[path] = _told(path, data)
    return found


def _told(path: str, data: bytes) -> str:
    if path.endswith((".parquet", ".jsonl")):
        return _in_order(_rows(path, data))
    if path.endswith(".json") and "/files/" not in path:
        said = json.loads(data)
        kept = (
            {name: said[name] for name in said if name not in _NOT_BROUGHT}
            if isinstance(said, dict)
            else said
        )
        return data.decode() if path.endswith(("config.json", "summary.json")) else _in_order(kept)
    return repr(data)


def _rows(path: str, data: bytes) -> Any:
    if path.endswith(".jsonl"):
        return [json.loads(line) for line in data.splitlines()]
    table = pq.read_table(io.BytesIO(data))
    return {field.name: [str(field.type), table[field.name].to_pylist()] for field in table.schema}


def _in_order(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def public_ids(project: Project) -> list[str]:
    """In one order wherever they are."""
    below = (
        Run.objects.filter(project=project),
        project.collections.all(),
        Version.objects.filter(collection__project=project),
        Alert.objects.filter(run__project=project),
        project.saved_views.all(),
    )
    return [
        project.public_id,
        *(each for rows in below for each in rows.order_by("pk").values_list("public_id", flat=True)),
    ]


@pytest.fixture
def home(alice: User) -> Entity:
    return Entity.objects.get(user=alice)


@pytest.mark.parametrize("tables", [Tables.PARQUET, Tables.JSONL])
def test_export_import_export_is_equal(world: Project, alice: User, home: Entity, tables: Tables) -> None:
    before = archive_of(world, alice, tables)

    job = imported(before, home, by=alice)

    assert (job.state, job.projects, job.runs, job.versions) == (ImportState.DONE, 1, 3, 2)
    assert job.left_out == 0
    (brought,) = Project.objects.filter(entity=home)
    assert open_project(brought).name == "vision"
    # The first have theirs still: each thing has a new one, and whatever names it names it by that.
    ids = dict(zip(public_ids(brought), public_ids(world), strict=True))
    assert set(ids).isdisjoint(ids.values())
    after = files_of(archive_of(brought, alice, tables))
    assert told(after, ids) == told(files_of(before), {})
    assert [path for path in after if path.endswith("/alerts.json")] == [
        "projects/vision/runs/full/alerts.json"
    ]
    assert not Alert.objects.filter(run__project=brought, told_at=None).exists()  # nobody is mailed of them
    shown = views_of(brought)[0].table["show"][0].split(".")  # by the ids that the runs have here
    assert shown == [each.public_id for each in Run.objects.filter(project=brought).order_by("pk")[1:]]


def test_a_run_of_a_hundred_thousand_steps_is_equal(vision: Project, alice: User, home: Entity) -> None:
    """In values, steps and times. Most of it is compacted when it is exported, the last of it is not yet."""
    rows: list[dict[str, Any]] = [
        {"_step": 3 * n, "_timestamp": 1.7e9 + n / 8, "loss": 1 / (n + 1)} for n in range(_STEPS)
    ]
    for row in rows[::1_000]:
        row["n"] = 2**53 + 1 + row["_step"]
    lines = list(map(json.dumps, rows))
    run = work.run(vision, "long", by=alice)
    for first in range(0, _STEPS, _AT_ONCE):
        store.compact(run)
        log(run, Stream.HISTORY, lines[first : first + _AT_ONCE], first)
    finish_run(run, state=RunState.FINISHED, by=Actor.person(alice))
    before = archive_of(vision, alice)

    imported(before, home, by=alice)

    (brought,) = Project.objects.filter(entity=home)
    after = files_of(archive_of(brought, alice))
    ids = dict(zip(public_ids(brought), public_ids(vision), strict=True))
    assert told(after, ids) == told(files_of(before), {})
    path = "projects/vision/runs/long/history.parquet"
    columns = {name: values for name, (_kind, values) in _rows(path, after[path]).items()}
    assert columns == {name: [row.get(name) for row in rows] for name in rows[0]}


def test_ids_that_nobody_here_ever_bore_are_kept_but_for_those_of_views(
    world: Project, home: Entity, alice: User
) -> None:
    there = {old: old[::-1] for old in public_ids(world)}

    imported(with_ids(archive_of(world, alice), there), home, by=alice)

    (brought,) = Project.objects.filter(entity=home)
    views = world.saved_views.count()  # the last ones
    assert views and public_ids(brought)[:-views] == list(there.values())[:-views]
    # The record tells of views by their ids: what it says of one that is gone is said of no other.
    assert set(public_ids(brought)[-views:]).isdisjoint(there.values())


def test_nothing_is_seen_before_all_of_it_is_there(
    archive: bytes, home: Entity, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    finish = services._finish

    def look(*args: Any, **kwargs: Any) -> None:
        seen.append(Project.objects.filter(entity=home).count())
        finish(*args, **kwargs)

    monkeypatch.setattr(services, "_finish", look)

    imported(archive, home, by=alice)

    assert seen == [0]
    assert Project.objects.filter(entity=home).count() == 1
    assert not ImportItem.objects.exists()
