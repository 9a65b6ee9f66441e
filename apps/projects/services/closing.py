from __future__ import annotations

from collections.abc import Collection

from django.db import transaction

from apps.access.policy import Visibility
from apps.accounts.actors import Actor
from apps.audit.events import EventKind
from apps.projects.models import Project
from apps.projects.services.projects import note
from apps.projects.types import PUBLISHED
from apps.teams.models import Entity


@transaction.atomic
def close_published(entities: Collection[Entity], by: Actor) -> None:
    """Make private what of these entities' projects an organisation kept closed, before it keeps that no more.

    Nobody was asked about the runs and the code that came meanwhile: whoever wants them seen publishes the project again.
    """
    rows = Project.objects.select_for_update(of=("self",)).select_related("entity").order_by("pk")
    for project in rows.filter(entity__in=entities, visibility__in=PUBLISHED):
        after = Visibility.PRIVATE.value
        note(EventKind.VISIBILITY_CHANGED, project, by=by, before=project.visibility, after=after)
        project.visibility = after
        project.save(update_fields=["visibility"])
