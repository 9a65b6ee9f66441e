"""Files as one ZIP that is written while it leaves: no file is ever whole in memory, and no name leads out of a folder."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator

from apps.web.serving import Handed

_BIG = 2**31 - 1


class _Sink:
    """What the archive writes, until it is taken. It cannot seek, so sizes follow each file."""

    def __init__(self) -> None:
        self._held = bytearray()

    def write(self, data: bytes) -> int:
        self._held += data
        return len(data)

    def flush(self) -> None:
        """Nothing waits elsewhere."""

    def take(self) -> bytes:
        taken, self._held = bytes(self._held), bytearray()
        return taken


def zipped(files: Iterable[Handed], *, packed: bool = True) -> Iterator[bytes]:
    """The archive, piece by piece; without `packed` the bytes stand in it as they are."""
    how = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    sink, used = _Sink(), set[str]()
    with zipfile.ZipFile(sink, "w", how) as archive:  # type: ignore[call-overload]
        for each in files:
            name = _unused(safe_name(each.name), used)
            info = zipfile.ZipInfo(name, each.moment.timetuple()[:6])
            info.compress_type = how
            info.external_attr = 0o644 << 16
            with archive.open(info, "w", force_zip64=each.size > _BIG) as entry:
                for piece in each.read():
                    entry.write(piece)
                    yield sink.take()
    yield sink.take()


def safe_name(name: str) -> str:
    """A path inside the archive: relative, with no step up, nothing that a shell or a file system takes for more."""
    plain = "".join(letter if letter.isprintable() and letter not in ':*?"<>|' else "_" for letter in name)
    parts = [part for part in plain.replace("\\", "/").split("/") if part not in {"", ".", ".."}]
    return "/".join(part.rstrip(". ") or "_" for part in parts) or "_"


def _unused(name: str, used: set[str]) -> str:
    """The name, or with a number where one that differs in case at most is taken: some file systems know no case."""
    found, number = name, 1
    while found.casefold() in used:
        number += 1
        found = f"{name} ({number})"
    used.add(found.casefold())
    return found
