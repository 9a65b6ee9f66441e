"""What holds for an entity: its own choice, what its organisation says, or the default."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Q

from apps.access.policy import Visibility
from apps.accounts.actors import Actor
from apps.core.rows import find_row
from apps.teams.choices import ON, SPECS, SettingName, Value, read, write
from apps.teams.models import Entity, Organisation, Setting
from apps.teams.queries.hiding import hidden_from
from apps.teams.types import Source


@dataclass(frozen=True, slots=True)
class Effective:
    """A setting as it holds now, and who says so. Times and names are those of the choice that holds."""

    name: SettingName
    value: Value
    source: Source = Source.DEFAULT
    is_enforced: bool = False  # an organisation says so: only what `allows` can be chosen
    bound: Value = None  # what it enforces
    organisation: str = ""  # its name, when it enforces something or the value is its
    set_by_name: str = ""  # empty for the default, and when the person is gone
    set_by: int | None = None  # their primary key; who shows the name asks `told_to` first
    is_set_by_hidden: bool = False  # the reader is not told the name
    set_at: datetime | None = None

    @property
    def word(self) -> str:
        """The value as forms and the table have it."""
        return write(self.name, self.value)

    @property
    def is_on(self) -> bool:
        return self.value is True

    @property
    def days(self) -> int | None:
        """The number of days; None for never."""
        return self.value if isinstance(self.value, int) and not isinstance(self.value, bool) else None

    def allows(self, value: Value) -> bool:
        """May the entity choose this, as far as its organisation is concerned?"""
        return not self.is_enforced or SPECS[self.name].within(value, self.bound)


def effective(entity: Entity, name: SettingName) -> Effective:
    """The setting as it holds for what is in this entity."""
    return effective_of([entity], [name])[entity.pk][name]


def effective_of(
    entities: Iterable[Entity], names: Iterable[SettingName] = tuple(SettingName)
) -> dict[int, dict[SettingName, Effective]]:
    """These settings for each of these entities, by primary key, with one question."""
    entities, names = list(entities), list(names)
    asked = {*names, SettingName.PRIVATE_ONLY} if SettingName.DEFAULT_VISIBILITY in names else set(names)
    above = {entity.organisation_id for entity in entities if entity.organisation_id is not None}
    rows = Setting.objects.filter(
        Q(entity__in=[entity.pk for entity in entities]) | Q(organisation__in=above), name__in=asked
    ).select_related("set_by", "organisation")
    own, theirs = {}, {}
    for row in rows:
        if row.entity_id is not None:
            own[row.entity_id, row.name] = row
        else:
            theirs[row.organisation_id, row.name] = row

    def held(entity: Entity, name: SettingName) -> Effective:
        over = theirs.get((entity.organisation_id, name)) if entity.organisation_id is not None else None
        return _holding(name, own.get((entity.pk, name)), over)

    return {
        entity.pk: {
            name: _kept_private(held(entity, name), held(entity, SettingName.PRIVATE_ONLY))
            if name is SettingName.DEFAULT_VISIBILITY
            else held(entity, name)
            for name in names
        }
        for entity in entities
    }


def organisations_that_keep_private(organisations: Collection[int]) -> set[int]:
    """Of these, by primary key, those that let no project of their teams be shared; asked at each gate, so with one plain question.

    Nobody but an organisation chooses it, so nothing of the teams' own has to be looked at.
    """
    if len(organisations) == 1:
        (only,) = organisations
        row = find_row(Setting, organisation=only, name=SettingName.PRIVATE_ONLY.value)
        return {only} if row is not None and row.value == ON else set()
    rows = Setting.objects.filter(
        organisation__in=organisations, name=SettingName.PRIVATE_ONLY, value=ON
    ).values_list("organisation_id", flat=True)
    return set(rows)


def told_to(actor: Actor, held: Iterable[Effective]) -> list[Effective]:
    """The same in the same order, without the names of those who hide from this reader."""
    held = list(held)
    hidden = hidden_from(actor, [each.set_by for each in held])
    return [
        replace(each, set_by_name="", is_set_by_hidden=True) if each.set_by in hidden else each
        for each in held
    ]


def own_of(organisation: Organisation) -> dict[SettingName, Effective]:
    """What an organisation says to its teams, by name: only what somebody chose there."""
    rows = Setting.objects.filter(organisation=organisation).select_related("set_by", "organisation")
    return {SettingName(row.name): _from(row, Source.OWN) for row in rows}


def _holding(name: SettingName, own: Setting | None, over: Setting | None) -> Effective:
    ours = _from(own, Source.OWN) if own else None
    if over is None:
        return ours or Effective(name, SPECS[name].default)
    said = _from(over, Source.ORGANISATION)
    if not over.is_enforced:
        return ours or said
    if ours and SPECS[name].strictness and SPECS[name].within(ours.value, said.value):
        return replace(ours, is_enforced=True, bound=said.value, organisation=said.organisation)
    return said


def _kept_private(visibility: Effective, private_only: Effective) -> Effective:
    """Where projects may not be shared, new ones are private or restricted whatever was chosen before."""
    if not private_only.is_on:
        return visibility
    bound = Visibility.PRIVATE.value
    fixed = replace(private_only, name=visibility.name, value=bound, bound=bound, is_enforced=True)
    if visibility.source is Source.DEFAULT or not fixed.allows(visibility.value):
        return fixed
    return replace(visibility, is_enforced=True, bound=bound, organisation=fixed.organisation)


def _from(row: Setting, source: Source) -> Effective:
    name = SettingName(row.name)
    value = read(name, row.value)
    return Effective(
        name,
        value,
        source,
        is_enforced=row.is_enforced,
        bound=value if row.is_enforced else None,
        organisation=row.organisation.name if row.organisation else "",
        set_by_name=row.set_by.username if row.set_by else "",
        set_by=row.set_by_id,
        set_at=row.set_at,
    )
