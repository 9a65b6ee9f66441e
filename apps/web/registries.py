"""The registries of an organisation as pages show them: which there are, what is linked in one, and who did what there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apps.access.policy import Visibility
from apps.artifacts.names import REGISTRY_PREFIX
from apps.artifacts.queries import (
    aliases_in,
    collections_in,
    members_of_registry,
    note_listed,
    portfolios_in,
    promotions_of,
    registry_words,
    sums_of,
    teams_of_registry,
)
from apps.artifacts.types import Move
from apps.projects.types import RegistryRole
from apps.web.links import artifact_url, entity_url, project_url

if TYPE_CHECKING:
    from apps.accounts.actors import Actor
    from apps.artifacts.types import CollectionSum, OpenCollection, OpenPromotion
    from apps.projects.types import OpenProject

_MOST_MOVES = 30


@dataclass(frozen=True, slots=True)
class Shelf:
    """A registry in the list of its organisation."""

    name: str
    description: str
    url: str
    is_restricted: bool
    collections: int
    linked: int
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Row:
    """A collection of a registry."""

    opened: OpenCollection
    url: str
    aliases: list[str]
    sum: CollectionSum | None


@dataclass(frozen=True, slots=True)
class Said:
    """One line of the history in words."""

    move: OpenPromotion
    says: str
    url: str


def short_name(place: OpenProject) -> str:
    return place.name.removeprefix(REGISTRY_PREFIX)


def shelves(actor: Actor, places: Sequence[OpenProject]) -> list[Shelf]:
    found_in = portfolios_in(actor, (place.project for place in places))
    inside = [(place, found_in[place.project.pk]) for place in places if place.project.pk in found_in]
    sums = sums_of(actor, (each.collection for _place, collections in inside for each in collections))
    found = []
    for place, collections in inside:
        linked = [sums[each.collection.pk].versions for each in collections if each.collection.pk in sums]
        changed = [each.collection.updated_at for each in collections]
        found.append(
            Shelf(
                short_name(place),
                place.description,
                project_url(place.entity, place.name),
                place.visibility is Visibility.RESTRICTED,
                len(collections),
                sum(linked),
                max([place.project.created_at, *changed]),
            )
        )
    return sorted(found, key=lambda each: each.name)


def registry_facts(actor: Actor, place: OpenProject) -> dict[str, Any]:
    """What the page of one registry says."""
    collections = collections_in(actor, place.project)
    sums = sums_of(actor, (each.collection for each in collections))
    note_listed(actor, [each.newest for each in sums.values()])
    aliases = aliases_in(each.collection for each in collections)
    return frame(place) | {
        "rows": [
            Row(
                each,
                collection_url(place, each),
                aliases[each.collection.pk],
                sums.get(each.collection.pk),
            )
            for each in collections
        ],
        "words": registry_words(place.project),
        "people": members_of_registry(actor, place.project),
        "teams": teams_of_registry(place.project),
        "moves": history(actor, place, collections),
    }


def settings_facts(actor: Actor, place: OpenProject) -> dict[str, Any]:
    """What the settings of a registry say, for whoever may change them."""
    return frame(place) | {
        "words": registry_words(place.project),
        "people": members_of_registry(actor, place.project),
        "teams": teams_of_registry(place.project),
        "roles": list(RegistryRole),
    }


def frame(place: OpenProject) -> dict[str, Any]:
    """What every page of a registry shows around its own part."""
    return {
        "frame_template": "registries/base.html",
        "opened": place,
        "url": project_url(place.entity, place.name),
        "organisation_url": entity_url(place.entity),
        "registry": short_name(place),
        "is_restricted": place.visibility is Visibility.RESTRICTED,
    }


def history(actor: Actor, place: OpenProject, collections: Sequence[OpenCollection]) -> list[Said]:
    return [
        Said(each, _says(each), collection_url(place, each.portfolio))
        for each in promotions_of(actor, collections, count=_MOST_MOVES)
    ]


def _says(told: OpenPromotion) -> str:
    row = told.promotion
    version = f"v{row.number}"
    if row.move == Move.ALIAS_MOVED and row.before is not None:
        return _("from v%(before)d to %(version)s") % {"before": row.before, "version": version}
    return {
        Move.LINKED: _("linked %(version)s"),
        Move.UNLINKED: _("unlinked %(version)s"),
        Move.CUT: _("%(version)s was erased where it was made"),
        Move.ALIAS_MOVED: _("to %(version)s"),
        Move.ALIAS_DROPPED: _("taken from %(version)s"),
    }[Move(row.move)] % {"version": version}


def collection_url(place: OpenProject, opened: OpenCollection) -> str:
    return artifact_url(place.entity, place.name, opened.type_name, opened.name)
