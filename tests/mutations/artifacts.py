"""Artifacts as everybody asks for them: one in each project of the world, made by alice, with the run of the place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.artifacts.models import Manifest, RunVersion, StoredFile, Version
from apps.artifacts.queries import entries, graph, holders, lineage, links, versions
from apps.artifacts.queries.looks import read_look
from apps.artifacts.services import get_manifest_upload, get_upload, may_add_to, use_version
from apps.artifacts.services.collections import collection_to_add_to
from apps.artifacts.types import RunRole
from apps.code_saving.credentials import Detector
from apps.leaks.services import _erase_in_artifact
from apps.leaks.types import Place as LeakPlace
from apps.leaks.types import Spot
from apps.projects.models import Project
from apps.runs.models import Run
from apps.teams.models import Entity
from tests.factories import artifacts

if TYPE_CHECKING:
    from tests.matrix.world import Place, World
    from tests.mutations.direct import Scene

P = Permission
_FILES = {"a.txt": b"words"}


def make(world: World) -> dict[str, str]:
    """A version in each project, by its name; and one that alice is still uploading."""
    by, made = Actor.person(world.users["alice"]), dict[str, str]()
    shut = Entity.objects.filter(name="shut")
    since = shut.get().suspended_at
    shut.update(suspended_at=None)  # it was made before
    for place in world.places:
        project = _project(place)
        run = Run.objects.get(public_id=place.target.run_id)
        if project.public_id not in made:
            version = artifacts.version(
                project,
                "data",
                _FILES,
                by=by,
                run=run,
                client_id=client_id(place),
                sequence_client_id=f"{client_id(place)} c",
            )
            made[project.public_id] = version.public_id
            use_version(run, version)
            artifacts.look(project, "a-look", "{}", by=by)
    shut.update(suspended_at=since)
    private, public = world.place("private project"), world.place("public project")
    use_version(
        Run.objects.get(public_id=public.target.run_id),
        Version.objects.get(public_id=made[private.target.project_id]),
    )
    begun = artifacts.begin(
        _project(private), "more", {"b.txt": b"x"}, by=by, client_id="client of what is begun"
    )
    return made | {"begun": begun.public_id}


def _project(place: Place) -> Project:
    return Project.objects.select_related("entity").get(public_id=place.target.project_id)


def version(s: Scene, place: Place) -> Version:
    rows = Version.objects.select_related("collection__project__entity")
    return rows.get(public_id=s.ids[place.target.project_id])


def client_id(place: Place) -> str:
    return f"client of {place.target.project}"[:32]


def _collection(s: Scene, place: Place, by: Actor) -> Any:
    return versions.get_collection_by_id(by, P.FILE_READ, public_id=version(s, place).collection.public_id)


def _stored(s: Scene, place: Place) -> str:
    """The id of what a version brought first. Its room is held to the one who may write, also when it is complete."""
    return StoredFile.objects.get(birth=version(s, place)).public_id


def _list(s: Scene, place: Place) -> str:
    return Manifest.objects.get(version=version(s, place), is_current=True).public_id


def _entry(s: Scene, place: Place, by: Actor) -> Any:
    held = version(s, place)
    file = StoredFile.objects.filter(project=held.collection.project).first()
    assert file is not None
    return entries.get_entry_file(by, version=held.public_id, file=file.public_id)


def _manifest(s: Scene, place: Place, by: Actor) -> Any:
    return entries.get_manifest(by, public_id=_list(s, place))


def _maker(s: Scene, place: Place) -> Run:
    made = RunVersion.objects.filter(version=version(s, place), role=RunRole.OUTPUT).order_by("id")
    return made.select_related("run__project__entity")[0].run


def _add(s: Scene, place: Place, by: Actor) -> Any:
    return collection_to_add_to(_project(place), name="data", type_name="dataset", client_id="", by=by)


def _erase_found(s: Scene, place: Place, by: Actor) -> Any:
    """As if something were found there. It is no code, and refused past the gate."""
    run = Run.objects.select_related("project__entity").get(public_id=place.target.run_id)
    spot = Spot(LeakPlace.ARTIFACT, Detector.GITHUB, file="a.txt", version=version(s, place).public_id)
    return _erase_in_artifact(run, spot, by)


# Name, permission, call.
CALLS: list[tuple[str, Permission, Any]] = [
    ("versions.get_version", P.FILE_WRITE, lambda s, p, by: versions.get_version(by, P.FILE_WRITE, public_id=version(s, p).public_id)),
    ("versions.passed", P.FILE_READ, lambda s, p, by: versions.passed(by, P.FILE_READ, version(s, p))),
    ("links.get_version", P.FILE_WRITE, lambda s, p, by: links.get_version(by, P.FILE_WRITE, public_id=version(s, p).public_id)),
    ("links.read_version_named", P.FILE_READ, lambda s, p, by: links.read_version_named(by, entity=p.target.entity, project=p.target.project, name="data")),
    ("looks.read_look", P.FILE_READ, lambda s, p, by: read_look(by, f"{p.target.entity}/{p.target.project}/a-look")),
    ("links.get_version_in", P.FILE_READ, lambda s, p, by: links.get_version_in(by, P.FILE_READ, project=_project(p), name="data:latest")),
    ("links.get_version_named", P.FILE_READ, lambda s, p, by: links.get_version_named(by, P.FILE_READ, entity=p.target.entity, project=p.target.project, name="data")),
    ("versions.get_open_version", P.FILE_WRITE, lambda s, p, by: versions.get_open_version(by, version(s, p).public_id)),
    ("versions.get_collection", P.FILE_READ, lambda s, p, by: versions.get_collection(by, P.FILE_READ, entity=p.target.entity, project=p.target.project, name="data")),
    ("versions.get_collection_in", P.FILE_WRITE, lambda s, p, by: versions.get_collection_in(by, P.FILE_WRITE, project=_project(p), name="data")),
    ("versions.get_collection_by_id", P.FILE_READ, _collection),
    ("versions.collections_in", P.FILE_READ, lambda s, p, by: versions.collections_in(by, _project(p))),
    ("entries.get_entry_file", P.FILE_READ, _entry),
    ("entries.get_manifest", P.FILE_READ, _manifest),
    ("versions.require_upload", P.FILE_WRITE, lambda s, p, by: versions.require_upload(by, version(s, p))),
    ("versions.require_version", P.FILE_ERASE, lambda s, p, by: versions.require_version(by, P.FILE_ERASE, version(s, p))),
    ("lineage.versions_to_delete_with", P.FILE_ERASE, lambda s, p, by: lineage.versions_to_delete_with(by, _maker(s, p))),
    ("holders.versions_to_erase", P.FILE_ERASE, lambda s, p, by: holders.versions_to_erase(by, version(s, p).collection_id)),
    ("leaks._erase_in_artifact", P.FILE_ERASE, _erase_found),
    ("uploads.get_upload", P.FILE_WRITE, lambda s, p, by: get_upload(by, public_id=_stored(s, p))),
    ("uploads.get_manifest_upload", P.FILE_WRITE, lambda s, p, by: get_manifest_upload(by, public_id=_list(s, p))),
    ("collections.collection_to_add_to", P.FILE_WRITE, _add),
]  # fmt: skip


def used_of_elsewhere(s: Scene, by: Actor) -> int:
    """How many of the versions that the public project's run read are shown: one of them lies in the private project."""
    run = Run.objects.get(public_id=s.world.place("public project").target.run_id)
    return len(lineage.versions_of_run(by, run, RunRole.INPUT))


def reached(s: Scene, by: Actor) -> int:
    """How many versions the lineage of the public project's run leads to: one of them lies in the private project."""
    run = Run.objects.get(public_id=s.world.place("public project").target.run_id)
    return sum(kind is Version for kind, _pk in graph.lineage_of(by, run, layers=1).layers)


def is_led(by: Actor, address: str, within: Place) -> bool:
    return versions.resolve_client_path(by, address, within=_project(within)) is not None


__all__ = [
    "CALLS",
    "client_id",
    "holders",
    "is_led",
    "lineage",
    "make",
    "may_add_to",
    "reached",
    "used_of_elsewhere",
    "version",
]
