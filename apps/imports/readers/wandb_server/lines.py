"""What a run logged, line by line, as far as its server tells. Of each only a page is in memory."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from apps.core import jsontext
from apps.core.errors import TooMuch
from apps.imports.readers.said import Said
from apps.imports.readers.wandb_server import questions
from apps.imports.readers.wandb_server.server import Refused, Server

# Rows that a page holds at most before it might be a sample, and those that are asked for: a server takes some for too many.
_WHOLE, _ASKED, _FEW = 1000, 10_000, 250
_WIDEST = 2**40
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
    step, wide = 0, _WHOLE
    while step <= last:
        try:
            said = _run(
                server.ask(questions.HISTORY, **run, **{"from": step, "to": step + wide, "samples": _ASKED})
            )
        except (Refused, TooMuch):
            if wide == 1:
                raise
            wide = max(1, wide // 4)
            continue
        rows = said.texts("history")
        if len(rows) > _WHOLE and wide > _WHOLE:
            wide = _WHOLE
            continue
        yield from map(_row, rows)
        step += wide
        if len(rows) < _FEW:
            wide = min(wide * 2, _WIDEST)


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
    return said.object("project").object("run")


def _row(text: str) -> str:
    return jsontext.dumps(dict(Said(jsontext.loads(text)).raw))
