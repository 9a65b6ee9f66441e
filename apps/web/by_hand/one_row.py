"""One row of values, typed name by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from apps.core import jsontext
from apps.core.errors import Invalid
from apps.runs.history.keys import KeyList
from apps.runs.history.paths import dotted
from apps.web.by_hand.pairs import check_key
from apps.web.by_hand.typed import read_value
from apps.web.columns import ranked_measures

MOST_PAIRS = 100
_MOST_KNOWN = 8
_LEAST_LINES = 4
_LARGEST_STEP = 2**53
# Past these people log what a chart shows, not what a client counts.
_OWN_TO_CLIENTS = "_"


@dataclass(slots=True)
class Pair:
    """A line of the form: a name, the value as it was typed, and what is wrong with it."""

    key: str = ""
    value: str = ""
    error: str = ""


@dataclass(slots=True)
class RowForm:
    """The form as it stands: what was typed, and what is wrong."""

    pairs: list[Pair]
    step: str = ""
    step_error: str = ""
    error: str = ""
    sets_summary: bool = True
    row: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def empty(cls, keys: KeyList) -> RowForm:
        """A line for each of the first metrics that the run has, and some for new ones."""
        names = metric_names(keys)[:_MOST_KNOWN]
        blank = max(2, _LEAST_LINES - len(names))
        return cls([*(Pair(key=name) for name in names), *(Pair() for _n in range(blank))])

    @classmethod
    def sent(cls, form: Mapping[str, str], names: Sequence[str], values: Sequence[str]) -> RowForm:
        pairs = [Pair(key.strip(), value) for key, value in zip(names, values, strict=False)]
        return cls(pairs[:MOST_PAIRS], step=form.get("step", "").strip(), sets_summary="sets_summary" in form)

    def add_lines(self) -> None:
        self.pairs += [Pair() for _n in range(min(4, MOST_PAIRS - len(self.pairs)))]

    def read(self) -> bool:
        """Make the row of what was typed. False when something is wrong, which then stands beside it."""
        for pair in self.pairs:
            pair.error = self._add(pair)
        self.step_error = self._read_step()
        if not self.row and not self._is_wrong:
            self.error = _("Type at least one value.")
        return not self._is_wrong and not self.error

    @property
    def _is_wrong(self) -> bool:
        return bool(self.step_error) or any(pair.error for pair in self.pairs)

    @property
    def line(self) -> str:
        return jsontext.dumps(self.row if not self.step else {**self.row, "_step": int(self.step)})

    def _add(self, pair: Pair) -> str:
        """Put the pair into the row; what is wrong with it, in words."""
        if not pair.value.strip():
            return ""
        if not pair.key:
            return _("This value has no name.")
        if pair.key.startswith(_OWN_TO_CLIENTS):
            return _("Names that begin with _ are the client’s own.")
        if pair.key in self.row:
            return _("This name stands twice.")
        try:
            check_key(pair.key)
        except Invalid as error:
            return error.message
        self.row[pair.key] = read_value(pair.value)
        return ""

    def _read_step(self) -> str:
        if not self.step:
            return ""
        is_number = self.step.isascii() and self.step.isdigit() and len(self.step) < 17
        return (
            "" if is_number and int(self.step) <= _LARGEST_STEP else _("A step is a whole number from 0 on.")
        )


def metric_names(keys: KeyList) -> list[str]:
    """The numbers that the run has logged, the most telling first."""
    found = [dotted(path) for path, facts in keys.keys.items() if "number" in facts.types]
    return ranked_measures([name for name in found if not name.startswith(_OWN_TO_CLIENTS)])
