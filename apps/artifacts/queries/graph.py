"""What a version or a run came of and what came of it: runs and versions in layers, as far as the asker may see them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from apps.accounts.actors import Actor
from apps.artifacts.models import Collection, RunVersion, Version
from apps.artifacts.queries.versions import open_collections
from apps.artifacts.types import OpenCollection, RunRole, VersionState
from apps.projects.gate import readable
from apps.projects.models import Project
from apps.runs.models import Run

MOST_NODES = 500
# Of one layer; what is left out is the oldest.
_MOST_LINKS = 4 * MOST_NODES
_HEAVY = ("sealed_config", "sealed_summary", "sealed_keys")

Node = tuple[type[Run] | type[Version], int]


@dataclass(slots=True)
class Lineage:
    """Layer 0 holds the one asked about; below zero stands what it came of. Versions and runs take turns.

    An edge leads from what was first to what came of it: from a run to what it made, from a version to who read it.
    """

    layers: dict[Node, int]
    edges: set[tuple[Node, Node]] = field(default_factory=set)
    runs: dict[int, Run] = field(default_factory=dict)
    versions: dict[int, Version] = field(default_factory=dict)
    goes_further: dict[int, bool] = field(
        default_factory=dict
    )  # by direction: there is more behind the last layer
    is_cut: bool = False  # there are more than fit


@dataclass(frozen=True, slots=True)
class _Link:
    near: int
    far: int
    project: int  # in which the far one lies


def lineage_of(actor: Actor, origin: Version | Run, *, layers: int) -> Lineage:
    """The lineage of a version or a run that is held already, so many layers to each side.

    One question a layer, one more for projects that were not met before, two more where it has to be cut, and two for all
    that was found.
    """
    start: Node = (type(origin), origin.pk)
    found = Lineage({start: 0})
    walk = _Walk(actor, found)
    walk.met(_project_of(origin))
    for way in (-1, 1):
        frontier = [start]
        for layer in range(1, layers + 1):
            frontier = walk.step(frontier, way, way * layer)
        found.goes_further[way] = walk.leads_on(frontier, way)
    _fetch(found)
    return found


def _project_of(origin: Version | Run) -> Project:
    return origin.collection.project if isinstance(origin, Version) else origin.project


def _fetch(found: Lineage) -> None:
    ids = {kind: [pk for each, pk in found.layers if each is kind] for kind in (Run, Version)}
    runs = Run.objects.select_related("project__entity").defer(*_HEAVY)
    found.runs = runs.in_bulk(ids[Run])
    versions = Version.objects.filter(state=VersionState.COMMITTED).defer("sealed_words")
    found.versions = versions.select_related("collection__project__entity").in_bulk(ids[Version])


def collections_of(versions: Iterable[Version]) -> dict[int, OpenCollection]:
    """By its row each collection of these versions, opened with one question to the vault a project."""
    by_project: dict[int, dict[int, Collection]] = defaultdict(dict)
    for each in versions:
        by_project[each.collection.project_id][each.collection_id] = each.collection
    return {
        opened.collection.pk: opened
        for rows in by_project.values()
        for opened in open_collections(rows.values(), next(iter(rows.values())).project)
    }


class _Walk:
    """Goes from layer to layer. What the asker may not see is not there, and nothing behind it: not even that it is."""

    def __init__(self, actor: Actor, found: Lineage) -> None:
        self.actor, self.found = actor, found
        self.seen: dict[int, bool] = {}  # by project

    def met(self, project: Project) -> None:
        self.seen[project.pk] = True

    def step(self, frontier: Sequence[Node], way: int, layer: int) -> list[Node]:
        """The nodes of the next layer that are new."""
        if not frontier:
            return []
        new: dict[Node, None] = {}
        kind = _other(frontier[0][0])
        for link in self._links(frontier, way):
            near, far = (frontier[0][0], link.near), (kind, link.far)
            if far not in self.found.layers:
                if len(self.found.layers) >= MOST_NODES:
                    self.found.is_cut = True
                    continue
                self.found.layers[far] = layer
                new[far] = None
            self.found.edges.add((near, far) if way > 0 else (far, near))
        return list(new)

    def leads_on(self, frontier: Sequence[Node], way: int) -> bool:
        if not frontier:
            return False
        kind = _other(frontier[0][0])
        return any((kind, link.far) not in self.found.layers for link in self._links(frontier, way))

    def _links(self, frontier: Sequence[Node], way: int) -> list[_Link]:
        kind, ids = frontier[0][0], [pk for _kind, pk in frontier]
        is_version = kind is Version
        # Back from a version to its makers, on to its readers; back from a run to what it read, on to what it made.
        role = RunRole.OUTPUT if is_version == (way < 0) else RunRole.INPUT
        rows = RunVersion.objects.filter(
            role=role.value,
            run__erased_at=None,
            run__project__erased_at=None,
            version__state=VersionState.COMMITTED,
            version__collection__project__erased_at=None,
        ).order_by("-id")
        if is_version:
            rows = rows.filter(version__in=ids)
            place = "run__project_id"
            columns = ("version_id", "run_id", place)
        else:
            rows = rows.filter(run__in=ids)
            place = "version__collection__project_id"
            columns = ("run_id", "version_id", place)
        found = [_Link(*row) for row in rows.values_list(*columns)[:_MOST_LINKS]]
        if len(found) == _MOST_LINKS:
            # What the asker may not see takes no room, and they are not told of a cut that was made of it.
            self._ask(rows.order_by().values_list(place, flat=True).distinct())
            rows = rows.filter(**{f"{place}__in": [pk for pk, is_seen in self.seen.items() if is_seen]})
            found = [_Link(*row) for row in rows.values_list(*columns)[:_MOST_LINKS]]
            self.found.is_cut = self.found.is_cut or len(found) == _MOST_LINKS
        self._ask({link.project for link in found})
        return [link for link in found if self.seen[link.project]]

    def _ask(self, projects: Iterable[int]) -> None:
        new = [pk for pk in projects if pk not in self.seen]
        if not new:
            return
        rows = Project.objects.select_related("entity").filter(pk__in=new)
        shown = {each.pk for each in readable(self.actor, rows)}
        self.seen |= {pk: pk in shown for pk in new}


def _other(kind: type[Run] | type[Version]) -> type[Run] | type[Version]:
    return Version if kind is Run else Run
