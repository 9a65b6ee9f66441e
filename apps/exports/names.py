"""Names in an archive: whatever a name is, its path leads nowhere but below its folder, on every system, and is no other's.

The true name stands in the JSON beside it.
"""

from __future__ import annotations

import re
import unicodedata

_PLAIN = re.compile(r"[a-z0-9](?:[a-z0-9_.-]{0,62}[a-z0-9_-])?", re.ASCII)
_NEVER = frozenset(':*?"<>|\\')
# What Windows takes for a device, with any ending.
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?", re.IGNORECASE)
_LONGEST = 120  # bytes of one part: with a number and an ending it still fits everywhere


def folder(name: str, ident: str) -> str:
    """One part of a path for something that has an opaque id. A name in small letters stays as it is; any other is made safe
    and has the beginning of the id behind it, so that no two meet where case does not count."""
    if _PLAIN.fullmatch(name) and not _DEVICES.fullmatch(name):
        return name
    return f"{_part(name.replace('/', '_'))}~{ident[:8]}"


def safe_path(name: str) -> str:
    """A relative path of parts that every file system takes."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in {"", ".", ".."}]
    return "/".join(_part(part) for part in parts) or "_"


class Paths:
    """Paths for the files of one folder, in the order in which they are asked for: no two differ in case alone, and none is
    a folder of another."""

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._folders: set[str] = set()
        self._numbers: dict[
            tuple[str, bool], int
        ] = {}  # up to which all are taken: of one name there may be thousands

    def give(self, name: str) -> str:
        *folders, last = safe_path(name).split("/")
        above = ""
        for each in folders:
            above += self._free(each, above, self._files) + "/"
            self._folders.add(_key(above[:-1]))
        found = above + self._free(last, above, self._files, self._folders)
        self._files.add(_key(found))
        return found

    def _free(self, part: str, above: str, *taken: set[str]) -> str:
        place = (_key(above + part), len(taken) > 1)
        number = self._numbers.get(place, 1)
        found = _numbered(part, number)
        while any(_key(above + found) in each for each in taken):
            number += 1
            found = _numbered(part, number)
        if number > 1:
            self._numbers[place] = number
        return found


def _numbered(part: str, number: int) -> str:
    stem, dot, ending = part.rpartition(".")
    if number == 1:
        return part
    return f"{stem}~{number}.{ending}" if dot and stem else f"{part}~{number}"


def _key(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold()


def _part(part: str) -> str:
    shown = "".join("_" if letter in _NEVER or not letter.isprintable() else letter for letter in part)
    shown = shown.encode("utf-8", "replace").decode()
    if len(shown.encode()) > _LONGEST:
        # The ending tells what it is.
        end = shown[-16:] if "." in shown[-16:] else ""
        keep = _LONGEST - len(end.encode())
        shown = shown.encode()[:keep].decode("utf-8", "ignore") + end
    shown = shown.rstrip(". ") or "_"
    return f"_{shown}" if _DEVICES.fullmatch(shown) else shown
