"""Which runs the charts of a project draw: the first of the table, less those whose eye was closed, and others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.runs.defined import Definitions
from apps.runs.history import store
from apps.runs.queries import open_runs, runs_in
from apps.runs.types import OpenRun
from apps.vault.damage import leave_out
from apps.vault.errors import Tampered
from apps.web.colours import run_colour, swatch_class
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

    @property
    def title(self) -> str:
        return self.opened.head.display_name or self.opened.head.name

    @property
    def colour(self) -> int:
        return run_colour(self.opened.run.number)

    @property
    def swatch(self) -> str:
        return swatch_class(self.colour)

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
    def of(cls, request: Request, *, first: int = FIRST_DRAWN) -> Eyes:
        asked = request.GET.get("first", "")
        is_number = asked.isascii() and asked.isdigit() and len(asked) < 4
        return cls(
            first=min(int(asked), MOST_DRAWN) if is_number else first,
            closed=frozenset(_ids(request, "hide")),
            opened=_ids(request, "show"),
        )

    def candidates(self, project: Project, first: Sequence[OpenRun]) -> list[Drawn]:
        """The first runs that may be drawn, and those whose eye was opened, from wherever they are."""
        held = {each.run.public_id for each in first[:MOST_DRAWN]}
        found = [
            Drawn(each, place + 1, self._is_open(each.run.public_id, place))
            for place, each in enumerate(first[:MOST_DRAWN])
        ]
        others = runs_in(project, public_ids=[each for each in self.opened if each not in held])
        return found + [Drawn(each, None, True) for each in open_runs(others)]

    def _is_open(self, public_id: str, place: int) -> bool:
        return public_id in self.opened or (place < self.first and public_id not in self.closed)


def _ids(request: Request, name: str) -> list[str]:
    return [each for each in request.GET.get(name, "").split(".") if each][:MOST_DRAWN]


def names_logged(runs: Iterable[Run], definitions: Definitions) -> list[str]:
    """The metrics of these runs. One whose list of keys does not open is left out, where its page can say so."""
    return metric_names((keys for run in runs if (keys := _keys(run)) is not None), definitions)


def _keys(run: Run) -> KeyList | None:
    try:
        return store.keys_of(run)
    except Tampered as error:
        leave_out(error)
        return None
