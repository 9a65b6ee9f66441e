"""The end of an entity's own row: it stays, so that receipts and the record lead to something, and names nobody."""

from __future__ import annotations

from django.db import transaction
from django.db.models import CharField, F, Value
from django.db.models.functions import Concat

from apps.erasure.models import ErasureJob
from apps.projects.models import ProjectTeam
from apps.teams.models import Entity
from apps.teams.services import forget_services_without_a_team

_NO_NAME = "~"  # no name begins so: nobody can take it or ask for it


@transaction.atomic
def leave_stones(job: ErasureJob) -> None:
    """Once everything below is gone. Doing it again changes nothing."""
    gone = Entity.everything.filter(erasure_job=job.uuid)
    ProjectTeam.objects.filter(team__in=gone).delete()
    gone.update(name=Concat(Value(_NO_NAME), F("public_id"), output_field=CharField()), organisation=None)
    forget_services_without_a_team()
