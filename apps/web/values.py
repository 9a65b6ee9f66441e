"""Config and summary as values to show: the client's wrapping off, its own entries left out."""

from __future__ import annotations

from typing import Any

from apps.core import jsontext
from apps.runs.history.paths import dotted, leaves

_CLIENT_KEY = "_wandb"


def config_values(text: str) -> dict[str, Any]:
    """What the script chose, by key."""
    config = _object(text)
    return {key: _unwrapped(entry) for key, entry in config.items() if key != _CLIENT_KEY}


def client_facts(text: str) -> dict[str, Any]:
    """What the client says of itself in a run's config."""
    inner = _unwrapped(_object(text).get(_CLIENT_KEY))
    return inner if isinstance(inner, dict) else {}


def summary_values(text: str) -> dict[str, Any]:
    """What the run ended with, by key; the client's own counters last."""
    values = {key: value for key, value in _object(text).items() if key != _CLIENT_KEY}
    return dict(sorted(values.items(), key=lambda item: item[0].startswith("_")))


def flat(values: dict[str, Any]) -> dict[str, Any]:
    """Each leaf under its dotted name. Half a surrogate pair in a name would fit no address, so it is marked."""
    if dict not in set(map(type, values.values())) and "".join(values).isascii():
        return dict(values)  # nearly always: fifty rows have thousands of values
    return {_fit_for_address(dotted(path)): value for path, value in leaves(values)}


def _fit_for_address(name: str) -> str:
    return name if name.isascii() else name.encode("utf-8", "replace").decode()


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _object(text: str) -> dict[str, Any]:
    found = jsontext.loads(text)
    return found if isinstance(found, dict) else {}


def _unwrapped(entry: Any) -> Any:
    return entry["value"] if isinstance(entry, dict) and "value" in entry else entry
