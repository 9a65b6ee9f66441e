from __future__ import annotations

from typing import TYPE_CHECKING

from apps.access.policy import Permission
from apps.code_saving.policy import Kept
from apps.teams.choices import SettingName
from apps.teams.queries import effective_of, entities_where
from apps.teams.types import SystemMetadata

if TYPE_CHECKING:
    from apps.accounts.actors import Actor
    from apps.teams.models import Entity

_ASKED = (SettingName.CODE_SAVING, SettingName.MASK_SECRETS, SettingName.SYSTEM_METADATA)


def kept_in(entity: Entity) -> Kept:
    """What may be stored in the projects of this entity, as its settings stand now. One question."""
    held = effective_of([entity], _ASKED)[entity.pk]
    return Kept(
        code=held[SettingName.CODE_SAVING].is_on,
        metadata=SystemMetadata(held[SettingName.SYSTEM_METADATA].word),
        secrets=not held[SettingName.MASK_SECRETS].is_on,
    )


def saves_own_code(actor: Actor) -> bool:
    """Did this person choose for themselves that code is saved? What their teams say is asked where a run goes."""
    own = entities_where(actor, Permission.ENTITY_READ)
    mine = next((entity for entity in own if entity.user_id == actor.user_id), None)
    return mine is not None and kept_in(mine).code
