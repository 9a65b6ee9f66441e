"""Puts events into the chain, in order, soon after their acts are done.

An act only adds its event: no act waits for another's. A sweep links what has no link yet and then tells the vault's
database how far the chain has come, so that cutting off its end is seen as well.
"""

from __future__ import annotations

import logging

from django.db import IntegrityError, transaction
from django.db.models import Exists, Max, OuterRef, QuerySet

from apps.audit.chain import GENESIS, digest
from apps.audit.models import Event, Link
from apps.vault.heads import keep_head, kept_head

log = logging.getLogger(__name__)

CHAIN = "audit"
_BATCH = 500
# An act's id is given before its transaction ends: ids below the newest link may still come. The hourly sweep looks at all.
_LOOK_BACK = 5_000


def waiting(*, everywhere: bool = False) -> QuerySet[Event]:
    """Events that have no link yet, in order."""
    events = Event.objects.filter(~Exists(Link.objects.filter(event_id=OuterRef("pk")))).order_by("pk")
    if everywhere:
        return events
    newest = Link.objects.aggregate(newest=Max("event_id"))["newest"] or 0
    return events.filter(pk__gt=newest - _LOOK_BACK)


def seal(*, everywhere: bool = False) -> int:
    """Link what waits, and note the head. Returns how many were linked."""
    sealed = 0
    try:
        while count := _seal_some(everywhere):
            sealed += count
    except IntegrityError:
        # Another process gave out the same number first, and links the same events.
        return sealed
    note_head()
    return sealed


def last_link() -> Link | None:
    return Link.objects.order_by("-number").first()


def note_head() -> None:
    """Tell the vault's database how far the chain has come. A head that the chain does not hold is left alone."""
    last = last_link()
    if last is None:
        return
    head = kept_head(CHAIN)
    if head is not None:
        if head.number == last.number and head.sha256_hex == last.sha256_hex:
            return
        if (
            not head.is_ours
            or not Link.objects.filter(number=head.number, sha256_hex=head.sha256_hex).exists()
        ):
            log.error(
                "the audit chain does not hold its own head: number=%s. Run: manage.py audit verify",
                head.number,
            )
            return
    keep_head(CHAIN, number=last.number, sha256_hex=last.sha256_hex)


def _seal_some(everywhere: bool) -> int:
    if not waiting(everywhere=everywhere).exists():  # before a transaction, which on SQLite keeps writers out
        return 0
    with transaction.atomic():
        last = last_link()
        number, previous = (last.number, last.sha256_hex) if last else (0, GENESIS)
        links = []
        for event in waiting(everywhere=everywhere)[:_BATCH]:
            number += 1
            sha256_hex = digest(previous, number, event)
            links.append(
                Link(number=number, event_id=event.pk, previous_sha256_hex=previous, sha256_hex=sha256_hex)
            )
            previous = sha256_hex
        Link.objects.bulk_create(links)
    return len(links)
