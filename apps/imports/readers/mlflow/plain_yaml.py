"""YAML as MLflow writes it, a few plain values by their names. What else the format has is refused before anything is made of it: a
word that stands for another makes gigabytes of a line (ADR 0253)."""

from __future__ import annotations

from typing import Any

import yaml

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # neither makes objects of tags
_MOST_EVENTS, _MOST_DEPTH = 20_000, 20
_LONGEST_PLAIN = (
    4_000  # letters without quotation marks, which may be a number: of sixty digits in sixty is one made too
)


def read_yaml(data: bytes) -> Any:
    """What it says. ValueError for what is not, or not as plain as it should be."""
    try:
        _check(data)
        return yaml.load(data, Loader=_LOADER)  # noqa: S506  (a safe one)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError from error


def _check(data: bytes) -> None:
    """Event by event, none of which is kept."""
    depth = 0
    for number, event in enumerate(yaml.parse(data, Loader=_LOADER)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if number > _MOST_EVENTS or depth > _MOST_DEPTH or not _is_plain(event):
            raise ValueError


def _is_plain(event: Any) -> bool:
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) or getattr(event, "tag", None):
        return False
    is_bare = isinstance(event, yaml.ScalarEvent) and not event.style
    return not is_bare or len(event.value) <= _LONGEST_PLAIN
