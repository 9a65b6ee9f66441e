"""The forms for what a person makes by hand. What a field takes is said in the words of the form."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.core import jsontext
from apps.core.errors import Invalid
from apps.projects.names import MOST_LETTERS, clean_name
from apps.runs.types import RunPatch, RunState
from apps.web.by_hand.pairs import read_pairs
from apps.web.editing import LONGEST_NAME, LONGEST_NOTES, patch_of, wrong_with_name

if TYPE_CHECKING:
    from apps.teams.models import Entity

_LONGEST_DESCRIPTION = 10_000


class ProjectForm(forms.Form):
    entity = forms.ChoiceField(
        error_messages={"invalid_choice": gettext_lazy("You cannot make projects there.")}
    )
    name = forms.CharField(error_messages={"required": gettext_lazy("The project needs a name.")})
    description = forms.CharField(
        required=False, max_length=_LONGEST_DESCRIPTION, widget=forms.Textarea(attrs={"rows": 3})
    )

    def __init__(self, *args: Any, entities: Iterable[Entity], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(each.name, each.name) for each in entities]
        self.fields["entity"].choices = choices  # type: ignore[attr-defined]

    def clean_name(self) -> str:
        try:
            return clean_name(self.cleaned_data["name"], what="project")
        except Invalid:
            raise forms.ValidationError(
                _("A name has 1 to %(n)d letters, without / \\ # ? %% : and control characters.")
                % {"n": MOST_LETTERS}
            ) from None


class RunForm(forms.Form):
    name = forms.CharField(required=False, max_length=LONGEST_NAME)
    group = forms.CharField(required=False, max_length=LONGEST_NAME)
    job_type = forms.CharField(required=False, max_length=LONGEST_NAME)
    tags = forms.CharField(required=False, max_length=LONGEST_NOTES)
    notes = forms.CharField(
        required=False, max_length=LONGEST_NOTES, strip=False, widget=forms.Textarea(attrs={"rows": 4})
    )
    config = forms.CharField(
        required=False, strip=False, widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"})
    )

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if wrong := wrong_with_name(name):
            raise forms.ValidationError(wrong)
        return name

    def clean_config(self) -> dict[str, Any]:
        try:
            return read_pairs(self.cleaned_data["config"])
        except Invalid as error:
            raise forms.ValidationError(error.message) from None

    def patch(self) -> RunPatch:
        """What the form says, as the client would say it: a run that waits for what is added to it."""
        words = self.cleaned_data
        said = patch_of({name: words[name] for name in ("name", "tags", "notes")})
        config = {key: {"value": value} for key, value in words["config"].items()}
        return RunPatch(
            display_name=said.display_name or None,
            tags=said.tags,
            notes=said.notes,
            group=words["group"].strip(),
            job_type=words["job_type"].strip(),
            config_text=jsontext.dumps(config),
            state=RunState.PENDING,
        )
