"""What a script said of its metrics with `define_metric`: over what each is drawn, whether at all, which way is better.

The client sends it in the config, under `_wandb`, as a list that names fields by number and the step metric by its
place in the list, counted from one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from apps.core import jsontext

_NAME, _PATTERN, _STEP, _STEP_PLACE, _OPTIONS, _SUMMARY, _GOAL = "1", "2", "4", "5", "6", "7", "8"
_HIDDEN_OPTION = 2
_ANYTHING = "*"  # only at the end of a pattern: the client refuses it elsewhere
_MOST_DEFINED = 5_000
_CLIENT_KEY, _METRICS = "_wandb", "m"


class Direction(StrEnum):
    LEAST = "min"
    MOST = "max"


_SUMMARIES = {1: Direction.LEAST, 2: Direction.MOST}
_GOALS = {1: Direction.LEAST, 2: Direction.MOST}


@dataclass(frozen=True, slots=True)
class Defined:
    """What is said of one metric, or of all whose names begin alike."""

    axis: str = ""
    is_hidden: bool = False
    direction: Direction | None = None


_NOTHING = Defined()


@dataclass(frozen=True, slots=True)
class Definitions:
    """What is said of any metric: by its own name first, else by the longest beginning that fits."""

    by_name: Mapping[str, Defined] = field(default_factory=dict)
    by_beginning: Mapping[str, Defined] = field(default_factory=dict)

    @classmethod
    def of_config(cls, config_text: str) -> Definitions:
        """What the client says in a run's config; whatever is no definition says nothing."""
        config = jsontext.loads(config_text)
        own = config.get(_CLIENT_KEY) if isinstance(config, dict) else None
        inner = own.get("value") if isinstance(own, dict) else None
        listed = inner.get(_METRICS) if isinstance(inner, dict) else None
        return cls._read(listed[:_MOST_DEFINED]) if isinstance(listed, list) else cls()

    @classmethod
    def of_runs(cls, config_texts: Iterable[str]) -> Definitions:
        """Of several runs together: who defines a metric first is heard."""
        by_name, by_beginning = dict[str, Defined](), dict[str, Defined]()
        for text in config_texts:
            one = cls.of_config(text)
            by_name = {**one.by_name, **by_name}
            by_beginning = {**one.by_beginning, **by_beginning}
        return cls(by_name, by_beginning)

    @classmethod
    def _read(cls, listed: list[Any]) -> Definitions:
        entries = [entry if isinstance(entry, dict) else {} for entry in listed]
        by_name, by_beginning = dict[str, Defined](), dict[str, Defined]()
        for entry in entries:
            name, pattern = entry.get(_NAME), entry.get(_PATTERN)
            if isinstance(name, str) and name:
                by_name[name] = _defined(entry, entries)
            elif isinstance(pattern, str) and pattern.endswith(_ANYTHING):
                by_beginning[pattern.removesuffix(_ANYTHING)] = _defined(entry, entries)
        return cls(by_name, by_beginning)

    def of(self, name: str) -> Defined:
        if (own := self.by_name.get(name)) is not None:
            return own
        fitting = [start for start in self.by_beginning if name.startswith(start)]
        return self.by_beginning[max(fitting, key=len)] if fitting else _NOTHING

    def axis_of(self, name: str) -> str:
        """The metric over which this one is drawn; empty for the step."""
        axis = self.of(name).axis
        return axis if axis != name else ""

    def is_hidden(self, name: str) -> bool:
        return self.of(name).is_hidden

    def direction_of(self, name: str) -> Direction | None:
        """Whether the least or the most of a metric is its best, where its script said so."""
        return self.of(name).direction


def without_definitions(config_text: bytes, names: Collection[str]) -> bytes:
    """The config without what is said of these metrics. Others name each other by their places in the list: those stay."""
    config = jsontext.loads(config_text)
    try:
        listed = config[_CLIENT_KEY]["value"][_METRICS]
    except (KeyError, TypeError):
        return config_text
    if not isinstance(listed, list):
        return config_text
    after = [_without(entry, names) for entry in listed]
    if after == listed:
        return config_text
    config[_CLIENT_KEY]["value"][_METRICS] = after
    return jsontext.dumps(config).encode("utf-8", "surrogatepass")


def _without(entry: Any, names: Collection[str]) -> Any:
    if not isinstance(entry, dict):
        return entry
    if entry.get(_NAME) in names:
        return {}
    return {key: value for key, value in entry.items() if key != _STEP or value not in names}


def _defined(entry: Mapping[str, Any], entries: list[Any]) -> Defined:
    options = entry.get(_OPTIONS)
    return Defined(
        axis=_axis(entry, entries),
        is_hidden=isinstance(options, list) and _HIDDEN_OPTION in options,
        direction=_direction(entry),
    )


def _axis(entry: Mapping[str, Any], entries: list[Any]) -> str:
    place, name = entry.get(_STEP_PLACE), entry.get(_STEP)
    if isinstance(place, int) and 1 <= place <= len(entries):
        name = entries[place - 1].get(_NAME)
    return name if isinstance(name, str) else ""


def _direction(entry: Mapping[str, Any]) -> Direction | None:
    goal, kinds = entry.get(_GOAL), entry.get(_SUMMARY)
    if isinstance(goal, int) and goal in _GOALS:
        return _GOALS[goal]
    known = (
        [_SUMMARIES[kind] for kind in kinds if isinstance(kind, int) and kind in _SUMMARIES]
        if isinstance(kinds, list)
        else []
    )
    return known[0] if len(set(known)) == 1 else None
