"""What a client or a person may call a project or a run."""

from __future__ import annotations

import re
import unicodedata

from apps.core.errors import Invalid

MOST_LETTERS = 128
# They have a meaning in URLs; the wandb client refuses them as well.
_FORBIDDEN = re.compile(r"[/\\#?%:\x00-\x1f\x7f]")


def clean_name(name: str, *, what: str) -> str:
    """The name in NFC, or Invalid with the reason in the words of whoever chose it."""
    name = unicodedata.normalize("NFC", name).strip()
    if not name or name in {".", ".."}:
        raise Invalid(f"The {what} needs a name.")
    if len(name) > MOST_LETTERS:
        raise Invalid(f"The name of the {what} is longer than {MOST_LETTERS} characters.")
    if _FORBIDDEN.search(name):
        raise Invalid(f"The name of the {what} may not contain / \\ # ? % : or control characters.")
    if any(unicodedata.category(letter) == "Cs" for letter in name):
        raise Invalid(f"The name of the {what} is not valid Unicode.")
    return name
