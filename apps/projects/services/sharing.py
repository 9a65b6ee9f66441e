"""Who is let into a project by name or by a link. Each was fetched with PROJECT_SHARE."""

from __future__ import annotations

import secrets
import uuid
from datetime import timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from apps.access.policy import Role
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.accounts.names import as_stored, is_name
from apps.accounts.queries import hash_of_secret
from apps.audit.events import EventKind
from apps.core import clock
from apps.core.errors import Invalid, NotFound
from apps.core.ids import is_public_id
from apps.projects.models import Project, ProjectMember, ShareLink
from apps.projects.queries import LINK_LABEL, locked_project, share_links
from apps.projects.services.projects import check_outsiders, note
from apps.projects.types import LINK_DAYS, LONGEST_LABEL, NamedRole
from apps.teams.gate import role_in
from apps.teams.models import Entity
from apps.teams.queries import hidden_from
from apps.teams.queries.service_accounts import is_handle
from apps.vault.seal import seal_text
from apps.vault.tree import open_key
from apps.vault.types import NodeId

MOST_NAMED = 200
MOST_LINKS = 50


def name_person(project: Project, *, username: str, role: NamedRole, by: Actor) -> ProjectMember:
    """Let somebody into a project while it is restricted, or change what they are in it.

    One refusal stands for a user name that nobody has and for somebody outside who does not want to be found. A service
    account of the entity is named by its handle; one of elsewhere is nobody.
    """
    user = _person_to_name(project.entity, as_stored(username.strip()), by=by)
    is_outsider = not _is_of(project.entity, user)
    with transaction.atomic():
        project = _locked(project)
        others = ProjectMember.objects.filter(project=project).exclude(user=user)
        if others.count() >= MOST_NAMED:
            raise Invalid(_("A project names at most %(n)d people.") % {"n": MOST_NAMED})
        named, _made = ProjectMember.objects.update_or_create(
            project=project, user=user, defaults={"role": role.value, "is_outsider": is_outsider}
        )
        note(EventKind.PERSON_NAMED, project, by=by, person=user.public_id, role=role.value)
    return named


def _person_to_name(entity: Entity, username: str, *, by: Actor) -> User:
    user = None
    if is_name(username) or is_handle(username):
        user = User.objects.filter(username=username, is_active=True).first()
    is_of = user is not None and _is_of(entity, user)
    if not is_of:
        check_outsiders(entity)  # before anything that tells who has an account
    if user is None or (not is_of and _is_hidden(user, by=by)):
        raise Invalid(_("Nobody of this user name can be added."))
    if role_in(Actor.person(user), entity) is Role.ADMIN:
        raise Invalid(_("Admins see every project. They need not be named."))
    return user


def _is_of(entity: Entity, user: User) -> bool:
    return role_in(Actor.person(user), entity) is not Role.STRANGER


def _is_hidden(user: User, *, by: Actor) -> bool:
    """From whoever shares no team or organisation with them; an account without an entity is nobody's to find."""
    has_entity = Entity.objects.filter(user=user).exists()
    return not has_entity or bool(hidden_from(by, [user.pk]))


@transaction.atomic
def unname_person(project: Project, *, username: str, by: Actor) -> None:
    """Take somebody's name out of a project. Taking out who is not in it does nothing."""
    username = as_stored(username.strip())
    if not (is_name(username) or is_handle(username)):
        return
    named = ProjectMember.objects.select_related("user").filter(project=project, user__username=username)
    for each in named:
        each.delete()
        note(EventKind.PERSON_UNNAMED, project, by=by, person=each.user.public_id)


def make_share_link(project: Project, *, label: str, days: int, by: Actor) -> tuple[ShareLink, str]:
    """A link by which whoever has it reads the project for so many days, and its secret, which is shown this once."""
    check_outsiders(project.entity)
    label = label.strip()
    if len(label) > LONGEST_LABEL:
        raise Invalid(_("A label has at most %(n)d characters.") % {"n": LONGEST_LABEL})
    if days not in LINK_DAYS:
        raise Invalid(_("There is no such choice."))
    secret, row_uuid = secrets.token_urlsafe(32), uuid.uuid4()
    key = open_key(NodeId(project.vault_node))
    with transaction.atomic():
        project = _locked(project)
        if share_links(project).count() >= MOST_LINKS:
            raise Invalid(
                _("A project has at most %(n)d links that work. Revoke one first.") % {"n": MOST_LINKS}
            )
        link = ShareLink.objects.create(
            uuid=row_uuid,
            project=project,
            secret_sha256_hex=hash_of_secret(secret),
            sealed_label=seal_text(key, label, label=LINK_LABEL, row=row_uuid) if label else None,
            created_by_id=by.user_id,
            expires_at=clock.now() + timedelta(days=days),
        )
        note(EventKind.SHARE_LINK_MADE, project, by=by, link=link.public_id, days=days)
    return link, secret


@transaction.atomic
def revoke_share_link(project: Project, *, public_id: str, by: Actor) -> None:
    """Close a link at once. NotFound for one that is not this project's; closing twice does nothing."""
    link = None
    if is_public_id(public_id):
        link = ShareLink.objects.select_for_update().filter(project=project, public_id=public_id).first()
    if link is None:
        raise NotFound(_("There is no such link."))
    if link.revoked_at is None:
        link.revoked_at = clock.now()
        link.save(update_fields=["revoked_at"])
        note(EventKind.SHARE_LINK_REVOKED, project, by=by, link=link.public_id)


def _locked(project: Project) -> Project:
    """Its rows are counted and added to by one request at a time."""
    return locked_project(project)
