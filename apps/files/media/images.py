"""Images, one or a list of them, with what lies over them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from apps.files.media.types import (
    MOST_ITEMS,
    Item,
    Kind,
    Layer,
    LayerKind,
    caption_in,
    captions_in,
    measure_in,
    path_in,
)

_MOST_LAYERS = 16


def one(value: Mapping[str, Any]) -> list[Item]:
    path = path_in(value)
    return [_image(path, value, caption_in(value.get("caption")), value)] if path else []


def many(value: Mapping[str, Any]) -> list[Item]:
    names = value.get("filenames")
    if not isinstance(names, list):
        return []
    names = names[:MOST_ITEMS]
    captions = captions_in(value.get("captions"), len(names))
    return [
        _image(path, value, captions[place], _layers_at(value, place))
        for place, name in enumerate(names)
        if (path := path_in(name))
    ]


def _image(path: str, sizes: Mapping[str, Any], caption: str, over: Mapping[str, Any]) -> Item:
    return Item(
        Kind.IMAGE,
        path,
        caption,
        measure_in(sizes.get("width")),
        measure_in(sizes.get("height")),
        layers=tuple(_layers(over))[:_MOST_LAYERS],
    )


def _layers_at(value: Mapping[str, Any], place: int) -> dict[str, Any]:
    """What lies over one image of a list, in the form that a single image has it."""
    found = {}
    for of_all, of_one in (("all_masks", "masks"), ("all_boxes", "boxes")):
        given = value.get(of_all)
        if isinstance(given, list) and place < len(given):
            found[of_one] = given[place]
    return found


def _layers(value: Mapping[str, Any]) -> Iterator[Layer]:
    for name, kind in (("masks", LayerKind.MASK), ("boxes", LayerKind.BOXES)):
        given = value.get(name)
        for called, each in given.items() if isinstance(given, Mapping) else ():
            if path := path_in(each):
                yield Layer(kind, called, path)
