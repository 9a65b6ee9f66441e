from __future__ import annotations

from collections import Counter

from django.db.models import Count, Q, QuerySet

from apps.access.policy import Permission, Role
from apps.accounts.actors import Actor
from apps.accounts.names import as_stored, is_name
from apps.core.errors import NotFound
from apps.core.rows import find_row
from apps.teams.choices import OWN, SettingName
from apps.teams.gate import require, those_where
from apps.teams.models import Entity, Membership, Setting

_NO_ENTITY = "There is no such entity, or it is not shared with you."


def entity_by_name(name: str) -> Entity:
    """Unchecked: for callers that ask the gate about what lies inside (a public project of a stranger's entity)."""
    name = as_stored(name)
    entity = find_row(Entity, name=name) if is_name(name) else None
    if entity is None or entity.erased_at is not None:
        raise NotFound(_NO_ENTITY)
    return entity


def get_entity(actor: Actor, permission: Permission, *, name: str) -> Entity:
    """The entity called `name`, for this purpose."""
    entity = entity_by_name(name)
    require(actor, permission, entity=entity, what="entity")
    return entity


def default_entity(actor: Actor) -> Entity:
    """Where the actor's projects go when no entity is named: where they chose, as long as they may make projects there.

    Else their own, or the one that their key is good for.
    """
    own = own_entity(actor)
    if own.user_id is None or actor.only_entity is not None:
        return own
    chosen = Setting.objects.filter(entity=own, name=SettingName.DEFAULT_ENTITY).exclude(value=OWN)
    teams = teams_of(actor).filter(public_id__in=chosen.values("value"))
    return next(iter(those_where(actor, Permission.PROJECT_CREATE, teams)), own)


def own_entity(actor: Actor) -> Entity:
    """What is the actor's own, or the entity that their key is good for."""
    entity = None
    if actor.only_entity is not None:
        entity = entities_of(actor).first()
    elif actor.user_id is not None:
        entity = Entity.objects.filter(user_id=actor.user_id).first()
    if entity is None:
        raise NotFound(_NO_ENTITY)
    return entity


def entities_of(actor: Actor) -> QuerySet[Entity]:
    """The actor's own entity and the teams they are in, by name; of these only the one that their key is good for."""
    return Entity.objects.filter(_of(actor)).distinct().order_by("name")


def closed_entities_of(actor: Actor) -> list[Entity]:
    """The same that are being erased, as they stood before: for who asks what somebody could do there."""
    closed = list(Entity.everything.filter(_of(actor), erased_at__isnull=False).distinct())
    for each in closed:
        each.erased_at = None  # of this copy
    return closed


def _of(actor: Actor) -> Q:
    if actor.user_id is None:
        return Q(pk__in=[])
    mine = Q(user_id=actor.user_id) | Q(memberships__user_id=actor.user_id)
    return mine if actor.only_entity is None else mine & Q(pk=actor.only_entity)


def entities_where(actor: Actor, permission: Permission) -> list[Entity]:
    """Those of the actor's entities in which they may do this; their own first."""
    return sorted(
        those_where(actor, permission, entities_of(actor)), key=lambda entity: entity.user_id is None
    )


def teams_of(actor: Actor) -> QuerySet[Entity]:
    return entities_of(actor).filter(user=None)


def role_counts(actor: Actor, *also: Entity) -> dict[int, Counter[Role]]:
    """How many people hold each role in the actor's teams and in these, by primary key, with one question."""
    wanted = Q(entity__in=[entity.pk for entity in also])
    if actor.user_id is not None:
        wanted |= Q(entity__memberships__user_id=actor.user_id)
    counts: dict[int, Counter[Role]] = {entity.pk: Counter() for entity in also}
    held = (
        Membership.objects.filter(wanted, user__is_service=False, user__erased_at=None)
        .values_list("entity_id", "role")
        .annotate(Count("pk", distinct=True))
    )
    for entity_id, role, people in held:
        counts.setdefault(entity_id, Counter())[Role(role)] = people
    return counts
