"""Many files are told to be stored by one commit: those that wait while another commit is being written to the disk.

Nobody waits for others to come. Whoever finds no commit under way makes one, of all that wait by then; under load these
are many, and each costs a part of a wait for the disk instead of a whole one, and of the one writer's place that SQLite has.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import DatabaseError, transaction

from apps.blobs.models import Blob, BlobState
from apps.core.rows import change_row

_FILLED = ("state", "object_name", "plain_size", "stored_size")
# More would keep the first of them waiting, and other writers out.
_MOST_AT_ONCE = 64


@dataclass(eq=False, slots=True)
class _Waiting:
    blob: Blob
    took: bool | None = None  # None: it was in a commit that failed, or in none yet
    is_over: bool = False
    turn: threading.Event = field(default_factory=threading.Event)


_guard = threading.Lock()
_waiting: list[_Waiting] = []
_is_committing = False


def note_filled(blob: Blob) -> bool:
    """Say that an upload is stored: durable on return. False when it was stored already, or is gone."""
    if transaction.get_connection().in_atomic_block:
        return _change(blob)  # durable with the caller's transaction, which no other thread can wait for
    mine = _Waiting(blob)
    with _guard:
        _waiting.append(mine)
        leads = _lead()
    if not leads:
        mine.turn.wait()
    if not mine.is_over:
        _commit_with(mine)
    # Alone again where a commit failed: what is wrong with one must not be told to all.
    return _change(blob) if mine.took is None else mine.took


def _lead() -> bool:
    global _is_committing
    if _is_committing:
        return False
    _is_committing = True
    return True


def _commit_with(mine: _Waiting) -> None:
    with _guard:
        rest = [each for each in _waiting if each is not mine][: _MOST_AT_ONCE - 1]
        batch = [mine, *rest]
        _waiting[:] = [each for each in _waiting if each not in batch]
    try:
        _commit(batch)
    finally:
        _hand_on(batch)


def _commit(batch: Sequence[_Waiting]) -> None:
    if len(batch) == 1:
        batch[0].took = _change(batch[0].blob)  # one statement, which is a transaction of its own
        return
    try:
        with transaction.atomic():
            # In one order in every process, so that no two wait for each other.
            took = {each: _change(each.blob) for each in sorted(batch, key=lambda each: each.blob.pk)}
    except DatabaseError:
        return
    for each, told in took.items():
        each.took = told


def _hand_on(batch: Sequence[_Waiting]) -> None:
    """All of them are told, and the next that waits makes the next commit."""
    global _is_committing
    for each in batch:
        each.is_over = True
        each.turn.set()
    with _guard:
        if _waiting:
            _waiting[0].turn.set()
        else:
            _is_committing = False


def _change(blob: Blob) -> bool:
    return change_row(blob, _FILLED, was={"state": BlobState.UPLOADING})
