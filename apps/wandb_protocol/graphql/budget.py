"""What one request may cost in all, however its document multiplies.

A short document can ask for runs of runs of runs, or for the same history under a hundred names. Each resolver that
reads says what it is about to read, or has read, and the request ends in an error when its budget is used up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from apps.core.errors import TooMuch
from apps.runs.patterns import Patience

if TYPE_CHECKING:
    from apps.runs.types import OpenRun

# In units of a node of the answer. A page of a thousand runs with all that the client ever asks of them is half of it.
MOST_EFFORT = 50_000
# Of content in one answer, which stands in memory a few times over until it is sent.
MOST_BYTES = 128 * 1024 * 1024
# Of a processor, for the regular expressions of all its filters.
MOST_SEARCHING_SECONDS = 0.25

_LIST = 200
_STREAM = 5
_LINES_FOR_ONE = 1_000


@dataclass(slots=True)
class Budget:
    effort: int = MOST_EFFORT
    size: int = MOST_BYTES
    patience: Patience = field(init=False, default_factory=lambda: Patience(MOST_SEARCHING_SECONDS))

    def list_of(self, nodes: int) -> None:
        """A list is looked through and so many of its entries are answered."""
        self._spend(effort=_LIST + nodes)

    def stream_of(self, lines: int) -> None:
        """A stream of this length is looked through."""
        self._spend(effort=_STREAM + lines // _LINES_FOR_ONE)

    def text(self, length: int) -> None:
        self._spend(size=length)

    def runs(self, opened: list[OpenRun]) -> None:
        self.text(sum(len(run.config_text) + len(run.summary_text) for run in opened))

    def _spend(self, *, effort: int = 0, size: int = 0) -> None:
        self.effort -= effort
        self.size -= size
        if self.effort < 0:
            raise TooMuch("This asks for too much at once. Ask for fewer things in one request.")
        if self.size < 0:
            raise TooMuch(
                "This holds too much for one answer. Ask for fewer at a time (a smaller page_size, per_page or samples), "
                "and for versions without a filter, which reads all of them."
            )
