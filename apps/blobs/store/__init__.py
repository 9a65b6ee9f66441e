"""Where sealed bytes lie: a port of seven methods. Names are random and stores see ciphertext only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Protocol

from django.conf import settings

from apps.blobs.store.local import LocalStore
from apps.blobs.types import StoredObject


class Store(Protocol):
    def check(self) -> None:
        """StoreUnreachable, in words for the operator, unless objects can be kept here."""

    def put(self, name: str, pieces: Iterable[bytes]) -> int:
        """Keep these bytes under a new name, whole or not at all, durable on return. Returns their number."""

    def read_range(self, name: str, start: int, end: int) -> Iterator[bytes]:
        """The bytes from `start` up to `end`, in pieces; fewer if the object is shorter. ObjectMissing without it."""

    def delete_all_versions(self, *names: str) -> None:
        """Take away these objects with everything the store kept of them, in as few requests as it allows. Doing it again is
        allowed: where it breaks off some are gone and others are not."""

    def remains(self, *names: str) -> set[str]:
        """Those of these names under which the store still keeps anything: a version, a mark of deletion, or parts of an upload."""

    def abort_uploads(self, *, before: datetime) -> int:
        """Clear away what uploads that began before then and broke off have left. Returns how many. One that cannot be
        cleared away keeps none of the others."""

    def list(self) -> Iterator[StoredObject]:
        """Every whole object."""


def default_store() -> Store:
    """The store that OWNLOG_STORAGE_URL names, or the data folder."""
    if not settings.OWNLOG_STORAGE_URL:
        return LocalStore(Path(settings.OWNLOG_DATA) / "blobs")
    return _bucket(
        settings.OWNLOG_STORAGE_URL, settings.OWNLOG_STORAGE_ACCESS_KEY, settings.OWNLOG_STORAGE_SECRET_KEY
    )


@cache
def _bucket(url: str, access_key: str, secret_key: str) -> Store:
    # Only an instance that has a bucket pays for its libraries.
    from apps.blobs.store.s3 import S3Store

    return S3Store(url, access_key=access_key, secret_key=secret_key)
