"""Asking for exports, and making them: a worker writes a piece after the other, each sealed before it is stored.

What is written stays written. After a crash the next worker goes on behind the last piece; what was half there is nobody's
and is swept. An export whose row is gone, or marked for erasing, is written no further.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.blobs.errors import StoreFull
from apps.blobs.services import delete_blob, write_blob
from apps.blobs.types import StoredBlob
from apps.core import background, clock
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound, TooMuch
from apps.core.pauses import AWAY, MOST_UNREAD, by_turn, next_pause, next_short_pause, reconnect
from apps.exports.contents.entities import RECORD
from apps.exports.entries import sealed_entries
from apps.exports.errors import Unread
from apps.exports.holding import LEASE, Held, Lost, claim, waiting
from apps.exports.models import Export, ExportItem, ExportPiece
from apps.exports.plan import expand, head_of_project, head_of_run
from apps.exports.queries import asker_of, kept_for, require_all, whose
from apps.exports.types import MOST_RUNS, UNDER_WAY, ExportScope, ExportState, ItemKind, Tables
from apps.exports.writing import Writing
from apps.projects.models import Project
from apps.runs.errors import BackSoon
from apps.runs.models import Run
from apps.teams.models import Entity
from apps.vault.errors import KeyGone
from apps.vault.tree import create_node, discard_node, keys_in_use
from apps.vault.types import NodeId, NodeKind

log = logging.getLogger(__name__)

_BACK_SOON = timedelta(
    seconds=30
)  # then it is looked whether a run that was closed for a moment is open again
_TURN_SECONDS = 20.0  # then others have their turn
_MOST_TRIES = 8  # that break off without a new piece in between
_MOST_AT_ONCE = 5  # of one person, that are not ready yet
_MOST_KEPT = 20  # of one person, ready ones among them
_ITEMS_AT_ONCE = 500
_ONE_FETCHING = timedelta(hours=1)
_SWEEP_BATCH = 20
_NOT_BEGUN = Q(state=ExportState.QUEUED.value, started_at=None)
_UNDER_WAY = [each.value for each in UNDER_WAY]


# ── asking ──


def export_runs(runs: Sequence[Run], *, by: Actor, tables: Tables = Tables.PARQUET) -> Export:
    """An archive of some runs of one project, which is held with PROJECT_EXPORT."""
    if not runs:
        raise Invalid(_("Nothing was chosen."))
    if len(runs) > MOST_RUNS:
        raise TooMuch(_("At most %(n)d runs can be exported at once.") % {"n": MOST_RUNS})
    if len({run.project_id for run in runs}) != 1:
        raise Invalid(_("Runs of one project are exported together."))
    project = runs[0].project
    heads = [head_of_run(run) for run in sorted(runs, key=lambda run: run.pk)]
    return _ask(ExportScope.RUNS, project.entity, NodeId(project.vault_node), heads, by=by, tables=tables)


def export_project(project: Project, *, by: Actor, tables: Tables = Tables.PARQUET) -> Export:
    """An archive of a project that is held with PROJECT_EXPORT, with everything in it."""
    node, heads = NodeId(project.vault_node), [head_of_project(project)]
    return _ask(ExportScope.PROJECT, project.entity, node, heads, by=by, tables=tables)


def export_entity(
    entity: Entity, projects: Iterable[Project], *, by: Actor, tables: Tables = Tables.PARQUET
) -> Export:
    """An archive of what is said of an entity that is held with ENTITY_READ, and of these of its projects, each held with
    PROJECT_EXPORT."""
    heads = [ExportItem(kind=ItemKind.ENTITY.value), *map(head_of_project, projects)]
    return _ask(ExportScope.ENTITY, entity, NodeId(entity.vault_node), heads, by=by, tables=tables)


def export_account(
    own: Entity, projects: Iterable[Project], *, by: Actor, tables: Tables = Tables.PARQUET
) -> Export:
    """An archive of everything that is held of a person: what `export_entity` has of their own entity, and the account beside it.
    The entity is held by `own_account`, or named on the machine."""
    heads = [ExportItem(kind=ItemKind.ACCOUNT.value), ExportItem(kind=ItemKind.ENTITY.value)]
    heads += map(head_of_project, projects)
    return _ask(ExportScope.ACCOUNT, own, NodeId(own.vault_node), heads, by=by, tables=tables)


def _ask(
    scope: ExportScope, entity: Entity, above: NodeId, heads: list[ExportItem], *, by: Actor, tables: Tables
) -> Export:
    _require_room(by)
    node = create_node(NodeKind.EXPORT, parent=above)
    try:
        with transaction.atomic():
            if by.user_id is not None:  # of two at one moment the second sees the first
                User.objects.select_for_update(no_key=True).get(pk=by.user_id)
                _require_room(by)
            export = Export.objects.create(
                entity=entity,
                vault_node=node,
                scope=scope.value,
                tables=tables.value,
                asked_by=by.audit_id,
                asked_with=by.api_key,
            )
            for head in heads:
                head.export = export
            ExportItem.objects.bulk_create(heads, batch_size=500)
            if scope is ExportScope.RUNS:
                record(EventKind.EXPORT_ASKED, **whose(export), by=by, runs=len(heads))
            else:
                record(EventKind.EXPORT_ASKED, **whose(export), by=by, what=scope.value)
            background.enqueue("exports.advance", export_id=export.pk)
    except BaseException:
        discard_node(node)
        raise
    return export


def _require_room(by: Actor) -> None:
    """Each is a copy of all that is in it."""
    theirs = Export.objects.filter(asked_by=by.audit_id)
    if theirs.filter(state__in=_UNDER_WAY).count() >= _MOST_AT_ONCE:
        raise TooMuch(
            _("At most %(n)d exports of yours are made at once. Wait for one of them.") % {"n": _MOST_AT_ONCE}
        )
    if not by.is_at_the_machine and theirs.count() >= _MOST_KEPT:
        raise TooMuch(_("At most %(n)d exports of yours are kept. Erase one of them.") % {"n": _MOST_KEPT})


def note_fetched(export: Export, *, by: Actor, from_start: bool = True) -> None:
    """Somebody takes the archive along. A program does so in many parts: another than the first is the same fetching where that
    is noted already, and one of its own where it is not."""
    now = clock.now()
    rows = Export.objects.filter(pk=export.pk)
    if not from_start:
        rows = rows.filter(Q(fetched_at=None) | Q(fetched_at__lt=now - _ONE_FETCHING))
    with transaction.atomic():
        if rows.update(fetched_at=now):
            record(EventKind.EXPORT_FETCHED, **whose(export), by=by)


def retry(export: Export, *, by: Actor) -> Export:
    """Go on with an export that failed, behind what was written. NotFound where it is being erased by now."""
    again = Export.objects.filter(pk=export.pk, state=ExportState.FAILED.value)
    with transaction.atomic():
        if again.update(state=ExportState.QUEUED.value, tries=0, trouble="", turn_at=clock.now()):
            record(EventKind.EXPORT_ASKED, **whose(export), by=by, what="again")
            background.enqueue("exports.advance", export_id=export.pk)
    try:
        export.refresh_from_db(from_queryset=Export.objects.select_related("entity"))
    except Export.DoesNotExist:
        raise NotFound(_("There is no such export, or it is not shared with you.")) from None
    return export


# ── making ──


def advance(export_id: int) -> None:
    """Write the next pieces of an export, as many as one turn has time for. After a crash, call again."""
    held = claim(export_id)
    if held is None:
        return
    ends = time.monotonic() + _TURN_SECONDS
    rows = Export.objects.select_related("entity")
    try:
        export = rows.get(pk=export_id)
        if export.tries > _MOST_TRIES:
            _fail(held, export.trouble or "WorkerLost")
            return
        while True:
            with keys_in_use():
                _step(export, held)
            export.refresh_from_db(from_queryset=rows)
            if export.state not in _UNDER_WAY or time.monotonic() >= ends:
                break
    except (Lost, KeyGone, Export.DoesNotExist):
        return  # another one's now, or erased: then the eraser clears away what there is
    except BackSoon:
        _wait_for_run(export, held)
        return
    except Exception as error:
        _broke_off(held, error)
        raise
    held.rows().update(busy_until=None, turn_at=clock.now())
    _wake_next()


def _wait_for_run(export: Export, held: Held) -> None:
    """A run in it is closed for a moment, which may be an hour where a worker died: that is no try, and the others go on."""
    now, tries = clock.now(), max(0, export.tries - 1)
    held.rows().update(busy_until=None, waits_until=now + _BACK_SOON, turn_at=now, tries=tries)
    _wake_next()


def _wake_next() -> None:
    """Whoever waits longest, and that may be the one that just had its turn."""
    if (following := next(due_exports(), None)) is not None:
        background.enqueue("exports.advance", export_id=following)


def _step(export: Export, held: Held) -> None:
    asker = asker_of(export)
    try:
        if asker is None:
            raise Forbidden(_("Whoever asked for this export is not there any more."))
        if asker.audit_id != Actor.operator().audit_id:
            require_all(asker, export)
    except (NotFound, Forbidden) as error:
        _fail(held, type(error).__name__)
        return
    if export.state == ExportState.QUEUED:
        _begin(export, held)
        return
    rest = (
        ExportItem.objects.filter(export=export, piece=None).select_related("export__entity").order_by("pk")
    )
    writing = Writing(export, asker, held.say)
    items = list(rest[:_ITEMS_AT_ONCE])
    stored = write_blob(NodeId(export.vault_node), writing.items(items) if items else writing.ending())
    try:
        _take_in(held, writing, stored, is_last=not items)
    except BaseException:
        # Else each further try leaves as much again, which nobody counts before the sweep. In use it is where all was written but the answer.
        with suppress(Conflict, *AWAY):
            reconnect()
            delete_blob(stored.blob)
        raise


def _begin(export: Export, held: Held) -> None:
    # A second time nothing is planned: it failed, and goes on.
    is_planned = export.started_at is not None
    with transaction.atomic():
        # Before its row is held: whoever erases a run holds that, and then asks for the exports that hold it.
        if not is_planned:
            expand(export)
            _wait_for_what_it_points_at()
        # To plan millions of files says no word. Whoever has it planned first begins it, also where another one does so too by now.
        locked = held.locked(or_where=None if is_planned else _NOT_BEGUN)
        locked.busy_until = until = clock.now() + LEASE
        items = ExportItem.objects.filter(export=locked)
        locked.state, locked.started_at = ExportState.RUNNING.value, locked.started_at or clock.now()
        locked.weight = sum(items.values_list("weight", flat=True))
        locked.runs = items.filter(kind=ItemKind.RUN.value).count()
        locked.save(update_fields=["state", "started_at", "weight", "runs", "busy_until"])
    held.said(until)


def _wait_for_what_it_points_at() -> None:
    """PostgreSQL asks whether the rows that others point at are there only when all is committed. Asked now, whoever is erasing
    one is waited for while the export's row, which they ask for next, is free.
    """
    if connection.vendor == "postgresql":
        connection.check_constraints()


def _take_in(held: Held, writing: Writing, stored: StoredBlob, *, is_last: bool) -> None:
    """From here on the piece is a part of the archive."""
    until = clock.now() + LEASE
    with transaction.atomic():
        locked = held.locked()
        number = ExportPiece.objects.filter(export=locked).count()
        piece = ExportPiece(export=locked, number=number, blob=stored.blob, size=stored.size)
        entries = [] if is_last else writing.piece.entries
        piece.sealed_entries = sealed_entries(locked, piece, entries, writing.left_out)
        piece.save(force_insert=True)
        ids = [item.pk for item in writing.done]
        for start in range(0, len(ids), 500):
            ExportItem.objects.filter(pk__in=ids[start : start + 500]).update(piece=piece)
        locked.size += stored.size
        locked.files += len(writing.piece.entries)
        locked.has_record |= any(entry.path == RECORD for entry in writing.piece.entries)
        locked.weight_done += sum(item.weight for item in writing.done)
        locked.busy_until, locked.tries, locked.trouble = until, 0, ""
        if writing.is_patient:
            locked.unread_since, locked.unread_tries = None, 0
        else:  # what else is missing is waited for no more, what stumbles some tries
            locked.unread_tries = MOST_UNREAD
        if is_last:
            locked.busy_until = None
            locked.state, locked.ready_at = ExportState.READY.value, clock.now()
            locked.expires_at = locked.ready_at + kept_for()
            background.enqueue("exports.tell", export_id=locked.pk)
        locked.save()
    held.said(until)


def _fail(held: Held, trouble: str) -> None:
    failed = {"state": ExportState.FAILED.value, "trouble": trouble[:60], "busy_until": None}
    if not held.rows().update(**failed, turn_at=clock.now()):  # from that moment it is kept for a while
        raise Lost
    background.enqueue("exports.tell", export_id=held.export_id)


def _broke_off(held: Held, error: Exception) -> None:
    """Tried again by the sweep, some times. What cannot be had now is no try, and is asked for later and later (ADR 0280); but that there is
    no room is one, for what is written of an export takes the room that is wanted."""
    reconnect()
    now, trouble, rows = clock.now(), type(error).__name__[:60], held.rows()
    if not isinstance(error, AWAY) or isinstance(error, StoreFull):
        rows.update(busy_until=None, trouble=trouble, turn_at=now)
        return
    for row in rows:
        last = now - row.turn_at if row.trouble else None
        pause = next_pause(last)
        changes: dict[str, Any] = {"tries": max(0, row.tries - 1), "trouble": trouble, "turn_at": now}
        if isinstance(error, Unread):
            pause = next_short_pause(last)
            changes |= {"unread_since": row.unread_since or now, "unread_tries": row.unread_tries + 1}
        rows.update(busy_until=None, waits_until=now + pause, **changes)


def due_exports() -> Iterator[int]:
    """Exports that no worker is at, those first that wait longest for their turn."""
    in_line = waiting().order_by(by_turn(clock.now(), longest=LEASE))
    yield from in_line.values_list("pk", flat=True)[:_SWEEP_BATCH]
