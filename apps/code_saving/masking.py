"""Credentials masked on the way in, where the owner of a project chose so (ADR 0127).

Only what is surely one is masked: it is gone for good. Nothing is lost when this fails: the data then goes in as it came,
and the sweep of `apps.leaks` tells of it, as it does where nothing is masked.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from apps.code_saving.credentials import Detector, Found, find, is_named_secret, is_sure, mark_of
from apps.code_saving.credentials_in_json import Held, held_at, replaced, spots
from apps.core import jsontext

Asked = Callable[[], bool]  # does the owner want it? Asked only where something was found
_T = TypeVar("_T")
# What the client writes down of the command line, the config and the console beside the run's own.
SIDE_FILES = ("wandb-metadata.json", "config.yaml", "output.log")
# The base64 of a private key, and the line breaks in it as JSON spells them.
_KEY_BODY = re.compile(rb"\\[nrt]|[A-Za-z0-9+/=]{8,}")
_ENTRY = re.compile(
    rb"""(?P<before>\s*(?:- )?["']?(?P<name>[\w.\-]{1,200})["']?:[ \t]+)(?P<value>\S.*?)(?P<end>\r?\n?)"""
)
_OPENING = re.compile(rb"""\s*(?:- )?["']?(?P<name>[\w.\-]{1,200})["']?:\s*""")
log = logging.getLogger(__name__)


def lines_masked(lines: Sequence[str], wanted: Asked) -> Sequence[str]:
    """Lines of a console, searched as one text: a call for each would cost thirty times as much. As many as there were."""
    data = "\n".join(lines).encode("utf-8", "surrogatepass")
    found: list[Found] = _if_it_works(lambda: _sure_ones(data), [])
    if not found or not wanted():
        return lines
    return _with_marks(data, found).decode("utf-8", "surrogatepass").split("\n")


def config_masked(text: str, wanted: Asked) -> str:
    """The JSON text of a config; the same text when there is nothing to mask."""
    config = jsontext.loads(text)
    held: list[Held] = _if_it_works(lambda: _held_surely(config), [])
    return jsontext.dumps(replaced(config, held, mark_of)) if held and wanted() else text


def file_masked(name: str, data: bytes) -> bytes:
    """A file of code, or one in which the client writes what stands in the config as well."""
    return _if_it_works(lambda: _file_masked(name, data), data)


def _if_it_works(act: Callable[[], _T], default: _T) -> _T:
    try:
        return act()
    except Exception as error:  # noqa: BLE001  (what somebody logs is never lost for this; the sweep flags it)
        log.warning("not masked, stored as it came: error=%s", type(error).__name__)
        return default


def _sure_ones(data: bytes) -> list[Found]:
    return [each for each in find(data) if is_sure(each.detector, data[each.start : each.end])]


def _held_surely(value: Any) -> list[Held]:
    """The texts of a value in which something surely is a credential, with that alone."""
    held = [
        replace(
            each, found=[one for one in each.found if is_sure(one.detector, each.data[one.start : one.end])]
        )
        for each in held_at(value, spots(value))
    ]
    return [each for each in held if each.found]


def _with_marks(data: bytes, found: list[Found]) -> bytes:
    parts, done = [], 0
    for each in found:
        held, mark = data[each.start : each.end], mark_of(each.detector).encode()
        is_key = each.detector is Detector.PRIVATE_KEY
        parts += [data[done : each.start], _key_masked(held, mark) if is_key else mark]
        done = each.end
    return b"".join([*parts, data[done:]])


def _key_masked(key: bytes, mark: bytes) -> bytes:
    """A private key with its lines and quotes where they were: the lines of a console have numbers, a notebook is JSON."""
    start, end = key.index(b"-----", len(b"-----")) + len(b"-----"), key.rindex(b"-----END")
    marks = iter([mark])

    def change(part: re.Match[bytes]) -> bytes:
        return part.group() if part.group().startswith(b"\\") else next(marks, b"(masked)")

    return key[:start] + _KEY_BODY.sub(change, key[start:end]) + key[end:]


def _file_masked(name: str, data: bytes) -> bytes:
    if name == "wandb-metadata.json":
        record = jsontext.loads(data)
        held = _held_surely(record)
        return (
            jsontext.dumps(replaced(record, held, mark_of)).encode("utf-8", "surrogatepass") if held else data
        )
    if name == "config.yaml":
        data = _entries_masked(data)
    return _with_marks(data, _sure_ones(data))


def _entries_masked(data: bytes) -> bytes:
    """Values beside a name that says what they are, in the YAML that the client writes: a line each, some under `value:`."""
    lines, name = [], ""
    for line in data.splitlines(keepends=True):
        found, opening = _ENTRY.fullmatch(line), _OPENING.fullmatch(line)
        if found is not None:
            here = found["name"].decode()
            line = _entry_masked(line, found, name if here == "value" else here)
        elif opening is not None and opening["name"] != b"value":
            name = opening["name"].decode()
        lines.append(line)
    return b"".join(lines)


def _entry_masked(line: bytes, found: re.Match[bytes], name: str) -> bytes:
    value = found["value"].strip(b"\"'")
    is_secret = is_named_secret(name, value.decode("utf-8", "replace")) and is_sure(Detector.NAMED, value)
    return found["before"] + mark_of(Detector.NAMED).encode() + found["end"] if is_secret else line
