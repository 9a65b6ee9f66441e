"""What a form says of a version and of an artifact, as a change of it. What it may say, the services' own rules decide."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import orjson
from django import forms
from django.utils.translation import gettext_lazy

from apps.artifacts.manifests import clean_path
from apps.artifacts.names import (
    check_metadata,
    check_text,
    clean_aliases,
    clean_collection,
    clean_tags,
    clean_type,
    own_words,
)
from apps.artifacts.types import NewVersion, OpenCollection, OpenVersion, VersionPatch
from apps.core import jsontext
from apps.core.errors import Invalid

if TYPE_CHECKING:
    from django.http import QueryDict

MOST_LETTERS = 500_000  # of metadata: what is longer is changed by a script
_LINES = {"rows": 3, "spellcheck": "false"}


def _text(rows: int, **more: Any) -> forms.CharField:
    return forms.CharField(required=False, strip=False, widget=forms.Textarea(attrs={"rows": rows}), **more)


def lines_in(text: str) -> list[str]:
    """One word a line, each once."""
    return list(dict.fromkeys(word for line in text.splitlines() if (word := line.strip())))


def checked(check: Callable[[Any], Any], value: Any) -> Any:
    """What a rule of the services makes of it; what it refuses is an error of the form."""
    try:
        return check(value)
    except Invalid as error:
        raise forms.ValidationError(error.public_message) from None


def plain(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


class _WordsForm(forms.Form):
    description = _text(4)
    tags = forms.CharField(required=False, widget=forms.Textarea(attrs=_LINES))

    def clean_description(self) -> str:
        text = plain(self.cleaned_data["description"])
        checked(check_text, text)
        return text

    def clean_tags(self) -> tuple[str, ...]:
        tags: tuple[str, ...] = checked(clean_tags, lines_in(self.cleaned_data["tags"]))
        return tags


class VersionForm(_WordsForm):
    aliases = forms.CharField(required=False, widget=forms.Textarea(attrs=_LINES))
    metadata = _text(10)

    def __init__(self, data: QueryDict | None = None, *, opened: OpenVersion) -> None:
        self.opened = opened
        self.shown = written(opened.words.metadata_text)
        self.seen: str = mark_of(opened) if data is None else data.get("seen", "")[:64]
        super().__init__(
            data,
            initial={
                "aliases": "\n".join(own_words(opened.aliases)),
                "tags": "\n".join(opened.words.tags),
                "description": opened.words.description or "",
                "metadata": self.shown,
            },
        )
        if self.is_long:
            del self.fields["metadata"]

    @property
    def is_long(self) -> bool:
        return len(self.shown) > MOST_LETTERS

    def clean_aliases(self) -> tuple[str, ...]:
        aliases: tuple[str, ...] = checked(clean_aliases, lines_in(self.cleaned_data["aliases"]))
        return aliases

    def clean_metadata(self) -> str | None:
        """None when it is as it was shown: what a script sent stays to the letter."""
        text = plain(self.cleaned_data["metadata"])
        if text == self.shown.strip():
            return None
        text = text or "{}"
        checked(check_metadata, text)
        return text

    def is_as_shown(self, now: OpenVersion) -> bool:
        """Does the version stand as this form showed it? What somebody changed meanwhile is not taken back."""
        return self.seen == mark_of(now)

    def patch(self) -> VersionPatch:
        words = self.cleaned_data
        before = self.opened.words
        add, remove = changed(before.tags, words["tags"])
        description = words["description"]
        return VersionPatch(
            description=None if description == (before.description or "") else description,
            metadata_text=words.get("metadata"),
            add_tags=add,
            remove_tags=remove,
            aliases=words["aliases"],
        )


def mark_of(opened: OpenVersion) -> str:
    """What a form shows of a version, in a few letters. `latest` is none of it: the server moves it."""
    words = opened.words
    shown = [
        sorted(own_words(opened.aliases)), sorted(words.tags), words.description or "", words.metadata_text or "",
    ]  # fmt: skip
    return _mark(shown)


def mark_of_collection(opened: OpenCollection) -> str:
    """What a form shows of an artifact, in a few letters."""
    return _mark([opened.name, opened.type_name, opened.description, sorted(opened.tags)])


def _mark(shown: list[Any]) -> str:
    return hashlib.sha256(jsontext.dumps(shown).encode("utf-8", "surrogatepass")).hexdigest()


class CollectionForm(_WordsForm):
    name = forms.CharField(error_messages={"required": gettext_lazy("An artifact needs a name.")})
    type_name = forms.CharField(error_messages={"required": gettext_lazy("An artifact needs a type.")})

    def __init__(self, data: QueryDict | None = None, *, opened: OpenCollection) -> None:
        self.opened = opened
        self.seen: str = mark_of_collection(opened) if data is None else data.get("seen", "")[:64]
        super().__init__(
            data,
            initial={
                "name": opened.name,
                "type_name": opened.type_name,
                "description": opened.description,
                "tags": "\n".join(opened.tags),
            },
        )

    def clean_name(self) -> str:
        name: str = checked(clean_collection, self.cleaned_data["name"])
        return name

    def clean_type_name(self) -> str:
        name: str = checked(clean_type, self.cleaned_data["type_name"])
        return name

    def is_as_shown(self, now: OpenCollection) -> bool:
        """Does the artifact stand as this form showed it? What somebody changed meanwhile is not taken back."""
        return self.seen == mark_of_collection(now)

    def changes(self) -> dict[str, Any]:
        """What the service takes; a name that is as it was is not given."""
        words, before = self.cleaned_data, self.opened
        add, remove = changed(before.tags, words["tags"])
        return {
            "name": None if words["name"] == before.name else words["name"],
            "type_name": None if words["type_name"] == before.type_name else words["type_name"],
            "description": words["description"],
            "add_tags": add,
            "remove_tags": remove,
        }


def changed(before: Iterable[str], after: Iterable[str]) -> tuple[list[str], list[str]]:
    """What came and what went."""
    old, new = list(before), list(after)
    return [each for each in new if each not in old], [each for each in old if each not in new]


def written(text: str | None) -> str:
    """Metadata to be changed by hand: one value a line where it came as one line."""
    if not text or "\n" in text or len(text) > MOST_LETTERS:
        return text or ""
    try:
        return orjson.dumps(orjson.loads(text), option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONDecodeError:
        return text


class NewVersionForm(_WordsForm):
    name = forms.CharField(error_messages={"required": gettext_lazy("An artifact needs a name.")})
    type_name = forms.CharField(error_messages={"required": gettext_lazy("An artifact needs a type.")})
    aliases = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}))
    folder = forms.CharField(required=False)
    # Never read from here: what it is called in the form, and where its errors stand.
    uploads = forms.CharField(required=False)

    def clean_name(self) -> str:
        name: str = checked(clean_collection, self.cleaned_data["name"])
        return name

    def clean_type_name(self) -> str:
        name: str = checked(clean_type, self.cleaned_data["type_name"])
        return name

    def clean_aliases(self) -> tuple[str, ...]:
        aliases: tuple[str, ...] = checked(clean_aliases, lines_in(self.cleaned_data["aliases"]))
        return aliases

    def clean_folder(self) -> str:
        folder = self.cleaned_data["folder"].strip("/")
        if folder:
            checked(clean_path, folder)
        return str(folder)

    def new_version(self) -> NewVersion:
        words = self.cleaned_data
        return NewVersion(
            type_name=words["type_name"],
            collection=words["name"],
            digest="",
            description=words["description"] or None,
            aliases=words["aliases"],
            tags=words["tags"],
        )
