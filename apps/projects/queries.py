from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from apps.access.policy import Permission, Visibility
from apps.accounts.actors import Actor
from apps.accounts.queries import hash_of_secret
from apps.core.errors import NotFound
from apps.core.ids import is_public_id
from apps.core.rows import find_row
from apps.projects.gate import (
    kept_to_own_people,
    listed,
    readable,
    require,
    standing_links,
    visibilities_of,
    working_links,
)
from apps.projects.models import Project, ProjectMember, ShareLink
from apps.projects.types import NamedPerson, NamedRole, OpenLink, OpenProject
from apps.teams.choices import ON, SettingName
from apps.teams.models import Entity, Membership, Setting
from apps.teams.queries import entities_of, entity_by_name, hidden_from
from apps.teams.types import EntityKind, MemberRole
from apps.vault.damage import leave_out
from apps.vault.errors import Tampered
from apps.vault.keys import OpenKey
from apps.vault.seal import blind_index, unseal_text
from apps.vault.tree import open_key, open_keys
from apps.vault.types import NodeId

NAME_LABEL = "project.name"
DESCRIPTION_LABEL = "project.description"
LINK_LABEL = "share_link.label"
_IN_REGISTRY = Q(project__entity__kind=EntityKind.ORGANISATION)  # found by its organisation
NO_PROJECT = "There is no such project, or it is not shared with you."


def find_project(entity: Entity, name: str) -> Project | None:
    """Unchecked look-up by name; for get_project and the service that makes projects."""
    index = blind_index(open_key(NodeId(entity.vault_node)), NAME_LABEL, name.strip())
    project = find_row(Project, entity=entity.pk, name_index=index)
    if project is None or project.erased_at is not None:
        return None
    project.entity = entity
    return project


def locked_project(project: Project) -> Project:
    """A project that is held already, as it stands now and until the transaction ends."""
    rows = Project.objects.select_for_update(of=("self",)).select_related("entity")
    if (locked := rows.filter(pk=project.pk).first()) is None:
        raise NotFound(NO_PROJECT)
    return locked


def get_project(actor: Actor, permission: Permission, *, entity: str, name: str) -> Project:
    """The project, for this purpose. What does not exist and what is not shared look the same."""
    try:
        owner = entity_by_name(entity)
    except NotFound:
        raise NotFound(NO_PROJECT) from None
    project = find_project(owner, name)
    if project is None:
        raise NotFound(NO_PROJECT)
    return _passed(actor, permission, project)


def get_project_by_id(actor: Actor, permission: Permission, *, public_id: str) -> Project:
    project = None
    if is_public_id(public_id):
        project = Project.objects.select_related("entity").filter(public_id=public_id).first()
    if project is None:
        raise NotFound(NO_PROJECT)
    return _passed(actor, permission, project)


def _passed(actor: Actor, permission: Permission, project: Project) -> Project:
    require(actor, permission, project)
    return project


def projects_of(actor: Actor, entity: Entity) -> list[OpenProject]:
    """What the actor may see of an entity's projects, most recently active first.

    Of somebody who is hidden from the actor only what the actor is named in: nobody finds their public projects by them.
    """
    rows = Project.objects.filter(entity=entity)
    if hidden_from(actor, [entity.user_id]):
        rows = rows.filter(pk__in=_naming(actor))
    return open_projects(listed(actor, _latest_first(rows)))


def my_projects(actor: Actor) -> list[OpenProject]:
    """All projects of the actor's own entity and teams and those they are named in, most recently active first."""
    return open_projects(listed(actor, _latest_first(_about_me(actor))))


def has_projects(actor: Actor, *, entity: str = "") -> bool:
    """Is there any of `my_projects`, in the entity of this name? Without opening one."""
    rows = _about_me(actor).select_related("entity")
    return bool(listed(actor, rows.filter(entity__name=entity) if entity else rows))


def named_counts(actor: Actor, *also: Project) -> dict[int, int]:
    """How many people are named in each of the actor's restricted projects and in these, with one question.

    Neither admins of the entity, who are in it with or without their name, nor whoever has left the entity, nor
    outsiders whom an organisation lets in nowhere.
    """
    kept = Setting.objects.filter(
        organisation=OuterRef("project__entity__organisation"), name=SettingName.PRIVATE_ONLY, value=ON
    )
    held = Membership.objects.filter(entity=OuterRef("project__entity"), user=OuterRef("user"))
    named = (
        ProjectMember.objects.filter(
            (Q(is_outsider=True) & ~Exists(kept)) | Exists(held),
            project=OuterRef("pk"),
            user__erased_at=None,
        )
        .exclude(project__entity__user=F("user"))
        .exclude(Exists(held.filter(role=MemberRole.ADMIN)))
        .order_by()
        .values("project")
        .annotate(n=Count("pk"))
        .values("n")
    )
    mine = _about_me(actor).filter(visibility=Visibility.RESTRICTED)
    rows = Project.objects.filter(Q(pk__in=mine.values("pk")) | Q(pk__in=[project.pk for project in also]))
    return dict(rows.values_list("pk", Coalesce(Subquery(named), 0)))


def entities_named_in(actor: Actor) -> list[Entity]:
    """Whose projects the actor is named in."""
    rows = ProjectMember.objects.exclude(_IN_REGISTRY)
    named = rows.filter(user_id=actor.user_id) if actor.user_id is not None else ()
    return list(Entity.objects.filter(projects__named_people__in=named).distinct())


def readable_projects(actor: Actor, public_ids: Iterable[str]) -> list[Project]:
    """Those of these projects that the actor may see, in the order asked, with few questions however many."""
    wanted = list(dict.fromkeys(public_id for public_id in public_ids if is_public_id(public_id)))
    rows = Project.objects.filter(public_id__in=wanted).select_related("entity")
    found = {row.public_id: row for row in rows}
    return readable(actor, [found[public_id] for public_id in wanted if public_id in found])


def _about_me(actor: Actor) -> QuerySet[Project]:
    """Unchecked: what the gate has then to say of."""
    if actor.user_id is None:
        return Project.objects.none()
    named = ProjectMember.objects.filter(user_id=actor.user_id).exclude(_IN_REGISTRY).values("project_id")
    return Project.objects.filter(Q(entity__in=entities_of(actor)) | Q(pk__in=named))


def _naming(actor: Actor) -> list[int]:
    """In which projects the actor is named: nobody in none."""
    if actor.user_id is None:
        return []
    return list(ProjectMember.objects.filter(user_id=actor.user_id).values_list("project_id", flat=True))


def _latest_first(projects: QuerySet[Project]) -> QuerySet[Project]:
    return projects.select_related("entity").order_by("-last_activity_at", "-id")


def share_links(project: Project) -> QuerySet[ShareLink]:
    """The links to a project held with PROJECT_SHARE that are not over, the newest first. Those of an account that waits to be erased
    too: they open nothing now and would again without anybody being told, so whoever looks after the project may revoke them."""
    return standing_links().filter(project=project).select_related("created_by").order_by("-id")


def open_links(project: Project) -> list[OpenLink]:
    """`share_links`, with their labels."""
    key = open_key(NodeId(project.vault_node))
    return [
        OpenLink(
            link=each,
            is_shut=each.created_by is not None and each.created_by.erased_at is not None,
            label=unseal_text(key, bytes(each.sealed_label), label=LINK_LABEL, row=each.uuid)
            if each.sealed_label is not None
            else "",
        )
        for each in share_links(project)
    ]


def labels_of_links(projects: Iterable[Project], public_ids: Iterable[str]) -> Iterator[tuple[str, int, str]]:
    """Of those of these links, closed or not, that lead to projects held with PROJECT_SHARE: id, project and label."""
    wanted = {each for each in public_ids if is_public_id(each)}
    held = {project.pk: project for project in projects}
    rows = ShareLink.objects.filter(project__in=held, public_id__in=wanted).exclude(sealed_label=None)
    labelled = list(rows) if wanted else []
    keys = open_keys({NodeId(held[row.project_id].vault_node) for row in labelled})
    for row in labelled:
        key = keys.get(NodeId(held[row.project_id].vault_node))
        if key is None or row.sealed_label is None:
            continue
        try:
            label = unseal_text(key, bytes(row.sealed_label), label=LINK_LABEL, row=row.uuid)
        except Tampered as error:
            leave_out(error)
            continue
        yield row.public_id, row.project_id, label


def find_share_link(secret: str) -> ShareLink:
    """The link with this secret, if it works: whoever has the secret may know that."""
    good = working_links().select_related("project__entity")
    link = good.filter(secret_sha256_hex=hash_of_secret(secret)).first()
    if link is None or kept_to_own_people([link.project]):
        raise NotFound(NO_PROJECT)
    return link


def named_people(project: Project) -> list[NamedPerson]:
    """Who is named in a project held with PROJECT_SHARE, by name."""
    there = ProjectMember.objects.filter(project=project, user__erased_at=None)
    rows = there.select_related("user").order_by("user__username")
    members = set(Membership.objects.filter(entity=project.entity_id).values_list("user_id", flat=True))
    return [
        NamedPerson(
            username=row.user.username,
            role=NamedRole(row.role),
            since=row.created_at,
            is_outsider=row.is_outsider,
            has_left=not row.is_outsider and row.user_id not in members,
        )
        for row in rows
    ]


def open_project(project: Project) -> OpenProject:
    opened = open_projects([project])
    if not opened:
        raise NotFound(NO_PROJECT)
    return opened[0]


def open_projects(projects: Iterable[Project]) -> list[OpenProject]:
    """Unseal the words of these projects with one question to the vault. Those whose key is erased are left out."""
    rows = list(projects)
    keys = open_keys(NodeId(row.vault_node) for row in rows)
    visibilities = visibilities_of(rows)
    opened = []
    for row in rows:
        key = keys.get(NodeId(row.vault_node))
        if key is None:
            continue
        try:
            opened.append(_open_with(row, key, visibilities[row.pk]))
        except Tampered as error:
            leave_out(error)
    return opened


def _open_with(row: Project, key: OpenKey, visibility: Visibility) -> OpenProject:
    description = (
        unseal_text(key, bytes(row.sealed_description), label=DESCRIPTION_LABEL, row=row.uuid)
        if row.sealed_description is not None
        else ""
    )
    name = unseal_text(key, bytes(row.sealed_name), label=NAME_LABEL, row=row.uuid)
    return OpenProject(
        project=row, entity=row.entity.name, name=name, description=description, visibility=visibility
    )
