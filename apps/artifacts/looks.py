"""Looks of custom charts that somebody wrote, in the grammar of Vega: what they are called and where they lie.

A look is an artifact with one file. So it has an owner, versions and a page, is sealed, exported and erased like any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from apps.artifacts.names import check_text, clean_collection
from apps.core import jsontext
from apps.core.errors import Invalid, TooMuch

TYPE = "custom-chart"
FILE = "look.json"
# Of an entity, where the name of a look says no project.
PLACE = "custom-charts"
MOST_BYTES = 1024 * 1024
# Each is filled with a name or a title, which may be twenty times as long as what stands for it.
MOST_PLACES = 1000


@dataclass(frozen=True, slots=True)
class NewLook:
    """`place`: the name of its project."""

    place: str
    name: str
    content: bytes
    description: str = ""


def place_of(name: str) -> tuple[str, str]:
    """The project in which a look of this name lies, and what it is called there: `project/look`, or `look` alone."""
    project, _slash, own = name.rpartition("/")
    return project or PLACE, own


def new_look(name: str, text: str, *, description: str = "") -> NewLook:
    """A look as somebody sent it, its text kept as it was written. TooMuch, or Invalid for what is no name or describes nothing."""
    place, own = place_of(name)
    data = text.encode("utf-8", "surrogatepass")
    if len(data) > MOST_BYTES:
        raise TooMuch(f"The specification of a chart may not be larger than {MOST_BYTES // 1024} KiB.")
    read_spec(data)
    check_text(description)
    return NewLook(place, clean_collection(own), data, description)


def read_spec(data: bytes) -> dict[str, Any]:
    """What a look says. Invalid for what is no object of JSON, or has more places to fill than a chart has columns and titles."""
    spec = jsontext.loads(data)
    if not isinstance(spec, dict):
        raise Invalid("The specification of a chart is an object of JSON.")
    if sum(text.count("${") for text in _texts_in(spec)) > MOST_PLACES:
        raise Invalid(
            f"The specification of a chart has at most {MOST_PLACES} places for columns and titles."
        )
    return spec


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _texts_in(each)
