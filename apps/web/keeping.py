"""What the pages of settings say: what holds, who chose it, what an organisation fixed, and what became of the last run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.code_saving.minimise import kept_names
from apps.core.errors import Invalid
from apps.projects.queries import open_project
from apps.runs.queries import last_seen_run, open_run
from apps.teams.choices import SettingName, read
from apps.teams.queries import Effective, effective_of, entities_of, get_team, own_entity, told_to
from apps.teams.services import choose
from apps.teams.types import Source, SystemMetadata
from apps.web.links import run_url
from apps.web.switches import Rule, SwitchRow

if TYPE_CHECKING:
    from apps.teams.models import Entity


@dataclass(frozen=True, slots=True)
class Option:
    """One word of a setting. Barred: an organisation does not allow it."""

    value: str
    words: str
    says: str
    is_chosen: bool
    is_barred: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """A setting of a few words."""

    name: str
    options: list[Option]


@dataclass(frozen=True, slots=True)
class Place:
    """What holds in one of the entities that somebody logs to."""

    name: str
    is_mine: bool
    held: Effective
    words: str


@dataclass(frozen=True, slots=True)
class LastRun:
    """What became of what the newest run told of its machine: names of entries."""

    title: str
    url: str
    at: datetime
    kept: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)


def owner_of(actor: Actor, permission: Permission, team: str) -> Entity:
    """The team of this name for this purpose, or the actor's own entity when none is named."""
    return get_team(actor, permission, name=team) if team else own_entity(actor)


def save(owner: Entity, name: SettingName, form: Mapping[str, str], *, by: Actor) -> None:
    """Choose what a form says: a switch that is turned sends `on` or leaves it out, a choice sends its word."""
    if name in form:
        choose(owner, name, read(name, form[name]), by=by)
    elif form.get("name") == name:
        choose(owner, name, "on" in form, by=by)
    else:
        raise Invalid(_("There is no such choice."))


def metadata_choice(held: Effective) -> Choice:
    """System metadata, with what each choice keeps."""
    words = {
        SystemMetadata.ALL: (
            _("All"),
            _(
                "What the client sends is kept as it is, host and user name, e-mail and paths too. Of the git remote only what "
                "stands after the @, and only where code saving is on."
            ),
        ),
        SystemMetadata.MINIMAL: (
            _("Minimal"),
            _(
                "Versions, processor, memory, GPU, arguments, script name and git commit. No e-mail, no user or host name, "
                "no absolute path, nothing that is not known to be harmless."
            ),
        ),
        SystemMetadata.NONE: (_("None"), _("The git commit, and nothing else. No list of packages.")),
    }
    options = [
        Option(each.value, *words[each], is_chosen=held.word == each, is_barred=not held.allows(each.value))
        for each in SystemMetadata
    ]
    return Choice(SettingName.SYSTEM_METADATA.value, options)


def level_words(held: Effective) -> str:
    """A level of system metadata in a word."""
    return next(option.words for option in metadata_choice(held).options if option.is_chosen)


def code_switch(held: Effective, action: str, *, may_change: bool = True) -> SwitchRow:
    """Code saving as a row, with the rules that decide it."""
    says = (
        _("Scripts, notebooks, patches and the address of the git remote are stored with new runs, sealed.")
        if held.is_on
        else _(
            "Code that the client gathers is refused, and so is each patch and notebook. Other files that a script saves by "
            "name are kept as always."
        )
    )
    fixed = fixed_by(held) or ("" if may_change else _("Only admins of the team change this."))
    return SwitchRow(
        SettingName.CODE_SAVING.value,
        _("Save code"),
        says,
        on_off(held),
        held.is_on,
        action,
        fixed_by=fixed,
        chain=_chain(held),
    )


MAILS = (
    SettingName.MAIL_TEAMS,
    SettingName.MAIL_KEYS,
    SettingName.MAIL_EXPORTS,
    SettingName.MAIL_IMPORTS,
    SettingName.MAIL_ALERTS,
    SettingName.MAIL_ALERTS_OF_TEAMS,
    SettingName.MAIL_ALERT_WORDS,
)


def mail_switch(held: Effective, action: str) -> SwitchRow:
    """Mails about one thing as a row."""
    words = {
        SettingName.MAIL_TEAMS: (
            _("Teams"),
            _("When you are given another role in a team, or taken out of it."),
        ),
        SettingName.MAIL_EXPORTS: (
            _("Exports"),
            _("When an export that you asked for is ready, or could not be finished."),
        ),
        SettingName.MAIL_IMPORTS: (
            _("Imports"),
            _("When an import that you asked for is done, or was given up."),
        ),
        SettingName.MAIL_KEYS: (
            _("API keys"),
            _(
                "When a key is used from a network that it was not used from before; once a day for each key at most."
            ),
        ),
        SettingName.MAIL_ALERTS: (
            _("Alerts of your runs"),
            _("When a script of yours says so by run.alert(); of one run at most twenty an hour."),
        ),
        SettingName.MAIL_ALERTS_OF_TEAMS: (
            _("Alerts of your teams’ runs"),
            _("The same for every run that you may see in your teams."),
        ),
        SettingName.MAIL_ALERT_WORDS: (
            _("What alerts say, in the mail"),
            _(
                "Off: the mail says that there is an alert, and leads to it. On: title and text stand in it, and whoever "
                "carries or keeps your mail can read them. They are then outside of this instance, where erasing the run does "
                "not reach."
            ),
        ),
    }
    return SwitchRow(held.name.value, *words[held.name], on_off(held), held.is_on, action)


def on_off(held: Effective) -> str:
    return _("on") if held.is_on else _("off")


def fixed_by(held: Effective) -> str:
    if not held.is_enforced:
        return ""
    return _("The organisation %(name)s has fixed this.") % {"name": held.organisation}


def _chain(held: Effective) -> list[Rule]:
    """Who could decide and who does, from the ground up."""
    ground = Rule("gear", _("The default"), _("off"), applies=held.source is Source.DEFAULT)
    rules = [ground]
    if held.source is Source.OWN:
        unnamed = _("Somebody who is hidden") if held.is_set_by_hidden else _("Somebody who is gone")
        rules.append(Rule("people", held.set_by_name or unnamed, on_off(held), applies=True))
    if held.source is Source.ORGANISATION:
        rules.append(
            Rule("lock" if held.is_enforced else "building", held.organisation, on_off(held), applies=True)
        )
    return rules


def places_of(actor: Actor, name: SettingName) -> list[Place]:
    """What holds where the actor's runs may go: their own projects, then each team's."""
    entities = sorted(entities_of(actor), key=lambda entity: entity.user_id is None)
    found = effective_of(entities, [name])
    held = told_to(actor, (found[each.pk][name] for each in entities))
    say = level_words if name is SettingName.SYSTEM_METADATA else on_off
    return [
        Place(each.name, each.user_id is not None, here, say(here))
        for each, here in zip(entities, held, strict=True)
    ]


def last_run(actor: Actor, team: Entity | None = None) -> LastRun | None:
    """The newest run of the actor, or of a team, if they may see it."""
    run = last_seen_run(actor, entity=team)
    if run is None:
        return None
    opened, place = open_run(run), open_project(run.project)
    return LastRun(
        opened.head.display_name or opened.head.name,
        run_url(place.entity, place.name, opened.head.name),
        run.created_at,
        kept_names(opened.config_text),
        opened.head.dropped,
    )
