"""A patch as its files and their lines: read by the counts that its hunks give, so a line that looks like a head is a line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from apps.web.code.source import coloured
from apps.web.previews import CodeLine

MOST_BYTES = 1024 * 1024
MOST_LINES = 5000
_HUNK = re.compile(r"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@ ?(.*)")
_KINDS = {"+": "added", "-": "removed", " ": "same", "\\": "note"}


@dataclass(frozen=True, slots=True)
class PatchLine:
    """`kind`: added, removed, same, note or hunk; `old` and `new` are its numbers in either file."""

    kind: str
    line: CodeLine
    old: int | None = None
    new: int | None = None


@dataclass(slots=True)
class PatchFile:
    name: str
    lines: list[PatchLine] = field(default_factory=list)
    added: int = 0
    removed: int = 0
    about: list[str] = field(default_factory=list)  # what git says of it: renamed, binary, mode


@dataclass(frozen=True, slots=True)
class _Raw:
    kind: str
    text: str
    old: int | None = None
    new: int | None = None


def patch_of(text: str) -> tuple[list[PatchFile], bool]:
    """The files of a unified diff, and whether it goes on beyond what a page holds."""
    lines = text.removesuffix("\n").split("\n")
    files = list(_files(lines[:MOST_LINES]))
    return files, len(lines) > MOST_LINES


def _files(lines: Sequence[str]) -> Iterator[PatchFile]:
    file, held = PatchFile(""), list[_Raw]()
    place = 0
    while place < len(lines):
        line = lines[place]
        if (hunk := _HUNK.match(line)) is not None:
            place = _read_hunk(lines, place, hunk, held)
            continue
        if _begins(line, file, held):
            if file.name or held:
                yield _made(file, held)
            file, held = PatchFile(_name_of(line)), []
        _note_head(line, file)
        place += 1
    if file.name or held or file.about:
        yield _made(file, held)


def _begins(line: str, file: PatchFile, held: Sequence[_Raw]) -> bool:
    return line.startswith("diff ") or (line.startswith("--- ") and bool(held))


def _name_of(line: str) -> str:
    return line.rpartition(" b/")[2] if line.startswith("diff ") else ""


def _note_head(line: str, file: PatchFile) -> None:
    if line.startswith("+++ ") or (line.startswith("--- ") and not file.name):
        name = line[4:].split("\t", 1)[0]
        if name != "/dev/null":
            file.name = name[2:] if name[:2] in {"a/", "b/"} else name
    elif line.strip() and not line.startswith(("diff ", "index ", "--- ")):
        file.about.append(line[:300])


def _read_hunk(lines: Sequence[str], place: int, hunk: re.Match[str], held: list[_Raw]) -> int:
    """Take in the hunk whose head stands at `place`; the place after it."""
    old, new = int(hunk[1]), int(hunk[3])
    left_old, left_new = int(hunk[2] or 1), int(hunk[4] or 1)
    held.append(_Raw("hunk", hunk[0]))
    place += 1
    while place < len(lines) and (left_old > 0 or left_new > 0 or lines[place].startswith("\\")):
        kind = _KINDS.get(lines[place][:1] or " ")
        if kind is None:
            break
        is_old, is_new = kind in {"same", "removed"}, kind in {"same", "added"}
        held.append(_Raw(kind, lines[place][1:], old if is_old else None, new if is_new else None))
        old, left_old = old + is_old, left_old - is_old
        new, left_new = new + is_new, left_new - is_new
        place += 1
    return place


def _made(file: PatchFile, held: Sequence[_Raw]) -> PatchFile:
    shown = coloured(file.name, [raw.text for raw in held])
    file.lines = [PatchLine(raw.kind, line, raw.old, raw.new) for raw, line in zip(held, shown, strict=True)]
    file.added = sum(raw.kind == "added" for raw in held)
    file.removed = sum(raw.kind == "removed" for raw in held)
    return file
