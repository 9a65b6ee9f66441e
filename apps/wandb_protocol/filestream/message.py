"""What one POST to a file stream says, read strictly: a wrong shape is refused before anything is stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.core import jsontext
from apps.core.errors import Invalid, TooMuch
from apps.runs.types import Lines, Stream, StreamRequest

_STREAMS = {
    "wandb-history.jsonl": Stream.HISTORY,
    "wandb-events.jsonl": Stream.EVENTS,
    "output.log": Stream.OUTPUT,
}
_SUMMARY = "wandb-summary.json"
_SHARED = "X-Wandb-Use-Async-Filestream"
_WRITER = "X-Wandb-Async-Client-Id"
_LONGEST_WRITER = 128
_LAST_LINE = 2**53
# The client's 10 MiB hold a third as many of its shortest lines.
_MOST_LINES = 500_000


def read_message(body: bytes, headers: Mapping[str, str]) -> StreamRequest:
    message = jsontext.loads(body) if body.strip() else {}
    if not isinstance(message, dict):
        raise Invalid("The body must be a JSON object.")
    files = message.get("files")
    files = {} if files is None else files
    if not isinstance(files, dict):
        raise Invalid("`files` must be an object.")
    writer = writer_of(headers)
    streams = {_STREAMS[name]: _lines(part) for name, part in files.items() if name in _STREAMS}
    if writer and Stream.HISTORY in streams:
        streams[Stream.HISTORY] = _with_steps(streams[Stream.HISTORY])
    return StreamRequest(
        writer=writer,
        streams=streams,
        summary_text=_summary(files[_SUMMARY]) if _SUMMARY in files else None,
        is_complete=message.get("complete") is True,
        exit_code=_exit_code(message.get("exitcode")),
        is_preempting=message.get("preempting") is True,
    )


def is_shared_mode(headers: Mapping[str, str]) -> bool:
    return headers.get(_SHARED, "").lower() == "true"


def writer_of(headers: Mapping[str, str]) -> str:
    """Who writes, where several processes share a run: each counts its lines for itself."""
    if not is_shared_mode(headers):
        return ""
    writer = headers.get(_WRITER, "")
    if len(writer) > _LONGEST_WRITER:
        raise Invalid("The writer's id is too long.")
    return writer


def _lines(part: Any) -> Lines:
    content = part.get("content") if isinstance(part, dict) else None
    if not isinstance(content, list) or not set(map(type, content)) <= {str}:
        raise Invalid("`content` must be a list of texts.")
    if len(content) > _MOST_LINES:
        raise TooMuch(f"A request may have at most {_MOST_LINES} lines of a stream.")
    return Lines(first=_offset(part.get("offset")), lines=_single(content))


def _with_steps(rows: Lines) -> Lines:
    """In shared mode clients before 0.31 leave the step to the server: it is the number of the writer's line."""
    return Lines(
        first=rows.first, lines=[_with_step(line, rows.first + i) for i, line in enumerate(rows.lines)]
    )


def _with_step(line: str, step: int) -> str:
    if '"_step"' in line or not line.startswith("{"):
        return line
    rest = line[1:].lstrip()
    return f'{{"_step":{step}' + (rest if rest.startswith("}") else "," + rest)


def _single(lines: list[str]) -> list[str]:
    """Clients before 0.29 end each console line with a line break when they sync an offline run."""
    if "\n" not in "".join(lines):
        return lines  # nearly always: looked at without a step for each line
    return [line.rstrip("\r\n").replace("\n", " ") if "\n" in line else line for line in lines]


def _offset(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _LAST_LINE:
        raise Invalid("`offset` must be a line number.")
    return value


def _summary(part: Any) -> str | None:
    """The last line is the whole summary."""
    lines = _lines(part).lines
    return lines[-1] if lines else None


def _exit_code(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**31) <= value < 2**31:
        raise Invalid("`exitcode` must be a number.")
    return value
