"""Epochs: erasure against old copies of the vault.

A deleted row may live on in a backup, in a write-ahead log, in a free page. So the keys above it are renewed up to the
root, whose generation goes with them: then every earlier copy of the vault lies under a root key that is nowhere any more.
The order of the last steps is the whole point: the new root key is durable, the new rows are committed, a second copy of
them was opened again, and only then the old root key is destroyed. Whoever dies anywhere is carried on.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, connections, transaction
from django.db.models import DateTimeField, F, Q, Value
from django.db.models.functions import Coalesce

from apps.core import clock
from apps.core.pauses import is_over, reconnect
from apps.core.space import is_log_emptied
from apps.vault import copies, renewal, roots
from apps.vault.errors import CopyFailed
from apps.vault.models import Epoch, Node
from apps.vault.readiness import require_fit
from apps.vault.rows import DATABASE
from apps.vault.types import ROOT_ID, EpochState


@dataclass(frozen=True, slots=True)
class BrokenOff:
    number: int
    since: datetime


# Several erasures that come together share one.
DEBOUNCE = timedelta(seconds=20)
_LEASE = timedelta(minutes=2)  # longer than any batch
_SAID = 2.0  # seconds; between batches of one node
_REST = timedelta(minutes=5)
_ASKED = 50  # times, for a moment in which nobody reads


def demand() -> int:
    """The number of the epoch that will have renewed everything above what was deleted before this call.

    It has not begun yet, so what it will find is what was committed by now.
    """
    for _ in range(5):
        waiting = Epoch.objects.filter(state=EpochState.WAITING).values_list("number", flat=True).first()
        if waiting is not None:
            return waiting
        try:
            with transaction.atomic(using=DATABASE, durable=True):
                return Epoch.objects.create().number
        except IntegrityError:
            continue  # another process was quicker; it waits or has begun by now
    raise CopyFailed("An epoch could not be asked for. Try again.")


def is_done(number: int) -> bool:
    return Epoch.objects.filter(number=number, state=EpochState.DONE).exists()


def is_known(number: int, *, by: datetime | None) -> bool:
    """Whether there is such an epoch, asked for by then: after a copy of the vault was put back there may be none, or another
    one of this number."""
    return Epoch.objects.filter(Q(asked_at__lte=by) if by else Q(), number=number).exists()


def unfinished(numbers: set[int]) -> set[int]:
    """Those of these epochs that wait or run."""
    rows = Epoch.objects.filter(number__in=numbers).exclude(state=EpochState.DONE)
    return set(rows.values_list("number", flat=True))


def finished_at(numbers: set[int]) -> dict[int, datetime]:
    """When these epochs ended, those that have."""
    rows = Epoch.objects.filter(number__in=numbers, state=EpochState.DONE).values_list(
        "number", "finished_at"
    )
    return {number: ended for number, ended in rows if ended is not None}


def broken_off() -> BrokenOff | None:
    """The epoch that has broken off, and since when: one that failed and was not finished since, one whose process died, or
    one that waits and nobody begins it."""
    now = clock.now()
    running = Epoch.objects.filter(state=EpochState.RUNNING).first()
    if running is not None:
        died = running.busy_until if running.busy_until and running.busy_until < now else None
        since = running.broken_at or died
        return BrokenOff(running.number, since) if since else None
    waiting = Epoch.objects.filter(state=EpochState.WAITING).first()
    if waiting is None or waiting.asked_at + DEBOUNCE > now:
        return None
    return BrokenOff(waiting.number, waiting.asked_at + DEBOUNCE)


def take_alarm(number: int, *, every: timedelta) -> bool:
    """Whether it is the caller who tells the operators of this epoch; it is told once in a while."""
    now = clock.now()
    untold = Q(alarmed_at=None) | Q(alarmed_at__lt=now - every)
    return bool(Epoch.objects.filter(untold, number=number).update(alarmed_at=now))


def give_alarm_back(number: int) -> None:
    """They could not be told."""
    Epoch.objects.filter(number=number).update(alarmed_at=None)


def run_due() -> Epoch | None:
    """Run the epoch that is due, if one is: asked for some seconds ago, broken off, or needed for a while. None when there
    is nothing to do."""
    now = clock.now()
    # Asked for in the time to come: the clock was set back since.
    is_due = Q(asked_at__lte=now - DEBOUNCE) | Q(asked_at__gt=now)
    asked = Epoch.objects.filter(is_due, state=EpochState.WAITING).exists()
    broken_off = Epoch.objects.filter(_free(now), state=EpochState.RUNNING).exists()
    if asked or broken_off or _leftover():
        return run()
    dirty = Node.objects.filter(dirty_at__lte=now - DEBOUNCE).exists()
    return run() if dirty and _has_rested(now) else None


def _has_rested(now: datetime) -> bool:
    """Keys go all the time without anybody having erased anything: a file that is saved again has a new one. Their turn
    comes when the last epoch is over for ten times as long as it took, and not more often than every few minutes."""
    last = Epoch.objects.filter(state=EpochState.DONE).order_by("-number").first()
    if last is None or last.finished_at is None or last.started_at is None:
        return True
    return now - last.finished_at >= max(_REST, 10 * (last.finished_at - last.started_at))


def run(step: renewal.Step | None = None) -> Epoch | None:
    """Run an epoch now. None when another process is at one. `step` is told each step that is behind it."""
    require_fit()
    epoch = _claim()
    if epoch is None:
        return None
    # Whoever comes after this lease has run out counts one try more: from then on this process changes nothing.
    mine = Epoch.objects.filter(pk=epoch.pk, state=EpochState.RUNNING, tries=epoch.tries)

    said_at = -_SAID

    def beat(name: str) -> None:
        nonlocal said_at
        # A batch changes what it has read, or nothing, whoever wrote it; all other steps ask.
        if name != "batch" or time.monotonic() - said_at > _SAID:
            said_at = time.monotonic()
            if not mine.update(busy_until=clock.now() + _LEASE):
                raise renewal.Stuck
        if step:
            step(name)

    try:
        renewed, rewrapped = renewal.renew_dirty(beat)
        mine.update(renewed=F("renewed") + renewed, rewrapped=F("rewrapped") + rewrapped)
        generation = settle(beat)
    except Exception as error:
        reconnect()  # by a session that has ended nothing can be said
        broken_at = Coalesce("broken_at", Value(clock.now(), output_field=DateTimeField()))
        mine.update(busy_until=None, trouble=type(error).__name__, broken_at=broken_at)
        raise
    mine.update(
        state=EpochState.DONE,
        generation=generation,
        finished_at=clock.now(),
        busy_until=None,
        broken_at=None,
        trouble="",
    )
    epoch.refresh_from_db()
    return epoch


def settle(step: renewal.Step) -> int:
    """Destroy the root keys that open nothing any more, after a second copy of what replaced them was opened. The
    generation that is left."""
    in_use = _generation()
    old = [each for each in roots.provider().generations() if each < in_use]
    if not old:
        return in_use
    _reach_the_disk()
    step("durable")
    copies.write_copy(step)
    step("copied")
    for generation in old:
        roots.provider().destroy(generation)
        step("destroyed")
    return in_use


def _claim() -> Epoch | None:
    now = clock.now()
    running = Epoch.objects.filter(state=EpochState.RUNNING).first()
    if running is None:
        demand()
        running = _begin()
    if running is None:
        return None
    free = Epoch.objects.filter(_free(now), pk=running.pk, state=EpochState.RUNNING)
    # Of one that died without a word: its lease is what is known.
    free.filter(busy_until__isnull=False, broken_at=None).update(broken_at=F("busy_until"))
    if not free.update(busy_until=now + _LEASE, tries=F("tries") + 1):
        return None
    running.refresh_from_db()
    return running


def _begin() -> Epoch | None:
    try:
        with transaction.atomic(using=DATABASE, durable=True):
            waiting = Epoch.objects.select_for_update().filter(state=EpochState.WAITING).first()
            if waiting is not None:
                waiting.state, waiting.started_at = EpochState.RUNNING.value, clock.now()
                waiting.save(update_fields=["state", "started_at"])
            return waiting
    except IntegrityError:
        return None  # one runs already


def _free(now: datetime) -> Q:
    """Nobody is at it."""
    return is_over("busy_until", now, longest=2 * _LEASE)


def _leftover() -> bool:
    """Whether a root key is still there that the vault is past."""
    return min(roots.provider().generations(), default=0) < _generation()


def _generation() -> int:
    return int(Node.objects.values_list("lies_under", flat=True).get(pk=ROOT_ID).int)


def _reach_the_disk() -> None:
    """The write-ahead log into the database file: what the new root key opens lies in the vault proper.

    PostgreSQL does this by itself; its log lies under the same root keys.
    """
    connection = connections[DATABASE]
    if connection.vendor != "sqlite" or is_log_emptied(connection, tries=_ASKED):
        return
    raise CopyFailed("The vault is being read all the time. The epoch goes on at the next turn.")
