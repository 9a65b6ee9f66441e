from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.artifacts.queries.code import called, runs_with_new_versions, versions_by_id
from apps.artifacts.queries.versions import require_version
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.code_saving.credentials import MASK, Detector, find, values_in
from apps.code_saving.credentials_in_json import LONG_ENOUGH, held_at, spots, without
from apps.code_saving.policy import is_code_artifact
from apps.core import clock, jsontext
from apps.core.errors import Changed, Conflict, Erased, NotFound, Unavailable
from apps.core.ids import is_public_id
from apps.erasure.artifacts import erase_versions
from apps.erasure.exports import erase_exports_of
from apps.erasure.parts import renew_key
from apps.erasure.services import erase_files
from apps.files.models import RunFile
from apps.files.queries import find_file, read_file
from apps.files.services import store_file
from apps.leaks.models import Finding, Scan
from apps.leaks.notes import PROGRESS_LABEL, open_finding
from apps.leaks.scanning import MOST_OF_A_FILE, SIDE_FILES, Progress, first_part, look
from apps.leaks.scanning_artifacts import UNREADABLE
from apps.leaks.standing import as_they_stand, told
from apps.leaks.types import Place, Spot, State
from apps.runs.history import masking
from apps.runs.models import Run
from apps.runs.queries import gone_or_back_soon, open_run, run_key, whose
from apps.runs.services import update_run
from apps.runs.types import RunPatch, RunState
from apps.vault.damage import leaving_out_damaged
from apps.vault.errors import Moved, Tampered
from apps.vault.seal import seal, unseal

_TURN_SECONDS = 20.0  # then other work of the worker has its turn
_RUNS_AT_ONCE = 200
_TRIES = 5
_COMMITTED_WITHIN = timedelta(minutes=1)  # what is dated before a look may show up after it
_FILES_COME_WITHIN = timedelta(days=1)
_RENEWED_AFTER = timedelta(minutes=1)
_RENEWED_AT_ONCE = 20
log = logging.getLogger(__name__)


class _TurnIsOver(Exception):
    """What was looked at stays so; the next turn goes on."""


# ── looking ──


def scan_due() -> int:
    """Look through what came into runs since they were last looked at, for one turn. Returns how many runs are done."""
    ends, done = time.monotonic() + _TURN_SECONDS, 0
    for pk in _due():
        if time.monotonic() > ends:
            break
        done += _scan_noted(pk, ends)
    return done


def _due() -> list[int]:
    """Runs that changed since, those looked at longest ago first. A file or a version does not change its run: each has a date of its own."""
    changed = Run.objects.filter(Q(scan=None) | Q(scan__version__lt=F("version")))
    changed = changed.order_by(F("scan__looked_until").asc(nulls_first=True), "pk")
    files = RunFile.objects.filter(updated_at__gt=clock.now() - _FILES_COME_WITHIN)
    with_files = files.filter(updated_at__gt=F("run__scan__looked_until"), run__erased_at=None)
    of_files = with_files.order_by("run__scan__looked_until").values_list("run", flat=True)
    made = runs_with_new_versions(clock.now() - _FILES_COME_WITHIN)
    made = made.filter(version__committed_at__gt=F("run__scan__looked_until"))
    of_versions = made.order_by("run__scan__looked_until").values_list("run", flat=True)
    found = [
        *changed.values_list("pk", flat=True)[:_RUNS_AT_ONCE],
        *of_files[:_RUNS_AT_ONCE],
        *of_versions[:_RUNS_AT_ONCE],
    ]
    return list(dict.fromkeys(found))


def _scan_noted(pk: int, ends: float) -> bool:
    """One that cannot be read must not keep the others waiting, and comes last the next time."""
    run = Run.objects.select_related("project__entity").filter(pk=pk).first()
    try:
        return run is not None and scan(run, ends=ends)
    except Exception as error:  # noqa: BLE001  (one that cannot be looked through must not keep the others waiting)
        log.warning("not looked through, tried again: run=%s error=%s", pk, type(error).__name__)
        # A version that no run has: it is due again, whether or not anything more comes into it.
        Scan.objects.filter(run=pk).update(looked_until=clock.now(), version=0)
        return False


def scan(run: Run, *, ends: float = float("inf")) -> bool:
    """Look through one run. False when the turn was over before its end. Twice at once does no harm."""
    started, version = clock.now(), run.version
    # Before anything that may fail: a run without a row is always the first in turn.
    row, key = Scan.objects.get_or_create(run=run)[0], run_key(run)
    progress = Progress()
    if row.sealed_progress is not None:
        held = unseal(key, bytes(row.sealed_progress), label=PROGRESS_LABEL, row=row.uuid)
        progress = Progress.from_bytes(held)

    def beat() -> None:
        if time.monotonic() > ends:
            raise _TurnIsOver

    is_done = False
    try:
        look(run, progress, beat)
        is_done = True
    except _TurnIsOver:
        pass
    finally:
        # Not done: a version that no run has, so that it stays due. Whatever broke off, what was looked at stays so.
        sealed = seal(key, progress.to_bytes(), label=PROGRESS_LABEL, row=row.uuid)
        looked_until = started - _COMMITTED_WITHIN
        is_done &= _noted(
            run, row, sealed_progress=sealed, version=version if is_done else 0, looked_until=looked_until
        )
    return is_done


@transaction.atomic
def _noted(run: Run, row: Scan, **changes: Any) -> bool:
    """Held: who gives the run another key waits, and seals this again; or has done so, and this look does not count."""
    there = Run.objects.select_for_update().filter(pk=run.pk, vault_node=run.vault_node)
    if there.values_list("pk").first() is None:
        return False
    return bool(Scan.objects.filter(pk=row.pk).update(**changes))


# ── what its people do about it ──


@transaction.atomic
def dismiss_findings(run: Run, public_ids: Iterable[str], *, by: Actor) -> None:
    """Somebody who may write the run says that these are no secrets. It is not said again; twice changes nothing.

    One act and one statement, however many they are. Those that are decided about, or not there, are passed over.
    """
    rows = Finding.objects.filter(run=run, public_id__in=[each for each in public_ids if is_public_id(each)])
    if count := rows.filter(state=State.OPEN.value).update(state=State.DISMISSED.value):
        record(EventKind.SECRET_DISMISSED, **whose(run), by=by, findings=count)


def erase_value(finding: Finding, *, by: Actor) -> None:
    """Take the value out where it was found, and where the client wrote the same down beside it.

    For who fetched it with FILE_ERASE. Not inside a transaction. May be asked again after it broke off.
    """
    run = finding.run
    spot = open_finding(finding, run_key(run)).spot
    _ERASERS[spot.place](run, spot, by)
    if spot.place is Place.CONFIG and _stands_in_config(run, spot):
        return  # what could not be taken out must not be said to be gone
    erase_exports_of(run, by=by)  # made before, they hold the value still
    with transaction.atomic():
        standing = Finding.objects.filter(pk=finding.pk).exclude(state=State.ERASED.value)
        if standing.update(state=State.ERASED.value):
            record(EventKind.SECRET_ERASED, **whose(run), by=by)
        # A file that went whole has a key of its own, which went with it.
        if spot.place not in {Place.CODE, Place.ARTIFACT}:
            Scan.objects.get_or_create(run=run)
            Scan.objects.filter(run=run).update(new_key_wanted_at=clock.now())
    _settle(run)


def renew_due() -> int:
    """Give runs out of which a value was taken another key, once they have ended: no old copy opens it then (ADR 0175).

    Some time after the last value, so that whoever erases several is not kept out of the run after each. Returns how many.
    """
    quiet = Scan.objects.filter(new_key_wanted_at__lt=clock.now() - _RENEWED_AFTER, run__erased_at=None)
    ended = quiet.filter(run__state__in=[state.value for state in RunState.closed()])
    found = ended.select_related("run").order_by("new_key_wanted_at")[:_RENEWED_AT_ONCE]
    return sum(_renewed(scan) for scan in found)


def _renewed(scan: Scan) -> bool:
    """One that cannot have another key now, or never, must not keep the others waiting, and comes last the next time."""
    mine = Scan.objects.filter(pk=scan.pk, new_key_wanted_at=scan.new_key_wanted_at)
    try:
        with transaction.atomic():
            if not mine.update(new_key_wanted_at=None):
                return False  # another value went meanwhile, or another worker was quicker
            renew_key(scan.run, by=Actor.system())
    except (Conflict, Erased, Unavailable):  # it goes on again, files of it wait, or it is being erased
        mine.update(new_key_wanted_at=clock.now())
        return False
    except Exception as error:  # noqa: BLE001  (a damaged run must not end all looking for secrets)
        log.warning("no other key, tried again: run=%s error=%s", scan.run_id, type(error).__name__)
        mine.update(new_key_wanted_at=clock.now())
        return False
    return True


def _erase_in_config(run: Run, spot: Spot, by: Actor) -> None:
    for _attempt in range(_TRIES):
        held = Run.objects.select_related("project__entity").filter(pk=run.pk).first()
        if held is None:
            raise gone_or_back_soon(run.pk)
        config = jsontext.loads(open_run(held).config_text)
        found = held_at(config, [(spot.path, spot.detector)])
        _erase_beside(run, [secret for each in found for secret, _ in each.secrets()], by)
        patch = RunPatch(config_text=jsontext.dumps(without(config, found)))
        try:
            update_run(held, patch, by=by, only_if=partial(_is_still, version=held.version))
        except Changed:
            continue
        return
    raise Changed(_("The run is changing just now. Try again."))


def _stands_in_config(run: Run, spot: Spot) -> bool:
    held = Run.objects.filter(pk=run.pk).first()
    return held is not None and (spot.path, spot.detector) in spots(
        jsontext.loads(open_run(held).config_text)
    )


def _settle(run: Run) -> None:
    """The same value stood at other places of the config, and in what the client wrote beside it: nobody need click there too."""
    held = Run.objects.filter(pk=run.pk).first()
    if held is None:
        return
    rows = Finding.objects.filter(run=held, state=State.OPEN.value)
    # The value itself is gone by now: what else is damaged changes nothing about that.
    with leaving_out_damaged():
        found = as_they_stand(list(told(rows, {held.pk: run_key(held)})))
    gone = {each.finding.public_id for each in found if not each.is_open}
    in_files = [each.finding for each in found if each.is_open and each.finding.spot.place is Place.FILE]
    for name in {each.spot.file for each in in_files}:
        try:
            kinds = {each.detector for each in find(_looked_at(find_file(held, name).file))}
        except UNREADABLE:  # nobody knows what stands in it: its findings stay
            continue
        gone |= {
            each.public_id for each in in_files if each.spot.file == name and each.spot.detector not in kinds
        }
    rows.filter(public_id__in=gone).update(state=State.ERASED.value)


def _looked_at(file: RunFile) -> bytes:
    """What of a file findings are of. A client may send one of any size under the name of its own."""
    return b"".join(first_part(read_file(file)))


def _is_still(run: Run, *, version: int) -> bool:
    return run.version == version


def _erase_in_console(run: Run, spot: Spot, by: Actor) -> None:
    secrets: list[str] = []

    def change(text: str) -> str:
        if spot.detector is Detector.PRIVATE_KEY or spot.last > spot.line:
            # Its lines look like nothing by themselves. The short ones, an empty one say, stand in other texts as well.
            if len(text) >= LONG_ENOUGH:
                secrets.append(text)
            return MASK
        found = values_in(text, spot.detector)
        secrets.extend(found)
        for secret in found:
            text = text.replace(secret, MASK)
        return text

    numbers = range(spot.line, spot.last + 1)
    masking.change_lines(run, bytes.fromhex(spot.writer), numbers, change)
    _erase_beside(run, secrets, by)


def _erase_in_file(run: Run, spot: Spot, by: Actor) -> None:
    try:
        file = find_file(run, spot.file).file
    except NotFound:  # erased by other means
        return
    try:
        text = _looked_at(file).decode("utf-8", "replace")
    except Tampered as error:
        _erase_damaged(file, error, by)
    else:
        _erase_beside(run, values_in(text, spot.detector), by)


def _erase_code(run: Run, spot: Spot, by: Actor) -> None:
    try:
        erase_files([find_file(run, spot.file).file], by=by, at_once=True)
    except NotFound:  # erased by other means
        return


def _erase_in_artifact(run: Run, spot: Spot, by: Actor) -> None:
    """A version is its digest: no value can go alone. What the client made of code goes whole, whichever runs sent the same;
    what a script named goes from its own page, which says what else goes along.
    """
    opened = versions_by_id(run, [spot.version]).get(spot.version)
    if opened is None:  # erased by other means
        return
    require_version(by, Permission.FILE_ERASE, opened.version)
    if not is_code_artifact(*called(opened)):
        raise Conflict(_("Erase the version on its own page: there it says what goes along."))
    erase_versions([opened.version], by=by, at_once=True)


_ERASERS = {
    Place.ARTIFACT: _erase_in_artifact,
    Place.CODE: _erase_code,
    Place.CONFIG: _erase_in_config,
    Place.CONSOLE: _erase_in_console,
    Place.FILE: _erase_in_file,
}


def _erase_beside(run: Run, secrets: list[str], by: Actor) -> None:
    """The same values in the files that the client writes by itself. One that cannot be written anew is erased whole."""
    for name in (*SIDE_FILES, "output.log"):
        try:
            file = find_file(run, name).file
        except NotFound:
            continue
        if file.size > MOST_OF_A_FILE:
            erase_files([file], by=by, at_once=True)
            continue
        try:
            before = b"".join(read_file(file))
        except Tampered as error:
            _erase_damaged(file, error, by)
            continue
        after, is_short = before, False
        for secret in sorted(set(secrets), key=len, reverse=True):
            for spelled in _spellings(secret):
                after = after.replace(spelled, MASK.encode())
            is_short = is_short or len(secret) < LONG_ENOUGH
        if after != before and is_short:
            erase_files([file], by=by, at_once=True)
        elif after != before:
            store_file(file, [after])


def _erase_damaged(file: RunFile, error: Tampered, by: Actor) -> None:
    """It may hold the value and nobody can write it anew: a copy from before the damage is to open with no key."""
    if isinstance(error, Moved):  # an epoch goes by: asked again it is whole
        raise error
    erase_files([file], by=by, at_once=True)


def _spellings(secret: str) -> set[bytes]:
    """As it is, and as JSON has it in the way of this instance and in the client's."""
    written = {secret, jsontext.dumps(secret)[1:-1], json.dumps(secret)[1:-1]}
    return {each.encode("utf-8", "surrogatepass") for each in written}
