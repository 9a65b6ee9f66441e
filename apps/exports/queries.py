from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from apps.access.policy import Permission, Scope
from apps.accounts.actors import OPERATOR_ID, Actor
from apps.accounts.queries import actor_for_signature
from apps.accounts.services import require_all_rights
from apps.blobs.services import read_blob
from apps.core import clock
from apps.core.errors import Forbidden, NotFound
from apps.core.ids import is_public_id
from apps.core.waiting import Work, work_of
from apps.exports.models import Export, ExportItem, ExportPiece
from apps.exports.types import ExportScope, ExportState, Progress
from apps.projects.gate import require_each, where_may
from apps.projects.models import Project
from apps.teams import gate
from apps.teams.models import Entity
from apps.teams.queries import entities_of, own_entity
from apps.vault.errors import KeyGone, Tampered
from apps.vault.types import NodeId

_MOST_SHOWN = 100
_RECKONED_FROM = 0.02  # so much has to be done before anything is said of the rest


def kept_for() -> timedelta:
    """For how long an archive can be fetched."""
    return timedelta(days=settings.OWNLOG_EXPORT_DAYS)


def exports_seen_by(actor: Actor) -> list[Export]:
    """The newest exports that the actor asked for, and those of the entities whose admin they are."""
    return list(_seen(actor).select_related("entity").order_by("-id")[:_MOST_SHOWN])


def get_export(actor: Actor, *, public_id: str) -> Export:
    """One export that the actor asked for, or of an entity whose admin they are: to see how far it is, or to end it."""
    found = (
        _seen(actor).select_related("entity").filter(public_id=public_id) if is_public_id(public_id) else None
    )
    if found is None or (export := found.first()) is None:
        raise _missing()
    return export


def get_export_to_end(actor: Actor, *, public_id: str) -> Export:
    """The same to end it: not by a key that only reads."""
    export = get_export(actor, public_id=public_id)
    if actor.scope is Scope.READ:
        raise Forbidden(_("This API key only reads: it ends no export."))
    return export


def get_archive(actor: Actor, *, public_id: str) -> Export:
    """The same to fetch its archive, which is made for who asked alone: it holds what they saw, also of lineage elsewhere.
    Whoever may not export all that is in it any more finds none."""
    export = get_export(actor, public_id=public_id)
    if export.state != ExportState.READY or not is_fetched_by(actor, export):
        raise _missing()
    require_all(actor, export)
    return export


def is_fetched_by(actor: Actor, export: Export) -> bool:
    """Whether its archive, once it is ready, is for them; what is in it is asked for besides."""
    is_over = export.expires_at is not None and export.expires_at <= clock.now()
    return not is_over and export.asked_by == actor.audit_id


def require_all(actor: Actor, export: Export) -> None:
    """Pass for whoever may export everything that is in it, as things are now."""
    if export.scope == ExportScope.ACCOUNT and own_account(actor) != export.entity:
        raise _missing()
    if export.scope == ExportScope.ENTITY:
        gate.require(actor, Permission.ENTITY_READ, entity=export.entity, what="export")
    if export.has_record:
        gate.require(actor, Permission.ENTITY_AUDIT, entity=export.entity, what="export")
    require_each(actor, Permission.PROJECT_EXPORT, projects_in(export), what="export")


def whose(export: Export) -> dict[str, str]:
    """What an act on this export says of it to the audit record: with its project, where it is of one alone."""
    projects = projects_in(export)
    is_of_one = export.scope in {ExportScope.RUNS, ExportScope.PROJECT} and projects
    of_one = projects[0].public_id if is_of_one else ""
    return {"subject": export.public_id, "entity": export.entity.public_id, "project": of_one}


def own_account(actor: Actor) -> Entity:
    """The actor's own entity, for exporting their account: by a browser or by a key that carries everything. A service has none."""
    require_all_rights(actor)
    own = own_entity(actor)
    gate.require(actor, Permission.ENTITY_ADMIN, entity=own, what="export")
    return own


def projects_in(export: Export) -> list[Project]:
    held = ExportItem.objects.filter(export=export, project__isnull=False).values("project")
    return list(Project.everything.filter(pk__in=held).select_related("entity").order_by("pk"))


def asker_of(export: Export) -> Actor | None:
    """Who asked for it, with the rights of the key that they used; nobody once they or the key are not good any more."""
    if export.asked_by == OPERATOR_ID:
        return Actor.operator()
    return actor_for_signature(export.asked_by, export.asked_with)


def read_archive(export: Export, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """The bytes of a finished archive, or the part from `start` up to `end`: its pieces one after the other."""
    end = export.size if end is None else min(end, export.size)
    # Without the lists of what lies in them, which grow with the files.
    rows = ExportPiece.objects.filter(export=export).defer("sealed_entries")
    pieces = list(rows.select_related("blob").order_by("number"))
    whole = [piece.number for piece in pieces] == list(range(len(pieces)))
    if not whole or sum(piece.size for piece in pieces) != export.size:
        raise Tampered("export", export.uuid)
    position, owner = 0, NodeId(export.vault_node)
    for piece in pieces:
        first, after = max(start - position, 0), min(end - position, piece.size)
        if first < after:
            if not Export.objects.filter(
                pk=export.pk
            ).exists():  # it was revoked since it is fetched, or erased
                raise KeyGone(export.vault_node)
            yield from read_blob(piece.blob, owner, start=first, end=after)
        position += piece.size


def file_name(export: Export) -> str:
    """What its file is called when it is fetched: whose it is and when it was asked for, and nothing of what is in it."""
    return f"ownlog-{export.entity.name}-{export.asked_at:%Y-%m-%d}-{export.public_id[:4]}.zip"


def projects_to_export(actor: Actor, entity: Entity) -> list[Project]:
    """The projects of an entity that the actor may export."""
    rows = list(Project.objects.filter(entity=entity).select_related("entity").order_by("pk"))
    allowed = where_may(actor, Permission.PROJECT_EXPORT, rows)
    return [project for project in rows if project.pk in allowed]


def progress_of(export: Export) -> Progress:
    """How far it is, and how long the rest takes at the pace so far."""
    done, total = min(export.weight_done, export.weight), export.weight
    if export.state == ExportState.READY:
        return Progress(total, total, 0)
    left = None
    if export.started_at is not None and total and done >= total * _RECKONED_FROM:
        spent = (clock.now() - export.started_at).total_seconds()
        left = round(spent * (total - done) / done)
    return Progress(done, total, left)


def exports_on_their_way() -> Work:
    """Exports that are being made, for the operators' page of jobs."""
    waiting = Export.objects.filter(state__in=[ExportState.QUEUED, ExportState.RUNNING])
    return work_of(_("Exports on their way"), waiting, "asked_at")


def _missing() -> NotFound:
    return NotFound(_("There is no such export, or it is not shared with you."))


def _seen(actor: Actor) -> QuerySet[Export]:
    if actor.user_id is None:
        return Export.objects.none()
    theirs = gate.those_where(actor, Permission.ENTITY_ADMIN, entities_of(actor))
    asked = Q(asked_by=actor.audit_id)
    if actor.only_entity is not None:
        asked &= Q(entity=actor.only_entity)
    seen = Export.objects.filter(asked | Q(entity__in=[each.pk for each in theirs]))
    # What is of the person as such is not there for a key that was given less.
    return seen if actor.has_all_rights else seen.exclude(scope=ExportScope.ACCOUNT.value)
