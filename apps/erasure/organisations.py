"""An organisation with its registries: its teams stay, with their projects, and what it said to them ends with it."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from apps.accounts.actors import Actor
from apps.artifacts.queries.links import links_there
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.core.errors import NotFound
from apps.erasure.models import ErasureJob
from apps.erasure.services import new_job
from apps.erasure.types import OrganisationWouldGo, Scope
from apps.erasure.wholes import close_whole
from apps.projects.models import Project
from apps.teams.models import Entity, Organisation
from apps.teams.queries import people_in
from apps.teams.services import entity_of_registries


def erase_organisation(organisation: Organisation, *, by: Actor, at_once: bool = False) -> ErasureJob:
    """Erase an organisation that was fetched with ENTITY_ADMIN. On return it is there for nobody; its name is never given again.

    What it enforces holds for its teams until it is gone for good: nothing that it kept private opens by its waiting.
    """
    entity = entity_of_registries(organisation)  # a key of its own, for the tombstone that keeps its name
    return close_organisation(entity, by=by, at_once=at_once)


@transaction.atomic
def close_organisation(entity: Entity, *, by: Actor, at_once: bool = False) -> ErasureJob:
    """The same by what its registries lie in."""
    rows = Organisation.objects.select_for_update(of=("self",), no_key=True).filter(entity=entity)
    places = Entity.objects.select_for_update(of=("self",), no_key=True).filter(pk=entity.pk)
    held, place = rows.first(), places.first()
    if held is None or place is None:
        raise NotFound(_("There is no such organisation."))
    job = new_job(Scope.ORGANISATION, place, asked=1, by=by, at_once=at_once)
    Organisation.objects.filter(pk=held.pk).update(erased_at=job.asked_at)
    count = close_whole(place, job, by=by)
    record(
        EventKind.ORGANISATION_ERASED,
        subject=held.public_id,
        entity=held.public_id,
        by=by,
        job=job.public_id,
        registries=count,
    )
    return job


def organisation_would_go(organisation: Organisation) -> OrganisationWouldGo:
    """What goes with an organisation that is held with ENTITY_ADMIN."""
    registries = Project.objects.filter(entity__of_organisation=organisation)
    return OrganisationWouldGo(
        registries=registries.count(),
        links=links_there().filter(collection__project__in=registries).count(),
        people=len(people_in(organisation)),
        teams=Entity.objects.filter(organisation=organisation).count(),
    )
