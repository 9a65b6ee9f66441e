"""What the page of one's profile lets choose of a list: the time zone, and where runs go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.accounts.queries import user_of
from apps.accounts.services import change_time_zone
from apps.accounts.zones import known_zones
from apps.core.errors import Invalid
from apps.teams.choices import OWN, SettingName, read
from apps.teams.queries import Effective, effective, entities_where, own_entity
from apps.teams.services import choose

if TYPE_CHECKING:
    from apps.teams.models import Entity

UTC = "UTC"


@dataclass(frozen=True, slots=True)
class Item:
    value: str
    words: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Pick:
    """One thing that is chosen of a list. `wrong` says why the last choice was not taken."""

    name: str
    title: str
    label: str
    says: str
    groups: list[tuple[str, list[Item]]]
    held: Effective | None = None  # with who chose it and when, where that is kept
    is_default: bool = False
    shows_now: bool = False
    language: str = ""  # of its words, where nobody translates them
    wrong: str = ""
    is_saved: bool = False


def picks(actor: Actor) -> list[Pick]:
    return [build(actor) for build, _save in _PICKS.values()]


def save_pick(actor: Actor, form: dict[str, str]) -> str:
    """Save what a form says and tell which it was; Invalid when it says nothing that could be."""
    name = named(form)
    _PICKS[name][1](actor, form[name])
    return name


def named(form: dict[str, str]) -> str:
    """Which of the lists a form is about."""
    name = next((each for each in _PICKS if each in form), None)
    if name is None:
        raise Invalid(_("There is no such choice."))
    return name


def pick(actor: Actor, name: str, *, wrong: str = "") -> Pick:
    """One of the lists, after a choice was taken or refused."""
    return replace(_PICKS[name][0](actor), wrong=wrong, is_saved=not wrong)


def _zones(actor: Actor) -> Pick:
    user = user_of(actor)
    names = sorted(known_zones())
    words = {
        "Africa": _("Africa"),
        "America": _("America"),
        "Antarctica": _("Antarctica"),
        "Arctic": _("Arctic"),
        "Asia": _("Asia"),
        "Atlantic": _("Atlantic"),
        "Australia": _("Australia"),
        "Europe": _("Europe"),
        "Indian": _("Indian Ocean"),
        "Pacific": _("Pacific"),
    }
    regions = [
        (words[region], [_zone(name, user.time_zone) for name in of_region])
        for region, of_region in groupby(names, key=lambda name: name.partition("/")[0])
    ]
    return Pick(
        "time_zone",
        _("Time zone"),
        _("Zone of your clock"),
        _(
            "In which pages say times and days. Charts go by the clock of your device; scripts, exports and mails say UTC."
        ),
        [("", [Item(UTC, UTC, is_chosen=not user.time_zone)]), *regions],
        is_default=not user.time_zone,
        shows_now=True,
        language="en",
    )


def _zone(name: str, chosen: str) -> Item:
    return Item(name, name.partition("/")[2].replace("_", " ").replace("/", ", "), is_chosen=name == chosen)


def _save_zone(actor: Actor, value: str) -> None:
    change_time_zone(actor, "" if value == UTC else value)


def where_may_log(actor: Actor) -> list[Entity]:
    """The entities in which the actor may make projects; their own first."""
    return entities_where(actor, Permission.PROJECT_CREATE)


def _places(actor: Actor) -> Pick:
    own = own_entity(actor)
    held = effective(own, SettingName.DEFAULT_ENTITY)
    teams = [each for each in where_may_log(actor) if each.pk != own.pk]
    # A team that was chosen and is no longer one's own counts for nothing, and the page says what holds.
    chosen = held.value if held.value in {each.public_id for each in teams} else None
    items = [Item(OWN, own.name, is_chosen=chosen is None)]
    items += [Item(each.public_id, each.name, is_chosen=each.public_id == chosen) for each in teams]
    return Pick(
        "default_entity",
        _("Where runs go"),
        _("When a script names no entity"),
        _(
            "The client asks the server for it at each start, as do the REST API and wandb.Api(). A script that says "
            "entity=… goes there. While you may not make projects in the team that you chose, runs go to your own."
        ),
        [("", items)],
        held=held,
    )


def _save_place(actor: Actor, value: str) -> None:
    chosen = read(SettingName.DEFAULT_ENTITY, value)
    teams = {each.public_id for each in where_may_log(actor)}
    if chosen is not None and chosen not in teams:
        raise Invalid(_("There is no such choice."))
    choose(own_entity(actor), SettingName.DEFAULT_ENTITY, chosen, by=actor)


_PICKS: dict[str, tuple[Callable[[Actor], Pick], Callable[[Actor, str], None]]] = {
    "time_zone": (_zones, _save_zone),
    "default_entity": (_places, _save_place),
}
