"""Names and addresses stand in the clear in the database, for mail and links need them. A deleted row is still in its file for
a while, and in the write-ahead log: here both are seen to, and the receipt says what can be known.

SQLite overwrites what it deletes (`secure_delete`, config.databases), so that its log is all that is left. PostgreSQL writes
the tables anew; its log it recycles by itself, and says when.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from apps.accounts.models import User
from apps.core import clock
from apps.core.space import empty_the_log, is_file
from apps.erasure.models import ErasureJob
from apps.teams.models import Entity, Organisation

log = logging.getLogger(__name__)

TABLES: tuple[type[Model], ...] = (User, Entity, Organisation, EmailAddress, SocialAccount)
# Written anew under a lock that nobody else has beside it, for about a tenth of a second; a larger one is vacuumed only.
_MOST_BYTES = 32 * 2**20
_PATIENCE = "300ms"  # for that lock: whoever waits for it has everybody wait behind it
# The checkpoint that lets go of a file of the log begins within this many times its interval, and ends before the next.
_INTERVALS = 2


def clear_names(job: ErasureJob) -> None:
    """Once their rows are gone. Doing it again writes the tables anew once more."""
    if is_file():
        cleared: dict[str, Any] = {"how": "overwritten", "log_is_empty": empty_the_log()}
    else:
        cleared = _vacuumed()
    job.cleared = cleared | {"at": _moment(clock.now())}
    ErasureJob.objects.filter(pk=job.pk).update(cleared=job.cleared)


def _vacuumed() -> dict[str, Any]:
    # By a connection of its own: inside a transaction nothing is vacuumed.
    alone = connections.create_connection("default")
    try:
        is_all, is_held = True, False
        for model in TABLES:
            # Where one is held so are the others, mostly: nobody is kept waiting five times.
            is_small = not is_held and _size_of(alone, model) <= _MOST_BYTES
            is_anew = is_small and _written_anew(alone, model)
            is_held = is_held or (is_small and not is_anew)
            is_all = is_all and is_anew
            if not is_anew:
                _vacuum(alone, model)
        return {"how": "written anew" if is_all else "vacuumed", **_log_of(alone)}
    finally:
        alone.close()


def _size_of(alone: BaseDatabaseWrapper, model: type[Model]) -> int:
    with alone.cursor() as cursor:
        cursor.execute("SELECT pg_total_relation_size(%s::regclass)", [_table(alone, model)])
        return int(cursor.fetchone()[0])


def _written_anew(alone: BaseDatabaseWrapper, model: type[Model]) -> bool:
    """Without what is dead in it; False where somebody holds the table."""
    try:
        with alone.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = '{_PATIENCE}'")
            cursor.execute(f"VACUUM (FULL) {_table(alone, model)}")
    except DatabaseError as error:
        log.warning("table not written anew: table=%s error=%s", model._meta.db_table, type(error).__name__)
        return False
    return True


def _vacuum(alone: BaseDatabaseWrapper, model: type[Model]) -> None:
    """What is dead in it is freed, for whatever comes next. Where even that has to wait the step breaks off, and is tried again."""
    with alone.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{_PATIENCE}'")
        cursor.execute(f"VACUUM {_table(alone, model)}")


def _table(alone: BaseDatabaseWrapper, model: type[Model]) -> str:
    return alone.ops.quote_name(model._meta.db_table)


_ASK_LOG = """
    SELECT pg_walfile_name(pg_current_wal_insert_lsn()),
           EXTRACT(epoch FROM current_setting('checkpoint_timeout')::interval),
           current_setting('archive_mode') <> 'off'
           OR pg_size_bytes(current_setting('wal_keep_size')) > 0
           OR EXISTS (SELECT 1 FROM pg_replication_slots)
"""


def _log_of(alone: BaseDatabaseWrapper) -> dict[str, Any]:
    """The last file of the log that can hold the names, and by when the server lets go of it; nothing where that is others' to
    decide: an archive, a replica, or a setting that keeps more."""
    try:
        with alone.cursor() as cursor:
            cursor.execute(_ASK_LOG)
            name, interval, is_kept = cursor.fetchone()
    except DatabaseError as error:  # a server that does not tell everybody
        log.warning("write-ahead log not asked for: error=%s", type(error).__name__)
        return {"log_file": None, "log_released_by": None}
    until = None if is_kept else clock.now() + _INTERVALS * timedelta(seconds=float(interval))
    return {"log_file": name, "log_released_by": until and _moment(until)}


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
