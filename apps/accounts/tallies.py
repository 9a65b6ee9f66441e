"""Tries are counted in the database (Django's cache, for allauth): one count for all processes, and after a restart too.

A name in the cache holds an address or who somebody says they are, so only a keyed hash of it is stored. Values are
JSON: what lies in a table is never unpickled.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.crypto import salted_hmac

from apps.accounts.models import Tally
from apps.core import clock

_SALT = "ownlog.tallies"
_FOR_EVER = timedelta(days=365)  # nothing that is counted matters for longer


class TallyCache(BaseCache):
    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        found = self._named(key, version).filter(expires_at__gt=clock.now()).first()
        return default if found is None else found.value

    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        Tally.objects.update_or_create(
            name=self._name(key, version), defaults={"value": value, "expires_at": self._end(timeout)}
        )

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Note it unless it stands there: of several processes at the same moment one is told yes."""
        self._named(key, version).filter(expires_at__lte=clock.now()).delete()
        try:
            with transaction.atomic():
                Tally.objects.create(
                    name=self._name(key, version), value=value, expires_at=self._end(timeout)
                )
        except IntegrityError:
            return False
        return True

    def touch(self, key: str, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        held = self._named(key, version).filter(expires_at__gt=clock.now())
        return held.update(expires_at=self._end(timeout)) > 0

    def delete(self, key: str, version: int | None = None) -> bool:
        return self._named(key, version).delete()[0] > 0

    def clear(self) -> None:
        Tally.objects.all().delete()

    def _end(self, timeout: Any) -> datetime:
        end = self.get_backend_timeout(timeout)
        return clock.now() + _FOR_EVER if end is None else datetime.fromtimestamp(end, UTC)

    def _named(self, key: str, version: int | None) -> QuerySet[Tally]:
        return Tally.objects.filter(name=self._name(key, version))

    def _name(self, key: str, version: int | None) -> str:
        return salted_hmac(_SALT, self.make_key(key, version=version), algorithm="sha256").hexdigest()


def forget_old_tallies() -> None:
    Tally.objects.filter(expires_at__lte=clock.now()).delete()
