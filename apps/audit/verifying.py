"""Walks the whole chain and says what it found, or why the record is not to be trusted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice

from apps.audit.chain import GENESIS, digest
from apps.audit.guards import are_on
from apps.audit.models import Event, Link
from apps.audit.sealing import CHAIN, waiting
from apps.core import clock
from apps.vault.heads import kept_head

_BATCH = 2_000
_LONGEST_WAIT = timedelta(minutes=10)


@dataclass(slots=True)
class Verdict:
    """What a walk from the first link to the last has found."""

    linked: int = 0
    head: str = GENESIS
    waiting: int = 0
    doubts: list[str] = field(default_factory=list)


def verify() -> Verdict:
    """Every link, its event, the head that the vault keeps, what waits, and the databases' own refusal."""
    verdict = Verdict()
    for batch in _batches():
        events = Event.objects.in_bulk([link.event_id for link in batch])
        for link in batch:
            _check(verdict, link, events.get(link.event_id))
    _check_head(verdict)
    _check_waiting(verdict)
    if not are_on():
        verdict.doubts.append("the database does not refuse changes (manage.py audit guard)")
    return verdict


def _batches() -> Iterator[list[Link]]:
    links = Link.objects.order_by("number").iterator(_BATCH)
    while batch := list(islice(links, _BATCH)):
        yield batch


def _check(verdict: Verdict, link: Link, event: Event | None) -> None:
    expected = verdict.linked + 1
    if link.number != expected:
        verdict.doubts.append(f"links {expected} to {link.number - 1} are gone")
    elif link.previous_sha256_hex != verdict.head:
        verdict.doubts.append(f"link {link.number} does not follow the one before it")
    if event is None:
        verdict.doubts.append(f"event {link.event_id} of link {link.number} is gone")
    elif digest(link.previous_sha256_hex, link.number, event) != link.sha256_hex:
        verdict.doubts.append(f"event {link.event_id} of link {link.number} was changed")
    verdict.linked, verdict.head = link.number, link.sha256_hex


def _check_head(verdict: Verdict) -> None:
    head = kept_head(CHAIN)
    if head is None:
        if verdict.linked:
            verdict.doubts.append("the vault keeps no head of the chain")
    elif not head.is_ours:
        verdict.doubts.append("the head that the vault keeps was not signed with this instance's key")
    elif head.number > verdict.linked:
        verdict.doubts.append(f"links {verdict.linked + 1} to {head.number} are gone from the end")
    elif not Link.objects.filter(number=head.number, sha256_hex=head.sha256_hex).exists():
        verdict.doubts.append(f"link {head.number} is not the one whose digest the vault keeps")


def _check_waiting(verdict: Verdict) -> None:
    unlinked = waiting(everywhere=True)
    verdict.waiting = unlinked.count()
    oldest = unlinked.values_list("at", flat=True).first()
    if oldest is not None and clock.now() - oldest > _LONGEST_WAIT:
        verdict.doubts.append(f"{verdict.waiting} events wait for their links since {oldest:%Y-%m-%d %H:%M}")
