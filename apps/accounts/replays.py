"""Writes that may be sent again: one that comes with the key of an earlier one is answered again and carried out once.

Nothing of a request is kept: two keyed hashes, the status, and the id of what was made. The answer to a repetition
shows that thing as it stands then.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils.crypto import salted_hmac

from apps.accounts.actors import Actor
from apps.accounts.models import Replay
from apps.core import clock
from apps.core.errors import Invalid, OwnlogError

KEPT_FOR = timedelta(hours=24)
_BATCH = 10_000
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class KeyReused(OwnlogError):
    """An idempotency key came with another request before."""

    code = "idempotency_key_reused"


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a write."""

    status: int
    subject: str = ""  # public id of what was made or changed
    number: int | None = None


def once(actor: Actor, act: Callable[[], Done], *, key: str | None, request: bytes) -> Done:
    """Carry `act` out, unless this person's `request` came with this key before. A failure leaves no trace.

    KeyReused when the key came with another request; without a key each request is one of its own.
    """
    if key is None or actor.user_id is None:
        return act()
    if not _KEY.fullmatch(key):
        raise Invalid("An idempotency key has 1 to 255 printable ASCII characters.")
    # The key, which is not kept, goes in: without it nobody can try out which request a hash belongs to.
    request_hash = _keyed("request", b"%d:%s\n%s" % (len(key), key.encode(), request))
    # One transaction: either the act and its trace are both kept, or neither. A repetition that comes
    # while the first is at work waits for it here.
    with transaction.atomic():
        replay, is_new = Replay.objects.get_or_create(
            user_id=actor.user_id,
            key_hash=_keyed("key", key.encode()),
            defaults={"request_hash": request_hash},
        )
        if not is_new:
            if replay.request_hash != request_hash:
                raise KeyReused("This idempotency key came with another request before.")
            return Done(replay.status, replay.subject, replay.number)
        done = act()
        replay.status, replay.subject, replay.number = done.status, done.subject, done.number
        replay.save(update_fields=["status", "subject", "number"])
    return done


def _keyed(what: str, value: bytes) -> str:
    return salted_hmac(f"ownlog.replay.{what}", value, algorithm="sha256").hexdigest()


def forget_old() -> int:
    """Delete what is older than a day. Returns how many."""
    old = Replay.objects.filter(created_at__lt=clock.now() - KEPT_FOR).order_by("created_at")
    return Replay.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:_BATCH])).delete()[0]
