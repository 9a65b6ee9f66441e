"""How long runs and artifacts are kept, as the pages of settings say it, and what has to be typed before a choice erases any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.accounts.actors import Actor
from apps.erasure.foreseen import (
    Foreseen,
    WouldErase,
    choose_retention_of,
    under_present_rule,
    unset_retention_of,
)
from apps.projects.retention import SETTING, held_by
from apps.teams.choices import SettingName, Value, read
from apps.teams.queries import Effective, effective, told_to
from apps.teams.types import Source
from apps.web.figures import grouped
from apps.web.switches import Rule

if TYPE_CHECKING:
    from apps.projects.models import Project
    from apps.teams.models import Entity, Organisation

    Owner: TypeAlias = Entity | Organisation | Project

UNSAID = "unsaid"
VERSIONS = SettingName.ARTIFACT_TTL_DAYS


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds in one entity, or in one project of it. `word` is what stands in the field."""

    held: Effective  # in the entity
    words: str
    chain: list[Rule]
    word: str
    is_own: bool  # chosen here, so that it can be taken back
    is_never: bool
    bound: str  # what an organisation enforces, in words; empty when it enforces nothing
    now: Foreseen

    @property
    def name(self) -> str:
        return self.held.name.value

    @property
    def is_of_versions(self) -> bool:
        return self.held.name is VERSIONS

    @property
    def id(self) -> str:
        """Of its field on the page."""
        return "life" if self.is_of_versions else "days"


@dataclass(frozen=True, slots=True)
class Asking:
    """A choice that would erase at the next pass, until the owner's name is typed."""

    owner: str
    fields: dict[str, str]  # of the form that was sent
    words: str
    found: Foreseen
    wrong: str = ""
    is_of_versions: bool = False


def rules_of(actor: Actor, entity: Entity, name: SettingName = SETTING) -> Rules:
    (held,) = told_to(actor, [effective(entity, name)])
    return Rules(
        held,
        in_words(held.value, name),
        _chain(held),
        held.word if held.days is not None else "",
        is_own=held.source is Source.OWN,
        is_never=held.days is None,
        bound=in_words(held.bound, name) if held.is_enforced else "",
        now=under_present_rule(entity, name),
    )


def rules_of_project(actor: Actor, project: Project) -> Rules:
    """The project's own choice comes after what holds for all of its entity."""
    of_entity, rule = rules_of(actor, project.entity), held_by(project, effective(project.entity, SETTING))
    chain = of_entity.chain
    if project.run_retention:
        chain = [replace(each, applies=each.applies and not rule.is_own) for each in chain]
        own = in_words(read(SETTING, project.run_retention))
        chain.append(Rule("folder", _("This project"), own, applies=rule.is_own))
    return replace(
        of_entity,
        words=in_words(rule.days),
        chain=chain,
        word="" if rule.days is None else str(rule.days),
        is_own=bool(project.run_retention),
        is_never=rule.days is None,
        now=under_present_rule(project),
    )


def setting_of(form: Mapping[str, str]) -> SettingName:
    """Which of the two rules a form is about; that on runs where it does not say."""
    return VERSIONS if form.get("setting") == VERSIONS else SETTING


def choose_rule(
    owner: Owner, typed_name: str, form: Mapping[str, str], *, by: Actor, name: SettingName = SETTING
) -> Asking | None:
    """Save the choice of a form, or say what has to be confirmed first. Invalid and Forbidden for what cannot be chosen."""
    field = "keep" if form.get("keep") else "days"
    word = form.get(field, "").strip().lower()
    is_unsaid = (field, word) == ("keep", UNSAID)
    sent = {"setting": name.value, field: word}
    return save_rule(owner, typed_name, None if is_unsaid else word, form, sent, by=by, name=name)


def save_rule(
    owner: Owner,
    typed_name: str,
    word: str | None,
    form: Mapping[str, str],
    sent: dict[str, str],
    *,
    by: Actor,
    name: SettingName = SETTING,
    enforce: bool = False,
) -> Asking | None:
    """The same of one word; None takes the choice back. `typed_name` is to be typed, `sent` is sent again with it."""
    typed = form.get("confirm")
    agreed = (typed or "").strip() == typed_name
    try:
        if word is None:
            unset_retention_of(owner, by=by, name=name, agreed=agreed)
        else:
            value = read(name, word)
            choose_retention_of(owner, value, by=by, name=name, enforce=enforce, agreed=agreed)
    except WouldErase as error:
        wrong = "" if typed is None else _("This is not the name.")
        return Asking(
            typed_name, sent, in_words(error.value, name), error.found, wrong, is_of_versions=name is VERSIONS
        )
    return None


def in_words(value: Value, name: SettingName = SETTING) -> str:
    if name is VERSIONS:
        return _of_versions(value)
    if not isinstance(value, int):
        return _("Runs are never erased by age")
    return ngettext(
        "Runs are erased %(n)s day after their end", "Runs are erased %(n)s days after their end", value
    ) % {"n": grouped(value)}


def _of_versions(value: Value) -> str:
    if not isinstance(value, int):
        return _("Artifacts are never erased by age")
    return ngettext(
        "Artifacts are erased %(n)s day after they were made",
        "Artifacts are erased %(n)s days after they were made",
        value,
    ) % {"n": grouped(value)}


def _chain(held: Effective) -> list[Rule]:
    ground = held.source is Source.DEFAULT
    rules = [Rule("gear", _("The default"), in_words(None, held.name), applies=ground)]
    if held.bound is not None or held.source is Source.ORGANISATION:
        above = held.bound if held.is_enforced else held.value
        rules.append(
            Rule(
                "lock" if held.is_enforced else "building",
                held.organisation,
                in_words(above, held.name),
                applies=held.source is Source.ORGANISATION,
            )
        )
    if held.source is Source.OWN:
        gone = _("Somebody who is hidden") if held.is_set_by_hidden else _("Somebody who is gone")
        rules.append(Rule("people", held.set_by_name or gone, in_words(held.value, held.name), applies=True))
    return rules
