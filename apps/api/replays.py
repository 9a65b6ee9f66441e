"""The Idempotency-Key header: what makes two requests the same one."""

from __future__ import annotations

from collections.abc import Callable

from apps.accounts import replays
from apps.accounts.replays import Done
from apps.api.request import ApiRequest

__all__ = ["Done", "once"]


def once(request: ApiRequest, act: Callable[[], Done]) -> Done:
    """Carry `act` out once for each key of a person; without the header, each time."""
    key = request.headers.get("Idempotency-Key")
    # Without a key nobody asks what was sent.
    sent = b"" if key is None else _words_of(request)
    return replays.once(request.actor, act, key=key, request=sent)


def _words_of(request: ApiRequest) -> bytes:
    parts = (
        request.method or "",
        request.get_full_path(),
        request.headers.get("Content-Type", ""),
        request.headers.get("If-Match", ""),
    )
    head = "\n".join(f"{len(part)}:{part}" for part in parts).encode("utf-8", "surrogatepass")
    return head + b"\n" + request.body
