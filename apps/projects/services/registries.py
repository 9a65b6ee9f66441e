"""Who is named in a registry: people of the organisation, and its teams. Each registry was fetched with PROJECT_SHARE."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.accounts.names import as_stored, is_name
from apps.audit.events import EventKind
from apps.core.errors import Invalid
from apps.core.ids import is_public_id
from apps.projects.models import Project, ProjectMember, ProjectTeam
from apps.projects.queries import locked_project
from apps.projects.services.projects import note
from apps.projects.services.sharing import MOST_NAMED
from apps.projects.types import RegistryRole
from apps.teams.models import Entity, Membership, OrganisationMembership
from apps.teams.queries.service_accounts import is_handle
from apps.teams.types import EntityKind


def somebody(*, person: str = "", team: str = "") -> User | Entity:
    """The person or the team with this id. One refusal for who is not there and who is not of the organisation."""
    found: User | Entity | None = None
    if is_public_id(person):
        found = User.objects.filter(public_id=person, is_active=True).first()
    elif is_public_id(team):
        found = Entity.objects.filter(public_id=team, kind=EntityKind.TEAM).first()
    if found is None:
        raise Invalid(_("Only people and teams of the organisation can be in its registries."))
    return found


def somebody_called(name: str) -> User | Entity:
    """The same by name: a person’s, a service account’s handle or a team’s."""
    name, found = as_stored(name.strip()), None
    if is_name(name) or is_handle(name):
        found = (
            User.objects.filter(username=name, is_active=True).first()
            or Entity.objects.filter(name=name, kind=EntityKind.TEAM).first()
        )
    if found is None:
        raise Invalid(_("Only people and teams of the organisation can be in its registries."))
    return found


@transaction.atomic
def name_in_registry(project: Project, who: User | Entity, *, role: RegistryRole, by: Actor) -> None:
    """Make somebody, or everybody of a team, this in a registry, whatever they were in it before."""
    project = locked_project(project)
    if not _is_of_organisation(project.entity, who):
        raise Invalid(_("Only people and teams of the organisation can be in its registries."))
    if isinstance(who, Entity):
        others = ProjectTeam.objects.filter(project=project).exclude(team=who)
        _check_count(others.count())
        ProjectTeam.objects.update_or_create(project=project, team=who, defaults={"role": role.value})
        note(EventKind.PERSON_NAMED, project, by=by, team=who.public_id, role=role.value)
        return
    people = ProjectMember.objects.filter(project=project).exclude(user=who)
    _check_count(people.count())
    ProjectMember.objects.update_or_create(
        project=project, user=who, defaults={"role": role.value, "is_outsider": False}
    )
    note(EventKind.PERSON_NAMED, project, by=by, person=who.public_id, role=role.value)


@transaction.atomic
def unname_in_registry(project: Project, who: User | Entity, *, by: Actor) -> None:
    """Take a name out of a registry. Who is not in it is left alone."""
    if isinstance(who, Entity):
        if ProjectTeam.objects.filter(project=project, team=who).delete()[0]:
            note(EventKind.PERSON_UNNAMED, project, by=by, team=who.public_id)
    elif ProjectMember.objects.filter(project=project, user=who).delete()[0]:
        note(EventKind.PERSON_UNNAMED, project, by=by, person=who.public_id)


def unname_called(project: Project, name: str, *, by: Actor) -> None:
    """Take the person or the team of this name out of a registry, whether they are still somebody or not."""
    name = as_stored(name.strip())
    if not (is_name(name) or is_handle(name)):
        return
    for person in ProjectMember.objects.select_related("user").filter(project=project, user__username=name):
        unname_in_registry(project, person.user, by=by)
    for named in ProjectTeam.objects.select_related("team").filter(project=project, team__name=name):
        unname_in_registry(project, named.team, by=by)


def _is_of_organisation(entity: Entity, who: User | Entity) -> bool:
    organisation = entity.of_organisation
    if isinstance(who, Entity):
        return who.organisation_id == organisation.pk
    teams = Membership.objects.filter(user=who, entity__organisation=organisation, entity__erased_at=None)
    return (
        teams.exists() or OrganisationMembership.objects.filter(user=who, organisation=organisation).exists()
    )


def _check_count(others: int) -> None:
    if others >= MOST_NAMED:
        raise Invalid(_("A project names at most %(n)d people.") % {"n": MOST_NAMED})
