"""What forms say of registries: a new one, what it takes and protects, who is named in it, and a version that is linked there."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from django import forms
from django.utils.translation import gettext_lazy

from apps.access.policy import Visibility
from apps.artifacts.names import clean_aliases, clean_collection, clean_registry, clean_type, own_words
from apps.artifacts.types import RegistryWords
from apps.core import jsontext
from apps.projects.types import RegistryRole
from apps.web.artifacts.forms import checked, lines_in, plain
from apps.web.sharing import LONGEST_DESCRIPTION

if TYPE_CHECKING:
    from django.http import QueryDict

_LINES = {"rows": 3, "spellcheck": "false"}
_LONGEST_NAME = 200
_NO_CHOICE = {"invalid_choice": gettext_lazy("There is no such choice.")}


def _types(text: str) -> list[str]:
    return [checked(clean_type, each) for each in lines_in(text)]


class NewRegistryForm(forms.Form):
    name = forms.CharField(
        error_messages={"required": gettext_lazy("It needs a name.")}, max_length=_LONGEST_NAME
    )
    description = forms.CharField(
        required=False,
        strip=False,
        max_length=LONGEST_DESCRIPTION,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    visibility = forms.ChoiceField(
        choices=[
            (Visibility.PRIVATE.value, gettext_lazy("Everybody in the organisation")),
            (Visibility.RESTRICTED.value, gettext_lazy("Its admins, and who is named in it")),
        ],
        error_messages=_NO_CHOICE,
    )
    types = forms.CharField(required=False, widget=forms.Textarea(attrs=_LINES))

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        checked(clean_registry, name)
        return name

    def clean_description(self) -> str:
        return plain(self.cleaned_data["description"])

    def clean_types(self) -> list[str]:
        return _types(self.cleaned_data["types"])


class RulesForm(forms.Form):
    """Which types a registry takes, no line meaning all of them, and which aliases only its admins move."""

    types = forms.CharField(required=False, widget=forms.Textarea(attrs=_LINES))
    protected = forms.CharField(required=False, widget=forms.Textarea(attrs=_LINES))

    def __init__(self, data: QueryDict | None = None, *, words: RegistryWords) -> None:
        self.seen: str = _mark(words) if data is None else data.get("seen", "")[:64]
        super().__init__(
            data,
            initial={
                "types": "" if words.takes_all_types else "\n".join(words.types),
                "protected": "\n".join(words.protected),
            },
        )

    def clean_types(self) -> list[str]:
        return _types(self.cleaned_data["types"])

    def clean_protected(self) -> tuple[str, ...]:
        return own_words(checked(clean_aliases, lines_in(self.cleaned_data["protected"])))

    def is_as_shown(self, now: RegistryWords) -> bool:
        """Does the registry stand as this form showed it? What somebody changed meanwhile is not taken back."""
        return self.seen == _mark(now)


def _mark(words: RegistryWords) -> str:
    shown = [words.takes_all_types, sorted(words.types), sorted(words.protected)]
    return hashlib.sha256(jsontext.dumps(shown).encode("utf-8", "surrogatepass")).hexdigest()


class NamedForm(forms.Form):
    name = forms.CharField(
        max_length=150, error_messages={"required": gettext_lazy("Give the name of a person or of a team.")}
    )
    role = forms.ChoiceField(
        choices=[
            (RegistryRole.VIEWER.value, gettext_lazy("Viewer: looks")),
            (RegistryRole.MEMBER.value, gettext_lazy("Member: links and unlinks")),
            (RegistryRole.ADMIN.value, gettext_lazy("Admin: everything, and who is named")),
        ],
        error_messages=_NO_CHOICE,
    )


class LinkVersionForm(forms.Form):
    registry = forms.ChoiceField(error_messages=_NO_CHOICE)
    collection = forms.CharField(error_messages={"required": gettext_lazy("A collection needs a name.")})
    aliases = forms.CharField(required=False, widget=forms.Textarea(attrs=_LINES))

    def __init__(self, data: QueryDict | None = None, *, registries: Sequence[str], name: str) -> None:
        super().__init__(data, initial={"collection": name})
        self.fields["registry"].choices = [(each, each) for each in registries]  # type: ignore[attr-defined]

    def clean_collection(self) -> str:
        name: str = checked(clean_collection, self.cleaned_data["collection"])
        return name

    def clean_aliases(self) -> tuple[str, ...]:
        aliases: tuple[str, ...] = checked(clean_aliases, lines_in(self.cleaned_data["aliases"]))
        return aliases
