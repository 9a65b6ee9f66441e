from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Iterable
from datetime import timedelta

from allauth.account.models import EmailAddress
from django.db import DatabaseError, transaction
from django.db.models import Q, QuerySet

from apps.accounts.actors import Actor
from apps.accounts.addresses import login_as_stored
from apps.accounts.models import ApiKey, User
from apps.accounts.names import as_stored
from apps.core import clock
from apps.core.errors import Forbidden, NotFound
from apps.core.ids import is_public_id
from apps.core.rows import find_row

log = logging.getLogger(__name__)

# How stale `last_used_at` may be: a write at each request would cost more than the request.
_LAST_USED_GRAIN = timedelta(minutes=1)


def hash_of_secret(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def actor_for_api_key(secret: str) -> Actor | None:
    """The person behind a key as it was typed, or None when it is unknown or over, or its owner is inactive.

    Asked of the database at each request, so that a key ends in all processes at the same moment.
    """
    key = find_row(ApiKey, along=("user",), secret_sha256_hex=hash_of_secret(secret))
    if key is None or not key.is_good or not key.user.is_active:
        return None
    _note_use(key)
    return Actor.person(key.user, api_key=key)


def _note_use(key: ApiKey) -> None:
    now = clock.now()
    if key.last_used_at is not None and abs(now - key.last_used_at) <= _LAST_USED_GRAIN:
        return
    try:
        with transaction.atomic():
            ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
    except DatabaseError as error:
        # A full disk, or a writer that takes long: who only reads must not be turned away for this.
        log.warning("use of a key not noted: error=%s", type(error).__name__)


def actor_for_signature(user_public_id: str, api_key_public_id: str) -> Actor | None:
    """The person named in a signed URL, as long as they and the key they used are still good."""
    if not is_public_id(user_public_id):
        return None
    if not api_key_public_id:
        user = find_row(User, public_id=user_public_id)
        return Actor.person(user) if user and user.is_active and not user.is_service else None
    if not is_public_id(api_key_public_id):
        return None
    key = find_row(ApiKey, along=("user",), public_id=api_key_public_id)
    if key is None or not key.is_good or not key.user.is_active or key.user.public_id != user_public_id:
        return None
    return Actor.person(key.user, api_key=key)


def user_of(actor: Actor) -> User:
    """The account of a signed-in actor."""
    user = User.objects.filter(pk=actor.user_id).first() if actor.user_id is not None else None
    if user is None:
        raise NotFound("Not found.")
    return user


def require_operator(actor: Actor) -> None:
    """Pass who operates the instance, by their session: no key does."""
    if actor.user_id is None or actor.api_key or not operators().filter(pk=actor.user_id).exists():
        raise Forbidden("This is for the instance's operators.")


def operators() -> QuerySet[User]:
    """Who operates the instance."""
    return User.objects.filter(is_active=True, is_staff=True, is_superuser=True).order_by("pk")


def api_keys_of(actor: Actor) -> QuerySet[ApiKey]:
    """The actor's own keys that are not revoked, newest first: those that have expired are told as such.

    None to who asks by a key for one entity: elsewhere it is as nobody's.
    """
    if actor.user_id is None or actor.only_entity is not None:
        return ApiKey.objects.none()
    return ApiKey.objects.filter(user_id=actor.user_id, revoked_at=None).order_by("-id")


def keys_of_service(user: User) -> QuerySet[ApiKey]:
    """The keys of a service that are not revoked, newest first. For callers that asked its team's gate."""
    return ApiKey.objects.filter(user=user, user__is_service=True, revoked_at=None).order_by("-id")


def no_account_yet() -> bool:
    return not User.objects.exists()


def is_taken(*, username: str = "", email: str = "") -> bool:
    """Has somebody this name or this address?"""
    return User.objects.filter(Q(username=username) | Q(email__iexact=email, is_service=False)).exists()


def user_by_login(login: str) -> User | None:
    """The account that somebody means who types this to sign in: its name or its address."""
    typed = login_as_stored(login)
    known = User.objects.filter(is_service=False)
    return known.filter(Q(username=typed) | Q(email__iexact=typed)).first() if typed else None


def addresses_of(user_ids: Collection[int]) -> set[str]:
    """All e-mail addresses of these people, those that wait to be confirmed as well."""
    own = User.objects.filter(pk__in=user_ids).values_list("email", flat=True)
    return {*own, *EmailAddress.objects.filter(user__in=user_ids).values_list("email", flat=True)}


def names_of(user_ids: Iterable[int | None]) -> dict[int, str]:
    """The user names behind these keys, for pages that say who did something."""
    return dict(User.objects.filter(pk__in=[each for each in user_ids if each]).values_list("pk", "username"))


def people_of(user_ids: Iterable[int]) -> dict[int, User]:
    """The accounts behind these keys, with one question."""
    return User.objects.in_bulk(list(user_ids))


def names_of_authors(audit_ids: Iterable[str]) -> dict[str, str]:
    """The user names of those whom the audit record knows by these ids; who is gone, or no person, is left out."""
    wanted = {each for each in audit_ids if is_public_id(each)}
    return dict(User.objects.filter(public_id__in=wanted).values_list("public_id", "username"))


def author_by_name(username: str) -> str:
    """The opaque id of the person called so; empty when there is none."""
    return User.objects.filter(username=as_stored(username)).values_list("public_id", flat=True).first() or ""


def name_of_author(audit_id: str) -> str:
    """The user name of a person whom the audit record knows by this id; empty when they are gone or no person."""
    return User.objects.filter(public_id=audit_id).values_list("username", flat=True).first() or ""
