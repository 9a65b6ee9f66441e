"""A notebook as its cells: their source and the text they printed. Nothing else of it is shown, and nothing runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from apps.core import jsontext
from apps.core.errors import Invalid
from apps.web.code.source import coloured
from apps.web.previews import CodeLine, code_line, terminal_line

MOST_BYTES = 8 * 1024 * 1024
PAGE_CELLS = 50
MOST_LINES = 1000  # of one cell, and of what it printed
_MOST_TEXT = 256 * 1024


@dataclass(frozen=True, slots=True)
class Cell:
    """`kind`: code, markdown or raw; `left_out`: kinds of output that are not text."""

    kind: str
    count: str
    lines: list[CodeLine]
    printed: list[CodeLine] = field(default_factory=list)
    left_out: str = ""
    is_cut: bool = False


def cells_of(data: bytes) -> list[dict[str, Any]] | None:
    """The cells of a notebook as it has them; None when it is none."""
    try:
        book = jsontext.loads(data)
    except Invalid:
        return None
    cells = book.get("cells") if isinstance(book, dict) else None
    if not isinstance(cells, list):
        return None
    return [cell for cell in cells if isinstance(cell, dict)]


def page_of_cells(cells: list[dict[str, Any]], page: int) -> list[Cell]:
    start = page * PAGE_CELLS
    return [_cell(each) for each in cells[start : start + PAGE_CELLS]]


def source_of(data: bytes) -> str:
    """The source of all cells in one text: what is compared of a notebook, for what it printed differs each time."""
    cells = cells_of(data)
    if cells is None:
        return data.decode("utf-8", "replace")
    texts = (f"# %% [{_kind(cell)}]\n{_joined(cell.get('source'))}" for cell in cells)
    return "\n\n".join(texts) + "\n"


def _cell(cell: dict[str, Any]) -> Cell:
    kind, count = _kind(cell), cell.get("execution_count")
    source, is_cut = _bounded(_joined(cell.get("source")))
    name = {"code": "cell.py", "markdown": "cell.md"}.get(kind, "")
    text, left_out = _printed(cell.get("outputs"))
    printed, printed_cut = _bounded(text)
    return Cell(
        kind,
        str(count) if isinstance(count, int) else "",
        coloured(name, source),
        [code_line(number, terminal_line(line)) for number, line in enumerate(printed, 1)],
        left_out,
        is_cut or printed_cut,
    )


def _kind(cell: dict[str, Any]) -> str:
    kind = cell.get("cell_type")
    return str(kind) if kind in {"code", "markdown", "raw"} else "raw"


def _joined(text: Any) -> str:
    if isinstance(text, list):
        return "".join(part for part in text if isinstance(part, str))
    return text if isinstance(text, str) else ""


def _bounded(text: str) -> tuple[list[str], bool]:
    lines = text[:_MOST_TEXT].removesuffix("\n").split("\n", MOST_LINES) if text else []
    return lines[:MOST_LINES], len(lines) > MOST_LINES or len(text) > _MOST_TEXT


def _printed(outputs: Any) -> tuple[str, str]:
    """The text of outputs, and the kinds of those that have none."""
    texts: list[str] = []
    others: dict[str, None] = {}
    for output in outputs if isinstance(outputs, list) else ():
        if not isinstance(output, dict):
            continue
        found = list(_texts(output))
        texts += found
        if not found and isinstance(data := output.get("data"), dict):
            others |= dict.fromkeys(str(kind)[:60] for kind in data)
    kinds = ", ".join(list(others)[:5])
    return "\n".join(texts), _("Not shown: %(kinds)s.") % {"kinds": kinds} if kinds else ""


def _texts(output: dict[str, Any]) -> Iterator[str]:
    if text := _joined(output.get("text")):
        yield text.removesuffix("\n")
    data = output.get("data")
    if isinstance(data, dict) and (text := _joined(data.get("text/plain"))):
        yield text.removesuffix("\n")
    if isinstance(traceback := output.get("traceback"), list):
        yield "\n".join(line for line in traceback if isinstance(line, str))
