"""The lineage of a version or a run as its page shows it: a picture, and the same as a list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.artifacts.queries import collections_of, lineage_of
from apps.projects.queries import open_projects
from apps.runs.queries import heads_of
from apps.web.artifacts.graph import Box, Edge, Key, Node, drawn
from apps.web.colours import RUN_COLOURS
from apps.web.links import artifact_url, run_url
from apps.web.states import state_of

if TYPE_CHECKING:
    from django.http import QueryDict

    from apps.accounts.actors import Actor
    from apps.artifacts.models import Version
    from apps.artifacts.queries import Lineage
    from apps.projects.types import OpenProject
    from apps.runs.models import Run

LAYERS, MOST_LAYERS = 4, 20
_MOST_OPENED = 60


@dataclass(frozen=True, slots=True)
class Asked:
    """How far the page goes, and which boxes are opened."""

    layers: int
    opened: tuple[str, ...]

    def address(self, *, layers: int = 0, opened: str = "") -> str:
        """The same page with more in it."""
        folds = [*self.opened, *([opened] if opened else [])]
        wide = layers or self.layers
        query = {"layers": str(wide)} if wide != LAYERS else {}
        return "?" + urlencode(query | ({"open": ",".join(folds)} if folds else {}), safe=",")


@dataclass(frozen=True, slots=True)
class ShownBox:
    """A box of the picture: what it says and where it leads."""

    box: Box
    words: str
    detail: str
    href: str


@dataclass(frozen=True, slots=True)
class Step:
    """One layer of the list."""

    title: str
    boxes: list[ShownBox]


def asked_of(query: QueryDict) -> Asked:
    text = query.get("layers", "")
    layers = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else LAYERS
    opened = [each for each in query.get("open", "")[:1000].split(",") if each.isalnum()]
    return Asked(max(1, min(MOST_LAYERS, layers)), tuple(dict.fromkeys(opened))[:_MOST_OPENED])


def shown_lineage(actor: Actor, origin: Version | Run, asked: Asked) -> dict[str, Any]:
    found = lineage_of(actor, origin, layers=asked.layers)
    colours = _colours(found)
    nodes = _nodes(found, colours, here=_key(type(origin).__name__, origin.pk))
    edges: list[Edge] = sorted((_key(a[0].__name__, a[1]), _key(b[0].__name__, b[1])) for a, b in found.edges)
    picture = drawn(nodes, edges, asked.opened)
    steps = [
        Step(_step_title(layer), [_shown(box, asked) for box in boxes]) for layer, boxes in picture.columns
    ]
    return {
        "picture": picture,
        "steps": steps,
        "boxes": [box for step in steps for box in step.boxes],
        "types": sorted(colours.items()),
        "count": len(nodes),
        "is_alone": len(nodes) == 1,
        "is_cut": found.is_cut,
        "further": asked.address(layers=min(MOST_LAYERS, asked.layers + LAYERS))
        if any(found.goes_further.values()) and asked.layers < MOST_LAYERS
        else "",
        "folded_again": asked.address() if not asked.opened else "?",
        "has_opened": bool(asked.opened),
    }


def _key(kind: str, pk: int) -> Key:
    return kind.lower(), pk


def _colours(found: Lineage) -> dict[str, int]:
    """By type the number of its colour."""
    names = {each.type_name for each in collections_of(found.versions.values()).values()}
    return {name: number % RUN_COLOURS + 1 for number, name in enumerate(sorted(names))}


def _nodes(found: Lineage, colours: Mapping[str, int], *, here: Key) -> list[Node]:
    layers = {_key(kind.__name__, pk): layer for (kind, pk), layer in found.layers.items()}
    projects = {run.project_id: run.project for run in found.runs.values()}
    projects |= {each.collection.project_id: each.collection.project for each in found.versions.values()}
    places = {each.project.pk: each for each in open_projects(projects.values())}
    return [*_runs(found, places, layers, here), *_versions(found, places, layers, here, colours)]


def _runs(
    found: Lineage, places: Mapping[int, OpenProject], layers: Mapping[Key, int], here: Key
) -> list[Node]:
    nodes = []
    for pk, head in heads_of(found.runs.values()).items():
        run, key = found.runs[pk], _key("run", pk)
        if (place := places.get(run.project_id)) is None:
            continue
        nodes.append(
            Node(
                key,
                layers[key],
                head.display_name or head.name,
                run_url(place.entity, place.name, head.name),
                detail=state_of(run).word,
                like=(f"{run.project_id} {bool(head.group)}", head.group or head.job_type),
                is_here=key == here,
            )
        )
    return nodes


def _versions(
    found: Lineage,
    places: Mapping[int, OpenProject],
    layers: Mapping[Key, int],
    here: Key,
    colours: Mapping[str, int],
) -> list[Node]:
    collections, nodes = collections_of(found.versions.values()), []
    for pk, version in found.versions.items():
        key, opened = _key("version", pk), collections.get(version.collection_id)
        place = places.get(version.collection.project_id)
        if opened is None or place is None:
            continue
        number = f"v{version.number}"
        nodes.append(
            Node(
                key,
                layers[key],
                f"{opened.name}:{number}",
                artifact_url(place.entity, place.name, opened.type_name, opened.name, number),
                detail=opened.type_name,
                colour=colours[opened.type_name],
                like=(f"{opened.collection.pk}", opened.name),
                is_here=key == here,
            )
        )
    return nodes


def _shown(box: Box, asked: Asked) -> ShownBox:
    count = len(box.nodes)
    if not box.fold:
        return ShownBox(box, box.first.title, box.first.detail, f"{box.first.url}/lineage")
    words = (
        ngettext("%(n)d run", "%(n)d runs", count)
        if box.is_run  # a layer holds runs or versions, never both
        else ngettext("%(n)d version", "%(n)d versions", count)
    )
    return ShownBox(box, box.common, words % {"n": count}, asked.address(opened=box.fold))


def _step_title(layer: int) -> str:
    if not layer:
        return _("Here")
    words = (
        ngettext("%(n)d step before", "%(n)d steps before", -layer)
        if layer < 0
        else ngettext("%(n)d step after", "%(n)d steps after", layer)
    )
    return words % {"n": abs(layer)}
