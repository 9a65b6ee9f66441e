"""An account with everything of its person's own: it opens nothing from the moment it is asked, and leaves a stone without a name."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from apps.accounts.actors import Actor
from apps.accounts.closing import closed_account, hold_account, hold_operators, require_other_operator
from apps.accounts.models import ApiKey, User
from apps.accounts.services import require_all_rights
from apps.artifacts.queries.links import links_there
from apps.artifacts.queries.versions import committed
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.core.errors import Conflict, Forbidden, NotFound
from apps.erasure.models import ErasureJob
from apps.erasure.services import new_job
from apps.erasure.types import AccountWouldGo, Cause, Scope
from apps.erasure.ways_back import make_way_back
from apps.erasure.wholes import close_whole
from apps.plans.services import withdraw_of
from apps.projects.models import Project
from apps.runs.models import Run
from apps.teams.models import Entity, Membership, Organisation, OrganisationMembership
from apps.teams.queries import last_admin_of
from apps.webhooks.queries import hooks_made_elsewhere
from apps.webhooks.services import note_maker_left


@transaction.atomic
def erase_account(
    user: User, *, by: Actor, at_once: bool = False, cause: Cause = Cause.ASKED
) -> tuple[ErasureJob, str]:
    """Erase the account of a person, and the secret of the link that takes it back while it waits and leads to the receipt
    afterwards: nobody can read it again.

    Forbidden for anybody but that person and whoever has a shell on the machine. Conflict, and nothing happened, where a team or an
    organisation would be left without an admin, or the instance without an operator. NotFound for who is gone.
    """
    require_all_rights(by)
    if by.user_id != user.pk and not by.is_at_the_machine:
        raise Forbidden(_("An account is erased by its person."))
    entity = Entity.objects.filter(user=user).first()
    if entity is None:
        raise NotFound(_("There is no such account."))
    # Whoever founds something meanwhile waits, or is waited for; so does another operator who goes.
    hold_operators()
    hold_account(user)
    # The places next, before what is in them, as in every act on their people: who leaves one at the same moment waits here, or is waited for.
    _hold_places_of(user)
    if last := last_admin_of(user):
        raise Conflict(
            _("%(name)s would be without an admin. Make somebody else one first, or erase it.")
            % {"name": last[0].name}
        )
    require_other_operator(user)
    job = close_account(entity, by=by, at_once=at_once, cause=cause)
    return job, make_way_back(job)


@transaction.atomic
def close_account(
    entity: Entity, *, by: Actor, at_once: bool = False, cause: Cause = Cause.ASKED
) -> ErasureJob:
    """The same for an account whose erasure was decided before: nothing stands in its way."""
    rows = Entity.objects.select_for_update(of=("self",), no_key=True)
    held = rows.filter(pk=entity.pk, user__isnull=False).first()
    if held is None:
        raise NotFound(_("There is no such account."))
    assert held.user_id is not None, "asked for above"
    job = new_job(Scope.ACCOUNT, held, asked=1, by=by, cause=cause, at_once=at_once)
    user = closed_account(held.user_id, at=job.asked_at)
    withdraw_of(user, by=by)
    note_maker_left(user, by=by)
    count = close_whole(held, job, by=by, also=Q(asked_by=user.public_id))
    record(
        EventKind.ACCOUNT_ERASED,
        subject=user.public_id,
        entity=held.public_id,
        by=by,
        job=job.public_id,
        cause=cause.value,
        projects=count,
    )
    return job


def account_would_go(user: User) -> AccountWouldGo:
    """What goes with an account, beside what `would_go` counts of its entity."""
    elsewhere = Run.objects.filter(created_by=user, project__erased_at=None)
    places = Membership.objects.filter(user=user, entity__erased_at=None).count()
    places += OrganisationMembership.objects.filter(user=user, organisation__erased_at=None).count()
    return AccountWouldGo(
        projects=Project.objects.filter(entity__user=user).count(),
        versions=committed().filter(collection__project__entity__user=user).count(),
        keys=ApiKey.objects.filter(user=user, revoked_at=None).count(),
        places=places,
        stays=elsewhere.exclude(project__entity__user=user).count(),
        hooks=hooks_made_elsewhere(user).count(),
        linked=links_there().filter(version__collection__project__entity__user=user).count(),
        last_of=tuple(last_admin_of(user)),
    )


def _hold_places_of(user: User) -> None:
    teams = Entity.objects.filter(pk__in=Membership.objects.filter(user=user).values("entity"))
    held = OrganisationMembership.objects.filter(user=user).values("organisation")
    for places in (teams, Organisation.objects.filter(pk__in=held)):
        list(places.select_for_update(no_key=True).order_by("pk").values_list("pk"))
