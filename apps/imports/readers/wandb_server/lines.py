"""What a run logged, line by line, as far as its server tells. Of each only a page is in memory."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from apps.core import jsontext
from apps.core.errors import TooMuch
from apps.imports.errors import Broken
from apps.imports.readers.paging import too_long
from apps.imports.readers.said import Said
from apps.imports.readers.wandb_server import questions
from apps.imports.readers.wandb_server.server import Refused, Server, inside

# Rows that a page holds at most before it might be a sample, and those that are asked for: a server takes some for too many.
_WHOLE, _ASKED, _FEW = 1000, 10_000, 250
_PAST_ALL = 2**63 - 1  # no step is so far
_MOST_ASKED = 100_000
_LINES = 1000
_MOST_EVENTS = 10_000

Where = Mapping[str, Any]


def history(server: Server, run: Where) -> Iterator[str]:
    """Every row that has a step. Steps are asked for in stretches: wider ones where they are few, narrower ones where an answer would
    be too large, or only a sample."""
    keys = _run(server.ask(questions.KEYS, **run)).object("historyKeys")
    last = keys.raw.get("lastStep")
    if not isinstance(last, int | float) or isinstance(last, bool) or not math.isfinite(last):
        return
    if last >= _PAST_ALL:
        raise Broken(
            _("What was to be imported says something unusable of “%(name)s”.") % {"name": "lastStep"}
        )
    step, wide, asked = 0, _WHOLE, 0
    while step <= last:
        asked += 1
        if asked > _MOST_ASKED:
            raise too_long()
        to = min(step + wide, _PAST_ALL)
        try:
            said = _run(server.ask(questions.HISTORY, **run, **{"from": step, "to": to, "samples": _ASKED}))
        except (Refused, TooMuch):
            if wide == 1:
                raise
            wide = max(1, wide // 4)
            continue
        rows = said.texts("history")
        if len(rows) > _WHOLE and wide > _WHOLE:
            wide = _WHOLE
            continue
        yield from _inside(rows, step, to)
        step = to
        if len(rows) < _FEW:
            wide *= 2


def events(server: Server, run: Where) -> tuple[Iterator[str], bool]:
    """System metrics, and whether some are missing: so many are told evenly spread, and there is no way to ask for the others."""
    there = _run(server.ask(questions.KEYS, **run)).number("eventsLineCount")
    most = _MOST_EVENTS
    while True:
        try:
            rows = _run(server.ask(questions.EVENTS, **run, samples=most)).texts("events")
            return map(_row, rows), len(rows) < there
        except (Refused, TooMuch):
            if most == 1:
                raise
            most = max(1, most // 4)


def console(server: Server, run: Where) -> Iterator[str]:
    for edge in server.pages(questions.CONSOLE, "project", "run", "logLines", size=_LINES, **run):
        node = edge.object("node")
        time, line = node.text("timestamp"), node.text("line")
        mark = "ERROR " if time and node.text("level") == "error" else ""
        yield f"{mark}{time} {line}" if time else line


def _run(said: Said) -> Said:
    return inside(said, "project", "run")


def _inside(rows: Sequence[str], start: int, end: int) -> Iterator[str]:
    """Those of the steps that were asked for. What else a server tells comes with its own, or came."""
    for text in rows:
        row = _read(text)
        at = row.get("_step")
        if not isinstance(at, int | float) or start <= at < end:
            yield jsontext.dumps(row)


def _row(text: str) -> str:
    return jsontext.dumps(_read(text))


def _read(text: str) -> dict[str, Any]:
    return dict(Said(jsontext.loads(text)).raw)
