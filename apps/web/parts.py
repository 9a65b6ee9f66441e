"""Parts of a run as the pages that erase them name them: `metric:val/loss`, `file:model.pt`, and lists to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from apps.core import jsontext
from apps.core.errors import Invalid
from apps.runs.history import store
from apps.runs.history.paths import dotted
from apps.runs.parts import INTERNAL, MEDIA_FOLDER, PartKind, RunPart, config_names, row_names
from apps.runs.types import Stream

if TYPE_CHECKING:
    from apps.runs.types import OpenRun

MOST_LISTED = 200
_SYSTEM_SAMPLE = 50
# Not a kind of part: a file that no value shows has a key of its own, and the run keeps the one that it has.
_FILE = "file:"


@dataclass(frozen=True, slots=True)
class Group:
    """Parts of one kind, as far as they are shown."""

    kind: PartKind
    heading: str
    names: Sequence[str]
    left_out: int


def asked_parts(words: Sequence[str]) -> list[RunPart]:
    """The parts that an address or a form names; Invalid for a word of no kind."""
    parts = []
    for word in words:
        kind, _colon, name = word.partition(":")
        if kind not in set(PartKind):
            raise Invalid(_("There is no such kind of part."))
        parts.append(RunPart(PartKind(kind), name))
    return list(dict.fromkeys(parts))


def names_a_file(words: Sequence[str]) -> bool:
    return any(word.startswith(_FILE) for word in words)


def asked_files(words: Sequence[str]) -> list[str]:
    """The names of the files that an address or a form names; Invalid where anything else is among them."""
    if not all(word.startswith(_FILE) for word in words):
        raise Invalid(_("Files are erased by themselves, not together with other parts of a run."))
    return list(dict.fromkeys(word.removeprefix(_FILE) for word in words))


def word_of(part: RunPart) -> str:
    return f"{part.kind.value}:{part.name}"


def word_of_file(name: str) -> str:
    return f"{_FILE}{name}"


def erase_url(run: str, kind: PartKind, name: str) -> str:
    """Where this part of the run with this address is erased."""
    return _erase_url(run, word_of(RunPart(kind, name)))


def erase_file_url(run: str, name: str) -> str:
    """The same for a file of it: of media with each value that shows it."""
    if name.startswith(MEDIA_FOLDER):
        return erase_url(run, PartKind.MEDIA, name)
    return _erase_url(run, word_of_file(name))


def _erase_url(run: str, word: str) -> str:
    return f"{run}/erase/parts?{urlencode({'part': word}, errors='replace')}"


def kind_word(kind: PartKind) -> str:
    return {
        PartKind.METRIC: _("Metric"),
        PartKind.SYSTEM: _("Metric of the machine"),
        PartKind.SUMMARY: _("Value of the summary"),
        PartKind.CONFIG: _("Value of the config"),
        PartKind.MEDIA: _("Media"),
    }[kind]


def groups_of(opened: OpenRun, find: str) -> list[Group]:
    """What can be chosen of a run, by kind; with `find` what has it in its name. Media are chosen where they are shown."""
    metrics = {dotted(path) for path in store.keys_of(opened.run).keys}
    found = {
        PartKind.METRIC: {name for name in metrics if name.partition(".")[0] not in INTERNAL},
        PartKind.SYSTEM: _system_names(opened),
        PartKind.CONFIG: config_names(jsontext.loads(opened.config_text)),
        PartKind.SUMMARY: row_names(jsontext.loads(opened.summary_text)) - metrics,
    }
    headings = {
        PartKind.METRIC: _("Metrics"),
        PartKind.SYSTEM: _("Of the machine"),
        PartKind.CONFIG: _("Config"),
        PartKind.SUMMARY: _("Only in the summary"),
    }
    wanted = find.casefold()
    groups = []
    for kind, names in found.items():
        fitting = sorted(name for name in names if wanted in name.casefold())
        shown = fitting[:MOST_LISTED]
        groups.append(Group(kind, headings[kind], shown, len(fitting) - len(shown)))
    return [group for group in groups if group.names]


def _system_names(opened: OpenRun) -> set[str]:
    names: set[str] = set()
    for row in store.sample_rows(opened.run, Stream.EVENTS, _SYSTEM_SAMPLE):
        names |= row_names(row)
    return names
