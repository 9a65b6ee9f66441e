"""An archive is carried from one instance to another, by the commands alone: it says there what it said here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deaths import inside
from tests.imports.conftest import Files, files_of
from tests.imports.test_equality import told
from tests.live import LiveServer, migrated

pytestmark = [pytest.mark.live, pytest.mark.promise("P-13")]
_MAKE = """
    from apps.vault.readiness import make_ready
    from apps.teams.models import Entity
    from tests.factories import people, work
    from tests.imports.conftest import make_world
    from tests.imports.test_everything import make_full
    make_ready()
    alice = people.person("alice")
    people.team("lab", admin=alice)
    world = make_world(work.project("lab", "vision", by=alice), alice)
    make_full(world, Entity.objects.get(user=alice), alice)
"""
# Whoever imports code has it kept.
_BEGIN = """
    from apps.vault.readiness import make_ready
    from apps.accounts.actors import Actor
    from apps.teams.choices import SettingName
    from apps.teams.models import Entity
    from apps.teams.services import choose
    from tests.factories import people
    make_ready()
    nina = people.person("nina")
    choose(Entity.objects.get(user=nina), SettingName.CODE_SAVING, True, by=Actor.person(nina))
"""
_VIEWS = "projects/vision/views.json"


@pytest.fixture
def instances() -> Iterator[list[LiveServer]]:
    """Two that share nothing, neither databases nor files nor a root key, and on which nothing runs."""
    found = [LiveServer(), LiveServer()]
    try:
        for each in found:
            each.prepare_like(migrated())
        yield found
    finally:
        for each in found:
            each.remove()


def exported(instance: LiveServer, project: str, to: Path) -> Files:
    instance.manage("export", project, "--to", str(to))
    return files_of(to.read_bytes())


def ids_of_views(files: Files) -> dict[str, str]:
    return {each["name"]: each["id"] for each in json.loads(files[_VIEWS])}


def test_on_another_instance_an_archive_says_the_same_with_the_same_ids(
    instances: list[LiveServer], tmp_path: Path
) -> None:
    there, here = instances
    inside(there, _MAKE)
    inside(here, _BEGIN)
    before = exported(there, "lab/vision", tmp_path / "there.zip")

    said = here.manage("import", str(tmp_path / "there.zip"), "--into", "nina", "--for", "nina")

    assert "1 project, 4 runs, 7 versions of artifacts; 0 things were left out" in said
    after = exported(here, "nina/vision", tmp_path / "here.zip")
    views = ids_of_views(before)  # these alone have new ones (docs/imports.md)
    new = {each: views[name] for name, each in ids_of_views(after).items()}
    assert len(new) == 2 and set(new).isdisjoint(new.values())
    equal, is_of = told(before, {}), told(after, new)
    assert is_of.keys() == equal.keys() and len(equal) > 100
    assert {path for path in equal if is_of[path] != equal[path]} == set()
    # Whose they are is of each place, and who made them is told of the first.
    run = "projects/vision/runs/media/run.json"
    was, became = json.loads(before[run]), json.loads(after[run])
    assert was["public_id"] == became["public_id"]
    assert (was["created_by"], became["created_by"], became["imported_by"]) == ("alice", "alice", "nina")
