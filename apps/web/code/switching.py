"""Where code saving is switched on for a run's project: the page for whoever may, for others whom to ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.translation import gettext as _

from apps.access.policy import Permission
from apps.teams.choices import SettingName
from apps.teams.gate import may
from apps.teams.queries import Effective, effective

if TYPE_CHECKING:
    from apps.accounts.actors import Actor
    from apps.teams.models import Entity


@dataclass(frozen=True, slots=True)
class Way:
    """What holds now in words, and a link with its words where the asker can go on; to outsiders neither is told."""

    says: str = ""
    href: str = ""
    words: str = ""


def way_to_code(actor: Actor, entity: Entity) -> Way:
    if not may(actor, Permission.ENTITY_READ, entity=entity):
        return Way()
    held = effective(entity, SettingName.CODE_SAVING)
    page = _page(entity)
    if held.is_on:
        return Way(_("Code saving is on by now: new runs keep their code."), page, _("Settings"))
    if held.is_enforced:
        return Way(_fixed_off(held), page, _("Settings"))
    if may(actor, Permission.ENTITY_ADMIN, entity=entity):
        return Way("", page, _("Switch code saving on"))
    people = reverse("team", args=[entity.name])
    return Way(
        _("Only admins of the team %(name)s can switch code saving on.") % {"name": entity.name},
        people,
        _("Who they are"),
    )


def _fixed_off(held: Effective) -> str:
    return _("The organisation %(name)s has fixed code saving to off; its admins can change that.") % {
        "name": held.organisation
    }


def _page(entity: Entity) -> str:
    if entity.user_id is not None:
        return reverse("code-saving")
    return reverse("team-code-saving", args=[entity.name])
