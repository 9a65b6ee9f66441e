"""Mail to people: about their place in a team and about their keys, for those who have not switched it off, and invitations."""

from __future__ import annotations

import logging
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.utils import translation

from apps.accounts.models import ApiKey, User
from apps.accounts.types import Language
from apps.core.mail import sends_mail
from apps.teams.choices import SettingName
from apps.teams.models import Entity, Membership
from apps.teams.queries.settings import effective

log = logging.getLogger(__name__)


def tell_of_place(user_id: int, team_id: int, *, base: str = "") -> None:
    """Say what somebody is in a team by now. A message that is lost costs them a mail, never a right."""
    own = Entity.objects.select_related("user").filter(user_id=user_id, user__is_active=True).first()
    team = Entity.objects.filter(pk=team_id).first()
    if own is None or own.user is None or team is None or not effective(own, SettingName.MAIL_TEAMS).is_on:
        return
    role = Membership.objects.filter(user_id=user_id, entity=team).values_list("role", flat=True).first()
    words = {"team": team.name, "role": role or "", "address": base and f"{base}/settings/teams"}
    send_notice(own.user, "place", words)


def tell_of_key(key_public_id: str, *, base: str = "") -> None:
    """Say that a key was used from a network that was new to it. From which, only its owner's page can open."""
    key = ApiKey.objects.select_related("user").filter(public_id=key_public_id, revoked_at=None).first()
    own = Entity.objects.filter(user_id=key.user_id, user__is_active=True).first() if key else None
    if key is None or own is None or not effective(own, SettingName.MAIL_KEYS).is_on:
        return
    words = {"hint": key.hint, "address": base and f"{base}/settings/api-keys"}
    send_notice(key.user, "key", words)


def who_hears(asked_by: str, switch: SettingName) -> User | None:
    """The person with this public id, if they may still sign in and have not switched such mails off."""
    person = User.objects.filter(public_id=asked_by, is_active=True, is_service=False).first()
    own = person and Entity.objects.filter(user=person).first()
    return person if own and effective(own, switch).is_on else None


def send_notice(user: User, what: str, words: dict[str, str]) -> bool:
    """Mail somebody what the templates of this name say, in their language; whether a server took it."""
    with translation.override(language_of(user)):
        subject = render_to_string(f"mails/{what}_subject.txt", words).strip()
        text = render_to_string(f"mails/{what}.txt", words)
    try:
        return send_mail(subject, text, None, [user.email]) == 1
    except (OSError, SMTPException) as error:
        log.warning("notice not mailed: what=%s error=%s", what, type(error).__name__)
        return False


def send_invitation(address: str, *, team: str, url: str) -> bool:
    """Whether a server took the mail; where there is none, the inviter hands the link over. It is in the language of whoever invites: of the address nothing is known."""
    if not sends_mail():
        return False
    words = {"team": team, "url": url}
    subject = render_to_string("mails/invitation_subject.txt", words).strip()
    try:
        send_mail(subject, render_to_string("mails/invitation.txt", words), None, [address])
    except (OSError, SMTPException) as error:
        log.warning("invitation not mailed: error=%s", type(error).__name__)
        return False
    return True


def language_of(user: User) -> str:
    """The language that they chose; nobody asks a browser here, so without a choice the instance's."""
    return settings.LANGUAGE_CODE if user.language == Language.BROWSER else user.language
