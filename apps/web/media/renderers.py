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
}


def template_of(kind: Kind) -> str:
    return RENDERERS.get(kind, CARD)
