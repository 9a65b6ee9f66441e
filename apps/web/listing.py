"""What the address of a project's page asks for: conditions, orders, columns, the place in the list."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.utils.translation import gettext as _

from apps.core.errors import Invalid
from apps.runs.table import FoundRuns, KnownKeys, select_runs
from apps.web.conditions import Condition, as_filter, read_conditions
from apps.web.figures import grouped
from apps.web.request import Request
from apps.web.runs_table import FIXED, Column, column_of

if TYPE_CHECKING:
    from apps.projects.models import Project

PAGE_SIZE = 50
NEWEST_FIRST = "-created_at"
MOST_ORDERS = 3
MOST_COLUMNS = 40
_LONGEST_KEY = 2000


@dataclass(frozen=True, slots=True)
class Listing:
    """What is listed, in which order, from where on, with which columns (none: those that tell the runs apart)."""

    conditions: list[Condition]
    orders: list[str]
    columns: list[str]
    start: int

    @classmethod
    def of(cls, request: Request) -> Listing:
        start = request.GET.get("from", "0")
        return cls(
            conditions=read_conditions(request.GET.getlist("q")),
            orders=_some(request.GET.getlist("order"), MOST_ORDERS) or [NEWEST_FIRST],
            columns=_some(request.GET.getlist("col"), MOST_COLUMNS),
            start=int(start) if start.isascii() and start.isdigit() and len(start) < 9 else 0,
        )

    def select(self, project: Project, *, limit: int = PAGE_SIZE) -> tuple[FoundRuns, list[str]]:
        """The runs asked for; when the filter or the order means nothing, all of them and the reason."""
        filters = as_filter(self.conditions)
        try:
            return select_runs(
                project, filters=filters, order=self.orders, offset=self.start, limit=limit
            ), []
        except Invalid as error:
            return select_runs(project, order=NEWEST_FIRST, offset=self.start, limit=limit), [error.message]

    def rows_query(self, columns: Iterable[Column]) -> str:
        """The query that asks for other rows of the same table."""
        pairs = [("q", each.text) for each in self.conditions] + [("order", each) for each in self.orders]
        return urlencode([*pairs, *(("col", column.order) for column in columns)])


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
    """The boxes of the column menu by kind, those that are shown first among their kind."""
    chosen = [column.order for column in shown]
    kinds = (
        (_("Run"), ["tags", "notes", "group", "job_type", "name"]),
        (_("Summary"), [f"summary_metrics.{key}" for key in keys.summary]),
        (_("Config"), [f"config.{key}" for key in keys.config]),
    )
    groups = []
    for title, orders in kinds:
        known = sorted(dict.fromkeys(orders), key=lambda order: order not in chosen)
        boxes = [
            {"order": order, "title": column_of(order).title, "is_shown": order in chosen} for order in known
        ]
        groups.append({"title": title, "boxes": boxes})
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
