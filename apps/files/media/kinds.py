"""Which of the client's objects are media, and of what kind. A new kind is one line here and a module of its own, if
it takes one; how it is shown stands in `apps.web.media.RENDERERS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.files.media import images, plain
from apps.files.media.types import Item, Kind
from apps.runs.history.paths import TYPE_KEY

_READERS: dict[str, tuple[Kind, plain.Reader]] = {
    "image-file": (Kind.IMAGE, images.one),
    "images/separated": (Kind.IMAGE, images.many),
    "audio-file": (Kind.AUDIO, plain.one(Kind.AUDIO)),
    "audio": (Kind.AUDIO, plain.many(Kind.AUDIO, "audio")),
    "video-file": (Kind.VIDEO, plain.one(Kind.VIDEO)),
    "videos": (Kind.VIDEO, plain.many(Kind.VIDEO, "videos")),
    "html-file": (Kind.HTML, plain.one(Kind.HTML)),
    "html": (Kind.HTML, plain.many(Kind.HTML, "html")),
    "table-file": (Kind.TABLE, plain.one(Kind.TABLE)),
    plain.INCREMENT: (Kind.TABLE, plain.one(Kind.TABLE)),
    "object3D-file": (Kind.OBJECT3D, plain.one(Kind.OBJECT3D)),
    "object3D": (Kind.OBJECT3D, plain.many(Kind.OBJECT3D, "objects")),
    "molecule-file": (Kind.MOLECULE, plain.one(Kind.MOLECULE)),
    "molecule": (Kind.MOLECULE, plain.many(Kind.MOLECULE, "filenames")),
    "plotly-file": (Kind.PLOTLY, plain.one(Kind.PLOTLY)),
    # Kinds with no page of their own: a card with a name and a way to keep the file.
    "bokeh-file": (Kind.OTHER, plain.one(Kind.OTHER)),
    "graph-file": (Kind.OTHER, plain.one(Kind.OTHER)),
    "file": (Kind.OTHER, plain.one(Kind.OTHER)),
}


def kind_of_type(name: str) -> Kind | None:
    """The kind of what the client calls by this name; None for what is no media."""
    found = _READERS.get(name)
    return found[0] if found else None


def items_of(value: Any) -> list[Item]:
    """The things that one logged value holds, in their order; none for anything else."""
    name = value.get(TYPE_KEY) if isinstance(value, Mapping) else None
    found = _READERS.get(name) if isinstance(name, str) else None
    return found[1](value) if found else []
