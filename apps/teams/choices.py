"""The closed list of settings: what each may be, what it is while nobody has chosen, and who may choose.

A setting is stored as one word (`on`, `minimal`, `30`, `never`), the same that a form sends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from django.utils.translation import gettext as _

from apps.access.policy import Visibility
from apps.core.errors import Invalid
from apps.core.ids import is_public_id
from apps.teams.types import Chooser, SystemMetadata

Value = bool | int | str | None  # None: never (a number of days that has no end)

ON, OFF, NEVER, OWN = "on", "off", "never", "own"
UNSET = "unset"  # in the record: that nothing is chosen
MOST_DAYS = 36_500
MOST_GRACE_DAYS = 30


class SettingName(StrEnum):
    ARTIFACT_TTL_DAYS = "artifact_ttl_days"  # how long an artifact version lives unless it says otherwise
    CODE_SAVING = "code_saving"  # whether the code that a client gathers by itself is kept
    DEFAULT_ENTITY = "default_entity"  # where a person's runs go when a script names no entity
    DEFAULT_VISIBILITY = "default_visibility"  # of a project that is made from now on
    GRACE_DAYS = "grace_days"  # how long erased runs, files and artifacts can be taken back
    HIDDEN = "hidden"  # whether other people find this person
    MAIL_EXPORTS = "mail_exports"  # a mail when an export is ready
    MAIL_IMPORTS = "mail_imports"  # a mail when an import is done, or was given up
    MAIL_ALERTS = "mail_alerts"  # a mail when a run that one added raises an alert
    MAIL_ALERTS_OF_TEAMS = "mail_alerts_of_teams"  # when any run of one's teams does
    MAIL_ALERT_WORDS = "mail_alert_words"  # whether they say what the alert says
    MAIL_KEYS = "mail_keys"  # a mail when an API key is used from a new network
    MAIL_TEAMS = "mail_teams"  # a mail when one's place in a team changes
    MASK_SECRETS = "mask_secrets"  # whether what is surely a credential is masked before it is stored
    PRIVATE_ONLY = "private_only"  # whether projects may be shared with nobody outside their entity
    PROJECT_GRACE_DAYS = "project_grace_days"  # how long an erased project can be taken back
    RUN_RETENTION_DAYS = "run_retention_days"  # when finished runs are erased
    STATISTICS = "statistics"  # whether the entity is counted in the instance's figures of use
    SYSTEM_METADATA = "system_metadata"  # how much of the machine is kept with a run


@dataclass(frozen=True, slots=True)
class Words:
    """A setting that is one of a few words."""

    among: tuple[str, ...]

    def read(self, text: str) -> Value:
        if text not in self.among:
            raise Invalid(_("Choose one of: %(words)s.") % {"words": ", ".join(self.among)})
        return text

    def write(self, value: Value) -> str:
        return str(value)


@dataclass(frozen=True, slots=True)
class Switch:
    """A setting that is on or off."""

    def read(self, text: str) -> Value:
        if text not in (ON, OFF):
            raise Invalid(_("This is either on or off."))
        return text == ON

    def write(self, value: Value) -> str:
        return ON if value else OFF


@dataclass(frozen=True, slots=True)
class Days:
    """A number of days, or never."""

    def read(self, text: str) -> Value:
        if text == NEVER:
            return None
        # Digits of ours only: `int` takes others, signs, spaces and any length.
        if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= MOST_DAYS):
            raise Invalid(
                _("Give a whole number of days from 1 to %(most)s, or never.") % {"most": MOST_DAYS}
            )
        return int(text)

    def write(self, value: Value) -> str:
        return NEVER if value is None else str(value)


@dataclass(frozen=True, slots=True)
class FewDays:
    """A number of days that may be none."""

    most: int

    def read(self, text: str) -> Value:
        if not (text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= self.most):
            raise Invalid(_("Give a whole number of days from 0 to %(most)s.") % {"most": self.most})
        return int(text)

    def write(self, value: Value) -> str:
        return str(value)


@dataclass(frozen=True, slots=True)
class OneEntity:
    """An entity by its public id; None for a person's own."""

    def read(self, text: str) -> Value:
        if text == OWN:
            return None
        if not is_public_id(text):
            raise Invalid(_("There is no such choice."))
        return text

    def write(self, value: Value) -> str:
        return OWN if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Spec:
    """One setting. `strictness` is there where what an organisation enforces is a bound: its teams may choose what is as
    strict or stricter. Without it they have exactly what is enforced."""

    form: Words | Switch | Days | FewDays | OneEntity
    default: Value
    choosers: frozenset[Chooser]
    strictness: Callable[[Value], int] | None = None

    def within(self, value: Value, bound: Value) -> bool:
        """May a team have this value below an organisation that enforces `bound`?"""
        if self.strictness is None:
            return value == bound
        return self.strictness(value) >= self.strictness(bound)


_EVERYBODY = frozenset(Chooser)
_OWNERS = frozenset({Chooser.PERSON, Chooser.TEAM})
_PERSON = frozenset({Chooser.PERSON})


def _sooner(days: Value) -> int:
    return -MOST_DAYS - 1 if days is None else -int(days)


def _less_of_the_machine(level: Value) -> int:
    return list(SystemMetadata).index(SystemMetadata(str(level)))


def _fewer_see_it(visibility: Value) -> int:
    order = (Visibility.OPEN, Visibility.PUBLIC, Visibility.PRIVATE, Visibility.RESTRICTED)
    return order.index(Visibility(str(visibility)))


SPECS: dict[SettingName, Spec] = {
    SettingName.ARTIFACT_TTL_DAYS: Spec(Days(), None, _EVERYBODY, _sooner),
    SettingName.CODE_SAVING: Spec(Switch(), False, _EVERYBODY),
    SettingName.DEFAULT_ENTITY: Spec(OneEntity(), None, _PERSON),
    SettingName.DEFAULT_VISIBILITY: Spec(
        Words(tuple(each.value for each in Visibility)), Visibility.PRIVATE.value, _EVERYBODY, _fewer_see_it
    ),
    SettingName.GRACE_DAYS: Spec(FewDays(MOST_GRACE_DAYS), 0, _OWNERS),
    SettingName.HIDDEN: Spec(Switch(), False, _PERSON),
    SettingName.MAIL_EXPORTS: Spec(Switch(), True, _PERSON),
    SettingName.MAIL_IMPORTS: Spec(Switch(), True, _PERSON),
    # Whoever writes `run.alert()` into a script asks for it, so it is on for one's own runs.
    SettingName.MAIL_ALERTS: Spec(Switch(), True, _PERSON),
    SettingName.MAIL_ALERTS_OF_TEAMS: Spec(Switch(), False, _PERSON),
    SettingName.MAIL_ALERT_WORDS: Spec(Switch(), False, _PERSON),
    SettingName.MAIL_KEYS: Spec(Switch(), True, _PERSON),
    SettingName.MAIL_TEAMS: Spec(Switch(), True, _PERSON),
    SettingName.MASK_SECRETS: Spec(Switch(), False, _EVERYBODY, bool),
    SettingName.PRIVATE_ONLY: Spec(Switch(), False, frozenset({Chooser.ORGANISATION})),
    SettingName.PROJECT_GRACE_DAYS: Spec(FewDays(MOST_GRACE_DAYS), 7, _OWNERS),
    SettingName.RUN_RETENTION_DAYS: Spec(Days(), None, _EVERYBODY, _sooner),
    SettingName.STATISTICS: Spec(Switch(), False, _OWNERS),
    SettingName.SYSTEM_METADATA: Spec(
        Words(tuple(each.value for each in SystemMetadata)),
        SystemMetadata.MINIMAL.value,
        _EVERYBODY,
        _less_of_the_machine,
    ),
}


def read(name: SettingName, text: str) -> Value:
    """What this word means for this setting; Invalid when it means nothing."""
    return SPECS[name].form.read(text)


def write(name: SettingName, value: Value) -> str:
    """The word for it, as stored and as in forms."""
    return SPECS[name].form.write(value)
