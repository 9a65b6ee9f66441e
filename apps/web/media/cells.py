"""Media in the cells of logged tables, and where their files lie.

In the file of the run such a cell is the name of its kind. What it is stands in the same table as the client keeps it in
an artifact, and so do the bytes: both are found through the gate, for whoever asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from apps.artifacts.queries import find_entries, open_version, resolve_client_path
from apps.core.errors import Invalid, NotFound
from apps.files.media.kinds import items_of
from apps.files.media.tables import MOST_BYTES, Part, Table, read_table
from apps.files.media.types import Item, Kind
from apps.files.queries import list_files
from apps.projects.queries import open_project
from apps.runs.queries import open_run
from apps.web.artifacts.browser import handed_entry
from apps.web.artifacts.ledger import version_url
from apps.web.links import run_url

if TYPE_CHECKING:
    from apps.accounts.actors import Actor
    from apps.artifacts.types import OpenVersion
    from apps.runs.models import Run

# How the file of the run names a medium that stands in a cell.
_NAMES = frozenset({"Image", "Audio", "Video", "Html", "Object3D", "Molecule", "Plotly"})
_MOST_ITEMS = 4
_MOST_ARTIFACTS = 24  # an incremental table has one for each of its parts

Row = Sequence[Any]


def filled(run: Run, table: Table, places: Sequence[int], actor: Actor) -> tuple[list[Row], dict[str, str]]:
    """These rows with their media, and by path the address of who holds the file of each: the run, or an artifact."""
    rows = {place: table.rows[place] for place in places}
    versions: list[OpenVersion] = []
    for part in table.parts:
        inside = [place for place in places if part.start <= place < part.start + part.count]
        wanted = [place for place in inside if any(_is_name(cell) for cell in rows[place])]
        if not wanted or not part.artifact or len(versions) == _MOST_ARTIFACTS:
            continue
        if (found := _in_artifact(run, part, actor)) is not None:
            version, whole = found
            versions.append(version)
            for place in wanted:
                if place - part.start < len(whole):
                    rows[place] = whole[place - part.start]
    shown = list(rows.values())
    return shown, _owners(run, versions, shown)


def items_in(value: Any) -> list[Item]:
    """The media that a cell holds: one, or a list."""
    given = value if isinstance(value, list) else [value]
    found = (item for each in given[:_MOST_ITEMS] for item in items_of(each))
    return [item for item in found if item.kind is not Kind.TABLE][:_MOST_ITEMS]


def _is_name(cell: Any) -> bool:
    return isinstance(cell, str) and cell in _NAMES


def _in_artifact(run: Run, part: Part, actor: Actor) -> tuple[OpenVersion, list[Row]] | None:
    """The rows of a part as its artifact has them. None: of another project, not for the actor, gone, or not there yet."""
    try:
        version, path = resolve_client_path(actor, part.artifact)
        opened = open_version(version)
        entries = find_entries(version, [path])
        if version.collection.project_id != run.project_id or not entries or entries[0].size > MOST_BYTES:
            return None
        return opened, read_table(b"".join(handed_entry(opened, entries[0]).read())).rows
    except (NotFound, Invalid):
        return None


def _owners(run: Run, versions: Sequence[OpenVersion], rows: Sequence[Row]) -> dict[str, str]:
    wanted = {item.path for row in rows for cell in row for item in items_in(cell)}
    if not wanted:
        return {}
    place = open_project(run.project)
    address = run_url(place.entity, place.name, open_run(run).head.name)
    owners = dict.fromkeys((file.name for file in list_files(run, names=wanted)), address)
    for opened in versions:
        here = (entry.path for entry in find_entries(opened.version, wanted - owners.keys()) if entry.stored)
        owners |= dict.fromkeys(here, version_url(place, opened))
    return owners
