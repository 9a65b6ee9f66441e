"""Which of these, and in which order: the client's filters and orders of collections and versions, over their opened words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from apps.artifacts.types import VersionState
from apps.core import jsontext
from apps.core.errors import Invalid
from apps.runs.filters import compile_filter
from apps.runs.history.paths import MISSING
from apps.wandb_protocol.graphql.context import Source

if TYPE_CHECKING:
    from apps.artifacts.types import Member, OpenCollection, OpenVersion
    from apps.runs.patterns import Patience

T = TypeVar("T")

COLLECTION_KEYS = ("artifact_collection_id", "name", "tag", "description", "created_at", "updated_at")
VERSION_KEYS = ("id", "version", "tag", "alias", "metadata", "created_at", "updated_at")
OWN_VERSION_KEYS = (*VERSION_KEYS, "description", "state")
# The client writes some keys in two ways.
_ALSO = {"createdAt": "created_at", "updatedAt": "updated_at", "tags": "tag", "aliases": "alias"}
_ORDERS = ("name", "created_at", "updated_at")


def sifted(
    items: Iterable[T],
    filters: str | None,
    facts: Callable[[T], Source],
    known: Sequence[str],
    *,
    patience: Patience,
) -> list[T]:
    """Those of these that a filter of the client's means. A key that is not among the known ones is refused."""

    def getter(key: str) -> Callable[[Any], Any]:
        top, _dot, rest = key.partition(".")
        top = _ALSO.get(top, top)
        if top not in known:
            raise Invalid(f"This cannot be asked for: {key[:100]}. There are {', '.join(known)}.")
        return lambda found: _inside(_value(found.get(top, MISSING)), rest)

    keep: Any = compile_filter(filters, getter, patience=patience)
    return list(items) if keep is None else [each for each in items if keep(facts(each))]


def _value(fact: Any) -> Any:
    """A fact that takes long to find out is a function."""
    return fact() if callable(fact) else fact


def _inside(value: Any, path: str) -> Any:
    for key in path.split(".") if path else ():
        value = value.get(key, MISSING) if isinstance(value, dict) else MISSING
    return value


def ordered(items: Iterable[T], order: str | None, facts: Callable[[T], Source]) -> list[T]:
    """By name, unless an order is asked for."""
    key = (order or "name").lstrip("+-")
    key = _ALSO.get(key, key)
    if key not in _ORDERS:
        raise Invalid("The order is one of name, created_at and updated_at.")
    return sorted(items, key=lambda each: facts(each)[key], reverse=(order or "").startswith("-"))


def version_order(order: str | None, columns: Mapping[str, str]) -> str:
    """The column by which rows of versions are sorted; the newest first when nothing is asked."""
    key = (order or "-created_at").lstrip("+-")
    column = columns.get(_ALSO.get(key, key))
    if column is None:
        raise Invalid("Versions can be ordered by createdAt, updatedAt and versionIndex.")
    return f"-{column}" if (order or "-").startswith("-") else column


def asks_for_less(filters: str | None) -> bool:
    """Whether a filter leaves anything out: what the client sends when nobody asked for one does not."""
    return bool(filters) and jsontext.loads(filters or "") not in ({}, None, {"state": "COMMITTED"})


def of_collection(opened: OpenCollection) -> Source:
    row = opened.collection
    return {
        "artifact_collection_id": row.public_id,
        "name": opened.name,
        "tag": list(opened.tags),
        "description": opened.description,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def of_version(opened: OpenVersion) -> Source:
    row, words = opened.version, opened.words

    @cache  # a filter may name it in each of its conditions
    def metadata() -> Any:
        return jsontext.loads(words.metadata_text) if words.metadata_text else {}

    return {
        "id": row.public_id,
        "version": f"v{row.number}",
        "tag": list(words.tags),
        "alias": list(opened.aliases),
        "metadata": metadata,
        "description": words.description,
        "state": VersionState(row.state).name,
        "created_at": row.committed_at,
        "updated_at": row.updated_at,
    }


def of_member(member: Member) -> Source:
    """Under the number and the aliases that it has where it is linked."""
    return of_version(member.source) | {
        "version": f"v{member.link.number}",
        "alias": list(member.aliases),
    }
