"""Archives that somebody hands in: kept sealed under a key of their own, brought by workers in turns, and gone once they are read."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import closing

from django.db import DatabaseError
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.blobs.models import Blob
from apps.blobs.services import delete_blob, open_blob, write_blob
from apps.core import background, clock
from apps.core.errors import Conflict, Erased, Forbidden, Invalid, NotFound, OwnlogError, TooMuch, Unavailable
from apps.core.pauses import by_turn, is_lost, reconnect
from apps.imports.holding import TurnOver, nobody_at_it, waits_for_nothing
from apps.imports.models import Import, ImportItem
from apps.imports.queries import asker_of
from apps.imports.readers.opening import open_file
from apps.imports.services import (
    LONGEST_TURN,
    NOT_NOW,
    UNDER_WAY,
    ask_for_import,
    bring,
    free,
    give_up,
    require_room,
    wait,
)
from apps.imports.types import Clash, Origin, Reader
from apps.teams.gate import require
from apps.teams.models import Entity
from apps.vault.tree import create_node, discard_node, erase_node, keys_in_use
from apps.vault.types import NodeId, NodeKind

log = logging.getLogger(__name__)

LARGEST_ARCHIVE = 100 * 2**30
_TURN_SECONDS = 20.0  # then others have theirs, if any wait, behind the thing that it is at
_LONG_SECONDS = 120.0  # and then also in the middle of one
_MOST_TRIES = 8  # that break off without a thing in between
_SWEEP_BATCH = 20


def hand_in(
    entity: Entity, source: Iterable[bytes], *, clash: Clash, by: Actor, origin: Origin = Origin.OWNLOG
) -> Import:
    """Keep an archive for an entity that is held with PROJECT_CREATE, and have it brought. What is wrong with it as a whole is said
    at once: Broken, and nothing is kept."""
    require_room(by)  # before all of it is sent; asked again when it is noted
    node = create_node(NodeKind.IMPORT, parent=NodeId(entity.vault_node))
    held: Blob | None = None
    try:
        held = write_blob(node, source, max_bytes=LARGEST_ARCHIVE).blob
        with closing(open_file(open_blob(held, node), origin)) as reader:
            job = ask_for_import(entity, reader, clash=clash, by=by, whose_runs=by, archive=(node, held))
    except BaseException:
        _let_go(node, held)
        raise
    if job.vault_node != node:  # it was handed in before, and is on its way
        _let_go(node, held)
    return job


def _let_go(node: NodeId, held: Blob | None) -> None:
    if held is not None:
        _delete(held)
    discard_node(node)


def _delete(blob: Blob) -> None:
    try:
        delete_blob(blob)
    except (
        OSError,
        DatabaseError,
        Unavailable,
        Conflict,
    ) as error:  # nobody points at it: the sweep of blobs takes it
        log.warning("blob left to the sweep: blob=%s error=%s", blob.pk, type(error).__name__)


def advance(import_id: int) -> None:
    """One turn at an import that was handed in. After a crash, call again."""
    job = Import.objects.select_related("entity", "archive", "brought_for").filter(pk=import_id).first()
    if job is None:
        return
    try:
        if _waiting().filter(pk=job.pk).exists():
            _turn(job)
    except TurnOver:
        pass
    except NOT_NOW as error:  # asked again by the sweep, as often as it takes
        log.warning("import waits: import=%s error=%s", job.pk, type(error).__name__)
    finally:
        forget(job)
    if (following := next(due_imports(), None)) is not None:
        background.enqueue("imports.advance", import_id=following)


def _turn(job: Import) -> None:
    by = asker_of(job)
    try:
        require_still(job, by)
        with keys_in_use():
            reader = _opened(job)
    except NOT_NOW as error:  # nothing was tried yet
        reconnect()
        wait(free(job), error)
        raise
    except OwnlogError as error:
        _give_up(job, error)
        return
    turn = _Turn(job)
    with closing(reader):
        try:
            bring(
                job,
                reader,
                by=by or Actor.system(),
                between=turn.between,
                within=turn.within,
                at_last=turn.ask,
            )
        except NOT_NOW:
            raise
        except TurnOver:
            turn.note_worked()
            raise
        except (Invalid, TooMuch, Forbidden, NotFound, Conflict, Erased) as error:
            # It says so itself; or somebody else is at it, or took what it was read from.
            log.info("import ended: import=%s error=%s", job.pk, type(error).__name__)


class _Turn:
    """How long a worker is at one import, and whether it may be."""

    def __init__(self, job: Import) -> None:
        self._job = job
        # It is read once more next time: so it is let read for longer, the longer it was read, and all come to their end.
        self._long = min(max(_LONG_SECONDS, job.worked_seconds / 2), LONGEST_TURN.total_seconds())
        self._thing_began = time.monotonic()
        self._begin()

    def _begin(self) -> None:
        now = time.monotonic()
        self._ends, self._ends_within = now + _TURN_SECONDS, now + self._long

    def note_worked(self) -> None:
        """That so long was worked at the thing at which the turn ended, and none of it is of use."""
        worked = time.monotonic() - self._thing_began
        Import.objects.filter(pk=self._job.pk).update(worked_seconds=F("worked_seconds") + worked)

    def between(self) -> None:
        self._thing_began = time.monotonic()
        if time.monotonic() < self._ends:
            return
        self._let_others()
        self.ask()
        self._begin()

    def within(self) -> None:
        """In the middle of one thing, which may be long. Nobody is asked whether they may here: what is stored just now would hear it."""
        if time.monotonic() >= self._ends_within:
            self._let_others()
            self._ends_within = time.monotonic() + self._long

    def _let_others(self) -> None:
        now = clock.now()
        before = Q(turn_at__lte=now) | Q(turn_at__gt=now + LONGEST_TURN)
        if _waiting().filter(before).exclude(pk=self._job.pk).exists():
            raise TurnOver

    def ask(self) -> None:
        """As they are now: who asked may have had to go meanwhile."""
        job = Import.objects.select_related("entity").get(pk=self._job.pk)
        job.tries, job.unread_since = 0, None  # this turn got further
        require_still(job, asker_of(job))


def require_still(job: Import, by: Actor | None) -> None:
    """Whoever asked for it is there and may make projects there still, it did not break off too often, and can be read."""
    if job.tries >= _MOST_TRIES:
        raise Invalid(_("This import broke off too often."))
    if is_lost(job.unread_since, job.unread_tries, clock.now()):
        raise Invalid(_("What was handed in cannot be read any more. Hand it in again."))
    if by is None:
        raise Forbidden(_("Whoever asked for this import is not there any more."))
    require(by, Permission.PROJECT_CREATE, entity=job.entity, what="project")


def _opened(job: Import) -> Reader:
    if job.archive is None or job.vault_node is None:
        raise NotFound(_("What was handed in is gone."))
    return open_file(open_blob(job.archive, NodeId(job.vault_node)), Origin(job.origin))


def _give_up(job: Import, trouble: OwnlogError) -> None:
    with keys_in_use():
        give_up(job, by=Actor.system(), trouble=trouble)


def forget(job: Import) -> None:
    """Erase what was handed in, once the import is over. Doing it again is allowed."""
    over = Import.objects.exclude(state__in=UNDER_WAY).exclude(vault_node=None)
    row = over.select_related("archive").filter(pk=job.pk).first()
    if row is None or row.vault_node is None:
        return
    erase_node(NodeId(row.vault_node))
    held = row.archive
    Import.objects.filter(pk=row.pk).update(archive=None, vault_node=None)
    if held is not None:
        _delete(held)


def due_imports() -> Iterator[int]:
    """Those that were handed in and that no worker is at, first those that wait longest for their turn."""
    in_line = _waiting().order_by(by_turn(clock.now(), longest=LONGEST_TURN))
    yield from in_line.values_list("pk", flat=True)[:_SWEEP_BATCH]


def _waiting() -> QuerySet[Import]:
    return Import.objects.filter(nobody_at_it(), waits_for_nothing(), state__in=UNDER_WAY).exclude(
        vault_node=None
    )


def forget_what_is_over() -> None:
    """What was handed in for imports whose end was cut off, and what a worker noted behind that end."""
    for job in Import.objects.exclude(state__in=UNDER_WAY).exclude(vault_node=None)[:_SWEEP_BATCH]:
        forget(job)
    ImportItem.objects.exclude(of__state__in=UNDER_WAY).delete()
