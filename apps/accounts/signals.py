"""A sign-in is noted by Django's own signal: allauth and the admin leave no other place for it."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.audit.events import EventKind
from apps.audit.services import record


@receiver(user_logged_in, dispatch_uid="accounts.note_sign_in")
def note_sign_in(sender: object, user: User, **kwargs: Any) -> None:
    record(EventKind.SIGNED_IN, subject=user.public_id, by=Actor.person(user))
