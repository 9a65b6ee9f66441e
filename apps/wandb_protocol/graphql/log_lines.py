from __future__ import annotations

import re
from typing import TYPE_CHECKING

from apps.runs.history import store
from apps.wandb_protocol.graphql.context import Fields, Info, Source, budget_of
from apps.wandb_protocol.graphql.paging import page, page_size, position_after

if TYPE_CHECKING:
    from apps.runs.types import OpenRun

# "ERROR 2026-11-23T06:52:37.817435 text": the mark and the time that the client puts before a line.
_PREFIX = re.compile(r"(?P<error>ERROR )?(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?)Z? ?", re.ASCII)


def log_lines(
    source: Source,
    info: Info,
    first: int | None = None,
    last: int | None = None,
    after: str | None = None,
    **_: object,
) -> Source:
    """Console lines: a page from a place on, or the last ones."""
    opened: OpenRun = source["_run"]
    total = opened.run.output_lines
    count = page_size(last if last is not None else first)
    budget = budget_of(info)
    budget.stream_of(total)
    budget.list_of(count)
    start = max(0, total - count) if last is not None else position_after(after)
    lines = store.console(opened.run, start, count)
    budget.text(sum(map(len, lines)))
    return page([line_facts(start + i, text) for i, text in enumerate(lines)], start=start, total=total)


def line_facts(number: int, text: str) -> Source:
    found = _PREFIX.match(text)
    if found is None:
        return {"number": number, "timestamp": None, "level": "info", "label": "", "line": text}
    return {
        "number": number,
        "timestamp": found["time"],
        "level": "error" if found["error"] else "info",
        "label": "",
        "line": text[found.end() :],
    }


FIELDS: Fields = {"Run.logLines": log_lines}
