"""What an organisation says to its teams, as the rows of its page: each a form of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from apps.accounts.actors import Actor
from apps.core.errors import Invalid
from apps.projects.retention import SETTING
from apps.teams.choices import SPECS, Days, SettingName, read
from apps.teams.queries import Effective, own_of, told_to
from apps.teams.services import choose, unset
from apps.teams.types import Chooser
from apps.web.retention import VERSIONS, Asking, save_rule

if TYPE_CHECKING:
    from apps.teams.models import Organisation

UNSAID = ""


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    words: str


@dataclass(frozen=True, slots=True)
class Row:
    """One setting. Without options its value is typed: a number of days."""

    name: str
    title: str
    says: str
    options: list[Option]
    said: Effective | None
    is_always_enforced: bool
    lock: str

    @property
    def value(self) -> str:
        if self.said is None or (self.is_always_enforced and not self.said.is_on):
            return UNSAID
        return self.said.word


def rows(organisation: Organisation, *, actor: Actor) -> list[Row]:
    """Every setting that an organisation can choose, with what it says now, as this reader is told it."""
    said = {each.name: each for each in told_to(actor, own_of(organisation).values())}
    return [_row(name, said.get(name)) for name in _words()]


def save(organisation: Organisation, form: Mapping[str, str], *, by: Actor) -> Asking | None:
    """Choose what the form of one row says, or say what has to be confirmed first. Nothing chosen takes a choice back."""
    try:
        name = SettingName(form.get("name", ""))
    except ValueError:
        raise Invalid(_("There is no such setting.")) from None
    text, enforce = form.get("value", "").strip().lower(), "enforce" in form
    if name in (SETTING, VERSIONS):
        sent = {"name": name.value, "value": text} | ({"enforce": "1"} if enforce else {})
        word = None if text == UNSAID else text
        return save_rule(organisation, organisation.name, word, form, sent, by=by, name=name, enforce=enforce)
    if text == UNSAID:
        unset(organisation, name, by=by)
    else:
        choose(organisation, name, read(name, text), by=by, enforce=enforce)
    return None


def _row(name: SettingName, said: Effective | None) -> Row:
    title, says, options = _words()[name]
    spec = SPECS[name]
    is_always_enforced = Chooser.TEAM not in spec.choosers
    unsaid = [] if is_always_enforced else [Option(UNSAID, _("Left to each team"))]
    return Row(
        name.value,
        title,
        says,
        [] if isinstance(spec.form, Days) else [*unsaid, *options],
        said,
        is_always_enforced=is_always_enforced,
        lock=_("Teams may choose only what is stricter")
        if spec.strictness
        else _("Teams may not choose otherwise"),
    )


def _words() -> dict[SettingName, tuple[str, str, list[Option]]]:
    switch = [Option("off", _("Off")), Option("on", _("On"))]
    return {
        SettingName.PRIVATE_ONLY: (
            _("Private projects only"),
            _(
                "Switched on, no project of a team can be opened to people outside it, and those that were are closed to them. "
                "Off, each team’s admins choose for each project. When it is switched off again, or a team leaves, those that were "
                "published stay private until the team publishes them again."
            ),
            [Option(UNSAID, _("Off")), Option("on", _("On"))],
        ),
        SettingName.CODE_SAVING: (
            _("Code saving"),
            _("Whether the code that the client gathers by itself is kept."),
            switch,
        ),
        SettingName.MASK_SECRETS: (
            _("Mask secrets"),
            _("Whether well-known keys and passwords in what is logged are replaced before they are stored."),
            switch,
        ),
        SettingName.SYSTEM_METADATA: (
            _("System metadata"),
            _("How much of the machine is kept with a run."),
            [Option("all", _("All")), Option("minimal", _("Minimal")), Option("none", _("None"))],
        ),
        SettingName.DEFAULT_VISIBILITY: (
            _("Visibility of new projects"),
            _("What a project is made as when nobody says otherwise."),
            [
                Option("private", _("Private")),
                Option("restricted", _("Restricted")),
                Option("public", _("Public")),
                Option("open", _("Open")),
            ],
        ),
        SettingName.RUN_RETENTION_DAYS: (
            _("Runs are erased after"),
            _(
                "A run is erased so many days after its end and the last change that its client sent. A number of days, or never; empty is left to each team."
            ),
            [],
        ),
        SettingName.ARTIFACT_TTL_DAYS: (
            _("Artifacts are erased after"),
            _(
                "A version is erased so many days after it was made, unless its script said how long it lives. A number of days, or never; empty is left to each team."
            ),
            [],
        ),
    }
