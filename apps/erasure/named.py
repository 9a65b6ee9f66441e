"""What is to be erased, found by the names that are typed on the instance's machine: whoever types there asks no gate.

Nothing here is for a door. What is found is counted and closed as for anybody else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from apps.accounts.actors import Actor
from apps.accounts.names import as_stored, is_name
from apps.artifacts.models import Collection, Link, Version
from apps.artifacts.queries import all_versions, find_collection, find_version, links_of
from apps.artifacts.queries.versions import NO_ARTIFACT
from apps.artifacts.types import CollectionKind
from apps.core.errors import Invalid, NotFound
from apps.erasure.accounts import account_would_go, erase_account
from apps.erasure.artifacts import erase_artifact, erase_versions
from apps.erasure.idle import tell_of_closing
from apps.erasure.models import ErasureJob
from apps.erasure.organisations import erase_organisation, organisation_would_go
from apps.erasure.parts import check_ended, check_parts, erase_parts, parts_would_go
from apps.erasure.queries import team_would_go, versions_would_go, would_go
from apps.erasure.services import check_count, erase_files, erase_project, erase_runs
from apps.erasure.teams import erase_team
from apps.erasure.types import Scope
from apps.files.models import RunFile
from apps.files.queries import find_file
from apps.projects.models import Project
from apps.projects.queries import NO_PROJECT, find_project
from apps.runs.errors import BackSoon
from apps.runs.models import Run
from apps.runs.parts import PartKind, RunPart
from apps.runs.queries import find_run, is_back_soon
from apps.teams.models import Entity, Organisation
from apps.teams.queries import entity_by_name
from apps.teams.types import EntityKind


class Kind(StrEnum):
    """What can be named: the thing, and what the place before its name is."""

    ACCOUNT = "account"  # NAME
    TEAM = "team"  # NAME
    ORGANISATION = "organisation"  # NAME
    PROJECT = "project"  # of ENTITY/PROJECT
    RUN = "run"  # in ENTITY/PROJECT
    FILE = "file"  # in ENTITY/PROJECT/RUN
    VERSION = "version"  # in ENTITY/PROJECT, called NAME:v3
    ARTIFACT = "artifact"  # in ENTITY/PROJECT, or a collection of a registry
    # Parts of a run, in ENTITY/PROJECT/RUN.
    METRIC = PartKind.METRIC.value
    SYSTEM = PartKind.SYSTEM.value
    SUMMARY = PartKind.SUMMARY.value
    CONFIG = PartKind.CONFIG.value
    MEDIA = PartKind.MEDIA.value


_PARTS = {Kind(each.value) for each in PartKind}


@dataclass(frozen=True, slots=True)
class Named:
    """What was named, what goes with it, and what begins its erasure."""

    counted: dict[str, int]
    word: str  # to be typed before it begins
    begin: Callable[[Actor, bool], ErasureJob]  # by whom; and whether at once, whatever its owner chose


def named(kind: Kind, place: str, names: Sequence[str]) -> Named:
    """NotFound for what is not there, Invalid for words that name nothing of the kind."""
    names = list(dict.fromkeys(names))
    if kind in _ALONE:
        if names:
            raise Invalid("A project is named by ENTITY/PROJECT alone, what holds projects by its name.")
        return _ALONE[kind](place)
    check_count(names)
    if kind is Kind.FILE:
        held = _run_of(place)
        return _files([find_file(held, name).file for name in names], names)
    if kind in _PARTS:
        return _parts(_run_of(place), [RunPart(PartKind(kind), name) for name in names], names)
    project = _project_at(place)
    if kind is Kind.RUN:
        return _runs([_run_at(project, name) for name in names], names)
    if kind is Kind.VERSION:
        return _versions([_version_at(project, name) for name in names], names)
    if len(names) > 1:
        raise Invalid("Artifacts are erased one by one.")
    return _artifact(_collection_at(project, names[0]), names[0])


def _project_at(place: str) -> Project:
    entity, slash, name = place.partition("/")
    if not slash or not name:
        raise Invalid("Say where: ENTITY/PROJECT, and for a file or a part of a run ENTITY/PROJECT/RUN.")
    found = find_project(entity_by_name(entity), name)
    if found is None:
        raise NotFound(NO_PROJECT)
    return found


def _run_of(place: str) -> Run:
    head, _, run = place.rpartition("/")
    return _run_at(_project_at(head), run)


def _run_at(project: Project, name: str) -> Run:
    found = find_run(project, name)
    if found is None and is_back_soon(project, name):
        raise BackSoon
    if found is None:
        raise NotFound("There is no such run. Runs are named by the id that stands in their address.")
    return found


def _collection_at(project: Project, name: str) -> Collection:
    found = find_collection(project, name)
    if found is None:
        raise NotFound(NO_ARTIFACT)
    return found


def _version_at(project: Project, name: str) -> Version:
    collection, colon, alias = name.rpartition(":")
    if not colon:
        raise Invalid("A version is named by NAME:v3, or by an alias in its place.")
    held = _collection_at(project, collection)
    found = None if held.kind == CollectionKind.PORTFOLIO else find_version(held, alias)
    if found is None:
        raise NotFound(NO_ARTIFACT)
    return found


def _word(names: Sequence[str]) -> str:
    """One thing by its name, several by how many they are."""
    return names[0] if len(names) == 1 else str(len(names))


def _project(place: str) -> Named:
    project = _project_at(place)
    went = would_go(Scope.PROJECT, [project])
    counted = {"runs": went.runs, "of them running": went.running, "files of runs": went.files}
    made = Version.objects.filter(collection__project=project)
    counted |= {"versions of artifacts": made.count(), "bytes as stored": went.stored_bytes}
    return Named(counted, "", lambda by, now: erase_project(project, by=by, at_once=now))


def _runs(runs: Sequence[Run], names: Sequence[str]) -> Named:
    went = would_go(Scope.RUNS, runs)
    counted = {"runs": went.runs, "of them running": went.running, "files": went.files}
    return Named(
        counted | {"bytes as stored": went.stored_bytes},
        _word(names),
        lambda by, now: erase_runs(runs, by=by, at_once=now),
    )


def _files(files: Sequence[RunFile], names: Sequence[str]) -> Named:
    went = would_go(Scope.FILES, files)
    counted = {"files": went.files, "bytes as stored": went.stored_bytes}
    return Named(counted, _word(names), lambda by, now: erase_files(files, by=by, at_once=now))


def _parts(run: Run, parts: Sequence[RunPart], names: Sequence[str]) -> Named:
    check_parts(run, parts)
    check_ended(run)
    went = parts_would_go(run, parts)
    counted = {
        "values of the history": went.values,
        "files": went.files,
        "bytes as stored": went.stored_bytes,
    }
    return Named(counted, _word(names), lambda by, _: erase_parts(run, parts, by=by))


def _versions(versions: Sequence[Version], names: Sequence[str]) -> Named:
    return Named(
        _of_versions(versions),
        _word(names),
        lambda by, now: erase_versions(versions, by=by, at_once=now),
    )


def _artifact(collection: Collection, name: str) -> Named:
    if collection.kind == CollectionKind.PORTFOLIO:
        counted = {"links (what they lead to stays)": Link.objects.filter(collection=collection).count()}
    else:
        counted = _of_versions(all_versions(collection.pk))
    return Named(counted, name, lambda by, now: erase_artifact(collection, by=by, at_once=now))


def _of_versions(versions: Sequence[Version]) -> dict[str, int]:
    went = versions_would_go(versions)
    return {
        "versions": went.versions,
        "files that nothing else holds": went.files,
        "files that stay, held by other versions": went.shared,
        "links that are cut": len(links_of(versions)),
        "bytes as stored": went.stored_bytes,
    }


def _entity(name: str, kind: EntityKind, word: str) -> Entity:
    found = entity_by_name(name)
    if found.kind != kind:
        raise NotFound(f"There is no {word} of this name.")
    return found


def _of_entity(scope: Scope, entity: Entity) -> dict[str, int]:
    went = would_go(scope, [entity])
    return {
        "projects": Project.objects.filter(entity=entity).count(),
        "runs": went.runs,
        "of them running": went.running,
        "files of runs": went.files,
        "versions of artifacts": Version.objects.filter(collection__project__entity=entity).count(),
        "bytes as stored": went.stored_bytes,
    }


def _team(name: str) -> Named:
    team = _entity(name, EntityKind.TEAM, "team")
    beside = team_would_go(team)
    counted = _of_entity(Scope.TEAM, team) | {
        "people who leave it": beside.people,
        "services": beside.services,
    }
    return Named(counted, team.name, lambda by, now: erase_team(team, by=by, at_once=now))


def _account(name: str) -> Named:
    own = _entity(name, EntityKind.PERSONAL, "account")
    assert own.user is not None, "a constraint of the table: it is not being erased"
    user, beside = own.user, account_would_go(own.user)
    counted = _of_entity(Scope.ACCOUNT, own) | {"API keys": beside.keys, "places in teams": beside.places}
    counted["runs elsewhere, which stay without a name"] = beside.stays
    counted["webhooks elsewhere, which go on"] = beside.hooks

    def begin(by: Actor, now: bool) -> ErasureJob:
        job, secret = erase_account(user, by=by, at_once=now)
        tell_of_closing(user, secret)  # where no mail goes out: manage.py way_back
        return job

    return Named(counted, own.name, begin)


def _organisation(name: str) -> Named:
    name = as_stored(name)
    found = Organisation.objects.filter(name=name).first() if is_name(name) else None
    if found is None:
        raise NotFound("There is no organisation of this name.")
    went, held = organisation_would_go(found), found
    counted = {"registries": went.registries, "links (what they lead to stays)": went.links}
    counted |= {"people who leave it": went.people, "teams, which stay": went.teams}
    return Named(counted, held.name, lambda by, now: erase_organisation(held, by=by, at_once=now))


_ALONE: dict[Kind, Callable[[str], Named]] = {
    Kind.PROJECT: _project,
    Kind.ACCOUNT: _account,
    Kind.TEAM: _team,
    Kind.ORGANISATION: _organisation,
}
