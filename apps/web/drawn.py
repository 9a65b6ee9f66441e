"""Which runs the charts of a project draw: the first of the table, less those whose eye was closed, and others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.runs.defined import Definitions
from apps.runs.groups import RunGroup
from apps.runs.history import store
from apps.runs.queries import open_runs, runs_in
from apps.runs.types import OpenRun
from apps.vault.damage import leave_out
from apps.vault.errors import Tampered
from apps.web.colours import run_colour, told_apart
from apps.web.group_rows import group_parts, group_title
from apps.web.listing import Found
from apps.web.panels import MOST_DRAWN, metric_names
from apps.web.request import Request

if TYPE_CHECKING:
    from apps.projects.models import Project
    from apps.runs.history.keys import KeyList
    from apps.runs.models import Run

FIRST_DRAWN = 12


@dataclass(frozen=True, slots=True)
class Drawn:
    """A run that the charts draw, or may draw once its eye is opened; `place` is None for one from elsewhere."""

    opened: OpenRun
    place: int | None
    is_shown: bool
    colour: int
    group: RunGroup | None = None
    group_title: str = ""

    @property
    def title(self) -> str:
        return self.opened.head.display_name or self.opened.head.name

    @property
    def group_colour(self) -> int:
        return run_colour(self.group.rank) if self.group else 0

    @property
    def is_live(self) -> bool:
        return self.opened.run.finished_at is None


@dataclass(frozen=True, slots=True)
class Eyes:
    """What the address says of the eyes: how many of the first are open, and which are closed or opened besides."""

    first: int
    closed: frozenset[str]
    opened: list[str]

    @classmethod
    def of(cls, request: Request) -> Eyes:
        first = MOST_DRAWN if request.GET.get("group") else FIRST_DRAWN
        asked = request.GET.get("first", "")
        is_number = asked.isascii() and asked.isdigit() and len(asked) < 4
        return cls(
            first=min(int(asked), MOST_DRAWN) if is_number else first,
            closed=frozenset(_ids(request, "hide")),
            opened=_ids(request, "show"),
        )

    def candidates(self, project: Project, found: Found, keys: Sequence[str]) -> list[Drawn]:
        """The first runs that may be drawn, and those whose eye was opened, from wherever they are; where runs stand
        in groups by `keys`, each with its group."""
        held = {each.run.public_id for each in found.first}
        others = open_runs(runs_in(project, public_ids=[each for each in self.opened if each not in held]))
        places: list[tuple[OpenRun, int | None]] = [
            *((each, place) for place, each in enumerate(found.first, start=1)),
            *((each, None) for each in others),
        ]
        colours = told_apart(run_colour(each.run.number) for each, _ in places)
        drawn = []
        for (each, place), colour in zip(places, colours, strict=True):
            group = found.group_of.get(each.run.public_id)
            title = group_title(group_parts(group, keys)) if group else ""
            drawn.append(Drawn(each, place, self._is_open(each.run.public_id, place), colour, group, title))
        return drawn

    def _is_open(self, public_id: str, place: int | None) -> bool:
        is_first = place is not None and place <= self.first
        return public_id in self.opened or (is_first and public_id not in self.closed)


def _ids(request: Request, name: str) -> list[str]:
    return [each for each in request.GET.get(name, "").split(".") if each][:MOST_DRAWN]


def names_logged(runs: Iterable[Run], definitions: Definitions) -> list[str]:
    """The metrics of these runs. One whose list of keys does not open is left out, where its page can say so."""
    return metric_names(keys_that_open(runs), definitions)


def keys_that_open(runs: Iterable[Run]) -> Iterator[KeyList]:
    """The list of keys of each run, but for those that do not open."""
    for run in runs:
        try:
            yield store.keys_of(run)
        except Tampered as error:
            leave_out(error)
