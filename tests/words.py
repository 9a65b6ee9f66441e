"""`make words`: gathers what people read from templates and code into locale/, and compiles it.

Needs neither GNU gettext nor the network. Places are left out and texts are sorted, so that two people who add texts
change different lines.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import polib
from babel.messages.extract import extract_python
from django.utils.translation.template import templatize

from tests import japanese
from tests.live import ROOT

LANGUAGE = "ja"
CATALOGUE = ROOT / "locale" / LANGUAGE / "LC_MESSAGES/django.po"
COMPILED = CATALOGUE.with_suffix(".mo")
_HEAD = {
    "Content-Type": "text/plain; charset=UTF-8",
    "Content-Transfer-Encoding": "8bit",
    "Language": LANGUAGE,
    "MIME-Version": "1.0",
    "Plural-Forms": "nplurals=1; plural=0;",
    "Project-Id-Version": "Ownlog",
}
# What the arguments of a call are.
_CALLS = {
    name + lazy: kinds
    for name, kinds in {
        "gettext": ("english",),
        "ngettext": ("english", "plural"),
        "pgettext": ("context", "english"),
        "npgettext": ("context", "english", "plural"),
    }.items()
    for lazy in ("", "_lazy", "_noop")
} | {"_": ("english",)}
_PLACEHOLDER = re.compile(r"%\(\w+\)[#0\- +]*\d*(?:\.\d+)?[a-z]|%[sd%]|\{\w*\}")


@dataclass(frozen=True, slots=True, order=True)
class Text:
    """One text in English as the sources have it."""

    english: str
    context: str = ""
    plural: str = ""


def texts() -> set[Text]:
    """Every text that templates and code mark for translation."""
    found = set()
    for path in sorted((ROOT / "templates").rglob("*.*")):
        found |= set(_in_python(_as_python(path.read_text())))
    for path in sorted((ROOT / "apps").rglob("*.py")):
        found |= set(_in_python(path.read_text()))
    return found


def catalogue() -> polib.POFile:
    return polib.pofile(str(CATALOGUE), wrapwidth=0) if CATALOGUE.exists() else polib.POFile(wrapwidth=0)


def renewed(present: polib.POFile, found: set[Text]) -> polib.POFile:
    """The same translations for the texts that there are now; new texts wait for theirs, old ones are gone."""
    known = {text_of(entry): entry for entry in present if not entry.obsolete}
    fresh = polib.POFile(wrapwidth=0)
    fresh.metadata = dict(_HEAD)
    for text in sorted(found):
        entry = known.get(text) or polib.POEntry(
            msgid=text.english, msgid_plural=text.plural, msgctxt=text.context or None
        )
        if text.plural and not entry.msgstr_plural:
            entry.msgstr_plural = {0: ""}
        _set(entry)
        entry.flags = ["python-format"] if placeholders(text.english + text.plural) else []
        entry.occurrences, entry.comment, entry.previous_msgid = [], "", None
        fresh.append(entry)
    return fresh


def _set(entry: polib.POEntry) -> None:
    """One hand for the marks, whoever translated."""
    entry.msgstr = japanese.set_in(entry.msgstr)
    entry.msgstr_plural = {n: japanese.set_in(text) for n, text in entry.msgstr_plural.items()}


def text_of(entry: polib.POEntry) -> Text:
    return Text(entry.msgid, entry.msgctxt or "", entry.msgid_plural or "")


def translation_of(entry: polib.POEntry) -> str:
    return str(entry.msgstr_plural.get(0, "") if entry.msgid_plural else entry.msgstr)


def placeholders(text: str) -> list[str]:
    return sorted(set(_PLACEHOLDER.findall(text)))


def _as_python(template: str) -> str:
    """Django turns a template into calls between letters that mean nothing; Babel wants no indentation."""
    return "\n".join(line.strip() for line in templatize(template).splitlines())


def _in_python(source: str) -> Iterator[Text]:
    calls: Iterable[Any] = extract_python(io.BytesIO(source.encode()), dict.fromkeys(_CALLS), [], {})
    for _line, call, arguments, _comments in calls:
        given = (arguments,) if isinstance(arguments, str) else arguments
        kinds = _CALLS[str(call)]
        if len(given) >= len(kinds) and all(given[: len(kinds)]):
            yield Text(**dict(zip(kinds, given, strict=False)))


def main() -> None:
    CATALOGUE.parent.mkdir(parents=True, exist_ok=True)
    fresh = renewed(catalogue(), texts())
    fresh.save(str(CATALOGUE))
    COMPILED.write_bytes(fresh.to_binary())
    waiting = [entry.msgid for entry in fresh if not translation_of(entry)]
    print(f"{CATALOGUE.relative_to(ROOT)}: {len(fresh)} texts, {len(waiting)} without a translation")
    for text in waiting:
        print(f"  {text}")


if __name__ == "__main__":
    main()
