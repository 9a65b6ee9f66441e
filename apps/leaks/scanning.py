"""Looking through what came into a run since it was last looked at. Whatever breaks off is gone on with; nothing doubles."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice

from django.db.models import Q

from apps.code_saving.credentials import Detector, Found, find, find_marks
from apps.code_saving.credentials_in_json import marks_in, spots
from apps.core import jsontext
from apps.files.models import RunFile
from apps.files.queries import NAME_LABEL, open_files, read_file
from apps.leaks.lines import lines_of
from apps.leaks.notes import note
from apps.leaks.scanning_artifacts import UNREADABLE, look_at_artifacts
from apps.leaks.types import Place, Spot
from apps.runs.history import masking
from apps.runs.models import Run
from apps.runs.queries import open_run, run_key
from apps.vault.seal import blind_index

Beat = Callable[[], None]

# What the client writes down of a command line and a config beside the run's own.
SIDE_FILES = ("wandb-metadata.json", "config.yaml")
MOST_OF_A_FILE = 16 * 1024 * 1024  # beyond that a file of code is looked at in its first part
_LINES_AT_ONCE = 2_000
# A progress bar writes its line again and again. What of it was compacted between two looks is looked at once more.
_WRITTEN_AGAIN = 500
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Progress:
    """How far a run was looked through. Small, and sealed: what writers are called came from outside."""

    config: str = ""  # a digest of the sealed bytes, which differ each time they are written
    chunk: int = 0
    segment: int = 0
    ends: dict[str, int] = field(
        default_factory=dict
    )  # by writer, the number after the last line seen in a chunk
    files: dict[str, int] = field(default_factory=dict)  # by file, which of its contents
    versions: dict[str, int] = field(
        default_factory=dict
    )  # of artifacts, by public id, how many of its files

    def to_bytes(self) -> bytes:
        return jsontext.dumps(asdict(self)).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Progress:
        return cls(**jsontext.loads(data))


def look(run: Run, progress: Progress, beat: Beat) -> None:
    """Note every credential in what came since. `beat` is called when some more is behind: it may stop this."""
    _look_at_config(run, progress, beat)
    _look_at_console(run, progress, beat)
    _look_at_files(run, progress, beat)
    look_at_artifacts(run, progress.versions, beat)


def _look_at_config(run: Run, progress: Progress, beat: Beat) -> None:
    sealed = bytes(run.sealed_config or b"")
    seen = hashlib.sha256(sealed).hexdigest()
    if seen == progress.config:
        return
    config = jsontext.loads(open_run(run).config_text)
    note(
        run,
        [Spot(Place.CONFIG, detector, path=path) for path, detector in spots(config)],
        masked=[Spot(Place.CONFIG, detector, path=path) for path, detector in marks_in(config)],
    )
    progress.config = seen
    beat()


def _look_at_console(run: Run, progress: Progress, beat: Beat) -> None:
    # Chunks are listed first: what is compacted in between shows up among the segments.
    chunks = masking.console_chunks(run, progress.chunk)
    for segment in masking.console_segments(run, progress.segment):
        writer = bytes(segment.writer).hex()
        first = progress.ends.get(writer, 0) - _WRITTEN_AGAIN
        if segment.first_line + segment.line_count > first:
            lines = masking.lines_of_segment(run, segment, first)
            while some := list(islice(lines, _LINES_AT_ONCE)):
                text = "\n".join(text for _, text in some)
                numbers = [number for number, _ in some]
                _note_lines(run, writer, numbers, text.encode("utf-8", "surrogatepass"))
        progress.segment = segment.pk
        beat()
    for pk in chunks:
        chunk = masking.console_chunk(run, pk)
        if chunk is None:  # compacted meanwhile: the next look finds it among the segments
            return
        writer, first, payload = chunk[0].hex(), chunk[1], chunk[2]
        end = first + payload.count(b"\n") + 1
        _note_lines(run, writer, range(first, end), payload)
        progress.ends[writer] = max(progress.ends.get(writer, 0), end)
        progress.chunk = pk
        beat()


def _note_lines(run: Run, writer: str, numbers: Sequence[int], data: bytes) -> None:
    def spots(found: Iterator[Found]) -> list[Spot]:
        return [
            Spot(
                Place.CONSOLE, each.detector, writer=writer, line=numbers[each.first], last=numbers[each.last]
            )
            for each in lines_of(data, found)
        ]

    note(run, spots(find(data)), masked=spots(find_marks(data)))


def _look_at_files(run: Run, progress: Progress, beat: Beat) -> None:
    # Told by their rows alone: most files of a run are media, and may be many.
    key = run_key(run)
    names = [blind_index(key, NAME_LABEL, name) for name in SIDE_FILES]
    wanted = RunFile.objects.filter(Q(is_code=True) | Q(name_index__in=names), run=run, blob__isnull=False)
    stored = wanted.order_by("pk")
    for pk, blob in list(stored.values_list("pk", "blob_id")):
        if progress.files.get(str(pk)) != blob:
            try:
                _look_at_file(run, pk)
            except UNREADABLE as error:
                log.warning("not looked through: file=%s error=%s", pk, type(error).__name__)
            progress.files[str(pk)] = blob
            beat()


def _look_at_file(run: Run, pk: int) -> None:
    opened = open_files(run, [pk]).get(pk)
    if opened is None:
        return
    data = b"".join(first_part(read_file(opened.file)))
    place = Place.CODE if opened.file.is_code else Place.FILE

    def spots(found: Iterator[Found]) -> list[Spot]:
        first_of: dict[Detector, int] = {}
        for each in lines_of(data, found):
            first_of.setdefault(each.detector, each.first)
        return [Spot(place, kind, line=line, file=opened.name) for kind, line in first_of.items()]

    note(run, spots(find(data)), masked=spots(find_marks(data)))


def first_part(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces of a file up to where it is looked at."""
    size = 0
    for part in parts:
        yield part
        size += len(part)
        if size >= MOST_OF_A_FILE:
            return
