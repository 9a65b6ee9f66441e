"""Erasures done again on a main database that does not know of them: it was put back from a backup, the vault was not.

Their keys are gone, so nothing of them opens. This takes away what rows still show: that there was something, when, how large.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db.models import F, Max, Q, QuerySet

from apps.accounts.actors import Actor
from apps.artifacts.models import Collection, Version
from apps.artifacts.types import VersionState
from apps.audit.models import Event
from apps.blobs.models import BlobState
from apps.core.errors import NotFound
from apps.erasure.accounts import close_account
from apps.erasure.artifacts import erase_artifact, erase_versions
from apps.erasure.exports import erase_exports
from apps.erasure.keyless import begin_again
from apps.erasure.models import ErasureJob
from apps.erasure.organisations import close_organisation, erase_organisation
from apps.erasure.queries import MOST_AT_ONCE
from apps.erasure.remembering import wait_again
from apps.erasure.services import erase_files, erase_project, erase_runs
from apps.erasure.teams import erase_team
from apps.exports.models import Export
from apps.files.models import RunFile
from apps.projects.models import Project
from apps.runs.models import Run
from apps.teams.models import Entity, Organisation
from apps.teams.names import is_name_of_the_erased
from apps.teams.types import EntityKind
from apps.vault.erased import erased_nodes, known_until, last_erased_at
from apps.vault.tree import owners_of
from apps.vault.types import NodeId, NodeKind
from apps.vault.waiting import last_asked_at

log = logging.getLogger(__name__)
_CLOCKS_DIFFER = timedelta(seconds=5)


def erase_again_if_older() -> int:
    """The same, where the vault knows of an erasure that came after the last thing that this database knows."""
    moments = [each for each in (last_erased_at(), last_asked_at()) if each is not None]
    erased_at = max(moments, default=None)
    if erased_at is None:
        return 0
    shredded_at = ErasureJob.objects.aggregate(Max("shredded_at"))["shredded_at__max"]
    event_at = Event.objects.order_by("-pk").values_list("at", flat=True).first()
    known = max((each for each in (shredded_at, event_at) if each is not None), default=None)
    if known is None or known - _CLOCKS_DIFFER > erased_at:
        return 0
    return erase_again()


def erase_again() -> int:
    """Erase whatever has a row here while its key was erased, as if somebody had asked once more; how many things. They are
    gone for everybody on return, their rows soon after. Doing it again finds nothing. What still waits keeps its moment."""
    by = Actor.system()
    _reopen_what_cannot_come_back()
    gone = sum(
        (
            _each(
                NodeKind.ENTITY,
                Entity.objects.filter(kind=EntityKind.TEAM),
                lambda team: erase_team(team, by=by, at_once=True),
            ),
            _each(
                NodeKind.ENTITY,
                Entity.objects.filter(kind=EntityKind.PERSONAL),
                lambda own: close_account(own, by=by, at_once=True),
            ),
            _each(
                NodeKind.ENTITY,
                Entity.objects.filter(kind=EntityKind.ORGANISATION),
                lambda place: close_organisation(place, by=by, at_once=True),
            ),
            _each(
                NodeKind.PROJECT,
                Project.objects.all(),
                lambda project: erase_project(project, by=by, at_once=True),
            ),
            _organisations(by),
            _together(
                NodeKind.RUN,
                Run.objects.filter(project__erased_at=None),
                "project_id",
                lambda runs: erase_runs(runs, by=by, at_once=True),
            ),
            _each(
                NodeKind.COLLECTION,
                Collection.objects.all(),
                lambda found: erase_artifact(found, by=by, at_once=True),
            ),
            _together(
                NodeKind.VERSION,
                Version.objects.filter(state=VersionState.COMMITTED),
                "collection__project__entity_id",
                lambda versions: erase_versions(versions, by=by, at_once=True),
            ),
            _together(
                NodeKind.EXPORT,
                Export.objects.all(),
                "entity_id",
                lambda exports: erase_exports(exports, by=by),
            ),
            _files(by),
            begin_again(),
            wait_again(),
        )
    )
    if gone:
        log.warning("things erased again, which the main database did not know to be erased: %d", gone)
    return gone


def _reopen_what_cannot_come_back() -> None:
    """A run that was closed for the erasure of a part when the backup was made: that ended since, the key it has here is gone. It
    is no longer that job's, and goes whole with the others."""
    for nodes in erased_nodes(NodeKind.RUN, MOST_AT_ONCE):
        closed = Run.everything.filter(is_back_soon=True, vault_node__in=nodes)
        closed.update(erased_at=None, erasure_job=None, is_back_soon=False)


def _organisations(by: Actor) -> int:
    """Those that had no registries, and so no key, when the backup was made: the tombstone of the key that they got since has
    their name."""
    rows = Organisation.objects.filter(entity=None).order_by("pk")
    found = [each for each in rows.iterator() if is_name_of_the_erased(each.name)]
    return sum(_done(lambda each: erase_organisation(each, by=by, at_once=True), each) for each in found)


def _each(kind: NodeKind, rows: QuerySet[Any], erase: Callable[[Any], object]) -> int:
    found = [row for nodes in erased_nodes(kind, MOST_AT_ONCE) for row in rows.filter(vault_node__in=nodes)]
    return sum(_done(erase, row) for row in found)


def _together(kind: NodeKind, rows: QuerySet[Any], owner: str, erase: Callable[[list[Any]], object]) -> int:
    """Those of one owner by one job, of those that are found at once."""
    gone = 0
    for nodes in erased_nodes(kind, MOST_AT_ONCE):
        found = rows.filter(vault_node__in=nodes).annotate(owner_of_it=F(owner)).order_by(owner, "pk")
        gone += _by_owner(found, erase)
    return gone


def _by_owner(found: Iterable[Any], erase: Callable[[list[Any]], object]) -> int:
    gone = 0
    for _, those in groupby(found, key=lambda row: row.owner_of_it):
        some = list(those)
        gone += len(some) * _done(erase, some)
    return gone


def _done(erase: Callable[[Any], object], what: Any) -> bool:
    try:
        erase(what)
    except NotFound:  # gone with what it lay in
        return False
    return True


def _files(by: Actor) -> int:
    """A file's key is a blob's: it leaves no tombstone, but nobody is granted it any more.

    So does one that came after all that the vault knows: then it is the vault that is old, and the file stays.
    """
    until = known_until()
    if until is None:
        return 0
    rows = RunFile.objects.filter(
        blob__state=BlobState.STORED,
        blob__created_at__lt=until,
        run__erased_at=None,
        run__project__erased_at=None,
    )
    last = gone = 0
    while some := dict(
        rows.filter(pk__gt=last).order_by("pk").values_list("pk", "blob__vault_node")[:MOST_AT_ONCE]
    ):
        last = max(some)
        granted = owners_of([NodeId(blob) for blob in some.values()])
        lost = {pk: blob for pk, blob in some.items() if blob not in granted}
        if lost:
            gone += _without_key(lost, by)
    return gone


def _without_key(lost: dict[int, UUID], by: Actor) -> int:
    """Files by the key that they had when it was looked for: one that is saved again meanwhile has another, and stays."""
    still = Q(blob__vault_node__in=list(lost.values()))
    found = RunFile.objects.filter(still, pk__in=lost).annotate(owner_of_it=F("run__project__entity_id"))
    return _by_owner(
        found.order_by("owner_of_it", "pk"),
        lambda files: erase_files(files, by=by, only_if=still, at_once=True),
    )
