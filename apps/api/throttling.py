"""How much anybody may ask for: counted in the memory of this process, by person or, before sign-in, by address."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from apps.accounts.devices import address_of

if TYPE_CHECKING:
    from rest_framework.views import APIView

WINDOW_SECONDS = 60
FOR_A_PERSON = 3000
FOR_NOBODY = 600
_MOST_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Rate:
    """How the asker stands."""

    limit: int
    remaining: int
    reset_seconds: int
    is_over: bool

    @property
    def headers(self) -> dict[str, str]:
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_seconds),
        }


class Counts:
    """Requests of each asker in their present minute."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._windows: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def count(self, who: str, *, limit: int) -> Rate:
        now = time.monotonic()
        with self._lock:
            began, used = self._windows.pop(who, (now, 0))
            if now - began >= WINDOW_SECONDS:
                began, used = now, 0
            self._windows[who] = (began, used + 1)
            if len(self._windows) > _MOST_REMEMBERED:
                self._windows.popitem(last=False)
        return Rate(
            limit=limit,
            remaining=max(0, limit - used - 1),
            reset_seconds=max(1, round(began + WINDOW_SECONDS - now)),
            is_over=used >= limit,
        )

    def forget(self) -> None:
        with self._lock:
            self._windows.clear()


counts = Counts()


class PerAsker(BaseThrottle):
    """Notes on the request how its sender stands; the view turns that into headers."""

    _rate: Rate | None = None

    def allow_request(self, request: Request, view: APIView) -> bool:
        actor = request.actor  # type: ignore[attr-defined]
        who = f"person:{actor.user_id}" if actor.is_signed_in else f"at:{address_of(request._request)}"
        limit = FOR_A_PERSON if actor.is_signed_in else FOR_NOBODY
        rate = counts.count(who, limit=limit)
        self._rate = request.rate = rate  # type: ignore[attr-defined]
        return not rate.is_over

    def wait(self) -> float | None:
        return self._rate.reset_seconds if self._rate else None
