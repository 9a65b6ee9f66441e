"""Names that other programs allow and this one does not."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from apps.projects.names import MOST_LETTERS

# What the client notes with each row, and in a summary: a number that was called so would stand for it.
_OWN = frozenset({"_step", "_timestamp", "_runtime", "_wandb"})
_UNFIT = re.compile(r"[/\\#?%:\x00-\x1f\x7f\ud800-\udfff]+")


def project_names(found: Iterable[str]) -> list[str]:
    """Each as near to what it was as a project may be called, none of them twice."""
    names: dict[str, None] = {}
    last: dict[str, int] = {}  # number that was tried for a name: thousands may have one
    for text in found:
        name = fit_name(text)
        start = name[: MOST_LETTERS - 8]
        number, one = 1, name
        while one in names:
            number = max(number, last.get(start, 1)) + 1
            one = f"{start}-{number}"
            last[start] = number
        names[one] = None
    return list(names)


def fit_metric(name: str) -> str:
    return f"logged/{name}" if name in _OWN else name


def fit_name(text: str) -> str:
    name = _UNFIT.sub("-", unicodedata.normalize("NFC", text)).strip(" -")[:MOST_LETTERS].strip()
    return "unnamed" if name in {"", ".", ".."} else name
