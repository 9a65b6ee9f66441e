from __future__ import annotations

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from apps.access.policy import Permission, Scope
from apps.accounts.actors import OPERATOR_ID, Actor
from apps.accounts.queries import actor_for_signature
from apps.core.errors import Forbidden, NotFound
from apps.core.ids import is_public_id
from apps.core.waiting import Work, work_of
from apps.imports.models import Import, ImportItem
from apps.imports.types import ImportState, ItemKind
from apps.teams import gate
from apps.teams.models import Entity
from apps.teams.queries import entities_of, get_entity
from apps.vault.seal import unseal_text
from apps.vault.tree import open_key
from apps.vault.types import NodeId

WORDS_LABEL = "import.words"
_MOST_SHOWN = 100


def whose(job: Import) -> dict[str, str]:
    """What an act on this import says of it to the audit record."""
    return {"subject": job.public_id, "entity": job.entity.public_id}


def entity_to_import_into(actor: Actor, *, name: str) -> Entity:
    """The person or team of this name, for who may make projects there."""
    return get_entity(actor, Permission.PROJECT_CREATE, name=name)


def imports_seen_by(actor: Actor) -> list[Import]:
    """The newest imports that the actor asked for, and those into the entities whose admin they are."""
    return list(_seen(actor).select_related("entity").order_by("-id")[:_MOST_SHOWN])


def get_import(actor: Actor, *, public_id: str) -> Import:
    """One of these, to see how far it is."""
    found = None
    if is_public_id(public_id):
        found = _seen(actor).select_related("entity").filter(public_id=public_id).first()
    if found is None:
        raise NotFound(_("There is no such import, or it is not shared with you."))
    return found


def get_import_to_end(actor: Actor, *, public_id: str) -> Import:
    """The same to call it off: not by a key that only reads."""
    job = get_import(actor, public_id=public_id)
    if actor.scope is Scope.READ:
        raise Forbidden(_("This API key only reads: it calls off no import."))
    return job


def words_of(job: Import) -> str:
    """What was wrong with an import that was given up, in the words in which it was said; else nothing."""
    if job.sealed_words is None:
        return ""
    key = open_key(NodeId(job.entity.vault_node))
    return unseal_text(key, bytes(job.sealed_words), label=WORDS_LABEL, row=job.uuid)


def percent_of(job: Import) -> int:
    """How many of its runs and versions are there, in a hundred; 0 where nobody knows how many there are."""
    if job.state == ImportState.DONE:
        return 100
    if not job.things:
        return 0
    done = ImportItem.objects.filter(of=job, is_done=True, kind__in=[ItemKind.RUN, ItemKind.VERSION]).count()
    return min(99, 100 * done // job.things)


def asker_of(job: Import) -> Actor | None:
    """Who asked for it, with the rights of the key that they used; nobody once they or the key are not good any more."""
    if job.asked_by == OPERATOR_ID:
        return Actor.operator()
    return actor_for_signature(job.asked_by, job.asked_with)


def imports_on_their_way() -> Work:
    """Imports that are being brought, for the operators' page of jobs."""
    waiting = Import.objects.filter(state__in=[ImportState.QUEUED, ImportState.RUNNING])
    return work_of(_("Imports on their way"), waiting, "asked_at")


def _seen(actor: Actor) -> QuerySet[Import]:
    if actor.user_id is None:
        return Import.objects.none()
    theirs = gate.those_where(actor, Permission.ENTITY_ADMIN, entities_of(actor))
    asked = Q(asked_by=actor.audit_id)
    if actor.only_entity is not None:
        asked &= Q(entity=actor.only_entity)
    return Import.objects.filter(asked | Q(entity__in=[each.pk for each in theirs]), entity__erased_at=None)
