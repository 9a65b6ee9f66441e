"""Many rows in one text: CSV, JSON Lines, or a JSON list of objects. What was understood is shown before it is kept."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from apps.core import jsontext
from apps.core.errors import Invalid
from apps.runs.history.lines import parse_line
from apps.runs.history.paths import Row, leaves
from apps.web.by_hand.pairs import check_key
from apps.web.by_hand.typed import read_value
from apps.web.figures import figure

MOST_LETTERS = 8_000_000
MOST_ROWS = 100_000
MOST_COLUMNS = 1_000
STEP = "_step"
_STEP_IN_CSV = "step"
_LARGEST_STEP = 2**53
_SHOWN_LETTERS = 60


@dataclass(slots=True)
class Column:
    """One name, and what stands under it."""

    name: str
    counts: dict[str, int] = field(default_factory=dict)  # how many values of each kind
    first: str = ""
    last: str = ""

    @property
    def count(self) -> int:
        return sum(self.counts.values())

    def add(self, value: Any) -> None:
        kind, shown = _kind(value), _shown(value)
        self.counts[kind] = self.counts.get(kind, 0) + 1
        self.first, self.last = self.first or shown, shown


@dataclass(slots=True)
class Pasted:
    """What was understood of a text."""

    form: str
    lines: list[str] = field(default_factory=list)  # each the JSON text of a row, ready to be stored
    columns: dict[str, Column] = field(default_factory=dict)
    first_step: int | None = None
    last_step: int | None = None
    without_step: int = 0
    unnamed: int = 0  # columns that are left out

    def add(self, row: Row, *, line: str = "") -> None:
        step = row.get(STEP)
        if step is None:
            self.without_step += 1
        else:
            row[STEP] = step = _step(step)
            self.first_step = step if self.first_step is None else min(self.first_step, step)
            self.last_step = step if self.last_step is None else max(self.last_step, step)
        for path, value in leaves(row):
            name = ".".join(path)
            if name not in self.columns:
                check_key(name)
                if len(self.columns) == MOST_COLUMNS:
                    raise Invalid(
                        _("At most %(n)d different names can be added at once.") % {"n": MOST_COLUMNS}
                    )
                self.columns[name] = Column(name)
            self.columns[name].add(value)
        self.lines.append(line or jsontext.dumps(row))


def read_rows(text: str) -> Pasted:
    """The rows of a text. Invalid says which line cannot be read, and why."""
    text = text.removeprefix("\ufeff").strip()
    if len(text) > MOST_LETTERS:
        raise Invalid(_("At most %(n)d letters can be added at once.") % {"n": MOST_LETTERS})
    if not text:
        raise Invalid(_("There is no row in this."))
    pasted, rows = _begun(text)
    for number, row, line in rows:
        if len(pasted.lines) == MOST_ROWS:
            raise Invalid(_("At most %(n)d rows can be added at once.") % {"n": MOST_ROWS})
        try:
            pasted.add(row, line=line)
        except Invalid as error:
            raise _in_line(number, error.message) from None
    if not pasted.lines:
        raise Invalid(_("There is no row in this."))
    return pasted


Numbered = Iterator[
    tuple[int, Row, str]
]  # the number of the line, the row, and its text if it is kept as it is


def _begun(text: str) -> tuple[Pasted, Numbered]:
    if text.startswith("{"):
        return Pasted(form="JSON Lines"), _json_lines(text)
    if text.startswith("["):
        return Pasted(form="JSON"), _json_list(text)
    separator = _separator(text.split("\n", 1)[0])
    words = {",": _("CSV with commas"), ";": _("CSV with semicolons"), "\t": _("CSV with tabs")}
    pasted = Pasted(form=words[separator])
    return pasted, _csv(text, separator, pasted)


def _json_lines(text: str) -> Numbered:
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip()
        if not line:
            continue
        try:
            row = parse_line(line)
        except Invalid:
            raise _in_line(number, _("It is not one JSON object.")) from None
        # To the letter, unless the step is written as a number with a point.
        yield number, row, "" if isinstance(row.get(STEP), float) else line


def _json_list(text: str) -> Numbered:
    try:
        rows = jsontext.loads(text)
    except Invalid:
        raise Invalid(_("This begins like JSON but is not complete JSON.")) from None
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise Invalid(_("Entry %(n)d of the list is not an object.") % {"n": number})
        yield number, row, ""


def _csv(text: str, separator: str, pasted: Pasted) -> Numbered:
    reader = csv.reader(io.StringIO(text.replace("\r\n", "\n")), delimiter=separator, strict=True)
    try:
        names = [name.strip() for name in next(reader)]
        _check_names(names)
        pasted.unnamed = names.count("")
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, _csv_row(names, cells, reader.line_num), ""
    except csv.Error:
        raise _in_line(reader.line_num, _("A quoted value does not end, or is too long.")) from None


def _check_names(names: list[str]) -> None:
    if len(names) > MOST_COLUMNS:
        raise Invalid(_("At most %(n)d different names can be added at once.") % {"n": MOST_COLUMNS})
    if STEP not in names and _STEP_IN_CSV in names:
        names[names.index(_STEP_IN_CSV)] = STEP
    chosen = [name for name in names if name]
    if not chosen:
        raise Invalid(_("The first line has to name the columns."))
    if len(set(chosen)) < len(chosen):
        raise Invalid(_("Two columns of the first line have the same name."))


def _csv_row(names: list[str], cells: list[str], number: int) -> Row:
    if len(cells) > len(names):
        raise _in_line(number, _("It has more values than the first line has names."))
    return {name: read_value(cell) for name, cell in zip(names, cells, strict=False) if name and cell.strip()}


def _separator(head: str) -> str:
    """What stands most often between the names of the first line."""
    return max(",;\t", key=head.count)


def _step(value: Any) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not int or not 0 <= value <= _LARGEST_STEP:
        raise Invalid(_("A step is a whole number from 0 on."))
    return value


def _in_line(number: int, reason: str) -> Invalid:
    return Invalid(_("Line %(n)d: %(reason)s") % {"n": number, "reason": reason})


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if value is None:
        return "null"
    return "text" if isinstance(value, str) else "json"


def _shown(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return figure(value)
    text = value if isinstance(value, str) else jsontext.dumps(value)
    return text if len(text) <= _SHOWN_LETTERS else f"{text[:_SHOWN_LETTERS]}…"
