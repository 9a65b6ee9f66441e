"""Media in the cells of logged tables, and where their files lie.

In the file of the run such a cell is the name of its kind. What it is stands in the same table as the client keeps it in
an artifact, and so do the bytes: both are found through the gate, for whoever asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from apps.artifacts.queries import find_entries, open_version, resolve_client_path
from apps.core.errors import Invalid, NotFound, TooMuch
from apps.files.media.kinds import items_of
from apps.files.media.tables import MOST_BYTES, Table, read_table
from apps.files.media.types import Item, Kind
from apps.files.queries import list_files
from apps.projects.queries import open_project
from apps.runs.queries import open_run
from apps.vault.errors import KeyGone, Tampered
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
    held = _Artifacts(run, actor)
    for part in table.parts:
        inside = [place for place in places if part.start <= place < part.start + part.count]
        wanted = [place for place in inside if any(_is_name(cell) for cell in rows[place])]
        if not wanted or not part.artifact or (found := held.table_of(part.artifact)) is None:
            continue
        for place in wanted:
            if place - part.start < len(found.rows):
                rows[place] = found.rows[place - part.start]
    shown = list(rows.values())
    return shown, _owners(run, held.versions(), shown)


def items_in(value: Any) -> list[Item]:
    """The media that a cell holds: one, or a list."""
    given = value if isinstance(value, list) else [value]
    found = (item for each in given[:_MOST_ITEMS] for item in items_of(each))
    return [item for item in found if item.kind is not Kind.TABLE][:_MOST_ITEMS]


def _is_name(cell: Any) -> bool:
    return isinstance(cell, str) and cell in _NAMES


@dataclass(frozen=True, slots=True)
class _Held:
    version: OpenVersion
    rows: list[Row]


class _Artifacts:
    """What the artifacts of a table's parts hold: each is read once, and of all together no more than of one table."""

    def __init__(self, run: Run, actor: Actor) -> None:
        self._run = run
        self._actor = actor
        self._room = MOST_BYTES
        self._found: dict[str, _Held | None] = {}

    def table_of(self, address: str) -> _Held | None:
        """The rows of a part as its artifact has them. None: of another project, not for the actor, gone, damaged, not there
        yet, or beyond what a page reads."""
        if address not in self._found and len(self._found) < _MOST_ARTIFACTS:
            try:
                self._found[address] = self._read(address)
            except (NotFound, Invalid, TooMuch, KeyGone, Tampered):
                self._found[address] = None
        return self._found.get(address)

    def versions(self) -> list[OpenVersion]:
        return [each.version for each in self._found.values() if each is not None]

    def _read(self, address: str) -> _Held | None:
        version, path = resolve_client_path(self._actor, address, within=self._run.project)
        opened = open_version(version)
        entries = find_entries(version, [path])
        if not entries or entries[0].size > self._room:
            return None
        self._room -= entries[0].size
        return _Held(opened, read_table(b"".join(handed_entry(opened, entries[0]).read())).rows)


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
