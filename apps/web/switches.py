"""A setting that is on or off, as a row of a page."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Rule:
    """One of the rules that decide a switch: whose it is and what it says."""

    glyph: str
    who: str
    says: str
    applies: bool = False


@dataclass(frozen=True, slots=True)
class SwitchRow:
    """A setting that is on or off. `words` say what it does in its present state, `state` the state in a word."""

    name: str
    label: str
    words: str
    state: str
    is_on: bool
    action: str
    fixed_by: str = ""
    chain: list[Rule] = field(default_factory=list)
