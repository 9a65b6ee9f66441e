"""Who is in a team: people, then who is invited, then service accounts, the newest last, where the client looks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.access.policy import Permission
from apps.teams.gate import may
from apps.teams.queries import pending_in, people_in, service_accounts_in
from apps.wandb_protocol.graphql.context import Fields, Info, Source, actor_in, budget_of
from apps.wandb_protocol.ids import to_client

if TYPE_CHECKING:
    from apps.teams.models import Entity
    from apps.teams.queries import Pending, Person, Service


def members(source: Source, info: Info) -> list[Source] | None:
    """For who is in the team; who is invited, for its admins. Nobody's keys are ever told."""
    team: Entity | None = source.get("_entity")
    if team is None or not may(actor_in(info), Permission.ENTITY_READ, entity=team):
        return None
    found = [_of_person(person) for person in people_in(team)]
    if may(actor_in(info), Permission.ENTITY_ADMIN, entity=team):
        found += [_of_pending(each) for each in pending_in(team)]
    found += [_of_service(service) for service in service_accounts_in(team)]
    budget_of(info).list_of(len(found))
    return found


def _of_person(person: Person) -> Source:
    return {
        "id": to_client("User", person.public_id),
        "admin": person.role == "admin",
        "role": person.role,
        "pending": False,
        "username": person.name,
        "name": person.name,
        "accountType": person.role.upper(),
    }


def _of_pending(invitation: Pending) -> Source:
    return {
        "id": to_client("Invitation", invitation.public_id),
        "admin": invitation.role == "admin",
        "role": invitation.role,
        "pending": True,
        "email": invitation.email or None,
        "name": invitation.email or "whoever has the link",
        "accountType": invitation.role.upper(),
    }


def _of_service(service: Service) -> Source:
    return {
        "id": to_client("Service", service.public_id),
        "admin": service.role == "admin",
        "role": service.role,
        "pending": False,
        "username": service.handle,
        "name": service.name,
        "accountType": "SERVICE",
    }


FIELDS: Fields = {"Entity.members": members}
