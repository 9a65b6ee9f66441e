"""What admins do with a team from a script. The client takes any refusal for a plain no."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import reverse

from apps.access.policy import Permission
from apps.core.errors import Invalid, NotFound
from apps.teams.queries import get_team, people_in
from apps.teams.services import (
    found_team,
    invite_by_mail,
    make_service_account,
    remove_member,
    remove_service_account,
    revoke_invitation,
)
from apps.teams.types import MemberRole
from apps.wandb_protocol.graphql.context import Fields, Info, Source, actor_in
from apps.wandb_protocol.ids import in_client, to_client
from apps.wandb_protocol.translate import entity_facts

if TYPE_CHECKING:
    from apps.accounts.actors import Actor
    from apps.teams.models import Entity


def create_team(_: None, info: Info, sent: Source) -> Source:
    actor = actor_in(info)
    if sent.get("teamAdminUserName") not in {None, "", actor.username}:
        raise Invalid("Whoever makes a team is its first admin. Invite others when it is there.")
    return {"entity": entity_facts(found_team(sent["teamName"], by=actor))}


def create_invite(_: None, info: Info, sent: Source) -> Source:
    """Of the address nothing is looked up, and who it belongs to is not told."""
    actor = actor_in(info)
    team = _administered(actor, sent)
    to = sent.get("email") or sent.get("username") or ""
    made = invite_by_mail(
        team,
        to=to,
        role=MemberRole.ADMIN if sent.get("admin") else MemberRole.MEMBER,
        by=actor,
        url_of=lambda secret: info.context.base_url + reverse("invitation", args=[secret]),
    )
    invite = {
        "id": to_client("Invitation", made.public_id),
        "name": to,
        "email": sent.get("email"),
        "createdAt": made.created_at,
    }
    return {"invite": invite}


def delete_invite(_: None, info: Info, sent: Source) -> Source:
    """Take out whoever has this id in the list of members: a person, an invitation or a service account."""
    actor = actor_in(info)
    team = _administered(actor, sent)
    kind, public_id = in_client(sent.get("id") or "")
    if kind == "Invitation":
        revoke_invitation(team, public_id, by=actor)
    elif kind == "Service":
        remove_service_account(team, public_id, by=actor)
    else:
        remove_member(team, _name_of(team, kind, public_id), by=actor)
    return {"success": True}


def create_service_account(_: None, info: Info, sent: Source) -> Source:
    """Its keys are made on the team's page or by the REST API: here none is ever told."""
    actor = actor_in(info)
    team = _administered(actor, sent)
    made = make_service_account(team, sent["description"], role=MemberRole.MEMBER, by=actor)
    return {"user": {"id": to_client("Service", made.public_id), "name": sent["description"].strip()}}


def _administered(actor: Actor, sent: Source) -> Entity:
    return get_team(actor, Permission.ENTITY_ADMIN, name=sent.get("entityName") or "")


def _name_of(team: Entity, kind: str, public_id: str) -> str:
    found = next((each for each in people_in(team) if kind == "User" and each.public_id == public_id), None)
    if found is None:
        raise NotFound("There is no such member.")
    return found.name


FIELDS: Fields = {
    "Mutation.createInvite": create_invite,
    "Mutation.createServiceAccount": create_service_account,
    "Mutation.createTeam": create_team,
    "Mutation.deleteInvite": delete_invite,
}
