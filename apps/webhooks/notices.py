"""Mail to whoever looks after a webhook whose deliveries are given up."""

from __future__ import annotations

import logging
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.utils import translation

from apps.access.policy import Permission, Role
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.projects.gate import may as may_in_project
from apps.teams.gate import may
from apps.teams.models import Membership
from apps.teams.notices import language_of
from apps.webhooks.models import Hook

log = logging.getLogger(__name__)


def tell_of_trouble(hook_id: int) -> None:
    """Say that a webhook does not arrive, or was switched off by the other side. Where it leads says its page."""
    hook = (
        Hook.objects.select_related("project__entity", "entity__user", "created_by")
        .filter(pk=hook_id)
        .first()
    )
    if hook is None or not hook.entity.is_open or (hook.project and hook.project.erased_at):
        return
    base = settings.OWNLOG_BASE_URL
    words = {
        "owner": hook.entity.name,
        "is_on": hook.is_on,
        "since": hook.failing_since,
        "address": base and f"{base}/go/webhooks/{hook.public_id}",
    }
    for user in _who_looks_after(hook):
        with translation.override(language_of(user)):
            subject = render_to_string("mails/webhook_subject.txt", words).strip()
            text = render_to_string("mails/webhook.txt", words)
        try:
            send_mail(subject, text, None, [user.email])
        except (OSError, SMTPException) as error:
            log.warning("trouble of a webhook not mailed: error=%s", type(error).__name__)


def _who_looks_after(hook: Hook) -> list[User]:
    """Whoever made it, while they may still change it; else all admins."""
    maker = hook.created_by
    is_here = maker is not None and maker.is_active and not maker.is_service
    if maker is not None and is_here and _may_change(maker, hook):
        return [maker]
    if hook.entity.user is not None:
        return [hook.entity.user] if hook.entity.user.is_active else []
    admins = Membership.objects.filter(entity=hook.entity, role=Role.ADMIN.value)
    return list(
        User.objects.filter(pk__in=admins.values("user"), is_active=True, is_service=False).order_by("pk")
    )


def _may_change(user: User, hook: Hook) -> bool:
    actor = Actor.person(user)
    if hook.project is not None:
        return may_in_project(actor, Permission.PROJECT_ADMIN, hook.project)
    return may(actor, Permission.ENTITY_ADMIN, entity=hook.entity)
