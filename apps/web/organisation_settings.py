"""What an organisation says to its teams, as the rows of its page: each a form of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from apps.accounts.actors import Actor
from apps.core.errors import Invalid
from apps.teams.choices import SPECS, Days, SettingName, read
from apps.teams.queries import Effective, own_of, told_to
from apps.teams.services import choose, unset
from apps.teams.types import Chooser
from apps.web.retention import require_typed

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
    is_confirmed: bool  # by typing the organisation's name
    lock: str

    @property
    def value(self) -> str:
        return self.said.word if self.said else UNSAID


def rows(organisation: Organisation, *, actor: Actor) -> list[Row]:
    """Every setting that an organisation can choose, with what it says now, as this reader is told it."""
    said = {each.name: each for each in told_to(actor, own_of(organisation).values())}
    return [_row(name, said.get(name)) for name in _words()]


def save(organisation: Organisation, form: Mapping[str, str], *, by: Actor) -> None:
    """Choose what the form of one row says; nothing chosen takes the choice back."""
    try:
        name = SettingName(form.get("name", ""))
    except ValueError:
        raise Invalid(_("There is no such setting.")) from None
    text = form.get("value", "").strip()
    if text == UNSAID:
        unset(organisation, name, by=by)
        return
    value = read(name, text.lower())
    if name is SettingName.RUN_RETENTION_DAYS:
        require_typed(organisation.name, form)
    choose(organisation, name, value, by=by, enforce="enforce" in form)


def _row(name: SettingName, said: Effective | None) -> Row:
    title, says, options = _words()[name]
    spec = SPECS[name]
    unsaid = Option(UNSAID, _("Each team chooses"))
    return Row(
        name.value,
        title,
        says,
        [] if isinstance(spec.form, Days) else [unsaid, *options],
        said,
        is_always_enforced=Chooser.TEAM not in spec.choosers,
        is_confirmed=name is SettingName.RUN_RETENTION_DAYS,
        lock=_("Teams may choose only what is stricter")
        if spec.strictness
        else _("Teams may not choose otherwise"),
    )


def _words() -> dict[SettingName, tuple[str, str, list[Option]]]:
    switch = [Option("off", _("Off")), Option("on", _("On"))]
    return {
        SettingName.PRIVATE_ONLY: (
            _("Private projects only"),
            _("No project of a team can be opened to people outside it, by nobody."),
            switch,
        ),
        SettingName.CODE_SAVING: (
            _("Code saving"),
            _("Whether the code that the client gathers by itself is kept."),
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
                "A run is erased so many days after its end and the last change that its client sent. A number of days, or never."
            ),
            [],
        ),
        SettingName.ARTIFACT_TTL_DAYS: (
            _("Artifacts are erased after"),
            _("Nothing is erased by this yet. A number of days, or never."),
            [],
        ),
    }
