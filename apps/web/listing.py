"""What the address of a project's page asks for: conditions, orders, groups, columns, the place in the list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.utils.translation import gettext as _

from apps.accounts.actors import Actor
from apps.core.errors import Invalid
from apps.runs.fields import Listed
from apps.runs.groups import RunGroup
from apps.runs.table import FoundRuns, KnownKeys, open_page, select_groups, select_runs
from apps.runs.types import OpenRun
from apps.web.columns import FIXED, MOST_PINNED, Column, column_of, title_of
from apps.web.conditions import Condition, as_filter, read_conditions
from apps.web.figures import grouped
from apps.web.request import Request

if TYPE_CHECKING:
    from apps.projects.models import Project

PAGE_SIZE = 50
# Of runs in groups the charts draw those of the first groups, as many of each.
_GROUPS_DRAWN = 8
NEWEST_FIRST = "-created_at"
MOST_ORDERS = 3
MOST_COLUMNS = 40
MOST_GROUP_KEYS = 3
MOST_UNFOLDED = 200
_LONGEST_KEY = 2000


@dataclass(frozen=True, slots=True)
class Entry:
    """A row: a run, which may stand in a group, or without one the group itself."""

    run: OpenRun | None
    group_id: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A part of the table, `length` rows in all for `total` runs, with the runs that the charts begin with."""

    entries: list[Entry]
    first: list[OpenRun]
    groups: list[RunGroup]
    group_of: dict[str, RunGroup]
    total: int
    everything: int
    length: int

    @property
    def runs(self) -> list[OpenRun]:
        return [entry.run for entry in self.entries if entry.run is not None]


@dataclass(frozen=True, slots=True)
class Listing:
    """What is listed, in which order, from where on, in which groups and which of them unfolded, with which columns
    (none: those that tell the runs apart), and which of these pinned."""

    conditions: list[Condition]
    orders: list[str]
    columns: list[str]
    pinned: list[str]
    groups: list[str]
    unfolded: list[str]
    start: int
    seen_by: Actor  # by whose name runs are found depends on who asks

    @classmethod
    def of(cls, request: Request) -> Listing:
        start = request.GET.get("from", "0")
        return cls(
            conditions=read_conditions(request.GET.getlist("q")),
            orders=_some(request.GET.getlist("order"), MOST_ORDERS) or [NEWEST_FIRST],
            columns=_some(request.GET.getlist("col"), MOST_COLUMNS),
            pinned=_some(request.GET.getlist("pin"), MOST_PINNED),
            groups=_some(request.GET.getlist("group"), MOST_GROUP_KEYS),
            unfolded=[each for each in request.GET.get("open", "").split(".") if each][:MOST_UNFOLDED],
            start=int(start) if start.isascii() and start.isdigit() and len(start) < 9 else 0,
            seen_by=request.actor,
        )

    @property
    def filters(self) -> str | None:
        return as_filter(self.conditions)

    def select(self, project: Project, *, limit: int = PAGE_SIZE, first: int = 0) -> tuple[Found, list[str]]:
        """What is asked for, and so many runs for the charts to begin with; when the filter, the order or a key to
        group by means nothing, all runs and the reason."""
        try:
            if self.groups:
                return self._in_groups(project, limit, first), []
            return self._one_by_one(
                select_runs(
                    project,
                    filters=self.filters,
                    order=self.orders,
                    offset=self.start,
                    limit=limit,
                    seen_by=self.seen_by,
                ),
                first,
            ), []
        except Invalid as error:
            every = select_runs(
                project, order=NEWEST_FIRST, offset=self.start, limit=limit, seen_by=self.seen_by
            )
            return self._one_by_one(every, first), [error.message]

    def _one_by_one(self, found: FoundRuns, first: int) -> Found:
        entries = [Entry(run) for run in found.runs]
        return Found(entries, found.runs[:first], [], {}, found.total, found.everything, found.total)

    def _in_groups(self, project: Project, limit: int, first: int) -> Found:
        groups, everything = select_groups(
            project, by=self.groups, filters=self.filters, order=self.orders, seen_by=self.seen_by
        )
        rows = [row for group in groups for row in self._rows_of(group)]
        part = rows[self.start : self.start + limit]
        drawn = _of_each(groups, first)
        opened = {
            run.run.pk: run
            for run in open_page(project, {run.id for run in [*drawn, *(run for _, run in part if run)]})
        }
        inside = [(group, run) for group, run in part if run is None or run.id in opened]
        return Found(
            entries=[Entry(opened[run.id] if run else None, group.id) for group, run in inside],
            first=[opened[run.id] for run in drawn if run.id in opened],
            groups=list({group.id: group for group, _ in inside}.values()),
            group_of={run.public_id: group for group in groups for run in group.runs} if first else {},
            total=sum(len(group.runs) for group in groups),
            everything=everything,
            length=len(rows),
        )

    def _rows_of(self, group: RunGroup) -> list[tuple[RunGroup, Listed | None]]:
        runs = [(group, run) for run in group.runs] if group.id in self.unfolded else []
        return [(group, None), *runs]

    def rows_query(self, columns: Iterable[Column]) -> str:
        """The query that asks for other rows of the same table."""
        pairs = [("q", each.text) for each in self.conditions] + [("order", each) for each in self.orders]
        pairs += [("group", each) for each in self.groups] + [("pin", each) for each in self.pinned]
        if self.unfolded:
            pairs.append(("open", ".".join(self.unfolded)))
        return urlencode([*pairs, *(("col", column.order) for column in columns)])


def _of_each(groups: list[RunGroup], most: int) -> list[Listed]:
    """Up to `most` runs, the first ones of the first groups, as many of each."""
    some = groups[:_GROUPS_DRAWN]
    return [run for group in some for run in group.runs[: most // len(some)]]


def _some(texts: list[str], most: int) -> list[str]:
    return list(dict.fromkeys(text for text in texts if text and len(text) <= _LONGEST_KEY))[:most]


def address(request: HttpRequest, **changes: str | list[str] | None) -> str:
    """The page's own address with these changes; a change of what is listed begins at the first page."""
    query = request.GET.copy()
    if "from" not in changes:
        query.pop("from", None)
    for key, value in changes.items():
        query.setlist(key, value if isinstance(value, list) else [value] if value else [])
    return f"?{query.urlencode()}"


def fold(request: HttpRequest, asked: Listing, group_id: str) -> str:
    """The page with this group unfolded, or folded again."""
    others = [each for each in asked.unfolded if each != group_id]
    opened = others if group_id in asked.unfolded else [*others, group_id]
    return address(request, open=".".join(opened), **{"from": str(asked.start) if asked.start else None})


def group_choices(asked: Listing, keys: KnownKeys) -> list[dict[str, Any]]:
    """The selects of the group menu: for each place what may be chosen there, and what is."""
    own = ["state", "tags", "group", "job_type"]
    options = [*own, *(f"config.{key}" for key in keys.config)]
    options += [each for each in asked.groups if each not in options]
    shown = [{"value": each, "words": title_of(each) if each in own else each} for each in options]
    return [
        {"chosen": asked.groups[place] if place < len(asked.groups) else "", "options": shown}
        for place in range(MOST_GROUP_KEYS)
    ]


def shown_columns(request: HttpRequest, columns: Sequence[Column]) -> list[dict[str, Any]]:
    """The columns in their order, each with the addresses at which it stands elsewhere, is pinned or is not."""
    orders = [column.order for column in columns]
    pinned = [column.order for column in columns if column.pin]
    return [
        {
            "column": column,
            "earlier": _moved(request, orders, pinned, place, -1),
            "later": _moved(request, orders, pinned, place, 1),
            "pin": _pinned(request, orders, pinned, column),
        }
        for place, column in enumerate(columns)
    ]


def _moved(request: HttpRequest, orders: list[str], pinned: list[str], place: int, by: int) -> str:
    """The address with this column one place on; empty where it is the first or last of its kind already."""
    kin = pinned if orders[place] in pinned else [order for order in orders if order not in pinned]
    at, to = kin.index(orders[place]), kin.index(orders[place]) + by
    if not 0 <= to < len(kin):
        return ""
    moved = list(kin)
    moved[at], moved[to] = moved[to], moved[at]
    if kin is pinned:
        return address(request, pin=moved, col=orders)
    return address(request, col=[*pinned, *moved])


def _pinned(request: HttpRequest, orders: list[str], pinned: list[str], column: Column) -> str:
    """The address with the column pinned, or no longer; empty where no more can be."""
    if column.pin:
        return address(request, col=orders, pin=[order for order in pinned if order != column.order])
    return address(request, col=orders, pin=[*pinned, column.order]) if len(pinned) < MOST_PINNED else ""


def term(request: HttpRequest, condition: Condition) -> dict[str, Any]:
    others = [text for text in request.GET.getlist("q") if text.strip() and text.strip() != condition.text]
    return {"condition": condition, "without": address(request, q=others)}


def head(request: HttpRequest, orders: list[str], column: Column) -> dict[str, Any]:
    """A column's head. The link sorts by it alone, figures descending first, and turns what is sorted by it;
    `also` sorts by it after what is sorted by already."""
    present = {order.lstrip("+-"): order for order in orders}
    mine = present.get(column.order, "")
    sorted_as = "" if not mine else "descending" if mine.startswith("-") else "ascending"
    down_first = column.is_number or column.order == "created_at"
    downwards = sorted_as == "ascending" or (not sorted_as and down_first)
    turned = f"{'-' if downwards else '+'}{column.order}"
    also = (
        [turned if order == mine else order for order in orders]
        if mine
        else [*orders, turned]
        if request.GET.getlist("order")
        else [turned]
    )
    return {
        "column": column,
        "sorted": sorted_as,
        "rank": list(present).index(column.order) + 1 if mine and len(orders) > 1 else 0,
        "href": address(request, order=turned),
        "also": address(request, order=also[-MOST_ORDERS:]),
    }


def order_choices(orders: list[str], columns: Iterable[Column]) -> list[dict[str, Any]]:
    """The selects of the sort menu: for each place what may be chosen there, and what is."""
    named = {column.order: column for column in (*(fixed() for fixed in FIXED), *columns)}
    for order in orders:
        key = order.lstrip("+-")
        named.setdefault(key, column_of(key))
    options = [
        {"value": f"{sign}{column.order}", "words": words % {"name": column.title}}
        for column in named.values()
        for sign, words in (("-", _("%(name)s, highest first")), ("+", _("%(name)s, lowest first")))
    ]
    chosen = [order if order[:1] in {"+", "-"} else f"+{order}" for order in orders]
    return [
        {"chosen": chosen[place] if place < len(chosen) else "", "options": options}
        for place in range(MOST_ORDERS)
    ]


def column_groups(keys: KnownKeys, shown: Iterable[Column]) -> list[dict[str, Any]]:
    """The columns that are not shown, by kind."""
    chosen = {column.order for column in shown}
    kinds = (
        (_("Run"), ["tags", "notes", "group", "job_type", "name"]),
        (_("Summary"), [f"summary_metrics.{key}" for key in keys.summary]),
        (_("Config"), [f"config.{key}" for key in keys.config]),
    )
    groups = []
    for title, orders in kinds:
        known = [order for order in dict.fromkeys(orders) if order not in chosen]
        groups.append({"title": title, "columns": [column_of(order) for order in known]})
    return groups


def pager(request: HttpRequest, start: int, total: int) -> dict[str, str] | None:
    if total <= PAGE_SIZE and not start:
        return None
    end = min(start + PAGE_SIZE, total)
    newer, older = str(max(0, start - PAGE_SIZE)), str(end)
    place = _("%(first)s to %(last)s of %(total)s")
    return {
        "newer": address(request, **{"from": newer}) if start else "",
        "older": address(request, **{"from": older}) if end < total else "",
        "place": place % {"first": grouped(start + 1), "last": grouped(end), "total": grouped(total)},
    }
