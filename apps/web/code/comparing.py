"""One file of two runs, or of two versions of an artifact, beside each other or in one column, coloured and bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from apps.files.compare import DiffRow, diff_lines, folded
from apps.web.code.notebooks import source_of
from apps.web.code.source import coloured
from apps.web.previews import CodeLine, text_in

MOST_BYTES = 1024 * 1024
MOST_ROWS = 3000


@dataclass(frozen=True, slots=True)
class Row:
    kind: str
    left: CodeLine | None = None
    right: CodeLine | None = None
    count: int = 0


@dataclass(frozen=True, slots=True)
class Compared:
    """`reason` says why there are no rows; `notes` what must be known of those that there are."""

    rows: list[Row] = field(default_factory=list)
    reason: str = ""
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Kept:
    """A file of one side; its bytes are asked for when they are wanted."""

    size: int
    pieces: Callable[[], Iterator[bytes]]


def compared(name: str, before: Kept | None, after: Kept | None, *, everything: bool) -> Compared:
    """One file of two sides; a side that does not have it has an empty one. `everything`: with all that is the same."""
    present = [each for each in (before, after) if each is not None]
    if any(each.size > MOST_BYTES for each in present):
        return Compared(reason=_("The file is too large to be compared line by line."))
    left, right = _lines(name, before), _lines(name, after)
    if left is None or right is None:
        return Compared(reason=_("The file is not text: whether it differs is all that can be said."))
    rows, is_aligned = diff_lines(left, right)
    notes = []
    if not is_aligned:
        notes.append(_("Too much differs to be lined up: first all that went, then all that came."))
    if name.lower().endswith(".ipynb"):
        notes.append(_("Of a notebook the cells are compared, not what they printed."))
    if all(row.kind == "same" for row in rows):
        notes.append(_("Line by line both are the same."))
    shown = rows if everything else folded(rows)
    if len(shown) > MOST_ROWS:
        notes.append(_("Only the first %(n)d lines are shown.") % {"n": MOST_ROWS})
    return Compared(_coloured(name, left, right, shown[:MOST_ROWS]), notes=notes)


def in_one_column(rows: Sequence[Row]) -> Iterator[Row]:
    """The rows for one column: of lines that changed first all that went, then all that came."""
    held: list[Row] = []
    for row in rows:
        if row.kind == "changed":
            yield Row("removed", left=row.left)
            held.append(Row("added", right=row.right))
            continue
        yield from held
        held = []
        yield row
    yield from held


def _lines(name: str, found: Kept | None) -> list[str] | None:
    if found is None:
        return []
    data = b"".join(found.pieces())
    text = source_of(data) if name.lower().endswith(".ipynb") else text_in(data, is_whole=True)
    return None if text is None else text.removesuffix("\n").split("\n") if text else []


def _coloured(name: str, left: list[str], right: list[str], rows: Sequence[DiffRow]) -> list[Row]:
    name = name[: -len(".ipynb")] + ".py" if name.lower().endswith(".ipynb") else name
    old, new = coloured(name, left), coloured(name, right)
    return [
        Row(
            row.kind,
            old[row.left] if row.left is not None else None,
            new[row.right] if row.right is not None else None,
            row.count,
        )
        for row in rows
    ]
