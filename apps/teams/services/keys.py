from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from apps.access.policy import Permission, Scope
from apps.accounts.actors import Actor
from apps.accounts.models import ApiKey, User
from apps.accounts.queries import user_of
from apps.accounts.services import KeyTerms, issue_api_key
from apps.core import clock
from apps.core.errors import Invalid, NotFound
from apps.teams.own import has_own_key, own_key
from apps.teams.queries.entities import get_entity
from apps.teams.queries.keys import NAME_LABEL, row_of
from apps.vault.seal import seal_text

LONGEST_NAME = 80
# Longer than any script runs. A year typed wrong would be a key for good that looks as if it ended.
LONGEST_LIFE = timedelta(days=3653)


@dataclass(frozen=True, slots=True)
class KeyWanted:
    """A key as its owner asks for it."""

    name: str = ""
    scope: Scope = Scope.WRITE
    only: str = ""  # the name of the one entity it is to be good for; empty for all
    expires_at: datetime | None = None


@transaction.atomic
def make_key(actor: Actor, wanted: KeyWanted) -> tuple[ApiKey, str]:
    """A key of the actor's own and its secret, which nobody can read again."""
    only = _entity_named(actor, wanted.only) if wanted.only else None
    return make_key_of(user_of(actor), wanted, only_entity=only, by=actor)


def make_key_of(
    user: User, wanted: KeyWanted, *, only_entity: int | None, by: Actor, entity: str = ""
) -> tuple[ApiKey, str]:
    """A key of this account, for callers that asked for the right and are in a transaction."""
    name = usable_label(wanted.name)
    if wanted.expires_at is not None and wanted.expires_at <= clock.now():
        raise Invalid(_("Choose a day that is still to come."))
    if wanted.expires_at is not None and wanted.expires_at > clock.now() + LONGEST_LIFE:
        raise Invalid(_("A key that ends does so within ten years."))
    terms = KeyTerms(scope=wanted.scope, only_entity=only_entity, expires_at=wanted.expires_at)
    key, secret = issue_api_key(user, by=by, terms=terms, entity=entity)
    # Accounts that were made without an entity have no key of their own to seal it under.
    if name and has_own_key(user):
        key.sealed_name = seal_text(own_key(user.pk), name, label=NAME_LABEL, row=row_of(key))
        key.save(update_fields=["sealed_name"])
    return key, secret


def usable_label(text: str) -> str:
    """What somebody calls a key or a service, as it is stored."""
    name = text.strip()
    if len(name) > LONGEST_NAME:
        raise Invalid(_("A name has no more than %(most)d characters.") % {"most": LONGEST_NAME})
    if not name.isprintable():
        raise Invalid(_("A name has no control characters."))
    return name


def _entity_named(actor: Actor, name: str) -> int:
    try:
        return get_entity(actor, Permission.ENTITY_READ, name=name).pk
    except NotFound:
        raise Invalid(_("This is no entity of yours.")) from None
