"""Names that other programs allow and this one does not."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from apps.projects.names import MOST_LETTERS

_UNFIT = re.compile(r"[/\\#?%:\x00-\x1f\x7f\ud800-\udfff]+")


def project_names(found: Iterable[str]) -> list[str]:
    """Each as near to what it was as a project may be called, none of them twice."""
    names: list[str] = []
    for text in found:
        name = _fit(text)
        number = 1
        while (one := name if number == 1 else f"{name[: MOST_LETTERS - 8]}-{number}") in names:
            number += 1
        names.append(one)
    return names


def _fit(text: str) -> str:
    name = _UNFIT.sub("-", unicodedata.normalize("NFC", text)).strip(" -")[:MOST_LETTERS].strip()
    return "unnamed" if name in {"", ".", ".."} else name
