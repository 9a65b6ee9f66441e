"""Looks of custom charts that somebody wrote, read through the gate by the name that a run says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apps.artifacts.looks import FILE, MOST_BYTES, TYPE, place_of, read_spec
from apps.artifacts.queries.entries import find_by_digest, find_entries, read_stored
from apps.artifacts.queries.links import read_version_named
from apps.artifacts.queries.versions import open_version
from apps.core.errors import NotFound

if TYPE_CHECKING:
    from apps.accounts.actors import Actor

_NO_LOOK = "There is no such look, or it is not shared with you."


def read_look(actor: Actor, name: str) -> dict[str, Any]:
    """The newest version of the look `entity/look` or `entity/project/look`. What does not exist and what is not shared look
    the same; Invalid for what is kept as a look and is none."""
    entity, _slash, own = name.partition("/")
    project, collection = place_of(own)
    version, _link = read_version_named(actor, entity=entity, project=project, name=collection)
    entries = find_entries(version, [FILE])
    is_look = open_version(version).collection.type_name == TYPE
    if not is_look or not entries or not entries[0].stored or entries[0].size > MOST_BYTES:
        raise NotFound(_NO_LOOK)
    return read_spec(b"".join(read_stored(version, find_by_digest(version, entries[0].digest))))
