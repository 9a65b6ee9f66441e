"""Where the bytes lie that entities keep. Each app tells of its own tables, so that no sum over them forgets one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Aggregate, Count, Model, Sum
from django.db.models.functions import Coalesce

from apps.teams.models import Entity


@dataclass(frozen=True, slots=True)
class Table:
    """Rows that take up bytes: the way from one of them to its size as it is stored, and to the entity whose it is."""

    model: type[Model]
    size: str
    owner: str
    are_files: bool  # each row is a file that somebody saved


_tables: dict[type[Model], Table] = {}


def stores(model: type[Model], size: str, *, owner: str, are_files: bool = False) -> None:
    """Have the rows of `model` counted with what their owners keep."""
    _tables[model] = Table(model, size, owner, are_files)


def tables() -> list[Table]:
    return list(_tables.values())


def bytes_of(entities: Iterable[Entity]) -> Counter[int]:
    """What each of these keeps, by primary key, with one question a table. For callers that asked the gate."""
    within = list(entities)
    return _added(_each(table, Coalesce(Sum(table.size), 0), within) for table in tables())


def bytes_of_everybody() -> Counter[int]:
    return _added(_each(table, Coalesce(Sum(table.size), 0)) for table in tables())


def files_of_everybody() -> Counter[int]:
    return _added(_each(table, Count("pk")) for table in tables() if table.are_files)


def _each(table: Table, number: Aggregate | Coalesce, within: list[Entity] | None = None) -> dict[int, int]:
    rows: Any = table.model._default_manager.order_by()
    if within is not None:
        rows = rows.filter(**{f"{table.owner}__in": within})
    return dict(rows.values(table.owner).annotate(number=number).values_list(table.owner, "number"))


def _added(numbers: Iterable[dict[int, int]]) -> Counter[int]:
    total: Counter[int] = Counter()
    for each in numbers:
        total.update(each)
    return total
