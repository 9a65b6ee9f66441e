"""Writing what a client sends: one request, one transaction, every line exactly once."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass, field, replace

from django.db import transaction

from apps.accounts.actors import Actor
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.code_saving.masking import lines_masked
from apps.code_saving.queries import kept_in
from apps.core import background, clock, jsontext
from apps.core.errors import Invalid, TooMuch, Unavailable
from apps.core.rows import change_row, find_row, find_rows, insert_row, sum_of, update_row
from apps.runs.history.keys import KeyList
from apps.runs.history.lines import check_line, pack, parse_lines
from apps.runs.history.paths import Row
from apps.runs.history.pieces import seal_chunk
from apps.runs.history.repeats import new_places
from apps.runs.models import Chunk, Run, StreamPosition
from apps.runs.queries import KEYS_LABEL, SUMMARY_LABEL, gone_or_back_soon, run_key, whose
from apps.runs.types import AppendResult, Lines, RunState, Stream, StreamRequest
from apps.vault.keys import OpenKey
from apps.vault.seal import blind_index, seal, seal_text, unseal, unseal_text
from apps.webhooks.outbox import note
from apps.webhooks.types import Happening

WRITER_LABEL = "run.writer"
# The writer under whose name a fork keeps what it took from its parent: the client counts its own lines from 0.
FORKED = b"forked from it\0\0"
# Under this name lies what people add: counted among the client's own lines, its next ones would be taken for old.
BY_HAND = b"added by hand\0\0\0"
_NO_CLIENT = frozenset({b"", FORKED, BY_HAND})
HOT_BYTES = 2 * 1024 * 1024  # beyond these a reader of chunks waits too long: compact
_WORTH_A_LOOK_BYTES = 16 * 1024
MOST_LINES = 2**40
MOST_WRITERS = 400
LINES_FIELD = {Stream.HISTORY: "history_lines", Stream.EVENTS: "event_lines", Stream.OUTPUT: "output_lines"}

_STATE_FIELDS = frozenset({"state", "finished_at", "exit_code", "stop_requested_at"})
# Our own conclusions about a client that fell silent: any word of it proves them wrong.
_GUESSED = frozenset({RunState.CRASHED, RunState.PREEMPTED})


def append(run: Run, request: StreamRequest, *, by: Actor | None = None) -> AppendResult:
    """Keep what a request brings; durable when this returns. A request that came before, in whole or part, adds nothing.

    Unavailable (ask again) when lines before these have not come yet; Invalid when a line is not what the stream holds.
    """
    rows, by = _checked(request), by or Actor.system()
    request = _masked(run, request)
    return _append_at_once(run, request, by, rows) or _append_locked(run, request, by, rows)


def _append_at_once(run: Run, request: StreamRequest, by: Actor, rows: list[Row]) -> AppendResult | None:
    """For a run that goes on as it went, as nearly always: nothing is locked, and what is stored is stored only if nobody
    changed the run since it was read. None when it is not so; then nothing is stored.
    """
    goes_on = not (request.is_complete or request.is_preempting) and run.state == RunState.RUNNING
    if request.writer or request.is_by_hand or not goes_on or run.erased_at is not None:
        return None
    appending = _Appending(copy(run), request, by, Positions(run, ()))
    try:
        result = appending.carry_out(rows)
    except Unavailable:  # lines before these may have come since the run was read
        return None
    return result if appending.save_if(run) else None


def _append_locked(run: Run, request: StreamRequest, by: Actor, rows: list[Row]) -> AppendResult:
    with transaction.atomic():
        locked = find_row(Run, lock=True, without=("sealed_config", "sealed_head"), pk=run.pk)
        if locked is None or locked.erased_at is not None:
            raise gone_or_back_soon(run.pk)
        # A run stays where it is: the record of its end need not ask for that again.
        if Run.project.is_cached(run):
            locked.project = run.project
        appending = _Appending(locked, request, by, Positions(locked, find_rows(StreamPosition, run=run.pk)))
        result = appending.carry_out(rows)
        appending.save()
    return result


def _checked(request: StreamRequest) -> list[Row]:
    """Every line looked at before anything is locked. Returns the parsed history."""
    for part in request.streams.values():
        if not 0 <= part.first < MOST_LINES:
            raise Invalid("A line number is out of range.")
    for line in _lines(request, Stream.OUTPUT):
        check_line(line)
    parse_lines(_lines(request, Stream.EVENTS))
    if request.summary_text is not None:
        check_line(request.summary_text.replace("\n", " "))
        if not isinstance(jsontext.loads(request.summary_text), dict):
            raise Invalid("The summary must be one JSON object.")
    return parse_lines(_lines(request, Stream.HISTORY))


def _masked(run: Run, request: StreamRequest) -> StreamRequest:
    """The request without what is surely a credential in its console, where the owner chose so. Metrics are not looked at."""
    part = request.streams.get(Stream.OUTPUT)
    if part is None or not part.lines:
        return request
    lines = lines_masked(part.lines, lambda: not kept_in(run.project.entity).secrets)
    if lines is part.lines:
        return request
    return replace(request, streams={**request.streams, Stream.OUTPUT: Lines(part.first, lines)})


def _lines(request: StreamRequest, stream: Stream) -> Sequence[str]:
    part = request.streams.get(stream)
    return part.lines if part else ()


class Positions:
    """How far each writer of a run has come, by stream. Rows are kept only once there is more than one writer."""

    def __init__(self, run: Run, found: Iterable[StreamPosition]) -> None:
        self._run = run
        self._rows = {(Stream(row.stream), bytes(row.writer)): row for row in found}

    def next_line(self, stream: Stream, writer: bytes) -> int:
        row = self._rows.get((stream, writer))
        if row is not None:
            return row.next_line
        if writer:
            return 0
        others = sum(row.next_line for (of, _), row in self._rows.items() if of is stream)
        return max(0, int(getattr(self._run, LINES_FIELD[stream])) - others)

    def move(self, stream: Stream, writer: bytes, next_line: int) -> None:
        if not writer and not self._rows:
            return
        row, _ = self._row(stream, writer)
        row.next_line = next_line
        row.save()

    def complete(self, writer: bytes) -> bool:
        """Note that a writer is done. Whether it was the last one."""
        if not writer:
            return True
        row, _ = self._row(Stream.HISTORY, writer)
        row.is_complete = True
        row.save()
        done = {of for (_, of), row in self._rows.items() if row.is_complete}
        return all(of in done or of in _NO_CLIENT for _, of in self._rows)

    def reopen(self, writer: bytes) -> None:
        """The writer is at work (again), also before its first line."""
        if not writer:
            return
        row, is_new = self._row(Stream.HISTORY, writer)
        if is_new or row.is_complete:
            row.is_complete = False
            row.save()

    def _row(self, stream: Stream, writer: bytes) -> tuple[StreamPosition, bool]:
        row = self._rows.get((stream, writer))
        if row is not None:
            return row, False
        if len({of for _, of in self._rows} | {writer}) > MOST_WRITERS:
            raise TooMuch(f"At most {MOST_WRITERS} writers can share a run.")
        row = StreamPosition(run=self._run, stream=stream.value, writer=writer)
        row.next_line = self.next_line(stream, writer)
        self._rows[stream, writer] = row
        return row, True


@dataclass(slots=True)
class _Appending:
    """One request on its run: what it changes, and then its storing."""

    run: Run
    request: StreamRequest
    by: Actor
    positions: Positions
    key: OpenKey = field(init=False)
    writer: bytes = field(init=False)
    chunks: list[Chunk] = field(default_factory=list)
    has_news: bool = False
    changed: set[str] = field(default_factory=set)

    def carry_out(self, rows: list[Row]) -> AppendResult:
        self.key = run_key(self.run)
        self.writer = self._writer()
        for stream, part in self.request.streams.items():
            if stream is Stream.OUTPUT:
                self._write_output(part)
            else:
                self._write_lines(stream, self._placed(stream, part), rows)
        self._write_summary()
        if not self.request.is_by_hand:
            self.run.heartbeat_at = clock.now()
            self._settle_state()
        stops = self.run.stop_requested_at is not None
        return AppendResult(RunState(self.run.state), is_stop_requested=stops)

    def _writer(self) -> bytes:
        if self.request.is_by_hand:
            return BY_HAND
        return blind_index(self.key, WRITER_LABEL, self.request.writer) if self.request.writer else b""

    def _placed(self, stream: Stream, part: Lines) -> Lines:
        if not self.request.is_by_hand:
            return part
        return Lines(self.positions.next_line(stream, BY_HAND), part.lines)

    def _write_lines(self, stream: Stream, part: Lines, rows: list[Row]) -> None:
        """Store those lines that are new."""
        total = int(getattr(self.run, LINES_FIELD[stream]))
        next_line = self.positions.next_line(stream, self.writer)
        if part.first > next_line and self.writer and not next_line and self.run.renewed_at is not None:
            # What this writer was known by went with the key that the run had. It goes on where it was told that it had come to.
            next_line = part.first
        if part.first > next_line:
            # A resumed or forked run counts from all lines there are, whoever wrote them.
            if self.writer or part.first != total:
                raise Unavailable("Lines before these have not arrived; send them first.")
            next_line = total
        lines = part.lines[next_line - part.first :]
        if not lines:
            return
        count = len(lines)
        if stream is Stream.HISTORY:
            lines = self._note_rows(lines, rows[-count:])
        if lines:
            # The numbers of lines that are left out stay empty, before the others: to the client they have arrived.
            self._store(stream, next_line + count - len(lines), lines)
            self.has_news = True
        self._count(stream, next_line + count, total + count)

    def _note_rows(self, lines: Sequence[str], rows: list[Row]) -> Sequence[str]:
        """Count the keys of those rows that are new, and return their lines."""
        keys = read_keys(self.run, self.key)
        if not self.writer:  # one with a name numbers its lines from 0 also when it sends them again
            places = new_places(self.run, rows, keys.last_step)
            if len(places) < len(rows):
                lines, rows = [lines[place] for place in places], [rows[place] for place in places]
        if rows:
            keys.add(rows)
            seal_keys(self.run, self.key, keys)
            self.changed.add("sealed_keys")
        return lines

    def _write_output(self, part: Lines) -> None:
        """Console lines are rewritten (progress bars) and come in any order: the last word on a line counts."""
        if not part.lines:
            return
        self._store(Stream.OUTPUT, part.first, part.lines)
        known = self.positions.next_line(Stream.OUTPUT, self.writer)
        end = part.first + len(part.lines)
        if end > known:
            self._count(Stream.OUTPUT, end, self.run.output_lines + end - known)
            self.has_news = True

    def _count(self, stream: Stream, next_line: int, total: int) -> None:
        self.positions.move(stream, self.writer, next_line)
        setattr(self.run, LINES_FIELD[stream], total)
        self.changed.add(LINES_FIELD[stream])

    def _store(self, stream: Stream, first_line: int, lines: Sequence[str]) -> None:
        self.chunks.append(new_chunk(self.run, self.key, stream, self.writer, first_line, lines))

    def _write_summary(self) -> None:
        text = self.request.summary_text
        if text is None:
            return
        if self.writer and self.run.sealed_summary is not None:
            sealed = bytes(self.run.sealed_summary)
            merged = jsontext.loads(unseal_text(self.key, sealed, label=SUMMARY_LABEL, row=self.run.uuid))
            merged.update(jsontext.loads(text))
            text = jsontext.dumps(merged)
        self.run.sealed_summary = seal_text(self.key, text, label=SUMMARY_LABEL, row=self.run.uuid)
        self.changed.add("sealed_summary")

    def _settle_state(self) -> None:
        state = RunState(self.run.state)
        # A finished run is revived by new lines only: a request that was delayed on its way must not reopen it.
        is_over = state in RunState.closed() - _GUESSED and not self.has_news
        if is_over and not self._ends_otherwise():
            return
        if self.request.is_complete:
            self._complete(state)
            return
        self.positions.reopen(self.writer)
        if self.request.is_preempting:
            self._move(RunState.PREEMPTING)
        elif state is not RunState.PREEMPTING:
            self._move(RunState.RUNNING)

    def _ends_otherwise(self) -> bool:
        """Somebody took the run up again, logged nothing, and came to another end than the client before."""
        known, said = self.run.exit_code, self.request.exit_code
        return self.request.is_complete and not self.writer and None not in (known, said) and known != said

    def _complete(self, state: RunState) -> None:
        """One writer is done. A shared run has failed when one of them has, and ends with the last."""
        earlier = None if state in RunState.closed() else self.run.exit_code
        exit_code = self.request.exit_code or earlier or self.request.exit_code
        if self.positions.complete(self.writer):
            is_stopped = self.run.stop_requested_at is not None
            self._close(_end_of(state, exit_code, is_stopped=is_stopped), exit_code)
        else:
            # Should the others never say that they are done, the sweep goes by this.
            self.run.exit_code = exit_code or 0
            self.changed.add("exit_code")

    def _close(self, state: RunState, exit_code: int | None) -> None:
        self._move(state)
        self.changed |= _STATE_FIELDS
        self.run.exit_code = exit_code
        self.run.finished_at = clock.now()
        self.run.stop_requested_at = None  # done: a resumed run may go on
        record(
            EventKind.RUN_FINISHED,
            **whose(self.run),
            by=self.by,
            state=state.value,
        )
        note(Happening.RUN_FINISHED, self.run.project, run=self.run.public_id, state=state.value)
        background.enqueue("runs.compact", run_id=self.run.pk)

    def _move(self, state: RunState) -> None:
        if state == self.run.state:
            return
        self.run.state = state.value
        self.run.finished_at = None
        self.run.exit_code = None
        self.changed |= _STATE_FIELDS

    def save(self) -> None:
        """Store it, for who holds the run's row."""
        update_row(self.run, self._changed_fields())
        for chunk in self.chunks:
            insert_row(chunk)
        self._compact_if_full()

    def save_if(self, run: Run) -> bool:
        """Store it if the run is still as this one and has no more than one writer. Whether it was."""
        was = {"version": run.version, "state": run.state, "erased_at": None}
        fields = self._changed_fields()
        if not change_row(self.run, fields, was=was, alone=(StreamPosition, "run"), new=self.chunks):
            return False
        self._compact_if_full()
        return True

    def _changed_fields(self) -> set[str]:
        if self.changed:
            self.run.version += 1
        return {"heartbeat_at", "version", *self.changed}

    def _compact_if_full(self) -> None:
        stored = sum(chunk.stored_bytes for chunk in self.chunks)
        if stored > _WORTH_A_LOOK_BYTES and not self.request.is_complete:
            hot = sum_of(Chunk, "stored_bytes", run=self.run.pk)
            # One message, when the limit is passed; what comes in after it is found by who compacts, or by the sweep.
            if hot - stored <= HOT_BYTES < hot:
                background.enqueue("runs.compact", run_id=self.run.pk, if_full=True)


def _end_of(state: RunState, exit_code: int | None, *, is_stopped: bool) -> RunState:
    if not exit_code:
        return RunState.FINISHED
    if state is RunState.PREEMPTING:
        return RunState.PREEMPTED
    return RunState.KILLED if is_stopped else RunState.FAILED


def new_chunk(
    run: Run, key: OpenKey, stream: Stream, writer: bytes, first_line: int, lines: Sequence[str]
) -> Chunk:
    """A chunk with these lines, not yet saved."""
    chunk = Chunk(
        uuid=uuid.uuid4(),
        run=run,
        stream=stream.value,
        writer=writer,
        first_line=first_line,
        line_count=len(lines),
    )
    seal_chunk(chunk, key, pack(lines))
    return chunk


def read_keys(run: Run, key: OpenKey) -> KeyList:
    if run.sealed_keys is None:
        return KeyList()
    return KeyList.from_text(unseal(key, bytes(run.sealed_keys), label=KEYS_LABEL, row=run.uuid))


def seal_keys(run: Run, key: OpenKey, keys: KeyList) -> None:
    run.sealed_keys = seal(key, keys.to_text(), label=KEYS_LABEL, row=run.uuid)
