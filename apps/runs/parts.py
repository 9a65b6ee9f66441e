"""Parts of a run that can be erased by themselves, and what of rows, words and lists is left without them. Pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from apps.core import jsontext
from apps.runs.defined import without_definitions
from apps.runs.history.keys import KeyList
from apps.runs.history.lines import pack, parse_line, unpack, unpack_text
from apps.runs.history.paths import TYPE_KEY, Path, Row, dotted, is_branch
from apps.runs.types import Stream

# What the client counts by, and every reader with it.
INTERNAL = frozenset({"_step", "_timestamp", "_runtime", "_wandb"})
# Where the client puts what it shows: strings that begin so name files of the run.
MEDIA_FOLDER = "media/"
_WRAPPED = "value"  # in a config that the client sent each value stands in an object under this name
_PLAIN_TYPES = frozenset({"number", "string", "boolean", "nil"})

Goes = Callable[[Path, Any], bool]


class PartKind(StrEnum):
    METRIC = (
        "metric"  # of the history: all its values, the last one in the summary, and files that only they show
    )
    SYSTEM = "system"  # of what the client measured of the machine
    SUMMARY = "summary"  # a value that only the summary has
    CONFIG = "config"
    MEDIA = "media"  # a file that the history shows: with each value that names it


@dataclass(frozen=True, slots=True)
class RunPart:
    """One thing in a run. Named as people name it: a metric or a value with dots, a file by its name."""

    kind: PartKind
    name: str


@dataclass(slots=True)
class Removed:
    """What was taken out of rows: how many values of which type by path, and the files that they name."""

    values: Counter[tuple[Path, str]] = field(default_factory=Counter)
    files: set[str] = field(default_factory=set)

    @property
    def count(self) -> int:
        return sum(self.values.values())

    def note(self, path: Path, value: Any) -> None:
        self.values[path, _type_of(value)] += 1
        self.files |= set(files_in(value))

    def add(self, other: Removed) -> None:
        self.values += other.values
        self.files |= other.files

    def to_bytes(self) -> bytes:
        whole = {"values": [[*key, n] for key, n in self.values.items()], "files": sorted(self.files)}
        return jsontext.dumps(whole).encode("utf-8", "surrogatepass")

    @classmethod
    def from_bytes(cls, data: bytes) -> Removed:
        whole = jsontext.loads(data)
        values = {(tuple(path), kind): n for path, kind, n in whole["values"]}
        return cls(Counter(values), set(whole["files"]))


@dataclass(frozen=True, slots=True)
class Cut:
    """What is to be taken out of a run."""

    parts: frozenset[RunPart]

    @classmethod
    def of(cls, parts: Iterable[RunPart]) -> Cut:
        return cls(frozenset(parts))

    def to_bytes(self) -> bytes:
        return jsontext.dumps(sorted([part.kind.value, part.name] for part in self.parts)).encode(
            "utf-8", "surrogatepass"
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Cut:
        return cls(frozenset(RunPart(PartKind(kind), name) for kind, name in jsontext.loads(data)))

    def names(self, kind: PartKind) -> frozenset[str]:
        return frozenset(part.name for part in self.parts if part.kind is kind)

    def goes_from(self, stream: Stream) -> Goes | None:
        """Which values of a stream's rows go; None where none can."""
        if stream is Stream.EVENTS:
            return _named(self.names(PartKind.SYSTEM), frozenset())
        if stream is Stream.HISTORY:
            return _named(self.names(PartKind.METRIC), self.names(PartKind.MEDIA))
        return None

    def touches(self, stream: Stream, paths: Sequence[Path], media: frozenset[str] | None) -> frozenset[str]:
        """Of the paths of a segment the names of those under which something may go; `media` are those that may show files,
        None where that may be any.
        """
        if self.goes_from(stream) is None:
            return frozenset()
        wanted = self.names(PartKind.SYSTEM if stream is Stream.EVENTS else PartKind.METRIC)
        named = {dotted(path) for path in paths if not wanted.isdisjoint(_starts(path))}
        if stream is Stream.HISTORY and self.names(PartKind.MEDIA):
            named |= {name for name in map(dotted, paths) if media is None or name in media}
        return frozenset(named)

    # ── what is left ──

    def rows(self, stream: Stream, rows: Iterable[Row], removed: Removed) -> Iterator[Row]:
        goes = self.goes_from(stream)
        for row in rows:
            yield row if goes is None else kept_of(row, goes, removed)

    def lines(self, stream: Stream, payload: bytes, removed: Removed) -> bytes:
        """A chunk's lines. Those of which nothing goes stay to the letter; none goes whole, for lines are counted."""
        goes = self.goes_from(stream)
        if goes is None:
            return payload
        lines = unpack_text(payload)
        for place, line in enumerate(unpack(payload)):
            before = removed.count
            row = kept_of(parse_line(line), goes, removed)
            if removed.count > before:
                lines[place] = jsontext.dumps(row)
        return pack(lines)

    def summary(self, text: bytes, removed: Removed | None = None) -> bytes:
        names = self.names(PartKind.METRIC) | self.names(PartKind.SUMMARY)
        return _changed_text(text, _named(names, self.names(PartKind.MEDIA)), removed)

    def config(self, text: bytes) -> bytes:
        names = self.names(PartKind.CONFIG)
        after = _changed_text(text, lambda path, _: _unwrapped(path) in names, deep=True) if names else text
        metrics = self.names(PartKind.METRIC)
        return without_definitions(after, metrics) if metrics else after

    def keys(self, keys: KeyList, removed: Removed) -> KeyList:
        """The list without what goes: a metric whole, of media as many as were taken out. Live readers begin anew."""
        gone = self.names(PartKind.METRIC)
        kept = {path: facts for path, facts in keys.keys.items() if gone.isdisjoint(_starts(path))}
        for (path, kind), count in removed.values.items():
            facts = kept.get(path)
            if facts is None or kind not in facts.types:
                continue
            facts.types[kind] -= count
            if facts.types[kind] <= 0:
                del facts.types[kind]
            if not facts.types:
                del kept[path]
        return KeyList(kept, keys.last_step, keys.left_out, keys.rewinds + 1)


def kept_of(
    row: Mapping[str, Any], goes: Goes, removed: Removed, above: Path = (), *, deep: bool = False
) -> Row:
    """What is left of an object. One of which nothing is left goes too, as if it had never been logged."""
    kept: Row = {}
    for key, value in row.items():
        path = (*above, key)
        if goes(path, value):
            removed.note(path, value)
            continue
        if is_branch(value, len(path)) or (deep and isinstance(value, dict) and value):
            value = kept_of(value, goes, removed, path, deep=deep)
            if not value:
                continue
        kept[key] = value
    return kept


def files_in(value: Any) -> Iterator[str]:
    """The names of the run's files that a logged value shows, at whatever depth."""
    stack = [value]
    while stack:
        inner = stack.pop()
        if isinstance(inner, str):
            if inner.startswith(MEDIA_FOLDER):
                yield inner
        elif isinstance(inner, dict):
            stack.extend(inner.values())
        elif isinstance(inner, list):
            stack.extend(inner)


def media_names(keys: KeyList) -> frozenset[str] | None:
    """The names under which a history holds anything that may show files; None where the list had no room for all of them."""
    if keys.left_out:
        return None
    return frozenset(dotted(path) for path, facts in keys.keys.items() if facts.types.keys() - _PLAIN_TYPES)


def config_names(config: Mapping[str, Any]) -> set[str]:
    """Every name by which a value of a config, or a group of values, may be called."""
    found: set[str] = set()

    def note(path: Path, _: Any) -> bool:
        if len(path) != 2 or not _is_wrapped(config[path[0]]):
            found.add(_unwrapped(path))
        return False

    kept_of(config, note, Removed(), deep=True)
    return {name for name in found if name.partition(".")[0] not in INTERNAL}


def row_names(row: Mapping[str, Any]) -> set[str]:
    """The same of a summary."""
    found: set[str] = set()

    def note(path: Path, _: Any) -> bool:
        found.add(dotted(path))
        return False

    kept_of(row, note, Removed())
    return {name for name in found if name.partition(".")[0] not in INTERNAL}


def _named(names: frozenset[str], files: frozenset[str]) -> Goes | None:
    if not names and not files:
        return None

    def goes(path: Path, value: Any) -> bool:
        if dotted(path) in names:
            return True
        is_whole = isinstance(value, dict | list) and not is_branch(value, len(path))
        return bool(files) and is_whole and not files.isdisjoint(files_in(value))

    return goes


def _changed_text(
    text: bytes, goes: Goes | None, removed: Removed | None = None, *, deep: bool = False
) -> bytes:
    """The JSON text of what is left; to the letter as it was where nothing goes."""
    if goes is None:
        return text
    removed = Removed() if removed is None else removed
    kept = kept_of(jsontext.loads(text), goes, removed, deep=deep)
    return jsontext.dumps(kept).encode("utf-8", "surrogatepass") if removed.values else text


def _unwrapped(path: Path) -> str:
    """A config's `{"lr": {"value": 1}}` is called `lr`, what lies in it `lr.…`."""
    return dotted((path[0], *path[2:]) if len(path) > 2 and path[1] == _WRAPPED else path)


def _is_wrapped(value: Any) -> bool:
    """Whether the client put a value of the config, and at most what it is described by, into an object of its own."""
    return isinstance(value, dict) and _WRAPPED in value and value.keys() <= {_WRAPPED, "desc"}


def _starts(path: Path) -> Iterator[str]:
    """The names of a value and of all objects that it lies in."""
    return (dotted(path[:end]) for end in range(1, len(path) + 1))


def _type_of(value: Any) -> str:
    """As the list of keys calls it."""
    if isinstance(value, dict):
        kind = value.get(TYPE_KEY, "map")
        return kind[:64] if isinstance(kind, str) else "map"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else "nil" if value is None else "list"
