"""Erasing parts of a run that itself stays: what would go, and closing the run for as long as it takes (ADR 0174)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

from django.db import transaction
from django.db.models import F, Q, Sum
from django.utils.translation import gettext as _

from apps.accounts.actors import Actor
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.core import jsontext
from apps.core.errors import Conflict, Invalid, NotFound
from apps.erasure.cuts import copies_in, files_named, files_of_summary, names_of_media, seal_cut
from apps.erasure.models import ErasureJob, PartErasure
from apps.erasure.services import check_count, new_job, take_exports
from apps.erasure.types import Cause, PartsWouldGo, Scope, Step
from apps.exports.closing import exports_holding
from apps.exports.types import UNDER_WAY
from apps.files.models import RunFile, Thumbnail
from apps.files.queries import find_file
from apps.runs.history import store
from apps.runs.history.paths import dotted
from apps.runs.history.pieces import pieces_of
from apps.runs.history.reading import rows_of
from apps.runs.models import Run
from apps.runs.parts import (
    INTERNAL,
    MEDIA_FOLDER,
    Cut,
    PartKind,
    Removed,
    RunPart,
    config_names,
    files_in,
    kept_of,
    row_names,
)
from apps.runs.queries import gone_or_back_soon, open_run, run_key, whose
from apps.runs.types import OpenRun, RunState, Stream

_FILES_AT_ONCE = 500


def erase_parts(run: Run, parts: Iterable[RunPart], *, by: Actor) -> ErasureJob:
    """Erase these parts of a run that was fetched with RUN_ERASE. On return nobody finds the run, until it is back without them.

    Conflict for a run that goes on, NotFound for what is not in it.
    """
    chosen = list(dict.fromkeys(parts))
    check_parts(run, chosen)
    return _close(run, chosen, by=by)


def renew_key(run: Run, *, by: Actor) -> ErasureJob:
    """Give a run another key, so that no old copy opens what was taken out of it before. Conflict for one that goes on."""
    return _close(run, [], by=by)


@transaction.atomic
def _close(run: Run, parts: Sequence[RunPart], *, by: Actor) -> ErasureJob:
    rows = Run.objects.select_for_update(of=("self",)).select_related("project__entity")
    locked = rows.filter(pk=run.pk).first()
    if locked is None:
        raise gone_or_back_soon(run.pk)
    check_ended(locked)
    _check_nothing_waits(locked)
    if not parts:
        _check_not_exported(locked)
    place = locked.project
    count = max(1, len(parts))
    job = new_job(Scope.PART, place.entity, asked=count, by=by, cause=Cause.ASKED, projects=[place])
    part = PartErasure(run=locked, erasure_job=job.uuid)
    seal_cut(part, run_key(locked), Cut.of(parts))
    part.save(force_insert=True)
    # The version too: a line that is written without a lock is stored only while the run has the version it was read with.
    Run.objects.filter(pk=locked.pk).update(
        erased_at=job.asked_at, erasure_job=job.uuid, is_back_soon=True, version=F("version") + 1
    )
    if parts:
        # Exports hold them still; of a run that only gets another key they went with what was taken out.
        take_exports(job, exports_holding(Q(run=locked)), by=by)
    kind = EventKind.RUN_PART_ERASED if parts else EventKind.RUN_KEY_RENEWED
    counted: dict[str, Any] = {"parts": len(parts)} if parts else {}
    record(kind, **whose(locked), by=by, job=job.public_id, **counted)
    return job


def check_ended(run: Run) -> None:
    """Conflict for a run that goes on: its script would be told to wait, and would write what was just erased once more."""
    if run.state not in RunState.closed():
        raise Conflict(_("This run is still going on. Stop it or wait for its end, then erase parts of it."))


def _check_nothing_waits(run: Run) -> None:
    """Conflict for a run of which files can still be taken back: they are under the key that it is about to lose."""
    waiting = ErasureJob.objects.filter(step=Step.WAIT).values("uuid")
    if RunFile.everything.filter(run=run, erasure_job__in=waiting).exists():
        raise Conflict(
            _(
                "Files of this run were erased and can still be taken back. Take them back first, or erase them for good."
            )
        )


def _check_not_exported(run: Run) -> None:
    """Conflict for a run that is being written into an archive: the other key would come between two pieces of it."""
    if exports_holding(Q(run=run)).filter(state__in=[each.value for each in UNDER_WAY]).exists():
        raise Conflict("This run is being exported.")


def check_parts(run: Run, parts: Sequence[RunPart]) -> None:
    """Invalid for what a run cannot be without, NotFound for what is not in it."""
    check_count(parts)
    if any(part.name.partition(".")[0] in INTERNAL for part in parts):
        raise Invalid(_("Steps, times and the client’s own values are what a run is counted by. They stay."))
    known: dict[PartKind, set[str]] = {}
    opened = open_run(run)
    for part in parts:
        if part.kind is PartKind.MEDIA and part.name.startswith(MEDIA_FOLDER):
            find_file(run, part.name)
            continue
        if part.kind not in known:
            known[part.kind] = names_of(opened, part.kind)
        if part.name not in known[part.kind]:
            raise NotFound(_("This run has nothing of this name."))


def names_of(opened: OpenRun, kind: PartKind) -> set[str]:
    """What of this kind a run has, in the order of no list. Media are files, and looked for as such."""
    if kind is PartKind.MEDIA:
        return set()
    if kind is PartKind.CONFIG:
        return config_names(jsontext.loads(opened.config_text))
    if kind is PartKind.SUMMARY:
        return row_names(jsontext.loads(opened.summary_text))
    if kind is PartKind.SYSTEM:
        return set(chain.from_iterable(map(row_names, store.scan(opened.run, Stream.EVENTS))))
    paths = store.keys_of(opened.run).keys
    return {dotted(path[:end]) for path in paths for end in range(1, len(path) + 1)}


def parts_would_go(run: Run, parts: Sequence[RunPart]) -> PartsWouldGo:
    """What erasing these takes, in numbers, before anybody decides."""
    cut, opened = Cut.of(parts), open_run(run)
    going, shown = files_of_summary(run, cut)
    removed, staying = _taken_from_history(run, cut, even_if_nothing_goes=bool(going))
    going = (going | removed.files) - shown - staying
    if (goes := cut.goes_from(Stream.EVENTS)) is not None:
        for row in store.scan(run, Stream.EVENTS):
            kept_of(row, goes, removed)
    copies = copies_in(opened, cut)
    files, stored = _size_of(run, {*going, *cut.names(PartKind.MEDIA), *copies})
    return PartsWouldGo(removed.count, files, stored, copies)


def _taken_from_history(run: Run, cut: Cut, *, even_if_nothing_goes: bool) -> tuple[Removed, set[str]]:
    """What goes from the history, and the files that what stays of it shows."""
    removed, staying = Removed(), set[str]()
    if cut.goes_from(Stream.HISTORY) is None and not even_if_nothing_goes:
        return removed, staying
    media = names_of_media(run)
    names = None if media is None else media | cut.names(PartKind.METRIC)
    rows = rows_of(pieces_of(run, Stream.HISTORY), names)
    for kept in cut.rows(Stream.HISTORY, rows, removed):
        staying |= set(files_in(kept))
    return removed, staying


def _size_of(run: Run, names: Iterable[str]) -> tuple[int, int]:
    """How many files have these names, and their bytes as stored, small pictures included."""
    ids, stored = files_named(run, names), 0
    for start in range(0, len(ids), _FILES_AT_ONCE):
        some = ids[start : start + _FILES_AT_ONCE]
        files = RunFile.objects.filter(pk__in=some).aggregate(n=Sum("blob__stored_size"))
        small = Thumbnail.objects.filter(file__in=some).aggregate(n=Sum("blob__stored_size"))
        stored += (files["n"] or 0) + (small["n"] or 0)
    return len(ids), stored
