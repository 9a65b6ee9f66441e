from __future__ import annotations

import errno

from apps.core.errors import NotFound, Unavailable

# What a disk says of all that it holds, once it is broken or no longer there.
_AWAY = {errno.EIO, errno.ESTALE, errno.ENOTCONN}


def is_away(error: Exception) -> bool:
    """Whether this is the disk's fault and no single file's."""
    return isinstance(error, OSError) and error.errno in _AWAY


class ObjectMissing(NotFound):
    """The store does not have an object that a row names."""

    code = "object_missing"

    def __init__(self, object_name: str) -> None:
        super().__init__(f"The stored object {object_name} is missing.")
        self.object_name = object_name


class StoreFull(Unavailable):
    """The store took no more bytes. The sender keeps its data and tries again."""

    code = "store_full"


class StoreUnreachable(Unavailable):
    """The store gave an error or no answer. The sender keeps its data and tries again."""

    code = "store_unreachable"
    unread = ""  # the name of the object that was read


class StoreDenied(StoreUnreachable):
    """The store does not let the instance do it: a right is missing, and no further try helps before somebody gives it."""

    code = "store_denied"
