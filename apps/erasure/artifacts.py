"""Versions of artifacts, and whole artifacts, erased like runs: marked and recorded at once, the rest by a job."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from django.db import transaction
from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from apps.accounts.actors import Actor
from apps.artifacts.models import Alias, Collection, Link, Version
from apps.artifacts.queries.holders import all_versions, versions_to_erase
from apps.artifacts.queries.versions import NO_ARTIFACT, whose
from apps.artifacts.services import close_collection, close_versions, leave_collection, leave_versions
from apps.artifacts.types import VersionState
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.core.errors import Conflict, Invalid, NotFound
from apps.erasure.errors import InUse
from apps.erasure.models import ErasureJob
from apps.erasure.queries import MOST_AT_ONCE, uses_of
from apps.erasure.services import check_count, erase_run, new_job, take_exports
from apps.erasure.types import Cause, Scope, Step
from apps.exports.closing import exports_holding, telling_of_versions
from apps.runs.models import Run


@transaction.atomic
def erase_versions(
    versions: Sequence[Version],
    *,
    by: Actor,
    cause: Cause = Cause.ASKED,
    with_aliases: bool = True,
    even_if_used: bool = True,
    only_if: Q | None = None,
    at_once: bool = False,
) -> ErasureJob:
    """Erase committed versions of one owner, each fetched with FILE_ERASE. On return nobody finds them, whatever happens to
    this process; links to them are cut, once they cannot be taken back, and `latest` leads to the newest that is left.

    With `only_if` those of which it holds at the last moment; NotFound when none is there any more. Conflict while aliases
    lead to one of them, unless they go too; InUse while something uses one, unless `even_if_used`. Words are not opened: a damaged
    version goes like any other.
    """
    check_count(versions)
    locked = _locked(versions, only_if)
    if not locked:
        raise NotFound(NO_ARTIFACT)
    if not even_if_used and uses_of(by, locked).used:
        raise InUse("A run that you may see has read it, or something links it.")
    if len({each.collection.project.entity_id for each in locked}) != 1:
        raise Invalid(_("Versions of one owner are erased together."))
    ids = [each.pk for each in locked]
    led = Alias.objects.filter(version__in=ids, collection=F("version__collection"))
    if not with_aliases and led.exists():
        raise Conflict(_("Aliases lead to this version. Delete them too, or move them first."))
    entity = locked[0].collection.project.entity
    places = {each.collection.project_id: each.collection.project for each in locked}.values()
    job = new_job(
        Scope.VERSIONS, entity, asked=len(locked), by=by, cause=cause, at_once=at_once, projects=places
    )
    Version.objects.filter(pk__in=ids).update(
        state=VersionState.DELETED, erased_at=job.asked_at, erasure_job=job.uuid, updated_at=job.asked_at
    )
    portfolios = _portfolios_of(ids)
    if job.step == Step.WAIT:
        close_versions(locked)
    else:
        leave_versions(locked, by=by)
    take_exports(job, exports_holding(telling_of_versions(ids) | Q(collection__in=portfolios)), by=by)
    for each in locked:
        record(EventKind.ARTIFACT_DELETED, **whose(each), by=by, job=job.public_id, cause=cause.value)
    return job


@transaction.atomic
def erase_unused(
    versions: Sequence[Version], *, by: Actor, most: int | None = None, at_once: bool = False
) -> list[ErasureJob]:
    """Those of these versions, each fetched with FILE_ERASE, that nothing uses at the last moment, `most` of them; by as many jobs as it
    takes. InUse when something uses each."""
    there = _locked(versions, None)
    used = uses_of(by, there).used
    going = [each for each in there if each.pk not in used][:most]
    if not going:
        raise InUse("There is no version of it that nothing uses.")
    turns = (going[start : start + MOST_AT_ONCE] for start in range(0, len(going), MOST_AT_ONCE))
    return [erase_versions(some, by=by, at_once=at_once) for some in turns]


@transaction.atomic
def erase_run_with(run: Run, versions: Sequence[Version], *, by: Actor) -> ErasureJob:
    """Erase a run that was fetched with RUN_ERASE, and versions that it made, each fetched with FILE_ERASE: all or nothing.
    Versions that are gone meanwhile are nobody's to erase any more."""
    # All rows before the first turn: one turn's portfolios are taken after every turn's versions.
    there = _locked(versions, None)
    _take(Collection.objects.filter(pk__in=Link.objects.filter(version__in=there).values("collection")))
    for start in range(0, len(there), MOST_AT_ONCE):
        erase_versions(there[start : start + MOST_AT_ONCE], by=by)
    return erase_run(run, by=by)


def _take(places: QuerySet[Collection]) -> None:
    """Their rows, for the rest of the transaction."""
    list(places.select_for_update().order_by("pk").values_list("pk"))


def _portfolios_of(versions: Sequence[int] | QuerySet[Version]) -> list[int]:
    """Where these are linked, asked before they are cut out there: exports of those places name them."""
    return list(Link.objects.filter(version__in=versions).values_list("collection", flat=True).distinct())


def _locked(versions: Sequence[Version], only_if: Q | None) -> list[Version]:
    """Collections first, then versions, then portfolios: in the order in which whoever commits or links one takes them."""
    _take(Collection.objects.filter(pk__in={each.collection_id for each in versions}))
    rows = Version.objects.select_for_update(of=("self",)).select_related("collection__project__entity")
    there = rows.filter(
        only_if or Q(),
        pk__in=[each.pk for each in versions],
        state=VersionState.COMMITTED,
        collection__project__erased_at=None,
    )
    return list(there.defer("sealed_words", "collection__sealed_words").order_by("pk"))


@transaction.atomic
def erase_artifact(
    collection: Collection,
    *,
    by: Actor,
    asks_each: bool = False,
    even_if_used: bool = True,
    at_once: bool = False,
) -> ErasureJob:
    """Erase a collection that was fetched with FILE_ERASE, with all its versions; of a portfolio the links, not what they
    lead to. Its name is free at once, also while it can be taken back. NotFound when it is not there any more.

    With `asks_each` Forbidden where one of the versions is not the actor's to erase, also one that was committed just now. InUse while
    something uses one, unless `even_if_used`.
    """
    rows = Collection.objects.select_for_update(of=("self",)).select_related("project__entity")
    locked = rows.filter(pk=collection.pk, project__erased_at=None).first()
    if locked is None:
        raise NotFound(NO_ARTIFACT)
    if asks_each:
        versions_to_erase(by, locked.pk)
    # After the collection's row, which whoever commits a version holds. Uploads that are under way go too.
    versions = Version.everything.filter(collection=locked)
    list(versions.select_for_update().order_by("pk").values_list("pk"))
    if not even_if_used and uses_of(by, all_versions(locked.pk)).used:
        raise InUse("Runs that you may see have read versions of it, or something links one.")
    project = locked.project
    job = new_job(Scope.ARTIFACT, project.entity, asked=1, by=by, at_once=at_once, projects=[project])
    is_waiting = job.step == Step.WAIT
    count = versions.filter(state=VersionState.COMMITTED).count()
    # What another job is erasing stays its own besides: it may not find nothing, and prove that it is gone, before this one has
    # come to it.
    versions.update(
        state=VersionState.DELETED,
        erased_at=Coalesce("erased_at", Value(job.asked_at)),
        erasure_job=Coalesce("erasure_job", Value(job.uuid)),
        updated_at=job.asked_at,
    )
    Collection.objects.filter(pk=locked.pk).update(
        erased_at=job.asked_at,
        erasure_job=job.uuid,
        name_index=secrets.token_bytes(16),
        client_index=locked.client_index if is_waiting else None,
        updated_at=job.asked_at,
    )
    said = telling_of_versions(versions) | Q(collection__in=[locked.pk, *_portfolios_of(versions)])
    if is_waiting:
        close_collection(locked, by=by)
    else:
        leave_collection(locked, by=by)
    take_exports(job, exports_holding(said), by=by)
    record(
        EventKind.ARTIFACT_ERASED,
        subject=locked.public_id,
        project=project.public_id,
        entity=project.entity.public_id,
        by=by,
        job=job.public_id,
        versions=count,
    )
    return job
