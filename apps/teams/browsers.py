"""The devices that a person is signed in on. What was noted of them opens only with the person's own key."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from django.contrib.sessions.models import Session

from apps.accounts.actors import Actor
from apps.accounts.models import BrowserSession, User
from apps.accounts.sessions import end_row
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.core import clock
from apps.core.errors import NotFound
from apps.core.ids import is_public_id
from apps.teams.own import has_own_key, own_key
from apps.vault.seal import seal_text, unseal_text

_LABEL = "browser_session.place"


@dataclass(frozen=True, slots=True)
class Browser:
    """One device with a session that still runs."""

    public_id: str
    browser: str
    system: str
    network: str
    since: datetime
    until: datetime
    is_this_one: bool


def note_browser(user: User, *, session_row: str, device: tuple[str, str], network: str) -> None:
    """Remember where a session began. Accounts that were made without an entity have no key, and no list."""
    if not has_own_key(user):
        return
    BrowserSession.objects.filter(session_row=session_row).delete()
    noted = BrowserSession(user=user, session_row=session_row)
    text = json.dumps([*device, network])
    noted.sealed_place = seal_text(own_key(user.pk), text, label=_LABEL, row=noted.row)
    noted.save()


def browsers_of(user: User, *, session_row: str) -> list[Browser]:
    """The person's devices, this one first, then the newest."""
    noted = BrowserSession.objects.filter(user=user)
    running = Session.objects.filter(session_key__in=noted.values("session_row"), expire_date__gt=clock.now())
    ends = dict(running.values_list("session_key", "expire_date"))
    found = [
        _opened(each, until=ends[each.session_row], is_this_one=each.session_row == session_row)
        for each in noted.order_by("-id")
        if each.session_row in ends
    ]
    return sorted(found, key=lambda each: not each.is_this_one)


def place_of(noted: BrowserSession) -> tuple[str, str, str]:
    """The browser, the system and the network, for the person alone."""
    text = unseal_text(own_key(noted.user_id), noted.sealed_place, label=_LABEL, row=noted.row)
    browser, system, network = json.loads(text)
    return browser, system, network


def _opened(noted: BrowserSession, *, until: datetime, is_this_one: bool) -> Browser:
    browser, system, network = place_of(noted)
    return Browser(noted.public_id, browser, system, network, noted.created_at, until, is_this_one)


def end_browser(actor: Actor, public_id: str) -> None:
    """Sign one of the actor's own devices out; its next request is nobody's."""
    found = None
    if actor.user_id is not None and is_public_id(public_id):
        found = BrowserSession.objects.filter(user_id=actor.user_id, public_id=public_id).first()
    if found is None:
        raise NotFound("Not found.")
    end_row(found.session_row)
    record(EventKind.SESSION_ENDED, subject=found.public_id, entity=actor.audit_id, by=actor)


def end_other_browsers(user: User, *, session_row: str, by: Actor) -> int:
    """Sign every device out but the one with this session (none: all of them)."""
    others = BrowserSession.objects.filter(user=user).exclude(session_row=session_row)
    rows = list(others.values_list("session_row", flat=True))
    for row in rows:
        end_row(row)
    if rows:
        record(
            EventKind.SESSION_ENDED, subject=user.public_id, entity=user.public_id, by=by, sessions=len(rows)
        )
    return len(rows)
