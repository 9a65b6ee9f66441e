from __future__ import annotations

import re
import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from django.contrib.auth.password_validation import validate_password
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from apps.access.policy import Scope
from apps.accounts.actors import Actor
from apps.accounts.addresses import address_as_stored
from apps.accounts.closing import hold_operators
from apps.accounts.models import ApiKey, User
from apps.accounts.names import USERNAME_VALIDATORS, as_stored
from apps.accounts.queries import hash_of_secret, is_taken, no_account_yet, require_operator, user_of
from apps.accounts.types import Appearance
from apps.accounts.zones import known_zones
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.core import clock
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.core.ids import is_public_id

# The client wants 40 letters or more after the first dash; old clients exactly 40. The prefix lets scanners know it.
_KEY_PREFIX = "own_"
_KEY_LETTERS = string.ascii_letters + string.digits
_KEY_LENGTH = 40
_KEY_FORM = re.compile(r"[A-Za-z0-9_]{40,128}")


def create_user(username: str, *, email: str, password: str | None) -> User:
    """An account that can sign in; the instance's first becomes its owner. See teams.services.create_account."""
    username = as_stored(username.strip())
    try:
        for check in USERNAME_VALIDATORS:
            check(username)
        email = address_as_stored(email)
        if password is not None:
            validate_password(password)
    except ValidationError as error:
        raise Invalid(" ".join(error.messages)) from None
    if is_taken(username=username, email=email):
        raise Conflict(_("There is an account with this name or address already."))
    user = User(username=username, email=email)
    user.set_password(password)
    return save_new_user(user)


def create_service(handle: str) -> User:
    """An account without a password and an address, which acts by keys only. See teams.services.make_service_account."""
    user = User(username=handle, is_service=True)
    user.set_unusable_password()
    user.save()
    return user


def close_service(user: User, *, entity: str, by: Actor) -> None:
    """End a service with all its keys, at the next request in every process. What it made keeps its author."""
    for key in ApiKey.objects.select_for_update().filter(user=user, revoked_at=None):
        end_key(key, entity=entity, by=by)
    user.is_active = False
    user.save(update_fields=["is_active"])


def save_new_user(user: User, *, may_join: Callable[[], bool] = lambda: True) -> User:
    """Store a new account; call it inside a transaction. Forbidden when it is not the first and may not join."""
    user.is_staff = user.is_superuser = _is_first()
    if not user.is_superuser and not may_join():
        raise Forbidden(_("This instance takes no new accounts. Its operators can make one for you."))
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError:
        raise Conflict(_("There is an account with this name or address already.")) from None
    record(
        EventKind.ACCOUNT_CREATED,
        subject=user.public_id,
        entity=user.public_id,
        by=Actor.person(user),
        is_owner=user.is_superuser,
    )
    return user


@transaction.atomic
def suspend_account(user: User, *, by: Actor) -> None:
    """Close every way in of this person from the next request on, in all processes. Their data is kept.

    For operators, who cannot do it to themselves: somebody has to be left who can undo it.
    """
    hold_operators()  # before it is asked who is one
    require_operator(by)
    if user.pk == by.user_id:
        raise Conflict(_("Operators cannot suspend themselves."))
    _switch(user, is_active=True, to=False, kind=EventKind.ACCOUNT_SUSPENDED, by=by)


@transaction.atomic
def reactivate_account(user: User, *, by: Actor) -> None:
    require_operator(by)
    _switch(user, is_active=False, to=True, kind=EventKind.ACCOUNT_REACTIVATED, by=by)


@transaction.atomic
def make_operator(user: User, *, by: Actor) -> None:
    """Let somebody operate the instance as well: whoever has a shell on its machine decides. Twice is allowed, and noted once."""
    people = User.objects.filter(pk=user.pk, is_active=True, is_service=False)
    if not people.exists():
        raise NotFound("There is no account of this name that can be opened.")
    if people.filter(is_superuser=False).update(is_staff=True, is_superuser=True):
        record(EventKind.OPERATOR_MADE, subject=user.public_id, entity=user.public_id, by=by)


def _switch(user: User, *, is_active: bool, to: bool, kind: EventKind, by: Actor) -> None:
    """Twice is allowed, and noted once. What is being erased is closed already, and opened by who takes it back."""
    if User.objects.filter(pk=user.pk, is_active=is_active, erased_at=None).update(is_active=to):
        record(kind, subject=user.public_id, entity=user.public_id, by=by)


def _is_first() -> bool:
    """Is there no account yet? Of people who sign up at the same moment one is first: the others wait until it is stored."""
    if not no_account_yet():
        return False
    # A row that is there before any account. (SQLite has one writer at a time and needs none.)
    ContentType.objects.select_for_update().get(app_label="accounts", model="user")
    return no_account_yet()


def change_appearance(actor: Actor, appearance: Appearance) -> None:
    """How pages look for this person from the next one on."""
    user = user_of(actor)
    user.language, user.theme = appearance.language.value, appearance.theme.value
    user.density, user.has_single_keys = appearance.density.value, appearance.has_single_keys
    user.save(update_fields=["language", "theme", "density", "has_single_keys"])


def change_time_zone(actor: Actor, name: str) -> None:
    """In which zone pages say times to this person; empty for UTC. Invalid for one that this machine does not know."""
    if name and name not in known_zones():
        raise Invalid(_("There is no such time zone."))
    user = user_of(actor)
    user.time_zone = name
    user.save(update_fields=["time_zone"])


@dataclass(frozen=True, slots=True)
class KeyTerms:
    """What a key is good for. As it stands here: for all that its owner may do, until it is revoked."""

    scope: Scope = Scope.ADMIN
    only_entity: int | None = None
    expires_at: datetime | None = None


WHOLE_KEY = KeyTerms()


def require_all_rights(actor: Actor) -> None:
    """Whoever acts for the person as such, not in one entity, does not do it by a key that was given less."""
    if not actor.has_all_rights:
        raise Forbidden(_("This takes an API key with the scope admin that is good for everything."))


@transaction.atomic
def issue_api_key(
    user: User, *, by: Actor, secret: str | None = None, terms: KeyTerms = WHOLE_KEY, entity: str = ""
) -> tuple[ApiKey, str]:
    """A new key and its secret, which nobody can read again. `secret` is for scripts that bring their own.

    `entity` is on whose record it stands: the person's own, unless it is another's.
    """
    require_all_rights(by)
    if user.is_service and terms.only_entity is None:
        raise Invalid(_("A key of a service account is good for its team and for nothing else."))
    terms = _within_the_life_of(by.api_key, terms)
    if secret is None:
        letters = (secrets.choice(_KEY_LETTERS) for _ in range(_KEY_LENGTH - len(_KEY_PREFIX)))
        secret = _KEY_PREFIX + "".join(letters)
    if not _KEY_FORM.fullmatch(secret):
        raise Invalid(_("An API key is 40 to 128 letters, digits or underscores."))
    key, is_new = ApiKey.objects.get_or_create(
        secret_sha256_hex=hash_of_secret(secret),
        defaults={
            "user": user,
            "hint": secret[-4:],
            "scope": terms.scope.value,
            "only_entity": terms.only_entity,
            "expires_at": terms.expires_at,
        },
    )
    if not is_new:
        raise Conflict(_("This API key is in use already."))
    record(
        EventKind.API_KEY_ISSUED,
        subject=key.public_id,
        entity=entity or user.public_id,
        by=by,
        scope=terms.scope.value,
    )
    return key, secret


def _within_the_life_of(maker: str, terms: KeyTerms) -> KeyTerms:
    """A key that ends makes none that ends later: it could otherwise make itself one without an end."""
    makers = ApiKey.objects.filter(public_id=maker).exclude(expires_at=None)
    end = makers.values_list("expires_at", flat=True).first() if maker else None
    if end is None or (terms.expires_at is not None and terms.expires_at <= end):
        return terms
    return replace(terms, expires_at=end)


@transaction.atomic
def revoke_api_key(actor: Actor, public_id: str) -> None:
    """End one of the actor's own keys; the next request that brings it is refused. Twice is allowed."""
    require_all_rights(actor)
    key = None
    if actor.user_id is not None and is_public_id(public_id):
        key = ApiKey.objects.select_for_update().filter(user_id=actor.user_id, public_id=public_id).first()
    if key is None:
        raise NotFound("Not found.")
    end_key(key, entity=actor.audit_id, by=actor)


def end_key(key: ApiKey, *, entity: str, by: Actor) -> None:
    """Refuse this key from the next request on; for callers that hold its row. Twice is allowed."""
    if key.revoked_at is None:
        key.revoked_at = clock.now()
        key.save(update_fields=["revoked_at"])
        key.networks.all().delete()
        record(EventKind.API_KEY_REVOKED, subject=key.public_id, entity=entity, by=by)
