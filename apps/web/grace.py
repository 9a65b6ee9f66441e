"""How long what was erased can be taken back, as the page of retention has it: two numbers of days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from apps.erasure.grace import PARTS, WHOLES
from apps.teams.choices import MOST_GRACE_DAYS, SettingName, read
from apps.teams.queries import Effective, effective_of, told_to
from apps.teams.services import choose

if TYPE_CHECKING:
    from apps.accounts.actors import Actor
    from apps.teams.models import Entity


@dataclass(frozen=True, slots=True)
class GraceRow:
    """One of the two, with what was typed and refused."""

    held: Effective
    title: str
    typed: str
    wrong: str
    most: int = MOST_GRACE_DAYS

    @property
    def name(self) -> str:
        return self.held.name.value

    @property
    def word(self) -> str:
        return self.typed if self.wrong else self.held.word


def named_in(form: Mapping[str, str]) -> SettingName | None:
    """Which of the two a form is about; None when it is about something else."""
    return next((each for each in (PARTS, WHOLES) if each == form.get("setting")), None)


def choose_grace(owner: Entity, name: SettingName, form: Mapping[str, str], *, by: Actor) -> None:
    """Save the choice of a form. What waits already keeps its moment. Invalid for what is no such number."""
    choose(owner, name, read(name, form.get("days", "").strip()), by=by)


def grace_rows(
    actor: Actor, entity: Entity, *, refused: SettingName | None = None, typed: str = "", wrong: str = ""
) -> list[GraceRow]:
    titles = {PARTS: _("Runs, files and artifacts"), WHOLES: _("Projects, teams and your account")}
    held = told_to(actor, effective_of([entity], [PARTS, WHOLES])[entity.pk].values())
    return [
        GraceRow(
            each,
            titles[each.name],
            typed if each.name is refused else "",
            wrong if each.name is refused else "",
        )
        for each in held
    ]
