"""What teams and organisations have in common when they are changed: one row to take first, one namespace."""

from __future__ import annotations

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from apps.accounts.actors import Actor
from apps.accounts.names import USERNAME_VALIDATORS, as_stored
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.teams.models import Entity, Organisation
from apps.teams.names import is_name_of_the_erased
from apps.teams.queries.people import Place, is_name_in_use


def locked(place: Place) -> Place:
    """The team or organisation as it is now, held until the end of the transaction. (SQLite has one writer anyway.)"""
    fresh = type(place)._default_manager.select_for_update(no_key=True).filter(pk=place.pk).first()
    if fresh is None:
        raise NotFound(_("It is not there any more."))
    assert isinstance(fresh, Entity | Organisation)
    return fresh


def require_person(actor: Actor) -> None:
    """Pass unless a script asks: its key may be in the hands of somebody who had to go, and would let them back in."""
    if actor.is_service:
        raise Forbidden(_("Who is in a team is decided by people. A service account cannot."))


def usable_name(text: str) -> str:
    """A name as it is stored; Invalid, with the reason, when nothing here may be called so."""
    name = as_stored(text.strip())
    try:
        for check in USERNAME_VALIDATORS:
            check(name)
    except ValidationError as error:
        raise Invalid(" ".join(error.messages)) from None
    return name


def claim_name(name: str) -> None:
    """Refuse a name that a person, a team or an organisation has, or had before it was erased. Call it in the transaction that stores the name.

    Two tables share these names, so no constraint sees both of them: whoever takes one waits for the others.
    """
    # A row that is always there. (SQLite has one writer at a time and needs none.)
    ContentType.objects.select_for_update().get(app_label="teams", model="entity")
    if is_name_in_use(name) or is_name_of_the_erased(name):
        raise Conflict(_("This name is taken."))
