"""Metric history as the rest of the house knows it: everything that may be asked of it, in one place."""

from __future__ import annotations

from apps.runs.history.appending import LINES_FIELD, MOST_LINES, append
from apps.runs.history.bringing import put_behind
from apps.runs.history.compaction import compact, due_runs, is_full
from apps.runs.history.console import console, console_at, console_changes, console_stretches
from apps.runs.history.live import present_cursor, rows_since
from apps.runs.history.many import Line, fresh_lines, mean_lines, sampled_lines
from apps.runs.history.reading import (
    Placed,
    key_list,
    keys_of,
    last_row,
    placed_in_runs,
    placed_values,
    rereadable,
    sample_keys,
    sample_metric,
    sample_metrics,
    sample_rows,
    scan,
)
from apps.runs.history.rewriting import copy_until, rewind

__all__ = [
    "LINES_FIELD",
    "MOST_LINES",
    "Line",
    "Placed",
    "append",
    "compact",
    "console",
    "console_at",
    "console_changes",
    "console_stretches",
    "copy_until",
    "due_runs",
    "fresh_lines",
    "is_full",
    "key_list",
    "keys_of",
    "last_row",
    "mean_lines",
    "placed_in_runs",
    "placed_values",
    "present_cursor",
    "put_behind",
    "rereadable",
    "rewind",
    "rows_since",
    "sample_keys",
    "sample_metric",
    "sample_metrics",
    "sample_rows",
    "sampled_lines",
    "scan",
]
