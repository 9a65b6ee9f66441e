"""A whole team: closed at once with all its projects, its one key destroyed first, its row left as a stone without a name."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from apps.accounts.actors import Actor
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.core.errors import NotFound
from apps.erasure.models import ErasureJob
from apps.erasure.services import new_job
from apps.erasure.types import Scope
from apps.erasure.wholes import close_whole
from apps.teams.models import Entity
from apps.teams.types import EntityKind


@transaction.atomic
def erase_team(team: Entity, *, by: Actor, at_once: bool = False) -> ErasureJob:
    """Erase a team that was fetched with ENTITY_ADMIN, with its projects, people, keys, invitations and settings. On return it
    is there for nobody; its name is never given again. NotFound when it is not there any more.
    """
    # Without its key: whoever erases one of its runs holds that, and notes a job that points here.
    rows = Entity.objects.select_for_update(of=("self",), no_key=True).filter(kind=EntityKind.TEAM)
    held = rows.filter(pk=team.pk).first()
    if held is None:
        raise NotFound(_("There is no such team."))
    job = new_job(Scope.TEAM, held, asked=1, by=by, at_once=at_once)
    count = close_whole(held, job, by=by)
    record(
        EventKind.TEAM_ERASED,
        subject=held.public_id,
        entity=held.public_id,
        by=by,
        job=job.public_id,
        projects=count,
    )
    return job
