"""Bringing what was logged elsewhere. Everything lies in projects that are closed until all of it is there; then they open at once.

What has come stays: after a crash the same is read once more, and what is there is not brought again. What cannot be brought
whole is given up: an erasure takes away what had come.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Greatest
from django.utils.translation import gettext as _

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.blobs.errors import ObjectMissing, StoreUnreachable
from apps.blobs.models import Blob
from apps.blobs.unread import is_one_alone
from apps.code_saving.queries import kept_in
from apps.core import background, clock
from apps.core.errors import (
    Conflict,
    Erased,
    Forbidden,
    Invalid,
    NotFound,
    OwnlogError,
    TooMuch,
    Unavailable,
)
from apps.core.pauses import AWAY, next_pause, next_short_pause, reconnect
from apps.erasure.code import erase_code_in
from apps.erasure.services import erase_project, erase_run
from apps.imports.bringing import Bringing
from apps.imports.holding import LEASE, Held, Lost, TurnOver, nobody_at_it
from apps.imports.models import Import, ImportItem
from apps.imports.queries import WORDS_LABEL, whose
from apps.imports.types import Clash, ImportState, Reader
from apps.projects.models import Project
from apps.projects.services import brought, open_brought
from apps.teams.models import Entity
from apps.teams.services.places import locked
from apps.vault.errors import KeyGone
from apps.vault.seal import blind_index, seal_text
from apps.vault.tree import keys_in_use, open_key
from apps.vault.types import NodeId

FINGERPRINT_LABEL = "import.fingerprint"
_MOST_AT_ONCE = 3  # of one person, that are not brought yet
LONGEST_TURN = timedelta(hours=4)
_UNTRIED = Greatest(F("tries"), 1) - 1  # it may have been set back meanwhile
UNDER_WAY = (ImportState.QUEUED.value, ImportState.RUNNING.value)
# What is wrong with what is brought, or with bringing it here: to try again changes nothing.
_FINAL = (Invalid, TooMuch, Conflict, Forbidden, NotFound, Erased)
# What says nothing of it: it waits, and nothing is given up for it. A volume that is not mounted says that its files are missing.
NOT_NOW = (*AWAY, ObjectMissing)
UNREAD = "unread"


def ask_for_import(
    entity: Entity,
    reader: Reader,
    *,
    clash: Clash,
    by: Actor,
    whose_runs: Actor,
    archive: tuple[NodeId, Blob] | None = None,
) -> Import:
    """Note that this is brought into an entity that is held with PROJECT_CREATE; or give the import of the same that broke off."""
    index = blind_index(open_key(NodeId(entity.vault_node)), FINGERPRINT_LABEL, reader.fingerprint.hex())
    with transaction.atomic():
        _hold(entity, by)
        known = Import.objects.filter(
            entity=entity,
            fingerprint_index=index,
            asked_by=by.audit_id,
            clash=clash.value,
            state__in=UNDER_WAY,
        )
        if (found := known.order_by("pk").first()) is not None:
            return found
        made = Import(
            entity=entity,
            origin=reader.origin.value,
            clash=clash.value,
            fingerprint_index=index,
            asked_by=by.audit_id,
            asked_with=by.api_key,
            brought_for_id=whose_runs.user_id,
            things=reader.things,
        )
        if archive is not None:
            require_room(by)
            made.vault_node, made.archive = archive
        made.save(force_insert=True)
        record(EventKind.IMPORT_ASKED, **whose(made), by=by, what=reader.origin.value)
        if archive is not None:
            background.enqueue("imports.advance", import_id=made.pk)
    return made


def _hold(entity: Entity, by: Actor) -> None:
    """Of two that the same person asks for at one moment the second sees the first, into whichever entity each is."""
    if by.user_id is None:
        locked(entity)
    else:
        User.objects.select_for_update(no_key=True).get(pk=by.user_id)


def require_room(by: Actor) -> None:
    """Each is handed in whole, and waits. TooMuch where as many of theirs do as may."""
    if Import.objects.filter(asked_by=by.audit_id, state__in=UNDER_WAY).count() >= _MOST_AT_ONCE:
        raise TooMuch(
            _("At most %(n)d imports of yours are brought at once. Wait for one of them.")
            % {"n": _MOST_AT_ONCE}
        )


def bring(
    job: Import,
    reader: Reader,
    *,
    by: Actor,
    between: Callable[[], None] = lambda: None,
    within: Callable[[], None] = lambda: None,
    at_last: Callable[[], None] = lambda: None,
    lost: Callable[[str], None] = lambda _what: None,
    clashed: Callable[[str], None] = lambda _name: None,
) -> Import:
    """Bring all of it, from where somebody came to before; on return everybody who may finds it.

    What is wrong with it is raised, and then nothing of it stays. Conflict where somebody else is at it just now. `between` is
    called behind each thing that is stored, `within` with each piece that is read of one; both may raise TurnOver, to leave the rest for
    later. `at_last` is called before all of it is seen. `lost` is told the name of each file that is named where it
    comes from and is not there any more: the rest comes without it. `clashed` is told the name of each project that is left out, since it
    is in use.
    """
    held, began = claim(job), time.monotonic()
    try:
        bringing = Bringing(
            job, held, between=between, within=within, reader=reader, lost=lost, clashed=clashed
        )
        bringing.everything()
        at_last()
        _finish(job, bringing, by=by)
    except Lost:  # another one's now: what is there is theirs
        raise
    except NOT_NOW as error:
        reconnect()
        with suppress(Lost):
            held.say()  # what it asks the store for next may take as long again as what did not come
        held.rows().update(tries=_UNTRIED)
        wait(held.rows(), error)
        raise
    except _FINAL as error:
        if held.was_taken_over and held.is_held():
            # Whoever had it before may have been slow and not dead, and in the way: once more, alone.
            _let_go(held)
            raise
        if held.is_held():
            with keys_in_use():
                give_up(job, by=by, trouble=error)
        raise
    except TurnOver:
        # Others are before it for as long as it had.
        had = min(timedelta(seconds=time.monotonic() - began), LONGEST_TURN)
        held.rows().update(busy_until=None, turn_at=clock.now() + had, tries=_UNTRIED, trouble="")
        raise
    except BaseException:
        _let_go(held)
        raise
    job.refresh_from_db()
    return job


def give_up(job: Import, *, by: Actor, trouble: OwnlogError | None = None) -> None:
    """Have what had come of an import erased. Asking twice is allowed; Conflict once it is done."""
    with transaction.atomic():
        row = _locked(job)
        if row.state == ImportState.DONE:
            raise Conflict(_("This import is done: erase what it brought like anything else."))
        if row.state == ImportState.GIVEN_UP:
            return
        # Of a team that is erased the eraser has them.
        for project in brought(row.uuid) if row.entity.erased_at is None else ():
            _erase(project, by=by)
        _end(row, ImportState.GIVEN_UP, trouble=trouble)
        if trouble is not None or by.audit_id != row.asked_by:  # who called it off themselves knows
            background.enqueue("imports.tell", import_id=row.pk)
        record(EventKind.IMPORT_GIVEN_UP, **whose(row), by=by)


def erase_what_was_left() -> None:
    """Projects of imports that were given up while their team was being erased, and that came back with it."""
    over = Import.objects.filter(state=ImportState.GIVEN_UP).values("uuid")
    left = Project.everything.filter(erasure_job__in=over, entity__erased_at=None)
    for pk in list(left.values_list("pk", flat=True)):
        with transaction.atomic(), keys_in_use():
            held = Project.everything.select_for_update(of=("self",)).select_related("entity")
            project = held.filter(pk=pk, erasure_job__in=over, entity__erased_at=None).first()
            if project is not None:
                _erase(project, by=Actor.system())


def _erase(project: Project, *, by: Actor) -> None:
    """Nobody has found it before; from one closing to the other, in one transaction, nobody does."""
    Project.everything.filter(pk=project.pk).update(erased_at=None, erasure_job=None)
    project.erased_at = project.erasure_job = None
    erase_project(project, by=by, at_once=True)


def _finish(job: Import, bringing: Bringing, *, by: Actor) -> None:
    with transaction.atomic():
        row = _locked(job)
        if row.state != ImportState.RUNNING or row.busy_until != bringing.held.until:
            raise Lost
        if not row.entity.is_open:
            raise Forbidden(_("Nothing is imported here now."))
        row.entity = _held_with_what_is_chosen(row.entity)
        there = [each.pk for each in brought(row.uuid)]
        bringing.tally.projects = open_brought(row.uuid)
        if not kept_in(row.entity).code:
            # It came while code was saved still, and nobody who erased what was saved found it here.
            erase_code_in(list(Project.objects.select_related("entity").filter(pk__in=there)), by=by)
        for run in bringing.half_runs():
            erase_run(run, by=by, at_once=True)
        _count(row, bringing)
        _end(row, ImportState.DONE)
        background.enqueue("imports.tell", import_id=row.pk)
        tally = bringing.tally
        record(
            EventKind.IMPORT_DONE,
            **whose(row),
            by=by,
            projects=tally.projects,
            runs=tally.runs,
            versions=tally.versions,
        )


def _held_with_what_is_chosen(entity: Entity) -> Entity:
    """Whoever switches code saving off, here or for all teams of the organisation, does so before it is asked for, or behind all of
    this: then they find what came."""
    if entity.organisation is not None:
        locked(entity.organisation)
    held = locked(entity)
    assert isinstance(held, Entity)
    return held


def _count(row: Import, bringing: Bringing) -> None:
    for name in ("projects", "runs", "versions", "left_out"):
        setattr(row, name, getattr(bringing.tally, name))


def _end(row: Import, state: ImportState, *, trouble: OwnlogError | None = None) -> None:
    row.state, row.ended_at, row.busy_until, row.trouble = state.value, clock.now(), None, ""
    if trouble is not None:
        row.trouble = trouble.code[:60]
        with suppress(KeyGone):
            key = open_key(NodeId(row.entity.vault_node))
            row.sealed_words = seal_text(key, trouble.public_message, label=WORDS_LABEL, row=row.uuid)
    row.save()
    # What became of what is no longer of use, and no trace of where things came from is kept.
    ImportItem.objects.filter(of=row).delete()


def _locked(job: Import) -> Import:
    found = Import.objects.select_for_update(of=("self",)).select_related("entity").filter(pk=job.pk).first()
    if found is None:
        raise NotFound(_("There is no such import."))
    return found


def claim(job: Import) -> Held:
    """Nobody else is at it for a while; Conflict where somebody is, or it is over."""
    now = clock.now()
    rows = Import.objects.filter(pk=job.pk, state__in=UNDER_WAY)
    for was_taken_over, free in (
        (False, rows.filter(busy_until=None)),
        (True, rows.filter(nobody_at_it())),
    ):
        # Tries are counted before, so that one that kills its worker comes to an end too.
        if free.update(
            busy_until=now + LEASE, waits_until=None, state=ImportState.RUNNING.value, tries=F("tries") + 1
        ):
            return Held(job.pk, now + LEASE, was_taken_over)
    raise Conflict(_("Somebody is at this import just now, or it is over."))


def _let_go(held: Held) -> None:
    held.rows().update(busy_until=None, turn_at=clock.now())


def free(job: Import) -> QuerySet[Import]:
    """The import, while nobody is at it."""
    return Import.objects.filter(nobody_at_it(), pk=job.pk, state__in=UNDER_WAY)


def wait(rows: QuerySet[Import], error: Exception) -> None:
    """Until what it needs can be had again. What it waits for stands in its row, for the operator. Who asks on the machine asks again
    themselves, and may at once."""
    for row in rows:
        now = clock.now()
        last = now - row.turn_at if row.trouble else None
        changes: dict[str, Any] = {"trouble": _trouble(error), "turn_at": now}
        pause = next_pause(last)
        if row.archive_id is not None and is_one_alone(error):  # it is the one thing that is read
            pause = next_short_pause(last)
            since, tries = row.unread_since or now, row.unread_tries + 1
            changes |= {"trouble": UNREAD, "unread_since": since, "unread_tries": tries}
        rows.update(busy_until=None, waits_until=now + pause, **changes)


def _trouble(error: Exception) -> str:
    if isinstance(error, ObjectMissing):
        return StoreUnreachable.code
    return error.code if isinstance(error, OwnlogError) else Unavailable.code
