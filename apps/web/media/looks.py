"""A chart in a look that somebody wrote: its specification with the columns of this table in its places, and the rows."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from apps.artifacts.queries import read_look
from apps.core import jsontext
from apps.core.errors import Forbidden, Invalid, NotFound
from apps.vault.errors import KeyGone, Tampered

if TYPE_CHECKING:
    from apps.accounts.actors import Actor
    from apps.files.media.charts import Chart
    from apps.files.media.tables import Table
    from apps.web.media.charts import Drawing

# Each is an element or more in a browser.
MOST_ROWS = 10_000
# As the client's looks have them: `${field:x}` stands for a column, `${string:title}` for words.
_PLACE = re.compile(r"\$\{(field|string):([^{}]*)\}")
# In the grammar they lead into a value; of a column's name they are letters.
_LEADING = re.compile(r"[\\.\[\]'\"]")


def look_of(actor: Actor, drawing: Drawing) -> dict[str, Any] | None:
    """What is needed to draw it; None where the look is not there, not the asker's to see, or cannot be read."""
    try:
        look = read_look(actor, drawing.chart.look)
    except (
        NotFound,
        Forbidden,
        Invalid,
        KeyGone,
        Tampered,
    ):  # Forbidden: of a team of theirs that is suspended
        return None
    table = drawing.sources[0].table
    # The names once: beside each cell they would make gigabytes of a table of megabytes.
    return {
        "look": filled(look, drawing.chart),
        "columns": table.columns,
        "rows": rows_of(table),
        "total": len(table.rows),
    }


def filled(value: Any, chart: Chart) -> Any:
    """The specification with what this chart says in its places."""
    if isinstance(value, str):
        return _filled(value, chart)
    if isinstance(value, list):
        return [filled(each, chart) for each in value]
    if isinstance(value, Mapping):
        return {name: filled(each, chart) for name, each in value.items()}
    return value


def _filled(text: str, chart: Chart) -> str:
    whole = _PLACE.fullmatch(text)
    if whole is not None and whole[1] == "field":
        return _LEADING.sub(r"\\\g<0>", chart.column(whole[2]))
    return _PLACE.sub(
        lambda found: chart.column(found[2]) if found[1] == "field" else chart.words.get(found[2], ""), text
    )


def rows_of(table: Table) -> list[list[Any]]:
    """The first rows, as many as a chart can draw. What is no text, number or yes is written out."""
    width = len(table.columns)
    return [[_cell(cell) for cell in row[:width]] for row in table.rows[:MOST_ROWS]]


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int) else jsontext.dumps(value)
