"""The runs of a project as they stood at one moment, and what was found among them.

Whoever scrolls through a table, or looks whether it changed, asks the same question again and again: its answer is kept
with the runs that it was found among, and goes when they do. A run that came, went or changed makes another moment.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TypeAlias

from apps.runs.fields import Listed

# The filter, and the orders, or None where in none.
Question: TypeAlias = tuple[str, tuple[str, ...] | None]

_MOST_ANSWERS = 4
_LONGEST_QUESTION = 2_000


class Moment:
    """All runs of a project, opened. Nobody changes this sequence, or one that is an answer."""

    def __init__(self, runs: Sequence[Listed] = ()) -> None:
        self.runs = runs
        self.authors = frozenset(run.author for run in runs)
        self._answers: OrderedDict[Question, Sequence[Listed]] = OrderedDict()
        self._lock = threading.Lock()

    def answer(self, question: Question, look: Callable[[], Sequence[Listed]]) -> Sequence[Listed]:
        """What was found for the same question before, or is found by looking."""
        with self._lock:
            found = self._answers.get(question)
        if found is None:
            found = look()
        if len(question[0]) + sum(map(len, question[1] or ())) <= _LONGEST_QUESTION:
            self._keep(question, found)
        return found

    def _keep(self, question: Question, found: Sequence[Listed]) -> None:
        with self._lock:
            self._answers[question] = found
            self._answers.move_to_end(question)
            if len(self._answers) > _MOST_ANSWERS:
                self._answers.popitem(last=False)
