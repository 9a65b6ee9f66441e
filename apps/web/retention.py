"""How long runs are kept, as the pages of settings say it, and what has to be typed before a choice erases any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.accounts.actors import Actor
from apps.core.errors import Invalid
from apps.erasure.foreseen import (
    Foreseen,
    WouldErase,
    choose_retention_of,
    foreseen,
    unset_retention_of,
)
from apps.projects.retention import SETTING
from apps.teams.choices import NEVER, Value, read
from apps.teams.queries import Effective, effective, told_to
from apps.teams.types import Source
from apps.web.figures import grouped
from apps.web.switches import Rule

if TYPE_CHECKING:
    from apps.teams.models import Entity

UNSAID = "unsaid"


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds in one entity. `word` is what stands in the field."""

    held: Effective
    words: str
    chain: list[Rule]
    word: str
    bound: str  # what an organisation enforces, in words; empty when it enforces nothing
    now: Foreseen


@dataclass(frozen=True, slots=True)
class Asking:
    """A choice that would erase runs at the next pass, until the owner's name is typed."""

    name: str  # of the form's field that was sent, with its word
    word: str
    words: str
    found: Foreseen
    wrong: str = ""


def rules_of(actor: Actor, entity: Entity) -> Rules:
    (held,) = told_to(actor, [effective(entity, SETTING)])
    return Rules(
        held,
        in_words(held.value),
        _chain(held),
        held.word if held.days is not None else "",
        in_words(held.bound) if held.is_enforced else "",
        foreseen(entity, held.value),
    )


def choose_rule(entity: Entity, form: dict[str, str], *, by: Actor) -> Asking | None:
    """Save the choice of a form, or say what has to be confirmed first. Invalid and Forbidden for what cannot be chosen."""
    name = "keep" if form.get("keep") else "days"
    word = form.get(name, "").strip().lower()
    typed = form.get("confirm")
    agreed = (typed or "").strip() == entity.name
    try:
        if (name, word) == ("keep", UNSAID):
            unset_retention_of(entity, by=by, agreed=agreed)
        else:
            choose_retention_of(entity, read(SETTING, word), by=by, agreed=agreed)
    except WouldErase as error:
        wrong = "" if typed is None else _("This is not the name.")
        return Asking(name, word, in_words(error.value), error.found, wrong)
    return None


def in_words(value: Value) -> str:
    if not isinstance(value, int):
        return _("Runs are never erased by age")
    return ngettext(
        "Runs are erased %(n)s day after their end", "Runs are erased %(n)s days after their end", value
    ) % {"n": grouped(value)}


def require_typed(name: str, form: Mapping[str, str]) -> None:
    """An organisation's rule erases runs of teams: its name has to be typed."""
    word = form.get("value", "").strip().lower()
    if word not in ("", NEVER) and form.get("confirm", "").strip() != name:
        raise Invalid(
            _(
                "This erases runs of teams for good. Type the organisation’s name beside the number to have it so."
            )
        )


def _chain(held: Effective) -> list[Rule]:
    ground = held.source is Source.DEFAULT
    rules = [Rule("gear", _("The default"), in_words(None), applies=ground)]
    if held.bound is not None or held.source is Source.ORGANISATION:
        above = held.bound if held.is_enforced else held.value
        rules.append(
            Rule(
                "lock" if held.is_enforced else "building",
                held.organisation,
                in_words(above),
                applies=held.source is Source.ORGANISATION,
            )
        )
    if held.source is Source.OWN:
        gone = _("Somebody who is hidden") if held.is_set_by_hidden else _("Somebody who is gone")
        rules.append(Rule("people", held.set_by_name or gone, in_words(held.value), applies=True))
    return rules
