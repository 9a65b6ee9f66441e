"""The columns of the runs table: which there are, which of them are chosen unasked, which stand pinned beside the name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from django.utils.translation import gettext as _

from apps.code_saving.credentials_in_json import spots
from apps.runs.defined import Definitions, Direction
from apps.runs.types import Head
from apps.web.trees import by_name, written
from apps.web.values import is_number

Values = dict[str, Any]
MOST_PINNED = 4
_MOST_MEASURED = 4
_MOST_CHOSEN = 4
# What people look at first, when nobody has chosen columns.
_TELLING = ("acc", "loss", "f1", "auc", "score", "reward", "error", "ppl")


@dataclass(frozen=True, slots=True)
class Column:
    """A key of summary or config; `order` is what the table sorts by, `pin` its place among the pinned, from one."""

    title: str
    order: str
    is_number: bool
    pin: int = 0

    @property
    def kind(self) -> str:
        return self.order.partition(".")[0]

    @property
    def key(self) -> str:
        return self.order.partition(".")[2]


# The columns that each table has, and what a run says of itself besides config and summary.
FIXED: tuple[Callable[[], Column], ...] = (
    lambda: Column(_("Run"), "display_name", False),
    lambda: Column(_("State"), "state", False),
    lambda: Column(_("Created"), "created_at", False),
    lambda: Column(_("Runtime"), "duration", True),
)
OF_HEAD: dict[str, tuple[Callable[[], str], Callable[[Head], str]]] = {
    "tags": (lambda: _("Tags"), lambda head: ", ".join(head.tags)),
    "notes": (lambda: _("Notes"), lambda head: head.notes),
    "group": (lambda: _("Group"), lambda head: head.group),
    "job_type": (lambda: _("Job"), lambda head: head.job_type),
    "name": (lambda: _("Id"), lambda head: head.name),
}
_KINDS = ("summary_metrics", "config")


def column_of(order: str) -> Column:
    """The column that is sorted by `order`; whether it holds numbers is seen once there are rows."""
    kind, _dot, key = order.partition(".")
    if order in OF_HEAD:
        return Column(OF_HEAD[order][0](), order, False)
    return Column(key if kind in _KINDS and key else order, order, kind == "summary_metrics")


def title_of(order: str) -> str:
    """What the key is called in words."""
    return next(
        (column.title for fixed in FIXED if (column := fixed()).order == order), column_of(order).title
    )


def columns_for(
    measured: Sequence[Values],
    chosen: Sequence[Values],
    *,
    asked: Sequence[str] = (),
    pinned: Sequence[str] = (),
) -> list[Column]:
    """Those that are asked for, or those that tell these runs apart; the pinned ones first."""
    telling = [] if asked else _telling_keys(chosen)
    # Of a rate that a schedule changes one looks for what was set (`lr`, or `optim.lr`), not for what was left of it.
    usual = list(asked) or [
        *(
            f"summary_metrics.{key}"
            for key in _measured_keys(measured, besides=_set_numbers(telling, chosen))
        ),
        *(f"config.{key}" for key in _chosen_keys(telling, chosen)),
    ]
    held = list(dict.fromkeys(pinned))[:MOST_PINNED]
    found = [replace(column_of(order), pin=place) for place, order in enumerate(held, start=1)]
    found += [column_of(order) for order in usual if order not in held]
    return _told_apart([_with_kind(column, chosen) for column in found])


def _told_apart(columns: list[Column]) -> list[Column]:
    """A setting and a figure of one name are called by their whole names, as the filter bar takes them."""
    counts = Counter(column.title for column in columns)
    return [
        replace(column, title=column.order.replace("summary_metrics.", "summary.", 1))
        if column.kind in _KINDS and counts[column.title] > 1
        else column
        for column in columns
    ]


def directions_of(columns: Iterable[Column], definitions: Definitions) -> dict[str, Direction]:
    """Of the columns whose scripts said which way is better, which way that is. `loss.min` is what the client keeps
    of a loss that it was told to keep the least of."""
    found = {}
    for column in columns:
        if column.kind != "summary_metrics":
            continue
        metric, _dot, kept = column.key.rpartition(".")
        names = [column.key, metric] if kept in tuple(Direction) else [column.key]
        if direction := next(filter(None, map(definitions.direction_of, names)), None):
            found[column.order] = direction
    return found


def ranked_measures(names: Iterable[str]) -> list[str]:
    """Metrics as people look at them: held-out before training, telling names first, then by name."""
    return sorted(names, key=lambda name: (_is_telling(name), _rank(name), by_name(name)))


def _with_kind(column: Column, chosen: Sequence[Values]) -> Column:
    return replace(column, is_number=_all_numbers(column.key, chosen)) if column.kind == "config" else column


def _set_numbers(keys: Iterable[str], rows: Sequence[Values]) -> set[str]:
    """What the settings that are numbers are called at last: a `loss` that is the name of one stands in no figure's way."""
    return {key.rpartition(".")[2] for key in keys if _all_numbers(key, rows)}


def _measured_keys(rows: Sequence[Values], *, besides: Container[str]) -> list[str]:
    """Numbers that most runs have, those with telling names first, but for those called as something else is."""
    counts = Counter(
        key
        for row in rows
        for key, value in row.items()
        if is_number(value) and not key.startswith("_") and key not in besides
    )
    common = [key for key, count in counts.items() if count * 2 >= len(rows)] or list(counts)
    return ranked_measures(common)[:_MOST_MEASURED]


def _is_telling(name: str) -> bool:
    return not any(word in name.lower() for word in _TELLING)


def _rank(name: str) -> int:
    head = name.lower().split("/")[0]
    return 0 if head in {"val", "eval", "test", "valid", "validation"} else 2 if head == "system" else 1


def _telling_keys(rows: Sequence[Values]) -> list[str]:
    """Settings by which these runs differ, by name; of a single run, all of them."""
    first: dict[str, Any] = {}
    differing = set[str]()
    for row in rows:
        for key, value in row.items():
            if key not in differing and not _is_alike(first.setdefault(key, value), value):
                differing.add(key)
    return sorted(differing or (first if len(rows) == 1 else []), key=by_name)


def _chosen_keys(telling: Sequence[str], rows: Sequence[Values]) -> list[str]:
    """The first ones. What looks like a secret is none of them: nobody chose that it be shown."""
    return list(islice((key for key in telling if not _holds_secret(key, rows)), _MOST_CHOSEN))


def _holds_secret(key: str, rows: Sequence[Values]) -> bool:
    return bool(spots([{key: row[key]} for row in rows if key in row and not is_number(row[key])]))


def _is_alike(one: Any, other: Any) -> bool:
    """Whether the two read the same."""
    return one is other or (type(one) is str and one == other) or written(one) == written(other)


def _all_numbers(key: str, rows: Sequence[Values]) -> bool:
    return all(is_number(row[key]) for row in rows if key in row)
