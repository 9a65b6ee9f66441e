from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.core import clock
from apps.core.errors import Forbidden, Invalid
from apps.teams.choices import ON, SPECS, UNSET, SettingName, Value, read, write
from apps.teams.gate import require, require_at, require_in_organisation
from apps.teams.keeping import kept_no_more
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
    whose = _whose(owner)
    before = _word(owner, name)
    _close_what_was_kept(owner, name, before=before, after=write(name, value), by=by)
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
    _note(owner, name, before=before, after=write(name, value), is_enforced=enforce, by=by)


@transaction.atomic
def unset(owner: Entity | Organisation, name: SettingName, *, by: Actor) -> None:
    """Take a choice back: what holds then is what is said above, or the default."""
    require_at(by, Permission.ENTITY_ADMIN, owner)
    owner = locked(owner)
    before = _word(owner, name)
    _close_what_was_kept(owner, name, before=before, after=UNSET, by=by)
    if Setting.objects.filter(**_whose(owner), name=name).delete()[0]:
        _note(owner, name, before=before, after=UNSET, is_enforced=False, by=by)


def _whose(owner: Entity | Organisation) -> dict[str, Any]:
    return {"organisation": owner} if isinstance(owner, Organisation) else {"entity": owner}


def _word(owner: Entity | Organisation, name: SettingName) -> str:
    """What the owner has chosen, as it is stored."""
    chosen = Setting.objects.filter(**_whose(owner), name=name)
    return chosen.values_list("value", flat=True).first() or UNSET


def _close_what_was_kept(
    owner: Entity | Organisation, name: SettingName, *, before: str, after: str, by: Actor
) -> None:
    is_lifted = name is SettingName.PRIVATE_ONLY and before == ON and after != ON
    if is_lifted and isinstance(owner, Organisation):
        kept_no_more(list(owner.teams.all()), by=by)


def _note(
    owner: Entity | Organisation, name: SettingName, *, before: str, after: str, is_enforced: bool, by: Actor
) -> None:
    """Words of a setting are of a closed list, numbers of days or an opaque id: none is content."""
    record(
        EventKind.SETTING_CHANGED,
        subject=owner.public_id,
        entity=owner.public_id,
        by=by,
        setting=name.value,
        before=before,
        after=after,
        is_enforced=is_enforced,
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
