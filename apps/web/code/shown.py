"""What the Code tab shows of one file: a page of source, a patch, a notebook's cells; or why there is nothing to see."""

from __future__ import annotations

from dataclasses import dataclass, field

from apps.web.code.kept import CodeFile
from apps.web.code.notebooks import MOST_BYTES as MOST_OF_A_NOTEBOOK
from apps.web.code.notebooks import PAGE_CELLS, Cell, cells_of, page_of_cells
from apps.web.code.patches import MOST_BYTES as MOST_OF_A_PATCH
from apps.web.code.patches import PatchFile, patch_of
from apps.web.code.source import MOST_READ, Source, page_of
from apps.web.previews import Preview, preview_of, text_in

_HEAD = 64 * 1024
_PATCHES = (".patch", ".diff")


@dataclass(frozen=True, slots=True)
class Shown:
    """`kind`: source, patch, notebook, image or none."""

    kind: str
    source: Source = field(default_factory=Source)
    patches: list[PatchFile] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    reason: str = ""
    is_part: bool = False
    has_more: bool = False


def shown_of(found: CodeFile, page: int, *, as_text: bool = False) -> Shown:
    """A page of the file. `as_text`: a patch or a notebook as the source that it is."""
    head = b"".join(found.read(end=_HEAD))
    if not found.size or text_in(head, is_whole=found.size <= _HEAD) is None:
        return _unseen(preview_of(found.name, head, size=found.size))
    special = None if as_text else _special(found, page)
    return special or _source(found, page)


def has_own_form(name: str) -> bool:
    """Is a file of this name shown otherwise than as source?"""
    return name.lower().endswith((*_PATCHES, ".ipynb"))


def _unseen(preview: Preview) -> Shown:
    return Shown(preview.kind, reason=preview.reason)


def _special(found: CodeFile, page: int) -> Shown | None:
    name = found.name.lower()
    if name.endswith(".ipynb") and found.size <= MOST_OF_A_NOTEBOOK:
        cells = cells_of(b"".join(found.read()))
        if cells is None:
            return None
        return Shown(
            "notebook", cells=page_of_cells(cells, page), has_more=len(cells) > (page + 1) * PAGE_CELLS
        )
    if name.endswith(_PATCHES):
        text = b"".join(found.read(end=MOST_OF_A_PATCH)).decode("utf-8", "replace")
        files, goes_on = patch_of(text)
        return Shown("patch", patches=files, is_part=goes_on or found.size > MOST_OF_A_PATCH)
    return None


def _source(found: CodeFile, page: int) -> Shown:
    source = page_of(found.name, found.read(end=min(MOST_READ, found.size)), page)
    is_part = source.is_cut or (found.size > MOST_READ and not source.has_more)
    return Shown("source", source=source, is_part=is_part, has_more=source.has_more)
