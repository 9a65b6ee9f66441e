"""What the vault knows of erasures: it keeps that when the main database is put back from a backup."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from uuid import UUID

from django.db.models import Max, Model

from apps.vault.models import Epoch, Grant, Node, Tombstone
from apps.vault.types import NodeId, NodeKind

_Moment = tuple[type[Model], str]
_ERASURES: tuple[_Moment, ...] = ((Tombstone, "erased_at"), (Epoch, "asked_at"))
# Whatever is taken away leaves a later one of these than its key was made.
_ALL: tuple[_Moment, ...] = (
    *_ERASURES,
    (Epoch, "started_at"),
    (Epoch, "marks_until"),
    (Node, "dirty_at"),
    (Grant, "created_at"),
)


def last_erased_at() -> datetime | None:
    """When a key was last erased, or an epoch asked for: what is erased without a tombstone asks for one."""
    return _last(_ERASURES, _here)


def known_until() -> datetime | None:
    """The last moment of which this vault knows anything. It has no keys from later, and nobody need have erased them: it may
    be a copy that was put back."""
    return _last(_ALL, _here)


def known_until_in(copy: Path) -> datetime | None:
    """The same of a copy in a file."""
    with closing(sqlite3.connect(f"{copy.resolve().as_uri()}?mode=ro", uri=True)) as rows:

        def there(model: type[Model], column: str) -> datetime | None:
            asked = f"SELECT MAX({column}) FROM {model._meta.db_table}"  # noqa: S608  (names of columns)
            text = rows.execute(asked).fetchone()[0]
            return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None

        return _last(_ALL, there)


def _here(model: type[Model], column: str) -> datetime | None:
    found: datetime | None = model._base_manager.aggregate(last=Max(column))["last"]
    return found


def _last(moments: Iterable[_Moment], ask: Callable[[type[Model], str], datetime | None]) -> datetime | None:
    found = [ask(model, column) for model, column in moments]
    return max((each for each in found if each is not None), default=None)


def are_erased(nodes: Iterable[UUID]) -> bool:
    """Whether it is known of any of these that it was erased. A key that is missing and has no tombstone was lost."""
    return Tombstone.objects.filter(node_id__in=list(nodes)).exists()


def erased_nodes(kind: NodeKind, at_once: int) -> Iterator[list[NodeId]]:
    """All keys of this kind that were ever erased, so many at once."""
    ids = Tombstone.objects.filter(kind=kind).order_by("pk").values_list("node_id", flat=True).iterator()
    while some := [NodeId(each) for each in islice(ids, at_once)]:
        yield some
