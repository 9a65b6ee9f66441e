"""How far a chain of records in the main database has come, kept here so that its end cannot be cut off unseen.

Signed with the instance's key, which lies in no database: whoever writes to both still cannot make up a head.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from django.utils.crypto import salted_hmac

from apps.core import clock
from apps.vault.models import Head


@dataclass(frozen=True, slots=True)
class KeptHead:
    number: int
    sha256_hex: str
    is_ours: bool  # signed with this instance's key


def keep_head(name: str, *, number: int, sha256_hex: str) -> None:
    Head.objects.update_or_create(
        name=name,
        defaults={
            "number": number,
            "sha256_hex": sha256_hex,
            "mac_hex": _mac(name, number, sha256_hex),
            "kept_at": clock.now(),
        },
    )


def kept_head(name: str) -> KeptHead | None:
    head = Head.objects.filter(pk=name).first()
    if head is None:
        return None
    is_ours = hmac.compare_digest(head.mac_hex, _mac(name, head.number, head.sha256_hex))
    return KeptHead(head.number, head.sha256_hex, is_ours)


def _mac(name: str, number: int, sha256_hex: str) -> str:
    return salted_hmac("ownlog.vault.head", f"{name} {number} {sha256_hex}", algorithm="sha256").hexdigest()
