"""The gate of projects and of what lies in them: what somebody is in a project, on top of what they are in its entity.

Every read and every act on a project, a run or a file comes through here. Nothing is remembered from one question to
the next: who is named, which link is good and how visible a project is are looked up each time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from apps.access.policy import Permission, Role, Scope, Visibility, allows, standing
from apps.accounts.actors import Actor
from apps.core import clock
from apps.core.ids import is_public_id
from apps.projects.models import Project, ProjectMember, ShareLink
from apps.projects.readings import READING, note_readings
from apps.teams.gate import refusal, require_open, roles_in


def role_in_project(actor: Actor, project: Project) -> Role:
    return roles_in_projects(actor, [project])[project.pk]


def roles_in_projects(actor: Actor, projects: Iterable[Project]) -> dict[int, Role]:
    """What the actor is in each of these, by primary key, with three questions at most."""
    return {pk: here for pk, (_, here) in _standings(actor, list(projects)).items()}


def _standings(actor: Actor, projects: Collection[Project]) -> dict[int, tuple[Role, Role]]:
    """What the actor is in the entity of each of these, and in itself."""
    in_entities = roles_in(actor, {each.entity_id: each.entity for each in projects}.values())
    named = _named(
        actor, [each for each in projects if each.visibility == Visibility.RESTRICTED], in_entities
    )
    linked = _linked(actor, projects)
    return {
        each.pk: (
            in_entities[each.entity_id],
            standing(
                in_entities[each.entity_id],
                visibility=Visibility(each.visibility),
                named=named.get(each.pk),
                holds_link=each.pk in linked,
            ),
        )
        for each in projects
    }


def _named(actor: Actor, projects: Collection[Project], in_entities: Mapping[int, Role]) -> dict[int, Role]:
    if actor.user_id is None or not projects:
        return {}
    rows = ProjectMember.objects.filter(project__in=projects, user_id=actor.user_id)
    found = rows.values_list("project_id", "project__entity_id", "role", "is_outsider")
    return {
        pk: Role(role)
        for pk, entity_id, role, is_outsider in found
        if is_outsider or in_entities[entity_id] is not Role.STRANGER
    }


def _linked(actor: Actor, projects: Collection[Project]) -> set[int]:
    held = [public_id for public_id in actor.shares if is_public_id(public_id)]
    if not held or not projects:
        return set()
    good = ShareLink.objects.filter(revoked_at=None, expires_at__gt=clock.now())
    found = good.filter(public_id__in=held, project__in=projects)
    return set(found.values_list("project_id", flat=True))


def may(actor: Actor, permission: Permission, project: Project, *, is_own: bool = False) -> bool:
    return _allowed(actor, permission, project, role_in_project(actor, project), is_own=is_own)


def those_allowed(actor: Actor, project: Project, *permissions: Permission) -> frozenset[Permission]:
    """Those of these that the actor may do, for a page that offers several."""
    role = role_in_project(actor, project)
    return frozenset(each for each in permissions if _allowed(actor, each, project, role))


def require(
    actor: Actor, permission: Permission, project: Project, *, what: str = "project", is_own: bool = False
) -> None:
    """Pass, or raise NotFound to those who may not even see it and Forbidden to those who may.

    `what` names the kind of thing in the message ("run"), never the thing; `is_own`: it is a run that they added.
    """
    in_entity, role = _standings(actor, [project])[project.pk]
    require_open(project.entity, in_entity, what=what)
    if _allowed(actor, permission, project, role, is_own=is_own):
        if permission in READING:
            note_readings(actor, [(project, in_entity, role)])
        return
    visibility = Visibility(project.visibility)
    raise refusal(
        permission,
        what=what,
        sees=_allowed(actor, Permission.PROJECT_READ, project, role),
        by_scope=allows(permission, role=role, visibility=visibility, scope=Scope.ADMIN, is_own=is_own),
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
        if standings[each.pk][1] is not but
        and _allowed(actor, Permission.PROJECT_READ, each, standings[each.pk][1])
    ]
    note_readings(actor, [(each, *standings[each.pk]) for each in seen])
    return seen


def _allowed(
    actor: Actor, permission: Permission, project: Project, role: Role, *, is_own: bool = False
) -> bool:
    return project.entity.suspended_at is None and allows(
        permission,
        role=role,
        visibility=Visibility(project.visibility),
        scope=actor.scope,
        is_own=is_own,
    )
