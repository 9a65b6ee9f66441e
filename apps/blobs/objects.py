"""One sealed stream, one object of the store."""

from __future__ import annotations

import errno
import logging

from django.utils.translation import gettext as _

from apps.blobs.errors import StoreFull
from apps.blobs.sealed_file import seal_file
from apps.blobs.store import default_store
from apps.blobs.tally import Tally
from apps.vault.keys import OpenKey

log = logging.getLogger(__name__)
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def put_sealed(name: str, key: OpenKey, tally: Tally) -> int:
    """Seal a stream into the store; durable on return, and nothing is left when it breaks off. How many bytes it takes there."""
    try:
        with tally:
            return default_store().put(name, seal_file(key, tally))
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise StoreFull(_("There is no room for files just now. Try again later.")) from error
        raise


def drop_object(name: str) -> None:
    """An object that no row names. If it cannot go at once, the sweep finds it."""
    try:
        default_store().delete_all_versions(name)
    except OSError as error:
        log.warning("object left to the sweep: error=%s", type(error).__name__)
