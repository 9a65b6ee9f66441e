"""Classes of masks and boxes: what the config calls them, and in which colour each is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.files.media.types import LayerKind

MOST_CLASSES = 64
_LONGEST_LABEL = 200
_IN_CONFIG = {LayerKind.MASK: "mask/class_labels", LayerKind.BOXES: "bounding_box/class_labels"}
# The client's own spelling.
_BETWEEN = "_wandb_delimeter_"
# Told apart over photographs, dark and light; the same twelve stand in static/css/media.css.
COLOURS = (
    (0x3D, 0x7B, 0xFF), (0xFF, 0xB0, 0x00), (0x00, 0xC2, 0xA8), (0xE8, 0x3F, 0x6F), (0x9B, 0x5D, 0xE5), (0x7F, 0xC2, 0x41),
    (0xFF, 0x7A, 0x2F), (0x00, 0xB4, 0xE6), (0xF2, 0x6D, 0xD0), (0xC9, 0xA2, 0x27), (0x5B, 0x6B, 0xC0), (0x8D, 0x5A, 0x3C),
)  # fmt: skip


def colour_of(number: int) -> int:
    """From 1 to 12."""
    return number % len(COLOURS) + 1


def labels_of(facts: Mapping[str, Any], kind: LayerKind, key: str, layer: str) -> dict[int, str]:
    """What the client's entry in the config calls the classes of a layer; nothing where it says nothing.

    A key inside of an object is known there by its last part alone.
    """
    known = facts.get(_IN_CONFIG[kind])
    if not isinstance(known, Mapping):
        return {}
    for name in (key, key.rpartition(".")[2]):
        entry = known.get(f"{name}{_BETWEEN}{layer}")
        if isinstance(entry, Mapping):
            return labels_in(entry.get("value"))
    return {}


def labels_in(value: Any) -> dict[int, str]:
    """A table of numbers and names as JSON has it: its keys are text."""
    if not isinstance(value, Mapping):
        return {}
    found = {
        int(number): str(label)[:_LONGEST_LABEL]
        for number, label in value.items()
        if isinstance(number, str) and number.isascii() and number.isdigit() and len(number) < 7
    }
    return dict(sorted(found.items())[:MOST_CLASSES])
