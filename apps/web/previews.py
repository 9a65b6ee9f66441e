"""What a file holds, from its first bytes: an image, a table, a tree, a log, source; or why there is nothing to see.

Nothing is rendered but images, and those by their bytes, whatever their name: SVG and HTML are source.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.utils.translation import gettext as _

from apps.core import jsontext
from apps.core.errors import Invalid
from apps.web.ansi import Span, spans_of
from apps.web.highlight import LONGEST_LINE, highlighted, language_of
from apps.web.trees import is_branch, items_of, written

HEAD_BYTES = 1024 * 1024
MOST_IMAGE_BYTES = 32 * 1024 * 1024
MOST_LINES = 2000
MOST_ROWS = 200
MOST_COLUMNS = 50
MOST_BRANCHES = 2000
_LONGEST_CELL = 300
_DEEPEST = 24
_DEEPEST_INDENT = 6

_IMAGES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
_FILMS = (
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (b"\x1aE\xdf\xa3", "video/webm"),
)
_MPEG_FRAMES = {b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xfa"}
_FORMATS = (
    (b"PK\x03\x04", "ZIP"),
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "Zstandard"),
    (b"%PDF-", "PDF"),
    (b"\x93NUMPY", "NumPy"),
    (b"\x89HDF\r\n", "HDF5"),
    (b"PAR1", "Parquet"),
    (b"SQLite format 3\0", "SQLite"),
    (b"\x7fELF", "ELF"),
    (b"OggS", "Ogg"),
    (b"RIFF", "RIFF"),
)
# Marks that make text read otherwise than it is written: shown, not obeyed.
_TURNING = re.compile("([\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff])")
_OTHER_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class CodeLine:
    number: int
    spans: list[Span]
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Branch:
    """One line of a tree. A value that is folded in full has none of its own."""

    key: str
    value: str
    depth: int
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Preview:
    """`kind` is image, table, tree, code or none. `is_part` when the file goes on beyond what is shown."""

    kind: str
    language: str = ""
    lines: list[CodeLine] = field(default_factory=list)
    branches: list[Branch] = field(default_factory=list)
    head: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    reason: str = ""
    is_part: bool = False


def image_type(head: bytes) -> str | None:
    """The type of an image that a browser may show, by its first bytes alone."""
    for magic, kind in _IMAGES:
        if head.startswith(magic):
            return kind
    return "image/webp" if head[:4] == b"RIFF" and head[8:12] == b"WEBP" else None


def film_type(head: bytes) -> str | None:
    """The type of a sound or a film that a browser may play, by its first bytes alone. A GIF is a picture that moves."""
    if head[4:8] == b"ftyp":
        return "audio/mp4" if head[8:11] == b"M4A" else "video/mp4"
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "audio/wav"
    if head[:2] in _MPEG_FRAMES:
        return "audio/mpeg"
    return next((kind for magic, kind in _FILMS if head.startswith(magic)), None)


def preview_of(name: str, head: bytes, *, size: int) -> Preview:
    """What can be shown of a file that begins with `head`."""
    if not size:
        return Preview("none", reason=_("The file is empty."))
    if image_type(head) is not None:
        return _image(size)
    text = text_in(head, is_whole=size <= len(head))
    if text is None:
        return Preview("none", reason=why_unseen(head))
    return _of_text(name, text, is_part=size > len(head))


def _image(size: int) -> Preview:
    if size > MOST_IMAGE_BYTES:
        return Preview("none", reason=_("The image is too large to be shown here."))
    return Preview("image")


def why_unseen(head: bytes) -> str:
    """Why a file that begins so is not shown."""
    for magic, name in _FORMATS:
        if head.startswith(magic):
            return _("The file is in a format that is not shown here: %(format)s.") % {"format": name}
    return _("The file is neither text nor an image.")


def text_in(head: bytes, *, is_whole: bool) -> str | None:
    """The text, when it is one. A letter that the end of the head cuts is left out."""
    encoding = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head, final=is_whole)
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text.replace("\r\n", "\n")


def _of_text(name: str, text: str, *, is_part: bool) -> Preview:
    ending = name.lower().rpartition(".")[2]
    found = None
    if ending == "json" and not is_part:
        found = tree_in(text)
    elif ending in ("csv", "tsv"):
        found = _table(text, "\t" if ending == "tsv" else ",", is_part=is_part)
    return found or _code(name, text, is_part=is_part)


# ── Source and logs ──


def _code(name: str, text: str, *, is_part: bool) -> Preview:
    text = text.removesuffix("\n")
    lines = text.split("\n", MOST_LINES)
    if len(lines) > MOST_LINES:
        lines, is_part = lines[:MOST_LINES], True
    language = "" if "\x1b" in text else language_of(name)
    spans = highlighted("\n".join(lines), language) if language else list(map(terminal_line, lines))
    return Preview(
        "code",
        language,
        lines=[code_line(number, line) for number, line in enumerate(spans, 1)],
        is_part=is_part,
    )


def terminal_line(line: str) -> list[Span]:
    """A line of a log. What a program wrote over is left out only where it moved back."""
    return spans_of(line.removesuffix("\r"))


def code_line(number: int, spans: list[Span]) -> CodeLine:
    """A line to show: of a bounded length, and with no mark that would turn what follows."""
    shown: list[Span] = []
    room = LONGEST_LINE
    for span in spans:
        shown += _safe(Span(span.text[:room], span.classes))
        room -= len(span.text)
        if room < 0:
            return CodeLine(number, shown, is_cut=True)
    return CodeLine(number, shown)


def _safe(span: Span) -> list[Span]:
    """The span with marks that turn the direction of writing written out."""
    if span.text.isascii() and not _OTHER_CONTROLS.search(span.text):
        return [span]
    parts = _TURNING.split(_OTHER_CONTROLS.sub("\ufffd", span.text))
    return [
        Span(f"U+{ord(part):04X}", "g-ink") if place % 2 else Span(part, span.classes)
        for place, part in enumerate(parts)
        if part
    ]


# ── Tables and trees ──


def _table(text: str, between: str, *, is_part: bool) -> Preview | None:
    try:
        rows = list(islice(csv.reader(io.StringIO(text), delimiter=between), MOST_ROWS + 2))
    except csv.Error:
        return None
    rows = [row for row in rows if row]
    if len(rows) < 2 or max(map(len, rows)) < 2:
        return None
    cells = [[cell[:_LONGEST_CELL] for cell in row[:MOST_COLUMNS]] for row in rows[: MOST_ROWS + 1]]
    is_part = is_part or len(rows) > MOST_ROWS + 1 or max(map(len, rows)) > MOST_COLUMNS
    return Preview("table", head=cells[0], rows=cells[1:], is_part=is_part)


def tree_in(text: str) -> Preview | None:
    """The tree of a JSON text; None for what is none, or has no branches."""
    try:
        value = jsontext.loads(text)
    except Invalid:
        return None
    if not is_branch(value):
        return None
    branches = list(islice(_branches(value, 0), MOST_BRANCHES + 1))
    return Preview("tree", branches=branches[:MOST_BRANCHES], is_part=len(branches) > MOST_BRANCHES)


def _branches(value: Any, depth: int) -> Iterator[Branch]:
    indent = min(depth, _DEEPEST_INDENT)
    is_list = isinstance(value, list)
    for name, inner in items_of(value):
        key = f"[{name}]" if is_list else name
        if is_branch(inner) and depth < _DEEPEST:
            yield Branch(key, "", indent, is_open=True)
            yield from _branches(inner, depth + 1)
        else:
            yield Branch(key, written(inner), indent)
