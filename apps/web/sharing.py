"""Who may read and write a project, in sentences, as it is and as it would be after a change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from apps.access.policy import Role, Visibility
from apps.projects.types import LINK_DAYS, LONGEST_LABEL, PUBLISHED, NamedRole

if TYPE_CHECKING:
    from apps.projects.models import Project
    from apps.projects.types import OpenProject
    from apps.web.custody import Audience

LONGEST_DESCRIPTION = 10_000


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the four visibilities: what it is called, who then reads and who then writes."""

    value: Visibility
    icon: str
    title: str
    reads: str
    writes: str
    is_chosen: bool
    is_barred: bool  # by the organisation, which keeps what is its teams' to their own people


def choices(opened: OpenProject, audience: Audience, *, private_only: bool = False) -> list[Choice]:
    """The four, with the people counted as they are now."""
    project = opened.project
    is_personal = project.entity.user_id is not None
    titles = {
        # Its badge says “Team”: both are named for who sees it.
        Visibility.PRIVATE: ("lock", _("Private")) if is_personal else ("people", _("Private to the team")),
        Visibility.RESTRICTED: ("people", _("Restricted")),
        Visibility.PUBLIC: ("globe", _("Public")),
        Visibility.OPEN: ("globe", _("Open")),
    }
    return [
        Choice(
            value=each,
            icon=titles[each][0],
            title=titles[each][1],
            reads=_reads(each, project, audience),
            writes=_writes(each, project, audience),
            is_chosen=opened.visibility is each,
            is_barred=private_only and each in PUBLISHED,
        )
        for each in Visibility
    ]


def _reads(visibility: Visibility, project: Project, audience: Audience) -> str:
    name = project.entity.name
    if visibility in PUBLISHED:
        return _("Anybody, also without an account.")
    if visibility is Visibility.RESTRICTED:
        people = audience.named_in(project)
        named = (
            ngettext("%(n)d person named below", "%(n)d people named below", people) % {"n": people}
            if people
            else _("whoever is named below")
        )
        if project.entity.user_id is not None:
            return _("You, and %(named)s.") % {"named": named}
        return _("The admins of %(name)s, and %(named)s. Other members do not see that it exists.") % {
            "name": name,
            "named": named,
        }
    if project.entity.user_id is not None:
        return _("You alone.")
    everybody = audience.team_of(project).total()
    return ngettext("The %(n)d person in %(name)s.", "The %(n)d people in %(name)s.", everybody) % {
        "n": everybody,
        "name": name,
    }


def _writes(visibility: Visibility, project: Project, audience: Audience) -> str:
    if visibility is Visibility.RESTRICTED:
        if project.entity.user_id is not None:
            return _("You, and those named as members.")
        return _("The admins of %(name)s, and those named as members.") % {"name": project.entity.name}
    if project.entity.user_id is not None:
        own = _("You alone.")
    else:
        counts = audience.team_of(project)
        writers = counts[Role.ADMIN] + counts[Role.MEMBER]
        own = ngettext(
            "The %(n)d admin or member of %(name)s.", "The %(n)d admins and members of %(name)s.", writers
        ) % {"n": writers, "name": project.entity.name}
    if visibility is Visibility.OPEN:
        return own + " " + _("Anybody signed in adds runs, and changes those they added.")
    return own


class VisibilityForm(forms.Form):
    visibility = forms.ChoiceField(
        choices=[(each.value, each.value) for each in Visibility],
        error_messages={
            "required": gettext_lazy("Choose one of the four."),
            "invalid_choice": gettext_lazy("Choose one of the four."),
        },
    )

    @property
    def chosen(self) -> Visibility:
        return Visibility(self.cleaned_data["visibility"])


class DescriptionForm(forms.Form):
    description = forms.CharField(
        required=False, max_length=LONGEST_DESCRIPTION, widget=forms.Textarea(attrs={"rows": 3})
    )


class PersonForm(forms.Form):
    username = forms.CharField(max_length=150, error_messages={"required": gettext_lazy("Give a user name.")})
    role = forms.ChoiceField(
        choices=[
            (NamedRole.VIEWER.value, gettext_lazy("May look")),
            (NamedRole.MEMBER.value, gettext_lazy("May look and log")),
        ],
        error_messages={"invalid_choice": gettext_lazy("There is no such choice.")},
    )


class LinkForm(forms.Form):
    label = forms.CharField(required=False, max_length=LONGEST_LABEL)
    days = forms.TypedChoiceField(
        coerce=int,
        choices=[],
        error_messages={"invalid_choice": gettext_lazy("There is no such choice.")},
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["days"].choices = [  # type: ignore[attr-defined]
            (days, ngettext("%(n)d day", "%(n)d days", days) % {"n": days}) for days in LINK_DAYS
        ]
