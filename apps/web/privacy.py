"""What the pages of privacy say: who sees a new project, who finds a person, and whether they are counted."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from apps.access.policy import Visibility
from apps.teams.choices import SettingName
from apps.teams.queries import Effective
from apps.web.keeping import Choice, Option, fixed_by, on_off
from apps.web.switches import SwitchRow

OF_A_TEAM = (SettingName.DEFAULT_VISIBILITY, SettingName.MASK_SECRETS, SettingName.STATISTICS)
OF_A_PERSON = (
    SettingName.DEFAULT_VISIBILITY,
    SettingName.MASK_SECRETS,
    SettingName.HIDDEN,
    SettingName.STATISTICS,
)


@dataclass(frozen=True, slots=True)
class Part:
    """One setting of the page: as it holds, and as a choice or a switch."""

    held: Effective
    choice: Choice | None = None
    row: SwitchRow | None = None


def part(held: Effective, action: str, *, may_change: bool) -> Part:
    if held.name is SettingName.DEFAULT_VISIBILITY:
        return Part(held, choice=_visibility(held))
    if held.name is SettingName.MASK_SECRETS:
        return Part(held, row=_masking(held, action, may_change))
    row = _hidden(held, action) if held.name is SettingName.HIDDEN else _statistics(held, action, may_change)
    return Part(held, row=row)


def _visibility(held: Effective) -> Choice:
    words = {
        Visibility.PRIVATE: (_("Private"), _("You alone, or the people of the team.")),
        Visibility.RESTRICTED: (_("Restricted"), _("The admins, whoever makes it, and people named in it.")),
        Visibility.PUBLIC: (
            _("Public"),
            _("Anybody reads it, also without an account, from its first run on."),
        ),
        Visibility.OPEN: (_("Open"), _("Anybody reads it, and anybody signed in adds runs.")),
    }
    options = [
        Option(each.value, *words[each], is_chosen=held.word == each, is_barred=not held.allows(each.value))
        for each in Visibility
    ]
    return Choice(SettingName.DEFAULT_VISIBILITY.value, options)


def _hidden(held: Effective, action: str) -> SwitchRow:
    says = (
        _(
            "People outside your teams and organisations read “Somebody who is hidden” where your name stood, and find "
            "neither you nor your projects by it. What they already know the address of says it still: your own public "
            "projects have your name in theirs. Owners of what you look at see that you did."
        )
        if held.is_on
        else _("Who may see a project that you log to sees your user name at your runs.")
    )
    return SwitchRow(held.name.value, _("Hide me from others"), says, on_off(held), held.is_on, action)


def _masking(held: Effective, action: str, may_change: bool) -> SwitchRow:
    says = (
        _(
            "Well-known keys and passwords in configs, command lines, consoles and code are replaced by a mark before they are "
            "stored; nobody gets them back. What is not surely one is told to whoever may write the run. Artifacts stay as they are."
        )
        if held.is_on
        else _(
            "Well-known keys and passwords are stored as they came. Whoever may write the run is told, and erases them by a click."
        )
    )
    fixed = "" if held.allows(not held.is_on) else fixed_by(held)
    return SwitchRow(
        held.name.value,
        _("Mask secrets in what is logged"),
        says,
        on_off(held),
        held.is_on,
        action,
        fixed_by=fixed or ("" if may_change else _("Only admins of the team change this.")),
    )


def _statistics(held: Effective, action: str, may_change: bool) -> SwitchRow:
    says = (
        _(
            "Once a month it is counted, with noise, how many people use which public library. Runs from here count, each for "
            "the person who made it, if they have it on for themselves as well. Nothing is kept of anybody."
        )
        if held.is_on
        else _("Which libraries the runs here use is neither read nor counted.")
    )
    return SwitchRow(
        held.name.value,
        _("Count in statistics"),
        says,
        on_off(held),
        held.is_on,
        action,
        fixed_by="" if may_change else _("Only admins of the team change this."),
    )
