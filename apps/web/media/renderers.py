"""How each kind is shown: the template of its things. A kind without one has a card: its name, its size, and the file to keep.

A template gets `panel` (`apps.web.media.panels.Panel`) and shows `panel.things`; it may add a module of static/js/media/.
"""

from __future__ import annotations

from apps.files.media.types import Kind

CARD = "media/_cards.html"
RENDERERS = {
    Kind.IMAGE: "media/_images.html",
    Kind.AUDIO: "media/_sounds.html",
    Kind.VIDEO: "media/_films.html",
    Kind.HTML: "media/_pages.html",
    Kind.TABLE: "media/_tables.html",
    Kind.PLOTLY: "media/_plotly.html",
    Kind.OBJECT3D: "media/_solids.html",
    Kind.MOLECULE: "media/_solids.html",
}
# What static/js/media/solid.js reads, and up to which size; anything else in space is a file to keep.
_THINGS = ("pts.json", "obj", "gltf", "glb", "stl")
_MOLECULES = ("pdb", "pqr", "mol", "mol2", "sdf", "sd", "xyz", "gro")
MOST_OF_SOLID = 64 * 1024 * 1024


def solid_format(path: str, size: int) -> str:
    """In which format a thing in space is drawn; empty where it is not."""
    if size > MOST_OF_SOLID:
        return ""
    return next((each for each in _THINGS + _MOLECULES if path.lower().endswith(f".{each}")), "")


def template_of(kind: Kind) -> str:
    return RENDERERS.get(kind, CARD)
