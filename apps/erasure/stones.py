"""The end of an entity's own row: it stays, so that receipts and the record lead to something, and names nobody.

The row of the person or of the organisation whose entity it was goes: what they made elsewhere has no author from then on.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import CharField, F, Value
from django.db.models.functions import Concat

from apps.accounts.closing import delete_accounts
from apps.accounts.names import NO_NAME
from apps.erasure.models import ErasureJob
from apps.projects.models import ProjectTeam
from apps.teams.models import Entity, Organisation
from apps.teams.services import forget_services_without_a_team


@transaction.atomic
def leave_stones(job: ErasureJob) -> None:
    """Once everything below is gone. Doing it again changes nothing."""
    gone = Entity.everything.filter(erasure_job=job.uuid)
    people = list(gone.exclude(user=None).values_list("user_id", flat=True))
    ProjectTeam.objects.filter(team__in=gone).delete()
    Organisation.everything.filter(entity__in=gone).delete()
    gone.update(
        name=Concat(Value(NO_NAME), F("public_id"), output_field=CharField()), organisation=None, user=None
    )
    delete_accounts(people)
    forget_services_without_a_team()
