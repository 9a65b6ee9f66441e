"""The artifacts of a project as a ledger, and the versions of one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.artifacts.queries import (
    count_versions,
    links_in,
    makers_of,
    note_listed,
    open_members,
    shown,
    sums_of,
    versions_of,
)
from apps.artifacts.types import CollectionKind, CollectionSum, OpenCollection, OpenVersion
from apps.projects.queries import open_projects
from apps.runs.queries import open_runs
from apps.web.colours import run_colour, swatch_class
from apps.web.links import artifact_url, project_url, run_url, with_query

if TYPE_CHECKING:
    from apps.accounts.actors import Actor
    from apps.projects.types import OpenProject
    from apps.runs.models import Run

PAGE = 100


@dataclass(frozen=True, slots=True)
class Line:
    """A collection in the ledger."""

    opened: OpenCollection
    sum: CollectionSum
    url: str


@dataclass(frozen=True, slots=True)
class TypeChoice:
    name: str
    count: int
    href: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class RunLink:
    """A run to which a page of an artifact leads."""

    run: Run
    title: str
    url: str
    swatch: str


@dataclass(frozen=True, slots=True)
class VersionLine:
    opened: OpenVersion
    url: str
    maker: RunLink | None
    number: int
    aliases: tuple[str, ...]


def lines_of(actor: Actor, place: OpenProject, found: Sequence[OpenCollection]) -> list[Line]:
    """A portfolio in which nothing is shown to the actor is not there."""
    sums = sums_of(actor, (each.collection for each in found))
    return [
        Line(
            each, sums[each.collection.pk], artifact_url(place.entity, place.name, each.type_name, each.name)
        )
        for each in found
        if each.collection.pk in sums
    ]


def types_in(place: OpenProject, found: Sequence[OpenCollection], chosen: str) -> list[TypeChoice]:
    """The types that there are, by name, each with how many collections it has."""
    here = f"{project_url(place.entity, place.name)}/artifacts"
    counts = Counter(each.type_name for each in found)
    return [
        TypeChoice(name, counts[name], with_query(here, {"type": _sayable(name)}), _sayable(name) == chosen)
        for name in sorted(counts)
    ]


def of_type(found: Sequence[OpenCollection], chosen: str) -> list[OpenCollection]:
    return [each for each in found if not chosen or _sayable(each.type_name) == chosen]


def _sayable(name: str) -> str:
    """As it comes back in an address, where half a surrogate pair cannot stand."""
    return name.encode("utf-8", "replace").decode()


def version_lines(
    actor: Actor, opened: OpenCollection, place: OpenProject, *, start: int
) -> list[VersionLine]:
    """A page of the versions, made in it or linked to it, the newest first, each with the run that made it."""
    if opened.collection.kind == CollectionKind.PORTFOLIO:
        found = shown(actor, links_in(opened.collection).reverse())[start : start + PAGE]
        if place.project.is_registry:
            note_listed(actor, [each.version for each in found])
        rows = [(each.source, each.link.number, each.aliases) for each in open_members(found)]
    else:
        versions = versions_of(opened.collection, start=start, count=PAGE)
        rows = [(each, each.version.number or 0, each.aliases) for each in versions]
    makers = makers_of(actor, [each.version for each, _number, _aliases in rows])
    links = run_links(makers.values())
    here = artifact_url(place.entity, place.name, opened.type_name, opened.name)
    return [
        VersionLine(
            each,
            f"{here}/v{number}",
            links.get(makers[each.version.pk].pk) if each.version.pk in makers else None,
            number,
            aliases,
        )
        for each, number, aliases in rows
    ]


def count_lines(actor: Actor, opened: OpenCollection) -> int:
    if opened.collection.kind == CollectionKind.PORTFOLIO:
        return len(shown(actor, links_in(opened.collection)))
    return count_versions(opened.collection)


def lines_of_run(found: Sequence[OpenVersion]) -> list[VersionLine]:
    """Versions of any projects, each with the way to it."""
    projects = {each.version.collection.project_id: each.version.collection.project for each in found}
    places = {each.project.pk: each for each in open_projects(projects.values())}
    return [
        VersionLine(
            each,
            version_url(places[each.version.collection.project_id], each),
            None,
            each.version.number or 0,
            each.aliases,
        )
        for each in found
        if each.version.collection.project_id in places
    ]


def version_url(place: OpenProject, opened: OpenVersion, *rest: str) -> str:
    collection = opened.collection
    number = f"v{opened.version.number}"
    return artifact_url(place.entity, place.name, collection.type_name, collection.name, number, *rest)


def run_links(runs: Collection[Run]) -> dict[int, RunLink]:
    """By its row, each of these runs as a page leads to it: opened with one question to the vault."""
    projects = {run.project_id: run.project for run in runs}
    places = {each.project.pk: each for each in open_projects(projects.values())}
    return {
        each.run.pk: RunLink(
            each.run,
            each.head.display_name or each.head.name,
            run_url(places[each.run.project_id].entity, places[each.run.project_id].name, each.head.name),
            swatch_class(run_colour(each.run.number)),
        )
        for each in open_runs({run.pk: run for run in runs}.values())
        if each.run.project_id in places
    }
