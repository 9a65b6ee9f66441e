"""Kinds of which the client logs one file or a list of files, each with a caption at most."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from apps.files.media.types import MOST_ITEMS, Item, Kind, caption_in, captions_in, measure_in, path_in
from apps.runs.history.paths import TYPE_KEY

INCREMENT = "incremental-table-file"
Reader = Callable[[Mapping[str, Any]], list[Item]]


def one(kind: Kind) -> Reader:
    """Reads an object that names its file."""

    def read(value: Mapping[str, Any]) -> list[Item]:
        path = path_in(value)
        return [_item(kind, path, value, caption_in(value.get("caption")))] if path else []

    return read


def many(kind: Kind, name: str) -> Reader:
    """Reads an object that has its things in a list of this name: objects, or bare paths."""

    def read(value: Mapping[str, Any]) -> list[Item]:
        given = value.get(name)
        if not isinstance(given, list):
            return []
        given = given[:MOST_ITEMS]
        captions = captions_in(value.get("captions"), len(given))
        return [
            _item(kind, path, each, captions[place] or caption_in(_of(each, "caption")))
            for place, each in enumerate(given)
            if (path := path_in(each))
        ]

    return read


def _item(kind: Kind, path: str, value: Any, caption: str) -> Item:
    return Item(
        kind,
        path,
        caption,
        measure_in(_of(value, "width")),
        measure_in(_of(value, "height")),
        _rows_in(_of(value, "nrows")),
        is_increment=_of(value, TYPE_KEY) == INCREMENT,
        artifact=path_in(_of(value, "artifact_path")),
    )


def _rows_in(value: Any) -> int | None:
    """A table may well have none."""
    return 0 if type(value) is int and value == 0 else measure_in(value)


def _of(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else None
