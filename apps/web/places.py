"""A team or an organisation as its page shows it. What is done with people is the same in both."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.validators import validate_email
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.accounts.addresses import LONGEST_ADDRESS
from apps.accounts.names import as_stored
from apps.core.errors import Forbidden, NotFound
from apps.teams.gate import require_at
from apps.teams.queries import Pending, Person, get_organisation, get_team, pending_in, people_in

if TYPE_CHECKING:
    from apps.teams.queries import Place

_LONGEST_LABEL = 80


@dataclass(frozen=True, slots=True)
class Role:
    """A role as forms offer it, and what it may do."""

    value: str
    words: str
    says: str


@dataclass(frozen=True, slots=True)
class Named:
    """Which team or organisation an address is about."""

    is_team: bool
    name: str

    @property
    def url(self) -> str:
        return f"/teams/{self.name}" if self.is_team else f"/organisations/{self.name}"

    @property
    def roles(self) -> list[Role]:
        return _team_roles() if self.is_team else _organisation_roles()

    def held(self, actor: Actor, permission: Permission) -> Place:
        """The thing itself, for this purpose."""
        if self.is_team:
            return get_team(actor, permission, name=self.name)
        return get_organisation(actor, permission, name=self.name)


def named(entity: str, organisation: str) -> Named:
    """The team, or else the organisation, that an address names."""
    return Named(bool(entity), as_stored(entity or organisation))


@dataclass(slots=True)
class View:
    """What the page of a team or an organisation says to one of its people."""

    named: Named
    people: list[Person]
    me: Person
    pending: list[Pending] = field(default_factory=list)
    is_admin: bool = False

    @property
    def others(self) -> list[Person]:
        return [person for person in self.people if person.name != self.me.name]

    @property
    def is_sole_admin(self) -> bool:
        """Who cannot leave: nobody else could then let anybody in."""
        return self.is_admin and not any(person.role == self.me.role for person in self.others)


def view_of(actor: Actor, place: Place, named: Named) -> View:
    """Everybody sees who is in; admins see who is invited as well."""
    people = people_in(place)
    me = next((person for person in people if person.name == actor.username), None)
    if me is None:  # taken out a moment ago
        raise NotFound("Not found.")
    view = View(named, people, me)
    try:
        require_at(actor, Permission.ENTITY_ADMIN, place)
    except Forbidden:
        return view
    view.is_admin, view.pending = True, pending_in(place)
    return view


def role_words(value: str) -> str:
    """A role as pages call it."""
    return next((role.words for role in _team_roles() if role.value == value), value)


def _team_roles() -> list[Role]:
    return [
        Role("admin", _("Admin"), _("everything, and who is in the team")),
        Role("member", _("Member"), _("makes projects and logs runs")),
        Role("viewer", _("Viewer"), _("reads")),
    ]


def _organisation_roles() -> list[Role]:
    return [
        Role("admin", _("Admin"), _("the organisation’s people, teams and settings")),
        Role("member", _("Member"), _("sees who and which teams are in it")),
    ]


class NameForm(forms.Form):
    """A name that stands first in addresses. What it may be is said by the service that takes it."""

    name = forms.CharField(error_messages={"required": gettext_lazy("It needs a name.")}, max_length=200)


class ServiceForm(forms.Form):
    """A team's own account for scripts. What its name may be is said by the service that takes it."""

    name = forms.CharField(
        max_length=_LONGEST_LABEL,
        error_messages={
            "required": gettext_lazy("It needs a name."),
            "max_length": gettext_lazy("A name has no more than %(limit_value)d characters."),
        },
    )
    role = forms.ChoiceField(
        initial="member", error_messages={"invalid_choice": gettext_lazy("There is no such role.")}
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(role.value, f"{role.words}: {role.says}") for role in _team_roles()]
        self.fields["role"].choices = choices  # type: ignore[attr-defined]


class InviteForm(forms.Form):
    """By mail where there is an address, else by a link that is handed over."""

    email = forms.CharField(
        required=False,
        max_length=LONGEST_ADDRESS,
        widget=forms.EmailInput(),
        validators=[validate_email],
        error_messages={"invalid": gettext_lazy("This is not an e-mail address.")},
    )
    role = forms.ChoiceField(error_messages={"invalid_choice": gettext_lazy("There is no such role.")})

    def __init__(self, *args: Any, roles: Iterable[Role], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(role.value, f"{role.words}: {role.says}") for role in roles]
        self.fields["role"].choices = choices  # type: ignore[attr-defined]
