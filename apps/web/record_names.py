"""What the ids in the audit record are called today, as far as whoever reads it may know; what is gone keeps its id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.urls import reverse

from apps.artifacts.queries.recorded import versions_among
from apps.projects.queries import labels_of_links
from apps.projects.saved_views import names_of_views
from apps.runs.queries import open_runs, runs_among
from apps.teams.queries import entities_of, names_of_keys
from apps.vault.damage import leaving_out_damaged
from apps.web.links import artifact_url, project_url, run_url, view_url

if TYPE_CHECKING:
    from apps.accounts.actors import Actor
    from apps.projects.models import Project
    from apps.projects.seen import Line, Owner
    from apps.projects.types import OpenProject


@dataclass(frozen=True, slots=True)
class Thing:
    """What an id stands for: a name that somebody chose, and where it is shown."""

    name: str
    url: str = ""


def things_in(actor: Actor, owner: Owner, lines: Sequence[Line]) -> dict[str, Thing]:
    """By id, for whoever holds the owner with ENTITY_AUDIT. Projects and people the lines name themselves."""
    places = {line.project.project.pk: line.project for line in lines if line.project is not None}
    projects = [each.project for each in places.values()]
    with leaving_out_damaged():
        return {
            **_runs(projects, places, _subjects(lines, "run.")),
            **_versions(projects, places, _subjects(lines, "artifact.")),
            **_links(projects, places, [str(line.event.facts.get("link", "")) for line in lines]),
            **_views(projects, places, _facts(lines, "view")),
            **{
                each: Thing(name) for each, name in names_of_keys(owner, _subjects(lines, "api_key.")).items()
            },
            **_teams(actor, _chosen(lines)),
            **{each: Thing("", reverse("erasure", args=[each])) for each in _facts(lines, "job")},
        }


def _subjects(lines: Sequence[Line], kinds: str) -> list[str]:
    return [line.event.subject for line in lines if line.event.kind.startswith(kinds)]


def _facts(lines: Sequence[Line], *names: str) -> list[str]:
    return [str(line.event.facts[name]) for line in lines for name in names if name in line.event.facts]


def _chosen(lines: Sequence[Line]) -> list[str]:
    """Where somebody's runs go is the one setting whose value is an id."""
    of_it = [line for line in lines if line.event.facts.get("setting") == "default_entity"]
    return _facts(of_it, "before", "after")


def _teams(actor: Actor, ids: list[str]) -> dict[str, Thing]:
    """Of those that the reader is in: how one is called today is not told to somebody who has left it."""
    if not ids:
        return {}
    rows = entities_of(actor).filter(public_id__in=ids).values_list("public_id", "name")
    return {public_id: Thing(name) for public_id, name in rows}


def _runs(projects: list[Project], places: dict[int, OpenProject], ids: list[str]) -> dict[str, Thing]:
    found = {}
    for opened in open_runs(runs_among(projects, ids)):
        place, head = places[opened.run.project_id], opened.head
        url = run_url(place.entity, place.name, head.name)
        found[opened.run.public_id] = Thing(head.display_name or head.name, url)
    return found


def _versions(projects: list[Project], places: dict[int, OpenProject], ids: list[str]) -> dict[str, Thing]:
    found = {}
    for opened in versions_among(projects, ids):
        row, collection = opened.version, opened.collection
        place = places[row.collection.project_id]
        version = f"v{row.number}"
        url = artifact_url(place.entity, place.name, collection.type_name, collection.name, version)
        found[row.public_id] = Thing(opened.name, url)
    return found


def _links(projects: list[Project], places: dict[int, OpenProject], ids: list[str]) -> dict[str, Thing]:
    found = {}
    for public_id, project_id, label in labels_of_links(projects, ids):
        place = places[project_id]
        found[public_id] = Thing(label, f"{project_url(place.entity, place.name)}/settings#links")
    return found


def _views(projects: list[Project], places: dict[int, OpenProject], ids: list[str]) -> dict[str, Thing]:
    found = {}
    for public_id, project_id, name in names_of_views(projects, ids):
        place = places[project_id]
        found[public_id] = Thing(name, view_url(place.entity, place.name, public_id))
    return found
