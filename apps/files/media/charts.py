"""Custom charts as the client describes them: which table each is drawn from, whose look it has, which column is what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.runs.history.paths import dotted

_LONGEST_WORDS = 200
_LONGEST_LOOK = 400  # an entity, a project and a name
_APART = "Custom Chart Tables/"


@dataclass(frozen=True, slots=True)
class Chart:
    """`look`: the name of a preset, or of a look that somebody wrote. `fields`: the column for each of its places; `words`: its titles. All of it is content."""

    key: str
    look: str
    fields: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)

    def column(self, place: str) -> str:
        """The column that stands at a place of the look; of the same name where nothing is said."""
        return self.fields.get(place, place)


def charts_of(facts: Mapping[str, Any]) -> dict[str, Chart]:
    """The charts of a run, by the history's key of their table: `wandb.plot` has tables of its own, `wandb.visualize` has not."""
    found = {}
    for key, value in _entries(facts, "visualize"):
        panel = value.get("panel_config")
        if isinstance(panel, Mapping) and isinstance(look := panel.get("panelDefId"), str):
            fields, words = _texts(panel.get("fieldSettings")), _texts(panel.get("stringSettings"))
            for name in (f"{key}_table", f"{_APART}{key}_table"):
                found[dotted((name,))] = Chart(key, look[:_LONGEST_LOOK], fields, words)
    for key, value in _entries(facts, "viz"):
        if isinstance(look := value.get("id"), str):
            found[dotted((key,))] = Chart(key, look[:_LONGEST_LOOK])
    return found


def _entries(facts: Mapping[str, Any], name: str) -> list[tuple[str, Mapping[str, Any]]]:
    entries = facts.get(name)
    if not isinstance(entries, Mapping):
        return []
    return [(key, value) for key, value in entries.items() if isinstance(value, Mapping)]


def _texts(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        return {}
    return {name: text[:_LONGEST_WORDS] for name, text in value.items() if isinstance(text, str)}
