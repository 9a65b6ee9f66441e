"""What allauth and Django's admin do to accounts is noted by their own signals: they leave no other place for it."""

from __future__ import annotations

from typing import Any

from allauth.account import signals as account
from allauth.mfa import signals as second_factor
from allauth.socialaccount import signals as linked
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.dispatch import receiver

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.accounts.queries import user_by_login
from apps.audit.events import EventKind
from apps.audit.repeats import Subject, count
from apps.audit.services import record


def _note(kind: EventKind, user: User, **facts: Any) -> None:
    record(kind, subject=user.public_id, entity=user.public_id, by=Actor.person(user), **facts)


@receiver(user_logged_in, dispatch_uid="accounts.note_sign_in")
def note_sign_in(sender: object, user: User, request: Any = None, **kwargs: Any) -> None:
    """Not of who was closed since their password was looked at: that session would open their account when it comes back."""
    if not User.objects.filter(pk=user.pk, is_active=True).exists():
        if request is not None:
            request.session.flush()
            request.user = AnonymousUser()
        return
    _note(EventKind.SIGNED_IN, user)


@receiver(user_login_failed, dispatch_uid="accounts.note_failed_sign_in")
def note_failed_sign_in(sender: object, credentials: dict[str, Any], **kwargs: Any) -> None:
    """That somebody failed to sign in as a person, and how often. What was typed, and from where, is not kept."""
    user = user_by_login(str(credentials.get("username") or credentials.get("email") or ""))
    if user is not None:
        person = Subject(user.public_id, entity=user.public_id)
        count(EventKind.SIGN_IN_FAILED, [person], by=Actor.nobody())


@receiver(account.password_changed, dispatch_uid="accounts.note_password_changed")
@receiver(account.password_set, dispatch_uid="accounts.note_password_set")
@receiver(account.password_reset, dispatch_uid="accounts.note_password_reset")
def note_password(sender: object, user: User, signal: object, **kwargs: Any) -> None:
    _note(EventKind.PASSWORD_CHANGED, user, by_mail=signal is account.password_reset)


@receiver(account.email_changed, dispatch_uid="accounts.note_email_changed")
def note_email_changed(sender: object, user: User, **kwargs: Any) -> None:
    _note(EventKind.EMAIL_CHANGED, user)


@receiver(account.email_confirmed, dispatch_uid="accounts.note_email_confirmed")
def note_email_confirmed(sender: object, email_address: Any, **kwargs: Any) -> None:
    _note(EventKind.EMAIL_CONFIRMED, email_address.user)


@receiver(second_factor.authenticator_added, dispatch_uid="accounts.note_factor_added")
@receiver(second_factor.authenticator_reset, dispatch_uid="accounts.note_factor_reset")
def note_factor_added(sender: object, user: User, authenticator: Any, **kwargs: Any) -> None:
    """An app that shows codes, a passkey, or recovery codes, which may also be made anew."""
    _note(EventKind.SECOND_FACTOR_ADDED, user, factor=str(authenticator.type))


@receiver(second_factor.authenticator_removed, dispatch_uid="accounts.note_factor_removed")
def note_factor_removed(sender: object, user: User, authenticator: Any, **kwargs: Any) -> None:
    _note(EventKind.SECOND_FACTOR_REMOVED, user, factor=str(authenticator.type))


@receiver(linked.social_account_added, dispatch_uid="accounts.note_linked")
def note_linked(sender: object, sociallogin: Any, **kwargs: Any) -> None:
    _note(EventKind.ACCOUNT_LINKED, sociallogin.user, provider=str(sociallogin.account.provider))


@receiver(linked.social_account_removed, dispatch_uid="accounts.note_unlinked")
def note_unlinked(sender: object, socialaccount: Any, **kwargs: Any) -> None:
    _note(EventKind.ACCOUNT_UNLINKED, socialaccount.user, provider=str(socialaccount.provider))
