"""Names and addresses stand in the clear in the database, for mail and links need them. A deleted row is still in its file for
a while, and in the write-ahead log: here both are seen to, and the receipt says what can be known.

SQLite overwrites what it deletes (`secure_delete`, config.databases), so that its log is all that is left. PostgreSQL writes
the tables anew, once nobody sees the rows any more. Its log moves on by itself only while somebody writes, and a file that it has
let go of keeps its bytes until it is written over: as far as its rights go the instance sees to both (ADR 0258).
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
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
from apps.erasure.errors import NotYet, VacuumDenied
from apps.erasure.models import ErasureJob
from apps.teams.models import Entity, Organisation

log = logging.getLogger(__name__)

TABLES: tuple[type[Model], ...] = (User, Entity, Organisation, EmailAddress, SocialAccount)
# Written anew under a lock that nobody else has beside it, for about a tenth of a second; a larger one is vacuumed only.
_MOST_BYTES = 32 * 2**20
# For that lock, which is tried for and never waited for: whoever waits for it has everybody wait behind them. Nor is a session told for
# how long it may wait: a pooler gives it to others afterwards.
_TRIES, _REST_SECONDS = 30, 0.01
# The checkpoint that lets go of a file of the log begins within this many times its interval, and ends before the next.
_INTERVALS = 2
_MOST_WRITTEN_OVER = 2**30  # bytes of the log, which may lie in files that wait to be used again
_LARGEST_FILE = 64 * 2**20  # of the log, that is filled with nothing where there is no right to have it end


def clear_names(job: ErasureJob) -> None:
    """Once their rows are gone. Doing it again writes the tables anew once more. NotYet while a transaction of before sees them;
    VacuumDenied, and no receipt, while there is no right to clear them away (ADR 0271)."""
    if is_file():
        cleared: dict[str, Any] = {"how": "overwritten", "log_is_empty": empty_the_log()}
    else:
        cleared = _vacuumed(job)
    _note(job, cleared | {"at": _moment(clock.now())})


def _note(job: ErasureJob, cleared: dict[str, Any]) -> None:
    job.cleared = cleared
    ErasureJob.objects.filter(pk=job.pk).update(cleared=cleared)


def _vacuumed(job: ErasureJob) -> dict[str, Any]:
    # By a connection of its own: inside a transaction nothing is vacuumed.
    alone = connections.create_connection("default")
    try:
        _require_right(alone)
        if connections["default"].in_atomic_block:  # the rows are not gone yet: nothing can be claimed
            for model in TABLES:
                _vacuum(alone, model)
            return {"how": "vacuumed", "log": "unknown"}
        _wait_for_who_sees_them(job, alone)
        is_all, is_held = True, False
        for model in TABLES:
            # Where one is held so are the others, mostly: nobody is kept waiting five times.
            is_small = not is_held and _size_of(alone, model) <= _MOST_BYTES
            is_anew = is_small and _written_anew(alone, model)
            is_held = is_held or (is_small and not is_anew)
            is_all = is_all and is_anew
        return {"how": "written anew" if is_all else "vacuumed", **_log_of(alone)}
    finally:
        alone.close()


def _require_right(alone: BaseDatabaseWrapper) -> None:
    """Asked for before: of a table that the role may not vacuum there is nothing but a warning, in the server's language."""
    denied = [model._meta.db_table for model in TABLES if not _may_vacuum(alone, model)]
    if denied:
        log.error(
            "names not cleared, the database's role may not vacuum: tables=%s. Have it own them or the database, or (from "
            "PostgreSQL 17 on) GRANT MAINTAIN on them to it",
            ",".join(denied),
        )
        raise VacuumDenied


def _may_vacuum(alone: BaseDatabaseWrapper, model: type[Model]) -> bool:
    """As the server decides it: who owns the table or the database, and whom its owner lets maintain it."""
    with alone.cursor() as cursor:
        is_old = alone.connection.info.server_version < _MAINTAINED_SINCE
        table = _table(alone, model)
        cursor.execute(*((_MAY_VACUUM, [table]) if is_old else (_MAY_MAINTAIN, [table, table])))
        return bool(cursor.fetchone()[0])


def _wait_for_who_sees_them(job: ErasureJob, alone: BaseDatabaseWrapper) -> None:
    """Vacuum each table; NotYet while a transaction is under way that began before their rows were gone, or anything else that
    has the server keep what is dead: a dump, a session that somebody left open, a replica that asks for it. A vacuum says nothing of this.

    Measured by the server's count of transactions at the first try, so that those who came since hold nothing up.
    """
    following = _number(alone, "SELECT pg_snapshot_xmax(pg_current_snapshot())::text")
    until = job.cleared.get("until")
    if until is None or until > following:  # of another server: the database was put back
        until = following
        _note(job, {"until": until})
    for model in TABLES:
        cutoff = _vacuum(alone, model)
        if cutoff is None or not _is_past(cutoff, until):
            why = (
                "a transaction of before is under way"
                if cutoff
                else "the server did not say of all rows that it saw them"
            )
            log.warning(
                "names not cleared yet, %s: erasure=%s table=%s", why, job.public_id, model._meta.db_table
            )
            raise NotYet


def _is_past(cutoff: int, until: int) -> bool:
    """The server says these numbers without their upper half."""
    return (cutoff - until) % 2**32 < 2**31


def _size_of(alone: BaseDatabaseWrapper, model: type[Model]) -> int:
    with alone.cursor() as cursor:
        cursor.execute("SELECT pg_total_relation_size(%s::regclass)", [_table(alone, model)])
        return int(cursor.fetchone()[0])


def _written_anew(alone: BaseDatabaseWrapper, model: type[Model]) -> bool:
    """Without what is dead in it; False where somebody holds the table."""
    try:
        before = _file_of(alone, model)
        for _ in range(_TRIES):
            with alone.cursor() as cursor:
                cursor.execute(f"VACUUM (FULL, SKIP_LOCKED) {_table(alone, model)}")
            if _file_of(alone, model) != before:  # of one that it left out it says so in words only
                return True
            time.sleep(_REST_SECONDS)
        log.warning("table not written anew, somebody holds it: table=%s", model._meta.db_table)
    except DatabaseError as error:
        log.warning("table not written anew: table=%s error=%s", model._meta.db_table, type(error).__name__)
    return False


def _file_of(alone: BaseDatabaseWrapper, model: type[Model]) -> int:
    with alone.cursor() as cursor:
        cursor.execute("SELECT pg_relation_filenode(%s::regclass)", [_table(alone, model)])
        return int(cursor.fetchone()[0])


def _vacuum(alone: BaseDatabaseWrapper, model: type[Model]) -> int | None:
    """What is dead in it is freed, for whatever comes next; up to which transaction, None where the server does not say, or somebody
    else is at it: then it is tried again."""
    said: list[tuple[str, str]] = []

    def hear(notice: Any) -> None:
        said.append((notice.message_primary or "", notice.message_detail or ""))

    with alone.cursor() as cursor:
        alone.connection.add_notice_handler(hear)
        try:
            before = _number(alone, _TAKE_NUMBER)
            cursor.execute(f"VACUUM (VERBOSE, SKIP_LOCKED) {_table(alone, model)}")
            following = range(before + 1, _number(alone, _TAKE_NUMBER) + 1)
        finally:
            alone.connection.remove_notice_handler(hear)
    # What holds the long values of the table has a report of its own.
    found = [_cutoff_in(*words, following) for words in said if _is_report(*words)]
    return None if None in found else next(iter(found), None)


def _is_report(message: str, detail: str) -> bool:
    """Since version 15 it is one message of many lines, before that a detail that begins with two numbers."""
    return len(message.splitlines()) > 3 or len(_numbers(detail, 0)) == 2


def _cutoff_in(message: str, detail: str, following: range) -> int | None:
    """By where the numbers stand: the words are in the language of the server. Since version 15 it is the first number of the
    fourth line of the report. Where rows were missed that line counts them, and the report is as good as none. It is told by its
    numbers: a cutoff and its age are together the number of the transaction that came next, which was one of those `following`.

    Before that it is the last number of the detail's first line, and further down stand two numbers alone: the first is how many
    pages were skipped, for somebody was reading them.
    """
    if len(message.splitlines()) > 3:
        numbers = _numbers(message, 3)
        if len(numbers) == 2 and (sum(numbers) - following.start) % 2**32 < len(following):
            return numbers[0]
        return None
    pairs = [
        numbers for line in range(1, len(detail.splitlines())) if len(numbers := _numbers(detail, line)) == 2
    ]
    return _numbers(detail, 0)[1] if pairs and not pairs[0][0] else None


def _numbers(text: str, line: int) -> list[int]:
    lines = text.splitlines()
    return [int(each) for each in re.findall(r"[0-9]+", lines[line])] if line < len(lines) else []


def _table(alone: BaseDatabaseWrapper, model: type[Model]) -> str:
    return alone.ops.quote_name(model._meta.db_table)


_MAINTAINED_SINCE = 170_000
_MAY_VACUUM = """
    SELECT pg_has_role(of_table.relowner, 'USAGE') OR pg_has_role(here.datdba, 'USAGE')
    FROM pg_class of_table, pg_database here
    WHERE of_table.oid = %s::regclass AND here.datname = current_database()
"""
_MAY_MAINTAIN = f"SELECT ({_MAY_VACUUM.rstrip()}) OR has_table_privilege(%s::regclass, 'MAINTAIN')"
_TAKE_NUMBER = "SELECT pg_current_xact_id()::text"  # the count of transactions exactly: it counts itself

_ASK_LOG = """
    SELECT EXTRACT(epoch FROM current_setting('checkpoint_timeout')::interval),
           pg_size_bytes(current_setting('wal_segment_size')),
           pg_size_bytes(current_setting('wal_keep_size')) > 0
           OR current_setting('archive_mode') <> 'off'
           OR coalesce(current_setting('summarize_wal', true), 'off') <> 'off'
           OR EXISTS (SELECT 1 FROM pg_replication_slots),
           current_setting('archive_mode') <> 'off'
           OR EXISTS (SELECT 1 FROM pg_replication_slots)
           OR EXISTS (SELECT 1 FROM pg_stat_replication)
"""
_NAME_OF_FILE = re.compile(r"[0-9A-F]{24}")
_SAY = "SELECT pg_logical_emit_message(false, 'ownlog', repeat('0', %s))"


@dataclass(frozen=True, slots=True)
class _Log:
    interval: timedelta  # between its checkpoints
    file_bytes: int
    is_kept: bool  # something may have the server keep it for longer
    is_copied: bool  # an archive or a replica has what was in it


def _log_of(alone: BaseDatabaseWrapper) -> dict[str, Any]:
    """The last file of the log that can hold the names, and what became of it and of those before.

    `overwritten`: nothing of them is in the folder of the log, which was looked at. `let go of`: the server has let go of them, and
    a file may lie there to be used again, with its bytes. `moved on`: it does by log_released_by. `kept`: a setting, a slot or an
    archive keeps them, for how long is not known here. `unknown`: the server does not tell, or they are still being written.
    """
    try:
        with alone.cursor() as cursor:
            cursor.execute(_ASK_LOG)
            interval, file_bytes, is_kept, is_copied = cursor.fetchone()
        kind = _Log(timedelta(seconds=float(interval)), int(file_bytes), is_kept, is_copied)
        name = _file_now(alone)
        found = {"log_file": name, "log_is_copied": kind.is_copied, "log_released_by": None}
        if not _moved_on(alone, kind, name):
            return found | {"log": "unknown"}
        return found | _let_go(alone, kind, name)
    except DatabaseError as error:  # a server that does not tell everybody
        log.warning("write-ahead log not seen to: error=%s", type(error).__name__)
        return {"log": "unknown", "log_file": None, "log_is_copied": None, "log_released_by": None}


def _let_go(alone: BaseDatabaseWrapper, kind: _Log, name: str) -> dict[str, Any]:
    if not _may(alone, "CHECKPOINT"):
        if kind.is_kept:
            return {"log": "kept"}
        return {"log": "moved on", "log_released_by": _moment(clock.now() + _INTERVALS * kind.interval)}
    files = _files(alone)
    if files is None:
        return {"log": "kept" if kind.is_kept else "let go of"}
    if any(file <= name for file in files):
        return {"log": "kept"}
    return {"log": "overwritten" if _wrote_over(alone, kind, files) else "let go of"}


def _moved_on(alone: BaseDatabaseWrapper, kind: _Log, name: str) -> bool:
    """Have the file end in which the log stands: with nobody writing it would do so never. Where there is no right to that it is
    filled."""
    if not _may(alone, "SELECT pg_switch_wal()") and kind.file_bytes <= _LARGEST_FILE:
        _say(alone, kind.file_bytes)
    _say(alone, 1)
    return _file_now(alone) > name


def _wrote_over(alone: BaseDatabaseWrapper, kind: _Log, files: Sequence[str]) -> bool:
    """Files that lie there to be used again are gone through: each is written from one end to the other, mostly with nothing."""
    now = _file_now(alone)
    ahead = [file for file in files if file > now]
    if len(ahead) * kind.file_bytes > _MOST_WRITTEN_OVER:
        return False
    for _ in range(len(ahead) + 1):
        if not _may(alone, "SELECT pg_switch_wal()"):
            return False
        _say(alone, 1)
    return not ahead or _file_now(alone) > max(ahead)


def _files(alone: BaseDatabaseWrapper) -> list[str] | None:
    """Those of the log that lie there; None where nobody but the server's owner is told."""
    try:
        with alone.cursor() as cursor:
            cursor.execute("SELECT name FROM pg_ls_waldir()")
            return [name for (name,) in cursor.fetchall() if _NAME_OF_FILE.fullmatch(name)]
    except DatabaseError:
        return None


def _may(alone: BaseDatabaseWrapper, act: str) -> bool:
    try:
        with alone.cursor() as cursor:
            cursor.execute(act)
    except DatabaseError as error:
        log.info("no right to this: act=%s error=%s", act, type(error).__name__)
        return False
    return True


def _say(alone: BaseDatabaseWrapper, size: int) -> None:
    """So much that nobody reads, into the log and into no table."""
    with alone.cursor() as cursor:
        cursor.execute(_SAY, [size])


def _file_now(alone: BaseDatabaseWrapper) -> str:
    with alone.cursor() as cursor:
        cursor.execute("SELECT pg_walfile_name(pg_current_wal_insert_lsn())")
        return str(cursor.fetchone()[0])


def _number(alone: BaseDatabaseWrapper, question: str) -> int:
    with alone.cursor() as cursor:
        cursor.execute(question)
        return int(cursor.fetchone()[0])


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
