"""The gate of projects and of what lies in them: what somebody is in a project, on top of what they are in its entity.

Every read and every act on a project, a run or a file comes through here. Nothing is remembered from one question to
the next: who is named, which link is good and how visible a project is are looked up each time. What an organisation
keeps to its own people is asked here too, so that it holds for what was shared before: nobody of elsewhere is let in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from apps.access.policy import (
    Permission,
    Role,
    Scope,
    Visibility,
    allows,
    standing,
    standing_in_registry,
)
from apps.accounts.actors import Actor
from apps.core import clock
from apps.core.errors import NotFound
from apps.core.ids import is_public_id
from apps.projects.models import Project, ProjectMember, ProjectTeam, ShareLink
from apps.projects.readings import READING, note_readings
from apps.projects.types import PUBLISHED
from apps.teams.gate import refusal, require_open, roles_in, roles_in_registries
from apps.teams.models import Membership
from apps.teams.queries import organisations_that_keep_private
from apps.teams.types import MemberRole


@dataclass(frozen=True, slots=True)
class _Standing:
    """What somebody is in the entity of a project and in itself, and how visible it is as things are."""

    in_entity: Role
    here: Role
    visibility: Visibility


def role_in_project(actor: Actor, project: Project) -> Role:
    return roles_in_projects(actor, [project])[project.pk]


def roles_in_projects(actor: Actor, projects: Iterable[Project]) -> dict[int, Role]:
    """What the actor is in each of these, by primary key, with four questions at most."""
    return {pk: each.here for pk, each in _standings(actor, list(projects)).items()}


def visibilities_of(projects: Iterable[Project]) -> dict[int, Visibility]:
    """How visible each of these is, by primary key: what was chosen, or less where an organisation allows no more."""
    projects = list(projects)
    kept = kept_to_own_people(projects)
    return {each.pk: _visibility(each, kept) for each in projects}


def kept_to_own_people(projects: Iterable[Project]) -> set[int]:
    """The entities of these whose organisation keeps their projects from everybody of elsewhere, with one question at most."""
    under = {
        each.entity_id: each.entity.organisation_id
        for each in projects
        if each.entity.organisation_id is not None
    }
    if not under:
        return set()
    private = organisations_that_keep_private(set(under.values()))
    return {pk for pk, organisation in under.items() if organisation in private}


def _visibility(project: Project, kept: Collection[int]) -> Visibility:
    chosen = Visibility(project.visibility)
    is_kept = project.is_registry or project.entity_id in kept
    return Visibility.PRIVATE if chosen in PUBLISHED and is_kept else chosen


def _standings(actor: Actor, projects: Collection[Project]) -> dict[int, _Standing]:
    """What the actor is in the entity of each of these, and in itself."""
    registries = [each for each in projects if each.is_registry]
    others = [each for each in projects if not each.is_registry] if registries else projects
    found = _in_projects(actor, others) if others else {}
    return found | _in_registries(actor, registries) if registries else found


def _in_registries(actor: Actor, registries: Collection[Project]) -> dict[int, _Standing]:
    in_entities = roles_in_registries(actor, {each.entity_id: each.entity for each in registries}.values())
    named = _named_in_registries(actor, registries, in_entities)
    found = {}
    for each in registries:
        visibility, in_entity = _visibility(each, ()), in_entities[each.entity_id]
        here = standing_in_registry(in_entity, visibility=visibility, named=named.get(each.pk))
        found[each.pk] = _Standing(in_entity, here, visibility)
    return found


def _named_in_registries(
    actor: Actor, registries: Collection[Project], in_entities: Mapping[int, Role]
) -> dict[int, Role]:
    """By their own name, while they are in the organisation, and by that of a team of theirs, while that is in it and not erased."""
    if actor.user_id is None:
        return {}
    own = ProjectMember.objects.filter(project__in=registries, user_id=actor.user_id)
    given = [
        (pk, Role(role))
        for pk, entity_id, role in own.values_list("project_id", "project__entity_id", "role")
        if in_entities[entity_id] is not Role.STRANGER
    ]
    teams = ProjectTeam.objects.filter(
        project__in=registries,
        team__memberships__user_id=actor.user_id,
        team__erased_at=None,
        team__organisation__entity=F("project__entity"),
    )
    if actor.only_entity is not None:
        teams = teams.filter(team=actor.only_entity)
    given += [(pk, Role(role)) for pk, role in teams.values_list("project_id", "role")]
    order = list(Role)
    return dict(sorted(given, key=lambda each: -order.index(each[1])))  # the most of each counts


def _in_projects(actor: Actor, projects: Collection[Project]) -> dict[int, _Standing]:
    in_entities = roles_in(actor, {each.entity_id: each.entity for each in projects}.values())
    kept = kept_to_own_people(projects)
    restricted = [each for each in projects if each.visibility == Visibility.RESTRICTED]
    named = _named(actor, restricted, in_entities, kept)
    linked = _linked(actor, [each for each in projects if each.entity_id not in kept])
    found = {}
    for each in projects:
        in_entity, visibility = in_entities[each.entity_id], _visibility(each, kept)
        here = standing(
            in_entity, visibility=visibility, named=named.get(each.pk), holds_link=each.pk in linked
        )
        found[each.pk] = _Standing(in_entity, here, visibility)
    return found


def _named(
    actor: Actor, projects: Collection[Project], in_entities: Mapping[int, Role], kept: Collection[int]
) -> dict[int, Role]:
    if actor.user_id is None or not projects:
        return {}
    rows = ProjectMember.objects.filter(project__in=projects, user_id=actor.user_id)
    found = rows.values_list("project_id", "project__entity_id", "role", "is_outsider")
    return {
        pk: Role(role)
        for pk, entity_id, role, is_outsider in found
        if in_entities[entity_id] is not Role.STRANGER or (is_outsider and entity_id not in kept)
    }


def _linked(actor: Actor, projects: Collection[Project]) -> set[int]:
    held = [public_id for public_id in actor.shares if is_public_id(public_id)]
    if not held or not projects:
        return set()
    found = working_links().filter(public_id__in=held, project__in=projects)
    return set(found.values_list("project_id", flat=True))


def working_links() -> QuerySet[ShareLink]:
    """The links that open their project now: of those that stand none whose maker's account waits to be erased, for nothing of theirs
    opens anything meanwhile."""
    return standing_links().filter(created_by__erased_at=None)


def standing_links() -> QuerySet[ShareLink]:
    """The links that are not over, with those that would open again if their maker took their account back. One ends with its maker's
    being an admin: it would let them back in."""
    admins = Membership.objects.filter(
        entity=OuterRef("project__entity"), user=OuterRef("created_by"), role=MemberRole.ADMIN.value
    )
    return ShareLink.objects.filter(
        Q(project__entity__user=F("created_by")) | Exists(admins),
        revoked_at=None,
        expires_at__gt=clock.now(),
    )


def may(actor: Actor, permission: Permission, project: Project, *, is_own: bool = False) -> bool:
    return _allowed(actor, permission, project, _standing(actor, project), is_own=is_own)


def where_may(actor: Actor, permission: Permission, projects: Iterable[Project]) -> set[int]:
    """Those of these in which the actor may do this, by primary key, in as many questions as of one."""
    projects = list(projects)
    standings = _standings(actor, projects) if projects else {}
    return {each.pk for each in projects if _allowed(actor, permission, each, standings[each.pk])}


def those_allowed(actor: Actor, project: Project, *permissions: Permission) -> frozenset[Permission]:
    """Those of these that the actor may do, for a page that offers several."""
    held = _standing(actor, project)
    return frozenset(each for each in permissions if _allowed(actor, each, project, held))


def _standing(actor: Actor, project: Project) -> _Standing:
    return _standings(actor, [project])[project.pk]


def require(
    actor: Actor, permission: Permission, project: Project, *, what: str = "project", is_own: bool = False
) -> None:
    """Pass, or raise NotFound to those who may not even see it and Forbidden to those who may.

    `what` names the kind of thing in the message ("run"), never the thing; `is_own`: it is a run that they added.
    """
    held = _standing(actor, project)
    _require(actor, permission, project, held, what=what, is_own=is_own)
    if permission in READING:
        note_readings(actor, [(project, held.in_entity, held.here)])


def require_each(
    actor: Actor, permission: Permission, projects: Iterable[Project], *, what: str = "project"
) -> None:
    """`require` of each of these, in as many questions as of one."""
    projects = list(projects)
    standings = _standings(actor, projects) if projects else {}
    for each in projects:
        _require(actor, permission, each, standings[each.pk], what=what)
    if permission in READING:
        read = [(each, standings[each.pk]) for each in projects]
        note_readings(actor, [(each, held.in_entity, held.here) for each, held in read])


def _require(
    actor: Actor,
    permission: Permission,
    project: Project,
    held: _Standing,
    *,
    what: str,
    is_own: bool = False,
) -> None:
    require_open(project.entity, held.in_entity, what=what)
    if project.erased_at is not None:  # led to by what lies in it and is not deleted yet
        raise NotFound(f"There is no such {what}, or it is not shared with you.")
    if _allowed(actor, permission, project, held, is_own=is_own):
        return
    raise refusal(
        permission,
        what=what,
        sees=_allowed(actor, Permission.PROJECT_READ, project, held),
        by_scope=allows(
            permission,
            role=held.here,
            visibility=held.visibility,
            scope=Scope.ADMIN,
            is_own=is_own,
            in_registry=project.is_registry,
        ),
        scope=actor.scope,
    )


def listed(actor: Actor, projects: Iterable[Project]) -> list[Project]:
    """Those of these that stand in the actor's lists. A link leads to its project and lists nothing."""
    return _seen(actor, projects, but=Role.GUEST)


def readable(actor: Actor, projects: Iterable[Project]) -> list[Project]:
    """Those of these that the actor may see, in the same order."""
    return _seen(actor, projects, but=None)


def _seen(actor: Actor, projects: Iterable[Project], *, but: Role | None) -> list[Project]:
    projects = list(projects)
    standings = _standings(actor, projects)
    seen = [
        each
        for each in projects
        if standings[each.pk].here is not but
        and _allowed(actor, Permission.PROJECT_READ, each, standings[each.pk])
    ]
    note_readings(actor, [(each, standings[each.pk].in_entity, standings[each.pk].here) for each in seen])
    return seen


def _allowed(
    actor: Actor, permission: Permission, project: Project, held: _Standing, *, is_own: bool = False
) -> bool:
    is_there = project.entity.is_open and project.erased_at is None
    return is_there and allows(
        permission,
        role=held.here,
        visibility=held.visibility,
        scope=actor.scope,
        is_own=is_own,
        in_registry=project.is_registry,
    )
