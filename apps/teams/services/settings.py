from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.core import clock
from apps.core.errors import Forbidden, Invalid
from apps.teams.choices import SPECS, SettingName, Value, read, write
from apps.teams.gate import require, require_at, require_in_organisation
from apps.teams.models import Entity, Organisation, Setting
from apps.teams.queries.settings import effective
from apps.teams.services.places import locked
from apps.teams.types import Chooser


@transaction.atomic
def choose(
    owner: Entity | Organisation, name: SettingName, value: Value, *, by: Actor, enforce: bool = False
) -> None:
    """Set this for everything of the entity, or for the organisation's teams; `enforce` leaves them no other choice.

    Forbidden where an organisation enforces something else.
    """
    value, owner = _usable(name, value), locked(owner)
    if isinstance(owner, Organisation):
        require_in_organisation(by, Permission.ENTITY_ADMIN, organisation=owner)
        chooser = Chooser.ORGANISATION
        # What no team can choose for itself would otherwise hold for nobody.
        enforce = enforce or Chooser.TEAM not in SPECS[name].choosers
    else:
        require(by, Permission.ENTITY_ADMIN, entity=owner, what="entity")
        chooser = Chooser.TEAM if owner.user_id is None else Chooser.PERSON
    if chooser not in SPECS[name].choosers or (enforce and chooser is not Chooser.ORGANISATION):
        raise Invalid(_("This is not chosen here."))
    if isinstance(owner, Entity):
        _refuse_what_is_enforced_otherwise(owner, name, value)
    whose = {"organisation": owner} if isinstance(owner, Organisation) else {"entity": owner}
    Setting.objects.update_or_create(
        **whose,
        name=name,
        defaults={
            "value": write(name, value),
            "is_enforced": enforce,
            "set_by_id": by.user_id,
            "set_at": clock.now(),
        },
    )
    record(
        EventKind.SETTING_CHANGED,
        subject=owner.public_id,
        entity=owner.public_id,
        by=by,
        setting=name.value,
        is_enforced=enforce,
    )


@transaction.atomic
def unset(owner: Entity | Organisation, name: SettingName, *, by: Actor) -> None:
    """Take a choice back: what holds then is what is said above, or the default."""
    require_at(by, Permission.ENTITY_ADMIN, owner)
    whose = {"organisation": owner} if isinstance(owner, Organisation) else {"entity": owner}
    if Setting.objects.filter(**whose, name=name).delete()[0]:
        record(
            EventKind.SETTING_CHANGED,
            subject=owner.public_id,
            entity=owner.public_id,
            by=by,
            setting=name.value,
            is_enforced=False,
        )


def _usable(name: SettingName, value: Value) -> Value:
    """The value as the table would give it back; Invalid when it is none of this setting's."""
    if isinstance(value, bool) is not isinstance(SPECS[name].default, bool):
        raise Invalid(_("This is not a value of this setting."))
    return read(name, write(name, value))


def _refuse_what_is_enforced_otherwise(entity: Entity, name: SettingName, value: Value) -> None:
    held = effective(entity, name)
    if not held.allows(value):
        raise Forbidden(
            _("The organisation %(name)s has fixed this for its teams.") % {"name": held.organisation}
        )
