"""After the main database came back from an older backup, its record ends before the head that the vault keeps."""

from __future__ import annotations

from dataclasses import dataclass

from apps.audit.events import EventKind
from apps.audit.sealing import CHAIN, last_link, seal
from apps.audit.services import record
from apps.vault.heads import keep_head, kept_head


@dataclass(frozen=True, slots=True)
class _Operator:
    audit_id: str = "system"


def accept_loss() -> int:
    """Put it on the record that the end is gone, and go on from what is there. Returns how many events are missing."""
    seal(everywhere=True)
    head, last = kept_head(CHAIN), last_link()
    expected, found = (head.number if head else 0), (last.number if last else 0)
    record(EventKind.RECORD_LOSS_ACCEPTED, subject=CHAIN, by=_Operator(), expected=expected, found=found)
    seal(everywhere=True)
    now_last = last_link()
    if now_last is not None:
        keep_head(CHAIN, number=now_last.number, sha256_hex=now_last.sha256_hex)
    return max(0, expected - found)
