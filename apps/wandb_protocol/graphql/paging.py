"""Relay connections over lists: the cursor is a position, opaque to the client."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import TypeVar

from apps.core.errors import Invalid
from apps.wandb_protocol.graphql.context import Info, Source, budget_of

MOST_PER_PAGE = 1000
_DEFAULT_PER_PAGE = 50
T = TypeVar("T")


def cursor(position: int) -> str:
    return base64.b64encode(f"at:{position}".encode()).decode()


def position_after(after: str | None) -> int:
    """Where the page after this cursor begins."""
    if not after:
        return 0
    try:
        word, _, number = base64.b64decode(after, validate=True).decode("ascii").partition(":")
        position = int(number)
    except (ValueError, binascii.Error):
        word, position = "", -1
    if word != "at" or not 0 <= position < 2**53:
        raise Invalid("This cursor did not come from here.")
    return position + 1


def page_size(first: int | None) -> int:
    size = _DEFAULT_PER_PAGE if first is None else first
    if size < 0:
        raise Invalid("A page cannot have fewer than 0 entries.")
    return min(size, MOST_PER_PAGE)


def asked_page(info: Info, first: int | None, after: str | None) -> tuple[int, int]:
    """Where the page that is asked for begins and how long it is; its length counts."""
    budget_of(info).list_of(page_size(first))
    return position_after(after), page_size(first)


def connection(
    items: Sequence[T], node: Callable[[T], Source], *, first: int | None, after: str | None
) -> Source:
    """The page of `items` that is asked for; only its nodes are made."""
    start = position_after(after)
    shown = items[start : start + page_size(first)]
    return page([node(item) for item in shown], start=start, total=len(items))


def page(nodes: Sequence[Source], *, start: int, total: int) -> Source:
    """A connection of nodes that begin at position `start` of `total`."""
    end = start + len(nodes)
    edges = [{"node": node, "cursor": cursor(start + i)} for i, node in enumerate(nodes)]
    page_info = {"endCursor": cursor(end - 1) if nodes else None, "hasNextPage": end < total}
    return {"edges": edges, "pageInfo": page_info, "totalCount": total}


def all_of(nodes: Sequence[Source]) -> Source:
    return page(nodes, start=0, total=len(nodes))
