"""The tables of an archive as the lines that were logged."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO, NoReturn

from django.utils.translation import gettext as _

from apps.core.errors import TooMuch
from apps.imports.errors import Broken
from apps.imports.readers.ownlog import apart
from apps.imports.readers.ownlog.archive import Archive
from apps.imports.readers.stretches import lines_of, stretches
from apps.imports.types import Beat
from apps.runs.formats.arrow import JSON_MARK

_TOP = Path(__file__).parents[4]
_MARK = next(iter(JSON_MARK))
_LONGEST_FRAME = (
    64 * 2**20
)  # a line of the longest that there are, each letter of which takes four bytes, and some more
_ROOM = 2**30  # what it may take beyond what its libraries do: sixty thousand columns take nearly so much
_PATIENCE = 300.0  # seconds in which it says nothing
_MOST_SECONDS = 600  # of a processor for one table, and more for one that is large in its file
_BETWEEN_BEATS = 10.0  # in which it is waited for
_BETWEEN_LOOKS = 1.0  # at how much was reckoned for all tables
_A_ROW = 64  # letters that one takes which is read and not given: about what a short one takes that is
# Letters that the tables of an archive open to. Text that stands in every row takes next to nothing in a file.
_LARGEST_RATIO, _ALWAYS_ALLOWED = 200, 32 * 2**30
_MOST_READINGS = 8  # of all of them at that size; of what is smaller there may be more


class Tables:
    """The tables of one archive."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._opener = Opener(archive.packed_size, archive.beat)

    def close(self) -> None:
        self._opener.close()

    def rows(self, stem: str) -> Iterator[list[str]]:
        """The rows of `stem.parquet` or `stem.jsonl` as JSON objects. Nothing where there is no table."""
        if self._archive.has(f"{stem}.jsonl"):
            yield from stretches(lines_of(self._archive.stream(f"{stem}.jsonl")))
        elif self._archive.has(f"{stem}.parquet"):
            yield from self._rows_of_parquet(f"{stem}.parquet")
        elif self._archive.has(f"{stem}.csv"):
            raise Broken(
                _(
                    "This export has its histories as CSV, which keeps no types. Export once more, as Parquet or JSON Lines."
                )
            )

    def _rows_of_parquet(self, path: str) -> Iterator[list[str]]:
        with self._archive.seekable(path) as file:
            yield from self._opener.lines(file, self._archive.size(path), path)


class Opener:
    """Opens the tables of one import, each as lines, in a process that is there from the first of them to the last."""

    def __init__(self, packed_size: int, beat: Beat, program: str = apart.__name__) -> None:
        self._program, self._beat = program, beat
        self._opened = Opened(packed_size)
        self._reckoned = Reckoned(packed_size)
        self._apart: Apart | None = None

    def close(self) -> None:
        if self._apart is not None:
            self._apart.end()
            self._apart = None

    def lines(self, file: BinaryIO, size: int, path: str, mark: bytes = _MARK) -> Iterator[list[str]]:
        """Some at a time. Two tables may be read side by side: then each has a process."""
        reading, self._apart = self._apart or Apart(self._program, self._word), None
        self._reckoned.begin(reading)
        is_whole = False
        self._opened.begin(path)
        try:
            passed = partial(self._passed, path)
            for text in reading.lines(file, size, path, mark, passed=passed):
                self._opened.count(path, len(text))
                yield text.split("\n")
            is_whole = True
        finally:
            # One that was left in the middle of a table is of no use for another.
            if is_whole and self._apart is None:
                self._apart = reading
            else:
                self._reckoned.end(reading)
                reading.end()

    def _passed(self, path: str, rows: int) -> None:
        self._opened.count(path, rows * _A_ROW)

    def _word(self) -> None:
        self._beat()
        self._reckoned.look()


class Reckoned:
    """Seconds of a processor that the tables of one opener take, all together, however many there are and however often each is read."""

    def __init__(self, packed_size: int) -> None:
        self._most = _MOST_SECONDS + _MOST_READINGS * (packed_size // apart.BYTES_A_SECOND)
        self._ended, self._looked_at = 0.0, time.monotonic()
        self._at: set[Apart] = set()

    def begin(self, reading: Apart) -> None:
        self._at.add(reading)

    def end(self, reading: Apart) -> None:
        self._at.discard(reading)
        self._ended += reading.seconds()

    def look(self) -> None:
        now = time.monotonic()
        if now - self._looked_at < _BETWEEN_LOOKS:
            return
        self._looked_at = now
        if self._ended + sum(each.seconds() for each in self._at) > self._most:
            raise TooMuch(_("The tables of this archive take longer to read than all of them together may."))


class Opened:
    """Letters that tables open to: of each table when it was read last, and all that was ever read."""

    def __init__(self, packed_size: int) -> None:
        self._of: dict[str, int] = {}
        self._sum = self._ever = 0
        self._most = _LARGEST_RATIO * packed_size + _ALWAYS_ALLOWED

    def begin(self, path: str) -> None:
        self._sum -= self._of.pop(path, 0)

    def count(self, path: str, letters: int) -> None:
        self._of[path] = self._of.get(path, 0) + letters
        self._sum += letters
        self._ever += letters
        if self._sum > self._most or self._ever > _MOST_READINGS * self._most:
            raise TooMuch(_("This archive would unpack to far more than it is: nothing of it was imported."))


class Apart:
    """That process: `apart`, or another program that reads tables as it does."""

    def __init__(self, program: str, beat: Callable[[], None]) -> None:
        # Nothing of the environment: what reads the files of strangers knows no secrets.
        own = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "1"}
        process = subprocess.Popen(
            [sys.executable, "-s", "-B", "-m", program, str(_ROOM), str(_MOST_SECONDS)],
            cwd=_TOP,
            env=own,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._process, self._beat, self._seconds = process, beat, 0.0
        self.end = weakref.finalize(self, _end, process)

    def seconds(self) -> float:
        """Of a processor, that it has taken since it began."""
        if self._process.returncode is None:  # else its number may be another one's
            with suppress(OSError):  # this is no Linux
                said = Path(f"/proc/{self._process.pid}/stat").read_bytes().rpartition(b")")[2].split()
                self._seconds = sum(map(int, said[11:13])) / os.sysconf("SC_CLK_TCK")
        return self._seconds

    def lines(
        self, file: BinaryIO, size: int, path: str, mark: bytes, *, passed: Callable[[int], object] = int
    ) -> Iterator[str]:
        """What it reads, some lines at a time, with a line feed between any two. `passed` is told of rows that it did not give."""
        self._tell(apart.FRAME.pack(apart.TABLE, size) + apart.WHERE.pack(len(mark)) + mark, path)
        while True:
            kind, length = apart.FRAME.unpack(self._hear(apart.FRAME.size, path))
            if kind == apart.BYTES and length <= apart.MOST_AT_ONCE:
                (place,) = apart.WHERE.unpack(self._hear(apart.WHERE.size, path))
                file.seek(min(place, size))
                self._tell(file.read(length).ljust(length, b"\0"), path)
            elif kind == apart.LINES and length <= _LONGEST_FRAME:
                yield self._hear(length, path).decode("utf-8", "surrogatepass")
            elif kind == apart.PASSED:
                passed(length)
            elif kind == apart.END:
                return
            else:
                _refuse(kind, path)

    def _tell(self, data: bytes, path: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(data)
            self._process.stdin.flush()
        except BrokenPipeError:
            self._gone(path)

    def _hear(self, size: int, path: str) -> bytearray:
        assert self._process.stdout is not None
        out = self._process.stdout.fileno()
        heard, until = bytearray(), time.monotonic() + _PATIENCE
        waiting = select.poll()
        waiting.register(out, select.POLLIN)
        while len(heard) < size:
            self._beat()
            left = until - time.monotonic()
            if not waiting.poll(max(0.0, min(left, _BETWEEN_BEATS)) * 1000):
                if left < _BETWEEN_BEATS:
                    _refuse(apart.TOO_MUCH, path)
                continue
            piece = os.read(out, min(size - len(heard), 2**20))
            if not piece:
                self._gone(path)
            heard += piece
        return heard

    def _gone(self, path: str) -> NoReturn:
        """By an error of its own, or because it had not even the room to say that it has none; or it took too long."""
        ended = self._process.wait()
        if ended == -signal.SIGXCPU:
            raise TooMuch(
                _("A table of this archive takes longer to read than any history may: %(path)s.")
                % {"path": path}
            )
        _refuse(b"" if ended > 0 else apart.TOO_MUCH, path)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()


def _refuse(kind: bytes, path: str) -> NoReturn:
    if kind == apart.TOO_MUCH:
        raise TooMuch(
            _("A table of this archive takes more memory than any history may: %(path)s.") % {"path": path}
        )
    if kind == apart.UNKNOWN:
        raise Broken(_("A table of this archive has a kind of column that no export has."))
    raise Broken(_("A table of this archive cannot be read: %(path)s.") % {"path": path})
