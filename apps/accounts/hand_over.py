"""Links that operators hand over where no mail goes out: to set a new password, or to confirm an address.

Whoever can run a command on the instance's machine may have one made. It is on the record of whose account it opens.
"""

from __future__ import annotations

from allauth.account.forms import default_token_generator
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from allauth.account.utils import user_pk_to_url_str
from django.db import transaction
from django.urls import reverse

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.accounts.names import as_stored
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.core.errors import Conflict, NotFound


def person_called(name: str) -> User:
    """Somebody whose account can be opened, by the user name. NotFound for services too: nobody signs in as one."""
    user = User.objects.filter(username=as_stored(name.strip()), is_service=False, is_active=True).first()
    if user is None:
        raise NotFound("There is no account of this name that can be opened.")
    return user


@transaction.atomic
def make_reset_link(user: User, *, by: Actor) -> str:
    """The path at which this person sets a new password, once."""
    key = default_token_generator.make_token(user)
    _note(user, "password", by=by)
    return reverse("account_reset_password_from_key", kwargs={"uidb36": user_pk_to_url_str(user), "key": key})


@transaction.atomic
def make_confirm_link(user: User, *, by: Actor) -> tuple[str, str]:
    """The address that waits to be confirmed, a new one before the present one, and the path that does it."""
    waiting = EmailAddress.objects.filter(user=user, verified=False).order_by("-pk").first()
    if waiting is None:
        waiting, _made = EmailAddress.objects.get_or_create(
            user=user, email=as_stored(user.email), defaults={"primary": True, "verified": False}
        )
    if waiting.verified:
        raise Conflict("The address of this account is confirmed already.")
    _note(user, "address", by=by)
    key = EmailConfirmationHMAC(waiting).key
    return waiting.email, reverse("account_confirm_email", kwargs={"key": key})


def _note(user: User, what: str, *, by: Actor) -> None:
    record(EventKind.ADMIN_MADE_LINK, subject=user.public_id, entity=user.public_id, by=by, what=what)
