"""An erasure taken back while it waits, or begun before its time. Whoever could erase the thing may do either.

What is taken back stands as it did, with its keys, its links and what leads to it. What it lay in has to be there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.accounts.closing import open_account_again
from apps.accounts.models import User
from apps.accounts.names import as_stored
from apps.artifacts.models import Collection, Version
from apps.artifacts.services import bring_back_collection, bring_back_versions
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.core import background, clock
from apps.core.errors import Conflict, Forbidden, Invalid, OwnlogError
from apps.erasure.grace import can_be_taken_back, waiting
from apps.erasure.keyless import has_lost_keys
from apps.erasure.models import ErasureJob, PartErasure
from apps.erasure.queries import get_job
from apps.erasure.types import Scope, Step
from apps.erasure.ways_back import erasure_behind, use_way_back, was_handed_over
from apps.files.models import RunFile
from apps.files.queries import names_again
from apps.projects.gate import require
from apps.projects.models import Project
from apps.runs.holding import hold_runs
from apps.runs.models import Run
from apps.teams.gate import require as require_in_entity
from apps.teams.gate import require_in_organisation
from apps.teams.models import Entity, Organisation
from apps.webhooks.outbox import note_taken_back
from apps.webhooks.services import note_maker_back

_FREE: dict[str, Any] = {"erased_at": None, "erasure_job": None}


@transaction.atomic
def take_back(actor: Actor, *, public_id: str) -> ErasureJob:
    """Have all that an erasure closed there again. Conflict where it has begun, where what it lay in is being erased itself,
    or where a name has been given to something else since; then nothing has changed.
    """
    job = get_job(actor, public_id=public_id)
    return _taken_back(job, by=actor, gate=lambda: _GATES[Scope(job.scope)](actor, job))


@transaction.atomic
def take_back_by_link(secret: str) -> ErasureJob:
    """The same for an account, by whoever has the link that was mailed to its person. It is good once."""
    job, person = use_way_back(secret)
    return _taken_back(job, by=person, gate=lambda: None)  # the link is what lets in


def _taken_back(job: ErasureJob, *, by: Actor, gate: Callable[[], None]) -> ErasureJob:
    # Whoever would begin it asks for the same row: one of the two comes too late.
    if not waiting().filter(pk=job.pk).update(step=Step.TAKEN_BACK.value, done_at=clock.now()):
        raise Conflict(_("This erasure waits no more: it cannot be taken back."))
    gate()
    if has_lost_keys(job):
        raise Conflict(_("Its keys were destroyed before: it cannot be taken back."))
    _BACK[Scope(job.scope)](job)
    note_taken_back(job.public_id)
    background.enqueue("erasure.remember")
    return _noted(EventKind.ERASURE_TAKEN_BACK, job, by)


@transaction.atomic
def erase_now(actor: Actor, *, public_id: str) -> ErasureJob:
    """Do not wait: begin what could still be taken back. Conflict where it has begun."""
    job = get_job(actor, public_id=public_id)
    if not waiting().filter(pk=job.pk).update(due_at=clock.now()):
        raise Conflict(_("This erasure waits no more."))
    _GATES[Scope(job.scope)](actor, job)
    background.enqueue("erasure.advance", job_id=job.pk)
    return _noted(EventKind.ERASURE_HASTENED, job, actor)


@transaction.atomic
def erase_now_by_link(secret: str, *, name: str) -> ErasureJob:
    """The same for an account, by whoever has its link and types what it is called, as when it was asked for. Invalid for another
    name; the link leads on to the receipt.

    Forbidden by a link that was only shown: whoever closed it with a key that was left somewhere was shown it too, and would take
    its person the days in which they come back. On the page they may ask for that at once, with a proof of who they are."""
    job = erasure_behind(secret)
    if job.entity.user is None or not can_be_taken_back(job):
        raise Conflict(_("This erasure waits no more."))
    if not was_handed_over(secret):
        raise Forbidden(
            _(
                "This link was shown, not mailed or handed over by an operator: it does not have it begin sooner."
            )
        )
    if as_stored(name.strip()) != job.entity.name:
        raise Invalid(_("This is not the user name of this account."))
    if not waiting().filter(pk=job.pk).update(due_at=clock.now()):
        raise Conflict(_("This erasure waits no more."))
    background.enqueue("erasure.advance", job_id=job.pk)
    return _noted(EventKind.ERASURE_HASTENED, job, Actor.person(job.entity.user))


def may_decide(actor: Actor, job: ErasureJob) -> bool:
    """May the actor take this back now, or have it begin? For pages that offer it."""
    if not can_be_taken_back(job):
        return False
    try:
        _GATES[Scope(job.scope)](actor, job)
    except OwnlogError:
        return False
    return True


def _noted(kind: EventKind, job: ErasureJob, by: Actor) -> ErasureJob:
    record(kind, subject=job.public_id, entity=job.entity.public_id, by=by, job=job.public_id)
    job.refresh_from_db()
    return job


# ── who may: as if it were to be erased now ──


def _pass(actor: Actor, permission: Permission, projects: Iterable[tuple[Project, bool]], what: str) -> None:
    """For each of these projects, and whether the thing in it is the actor's own; each pair is asked about once."""
    for project, is_own in {(project.pk, is_own): (project, is_own) for project, is_own in projects}.values():
        # Of these copies: that they are closed as well is said by who brings things back.
        project.erased_at = project.entity.erased_at = None
        require(actor, permission, project, what=what, is_own=is_own)


def _is_own(actor: Actor, created_by: int | None) -> bool:
    return actor.user_id is not None and created_by == actor.user_id


def _gate_of_project(actor: Actor, job: ErasureJob) -> None:
    rows = Project.everything.select_related("entity").filter(erasure_job=job.uuid)
    _pass(actor, Permission.PROJECT_ERASE, ((each, False) for each in rows), "project")


def _gate_of_team(actor: Actor, job: ErasureJob) -> None:
    for team in Entity.everything.filter(erasure_job=job.uuid):
        team.erased_at = None  # of this copy
        require_in_entity(actor, Permission.ENTITY_ADMIN, entity=team, what="team")


def _gate_of_account(actor: Actor, job: ErasureJob) -> None:
    """Whose it is cannot sign in; the link that was mailed to them asks no gate (`take_back_by_link`)."""
    raise Forbidden(_("An account is taken back by the link that was mailed to its person."))


def _gate_of_organisation(actor: Actor, job: ErasureJob) -> None:
    for organisation in Organisation.everything.filter(entity__erasure_job=job.uuid):
        organisation.erased_at = None  # of this copy
        require_in_organisation(actor, Permission.ENTITY_ADMIN, organisation=organisation)


def _gate_of_runs(actor: Actor, job: ErasureJob) -> None:
    rows = Run.everything.select_related("project__entity").filter(erasure_job=job.uuid)
    pairs = ((each.project, _is_own(actor, each.created_by_id)) for each in rows)
    _pass(actor, Permission.RUN_ERASE, pairs, "run")


def _gate_of_files(actor: Actor, job: ErasureJob) -> None:
    rows = RunFile.everything.select_related("run__project__entity").filter(erasure_job=job.uuid)
    pairs = ((each.run.project, _is_own(actor, each.run.created_by_id)) for each in rows)
    _pass(actor, Permission.FILE_ERASE, pairs, "file")


def _gate_of_versions(actor: Actor, job: ErasureJob) -> None:
    rows = Version.everything.select_related("collection__project__entity").filter(erasure_job=job.uuid)
    rows = rows.defer("sealed_words", "collection__sealed_words")
    pairs = ((each.collection.project, _is_own(actor, each.created_by_id)) for each in rows)
    _pass(actor, Permission.FILE_ERASE, pairs, "artifact")


def _gate_of_artifact(actor: Actor, job: ErasureJob) -> None:
    rows = Collection.everything.select_related("project__entity").filter(erasure_job=job.uuid)
    pairs = ((each.project, _is_own(actor, each.created_by_id)) for each in rows)
    _pass(actor, Permission.FILE_ERASE, pairs, "artifact")


_GATES: dict[Scope, Callable[[Actor, ErasureJob], None]] = {
    Scope.TEAM: _gate_of_team,
    Scope.ACCOUNT: _gate_of_account,
    Scope.ORGANISATION: _gate_of_organisation,
    Scope.PROJECT: _gate_of_project,
    Scope.RUNS: _gate_of_runs,
    Scope.FILES: _gate_of_files,
    Scope.VERSIONS: _gate_of_versions,
    Scope.ARTIFACT: _gate_of_artifact,
}


# ── the undoing of each kind of closing, under the locks that closing takes ──


def _require_there(found: Sequence[object], *, above: Iterable[Entity | Project | Run | Collection]) -> None:
    if not found:
        raise Conflict(_("What this would bring back was erased with what it lay in."))
    if any(each.erased_at is not None for each in above):
        raise Conflict(_("What it lay in is being erased as well. Take that back first."))


def _bring_back_project(job: ErasureJob) -> None:
    rows = Project.everything.select_for_update(of=("self",)).select_related("entity")
    found = list(rows.filter(erasure_job=job.uuid))
    _require_there(found, above=(each.entity for each in found))
    # Runs that were being erased by themselves before stay so.
    _bring_back_their_runs(job, [each.pk for each in found])
    Project.everything.filter(pk__in=[each.pk for each in found]).update(**_FREE)


def _bring_back_entity(job: ErasureJob) -> None:
    found = list(Entity.everything.select_for_update(no_key=True).filter(erasure_job=job.uuid))
    _require_there(found, above=())
    projects = Project.everything.filter(entity__in=found, erasure_job=job.uuid)
    # Held before their runs, as whoever opens one of these again holds them.
    held = list(projects.select_for_update().order_by("pk").values_list("pk", flat=True))
    _bring_back_their_runs(job, held)
    projects.update(**_FREE)
    Entity.everything.filter(pk__in=[each.pk for each in found]).update(**_FREE)
    Organisation.everything.filter(entity__in=found).update(erased_at=None)
    for each in found:
        if each.user_id is not None:
            open_account_again(each.user_id, name=each.name)
            note_maker_back(User.objects.get(pk=each.user_id), by=Actor.system())


def _bring_back_their_runs(job: ErasureJob, projects: Sequence[int]) -> None:
    """Of projects that are held. Those of which only a part was being erased are back in a moment, as they were before."""
    runs = Run.everything.filter(project__in=projects)
    hold_runs(runs)
    runs.filter(erasure_job=job.uuid).update(**_FREE, version=F("version") + 1)
    parts = PartErasure.objects.filter(run__project__in=projects, exchanged_at=None)
    runs.filter(erasure_job__in=parts.values("erasure_job")).update(is_back_soon=True)


def _bring_back_runs(job: ErasureJob) -> None:
    rows = Run.everything.select_for_update(of=("self",)).select_related("project")
    found = list(rows.filter(erasure_job=job.uuid).order_by("pk"))
    _require_there(found, above=(each.project for each in found))
    Run.everything.filter(pk__in=[each.pk for each in found]).update(**_FREE, version=F("version") + 1)


def _bring_back_files(job: ErasureJob) -> None:
    rows = RunFile.everything.select_for_update(of=("self",)).select_related("run__project")
    found = list(rows.filter(erasure_job=job.uuid).order_by("pk"))
    _require_there(found, above=[thing for each in found for thing in (each.run, each.run.project)])
    for file, index in names_again(found):
        file.erased_at, file.erasure_job, file.name_index = None, None, index
    _require_names_free(found)
    try:
        with transaction.atomic():
            RunFile.everything.bulk_update(found, ["erased_at", "erasure_job", "name_index"], batch_size=100)
    except IntegrityError:
        raise Conflict(_("A file of the same name was saved at this moment.")) from None


def _require_names_free(files: Sequence[RunFile]) -> None:
    """Whatever was saved since under one of the names is newer: it stays until somebody says otherwise."""
    rows = RunFile.objects.filter(
        run__in={each.run_id for each in files}, name_index__in=[each.name_index for each in files]
    )
    taken = {(run, bytes(index)) for run, index in rows.values_list("run_id", "name_index")}
    again = sum((each.run_id, bytes(each.name_index)) in taken for each in files)
    if again:
        raise Conflict(
            ngettext(
                "%(n)d file was saved again under the same name. Erase that one first.",
                "%(n)d files were saved again under the same names. Erase those first.",
                again,
            )
            % {"n": again}
        )


def _bring_back_versions(job: ErasureJob) -> None:
    marked = Version.everything.filter(erasure_job=job.uuid)
    _take(Collection.everything.filter(pk__in=marked.values("collection")))
    rows = marked.select_for_update(of=("self",)).select_related("collection__project__entity")
    found = list(rows.defer("sealed_words").order_by("pk"))
    above = [thing for each in found for thing in (each.collection, each.collection.project)]
    _require_there(found, above=above)
    bring_back_versions(found)


def _bring_back_artifact(job: ErasureJob) -> None:
    rows = Collection.everything.select_for_update(of=("self",)).select_related("project__entity")
    found = list(rows.filter(erasure_job=job.uuid))
    _require_there(found, above=(each.project for each in found))
    for collection in found:
        bring_back_collection(collection)
    marked = Version.everything.filter(erasure_job=job.uuid, collection__in=found)
    of_them = marked.select_for_update(of=("self",)).select_related("collection__project__entity")
    versions = list(of_them.defer("sealed_words").order_by("pk"))
    bring_back_versions([each for each in versions if each.number is not None])
    # Uploads that were under way have broken off, and are cleared away like others that did.
    marked.filter(number=None).update(**_FREE)


def _take(places: QuerySet[Collection]) -> None:
    """Their rows, for the rest of the transaction."""
    list(places.select_for_update().order_by("pk").values_list("pk"))


_BACK: dict[Scope, Callable[[ErasureJob], None]] = {
    Scope.TEAM: _bring_back_entity,
    Scope.ACCOUNT: _bring_back_entity,
    Scope.ORGANISATION: _bring_back_entity,
    Scope.PROJECT: _bring_back_project,
    Scope.RUNS: _bring_back_runs,
    Scope.FILES: _bring_back_files,
    Scope.VERSIONS: _bring_back_versions,
    Scope.ARTIFACT: _bring_back_artifact,
}
