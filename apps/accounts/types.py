from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Language(StrEnum):
    BROWSER = "browser"  # whatever the browser asks for
    ENGLISH = "en"
    JAPANESE = "ja"


class Theme(StrEnum):
    SYSTEM = "system"  # whatever the device asks for
    LIGHT = "light"
    DARK = "dark"


class Density(StrEnum):
    COMPACT = "compact"
    COMFORTABLE = "comfortable"


@dataclass(frozen=True, slots=True)
class Appearance:
    """How a person wants pages to look; as it stands here for whoever has not said."""

    language: Language = Language.BROWSER
    theme: Theme = Theme.SYSTEM
    density: Density = Density.COMPACT
    has_single_keys: bool = True
