"""The files of a run as folders: what lies in one of them, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from apps.files.types import FileName, OpenFile

PAGE = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """A folder with how many files are below it, or a file."""

    label: str
    path: str
    size: int
    count: int = 0
    id: int | None = None
    file: OpenFile | None = None
    erase_url: str = ""  # for who may


@dataclass(frozen=True, slots=True)
class Crumb:
    label: str
    path: str


def entries_in(names: Sequence[FileName], inside: str) -> list[Entry]:
    """What lies directly in the folder `inside` (empty: the top), folders first."""
    prefix = f"{inside}/" if inside else ""
    folders: dict[str, Entry] = {}
    files: list[Entry] = []
    for each in names:
        if not each.name.startswith(prefix):
            continue
        label, is_deeper, _ = each.name[len(prefix) :].partition("/")
        if is_deeper:
            known = folders.get(label) or Entry(label, prefix + label, 0)
            folders[label] = replace(known, size=known.size + each.size, count=known.count + 1)
        else:
            files.append(Entry(label, each.name, each.size, id=each.id))
    return sorted(folders.values(), key=lambda folder: folder.label) + files


def entries_named(names: Sequence[FileName], text: str) -> list[Entry]:
    """The files with this anywhere in their path, in either case."""
    wanted = text.casefold()
    return [
        Entry(each.name, each.name, each.size, id=each.id) for each in names if wanted in each.name.casefold()
    ]


def crumbs_of(path: str) -> list[Crumb]:
    """The folders that lead to a path, the first one first."""
    parts = path.split("/") if path else []
    return [Crumb(part, "/".join(parts[: place + 1])) for place, part in enumerate(parts)]
