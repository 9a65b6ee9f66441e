"""Idempotency keys: a write that is sent again with its key is answered again and carried out once.

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

from apps.api.errors import KeyReused
from apps.api.models import Replay
from apps.api.request import ApiRequest
from apps.core import clock
from apps.core.errors import Invalid

KEPT_FOR = timedelta(hours=24)
_BATCH = 10_000
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a write."""

    status: int
    subject: str = ""  # public id of what was made or changed
    number: int | None = None


def once(request: ApiRequest, act: Callable[[], Done]) -> Done:
    """Carry `act` out, unless a request with this key, by this person, did so already. A failure leaves no trace."""
    key = request.headers.get("Idempotency-Key")
    user_id = request.actor.user_id
    if key is None or user_id is None:
        return act()
    if not _KEY.fullmatch(key):
        raise Invalid("An idempotency key has 1 to 255 printable ASCII characters.")
    request_hash = _hash_of(request, key)
    # One transaction: either the act and its trace are both kept, or neither. A repetition that comes
    # while the first is at work waits for it here.
    with transaction.atomic():
        replay, is_new = Replay.objects.get_or_create(
            user_id=user_id, key_hash=_keyed("key", key.encode()), defaults={"request_hash": request_hash}
        )
        if not is_new:
            if replay.request_hash != request_hash:
                raise KeyReused("This idempotency key came with another request before.")
            return Done(replay.status, replay.subject, replay.number)
        done = act()
        replay.status, replay.subject, replay.number = done.status, done.subject, done.number
        replay.save(update_fields=["status", "subject", "number"])
    return done


def _hash_of(request: ApiRequest, key: str) -> str:
    # The key, which is not kept, goes in: without it nobody can try out which body a hash belongs to.
    parts = (
        request.method or "",
        request.get_full_path(),
        request.headers.get("Content-Type", ""),
        request.headers.get("If-Match", ""),
        key,
    )
    head = "\n".join(f"{len(part)}:{part}" for part in parts).encode("utf-8", "surrogatepass")
    return _keyed("request", head + b"\n" + request.body)


def _keyed(what: str, value: bytes) -> str:
    return salted_hmac(f"ownlog.api.replay.{what}", value, algorithm="sha256").hexdigest()


def forget_old() -> int:
    """Delete what is older than a day. Returns how many."""
    old = Replay.objects.filter(created_at__lt=clock.now() - KEPT_FOR).order_by("created_at")
    return Replay.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:_BATCH])).delete()[0]
