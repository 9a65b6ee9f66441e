"""Two versions of an artifact against each other: what is said of each, their metadata, their files and one of these by line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apps.artifacts.queries import find_entries, makers_of
from apps.artifacts.types import Change, Entry, OpenVersion
from apps.core import jsontext
from apps.core.errors import Invalid
from apps.web import figures
from apps.web.artifacts.browser import handed_entry
from apps.web.artifacts.ledger import RunLink, run_links
from apps.web.code.comparing import Compared, Kept, compared
from apps.web.trees import written

if TYPE_CHECKING:
    from apps.accounts.actors import Actor

MOST_KEYS = 500
_DEEPEST = 12


@dataclass(frozen=True, slots=True)
class Fact:
    """What is said of both, in words."""

    name: str
    before: str
    after: str

    @property
    def differs(self) -> bool:
        return self.before != self.after


@dataclass(frozen=True, slots=True)
class Difference:
    """Facts that differ, how many are the same, and whether some are left out."""

    facts: list[Fact]
    same: int
    is_cut: bool


def facts_of_two(before: OpenVersion, after: OpenVersion) -> list[Fact]:
    """What each is called, weighs and says of itself; all of it, also what is the same."""
    names = [_("Aliases"), _("Tags"), _("Files"), _("Size"), _("Digest"), _("Description")]
    return [Fact(name, *pair) for name, *pair in zip(names, _facts(before), _facts(after), strict=True)]


def _facts(opened: OpenVersion) -> list[str]:
    words = opened.words
    return [
        ", ".join(sorted(opened.aliases)),
        ", ".join(sorted(words.tags)),
        figures.grouped(opened.file_count),
        figures.size(opened.size),
        words.digest,
        words.description or "",
    ]


def makers_of_two(actor: Actor, before: OpenVersion, after: OpenVersion) -> list[RunLink | None]:
    found = makers_of(actor, [before.version, after.version])
    links = run_links(found.values())
    return [
        links.get(found[each.version.pk].pk) if each.version.pk in found else None for each in (before, after)
    ]


def metadata_of_two(before: OpenVersion, after: OpenVersion) -> Difference:
    """By key what the metadata of both say, where it is not the same."""
    old, new = _leaves(before.words.metadata_text), _leaves(after.words.metadata_text)
    keys = sorted({*old, *new})
    differing = [key for key in keys if old.get(key) != new.get(key)]
    shown = [Fact(key, _said(old, key), _said(new, key)) for key in differing[:MOST_KEYS]]
    return Difference(shown, len(keys) - len(differing), len(differing) > MOST_KEYS)


def _said(leaves: Mapping[str, str], key: str) -> str:
    return written(jsontext.loads(leaves[key])) if key in leaves else "–"


def _leaves(text: str | None) -> dict[str, str]:
    """Each value as JSON by its dotted key: what is told apart there is told apart here."""
    if not text:
        return {}
    try:
        value = jsontext.loads(text)
    except Invalid:
        return {}
    return dict(_walk(value, "", 0)) if isinstance(value, dict) else {}


def _walk(value: Mapping[str, Any], above: str, depth: int) -> Iterable[tuple[str, str]]:
    for key, inner in value.items():
        name = f"{above}.{key}" if above else key
        if isinstance(inner, dict) and inner and depth < _DEEPEST:
            yield from _walk(inner, name, depth + 1)
        else:
            yield name, jsontext.dumps(inner)


def size_of(entry: Entry | None) -> str:
    return "" if entry is None else figures.size(entry.size)


def sizes_of(change: Change) -> tuple[str, str]:
    return size_of(change.before), size_of(change.after)


def lines_of_two(before: OpenVersion, after: OpenVersion, path: str, *, everything: bool) -> Compared | None:
    """One file of both line by line, where it is text and small; None when neither has it."""
    found = [next(iter(find_entries(each.version, [path])), None) for each in (before, after)]
    if found == [None, None]:
        return None
    if any(entry is not None and not entry.stored for entry in found):
        return Compared(reason=_("A reference: what it points at does not lie here."))
    left, right = (_kept(each, entry) for each, entry in zip((before, after), found, strict=True))
    return compared(path, left, right, everything=everything)


def _kept(opened: OpenVersion, entry: Entry | None) -> Kept | None:
    return None if entry is None else Kept(entry.size, handed_entry(opened, entry).read)
