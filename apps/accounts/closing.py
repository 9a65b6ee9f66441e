"""The end of an account as far as it is accounts': from here on it opens nothing, and nobody reads its name.

The name itself stays with the person's entity (apps/teams) until that is erased; what takes it back asks for it there.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db.models import CharField, F, Value
from django.db.models.functions import Concat

from apps.accounts.models import BrowserSession, User
from apps.accounts.names import NO_NAME
from apps.accounts.queries import operators
from apps.accounts.sessions import end_row
from apps.core.errors import Conflict, NotFound


def closed_account(user_id: int, *, at: datetime) -> User:
    """Close it, inside the transaction that records the erasure: every way in, in all processes. NotFound for who is gone."""
    user = User.objects.select_for_update(no_key=True).filter(pk=user_id, erased_at=None).first()
    if user is None or user.is_service:
        raise NotFound("There is no such account.")
    User.objects.filter(pk=user.pk).update(
        erased_at=at,
        was_active=F("is_active"),
        is_active=False,
        username=Concat(Value(NO_NAME), F("public_id"), output_field=CharField()),
    )
    # Sessions do not come back with the account: whoever takes it back may not be the one whose browser is still open.
    _end_sessions(user.pk)
    return user


def _end_sessions(user_id: int) -> None:
    for row in list(BrowserSession.objects.filter(user=user_id).values_list("session_row", flat=True)):
        end_row(row)


def open_account_again(user_id: int, *, name: str) -> None:
    """As it stood, under its name; suspended if it was. Its keys are good again."""
    _end_sessions(user_id)  # one that began while the account was being closed
    User.objects.filter(pk=user_id, erased_at__isnull=False).update(
        erased_at=None,
        is_active=F("was_active"),
        username=name,
        idle_notices=0,
        idle_told_at=None,
        idle_tried_at=None,
    )


def hold_account(user: User) -> None:
    """Hold an account to the end of the transaction, for who is given something that needs them: it is not closed meanwhile.
    NotFound where it was. Held before the places that they are in."""
    rows = User.objects.select_for_update(no_key=True).filter(pk=user.pk, erased_at=None)
    if rows.first() is None:
        raise NotFound("There is no such account.")


def hold_operators() -> None:
    """Hold all operators: of two who go, or who have each other go, at the same moment the second sees what the first left."""
    list(operators().select_for_update(no_key=True).values_list("pk"))


def require_other_operator(user: User) -> None:
    """Pass unless the instance would be left with people and nobody to operate it."""
    if not operators().filter(pk=user.pk).exists() or operators().exclude(pk=user.pk).exists():
        return
    if User.objects.filter(is_service=False).exclude(pk=user.pk).exists():
        raise Conflict(
            "You are the only operator of this instance. Make somebody else one first (manage.py make_operator NAME)."
        )


def delete_accounts(user_ids: Collection[int]) -> None:
    """The rows themselves, with whatever of them is left; what they made elsewhere has no author from then on."""
    User.objects.filter(pk__in=user_ids).delete()
