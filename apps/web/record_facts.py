"""The facts of an event in the audit record, in the words of who reads it: states, counts, what was and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.access.policy import Scope, Visibility
from apps.audit.events import EventKind
from apps.runs.types import RunState
from apps.teams.choices import NEVER, OFF, ON, OWN, UNSET, SettingName
from apps.teams.types import MemberRole, SystemMetadata
from apps.web.figures import grouped, size
from apps.web.key_forms import scope_words
from apps.web.places import role_words
from apps.web.plan_words import PLANS
from apps.web.record_names import Thing
from apps.web.states import state_word

Things = Mapping[str, Thing]


@dataclass(frozen=True, slots=True)
class Detail:
    """One thing more about an act. `name` was chosen by somebody; `code` is a word of an older or a newer version."""

    words: str = ""
    name: str = ""
    url: str = ""
    code: str = ""


def details(kind: str, facts: Mapping[str, Any], things: Things) -> Iterator[Detail]:
    """What is told beside the sentence, in this order: what it was about, how it changed, how much, by which right."""
    left = dict(facts)
    if kind == EventKind.PERSON_NAMED:
        left["named"] = left.pop("role", "")
    yield from _changed(kind, left, things)
    for name, say in _SAY.items():
        if name in left:
            yield from _said(say, left.pop(name))
    if job := left.pop("job", None):
        yield Detail(words=_("the erasure"), url=things[job].url if job in things else "", code=str(job))
    for name, words in (("link", _("the link")), ("view", _("the view"))):
        if public_id := left.pop(name, None):
            found = things.get(public_id, Thing(""))
            yield Detail(
                words=words, name=found.name, url=found.url, code="" if found.name else str(public_id)
            )
    yield from _right(left)
    left.pop("person", None)  # named in the sentence
    for name, value in left.items():
        yield Detail(code=f"{name} {str(value).lower() if isinstance(value, bool) else value}")


def _said(say: Callable[[Any], str | None], value: Any) -> Iterator[Detail]:
    """None: of that value there is nothing to tell. A word that nobody here knows stands as it is."""
    try:
        words = say(value)
    except (KeyError, ValueError):
        yield Detail(code=str(value))
        return
    if words:
        yield Detail(words=words)


def _changed(kind: str, left: dict[str, Any], things: Things) -> Iterator[Detail]:
    setting, before, after = left.pop("setting", ""), left.pop("before", None), left.pop("after", None)
    if setting:
        yield Detail(words=setting_words(setting))
        after = left.pop("days", after)  # as it was once told of a project
        if left.pop("is_enforced", False):
            left["enforced"] = True
    elif kind == EventKind.MEMBER_ROLE_CHANGED:
        setting = "role"
    if before is not None and after is not None:
        yield Detail(
            words=_("from %(before)s to %(after)s")
            % {"before": value_words(setting, before, things), "after": value_words(setting, after, things)}
        )
    elif after is not None:
        yield Detail(words=_("now %(after)s") % {"after": value_words(setting, after, things)})


def setting_words(name: str) -> str:
    """What pages call a setting."""
    titles = {
        SettingName.ARTIFACT_TTL_DAYS: _("How long artifacts are kept"),
        SettingName.CODE_SAVING: _("Code saving"),
        SettingName.DEFAULT_ENTITY: _("Where runs go that name no owner"),
        SettingName.DEFAULT_VISIBILITY: _("Visibility of new projects"),
        SettingName.GRACE_DAYS: _("How long erased runs, files and artifacts can be taken back"),
        SettingName.HIDDEN: _("Hide me from others"),
        SettingName.MAIL_EXPORTS: _("Mails about exports"),
        SettingName.MAIL_IMPORTS: _("Mails about imports"),
        SettingName.MAIL_ALERTS: _("Mails about alerts of your runs"),
        SettingName.MAIL_ALERTS_OF_TEAMS: _("Mails about alerts of your teams’ runs"),
        SettingName.MAIL_ALERT_WORDS: _("What alerts say, in the mail"),
        SettingName.MAIL_KEYS: _("Mails about API keys"),
        SettingName.MAIL_TEAMS: _("Mails about teams"),
        SettingName.PRIVATE_ONLY: _("Private projects only"),
        SettingName.PROJECT_GRACE_DAYS: _("How long an erased project or team can be taken back"),
        SettingName.RUN_RETENTION_DAYS: _("How long runs are kept"),
        SettingName.STATISTICS: _("Count in statistics"),
        SettingName.MASK_SECRETS: _("Mask secrets"),
        SettingName.SYSTEM_METADATA: _("System metadata"),
    }
    return next((title for known, title in titles.items() if known == name), name)


def value_words(setting: str, value: Any, things: Things) -> str:
    """A value of a setting, a role or a visibility. `setting` is empty for a visibility."""
    value = str(value)
    if value in things and things[value].name:
        return things[value].name
    if setting == "role":
        return role_words(value)
    if value.isascii() and value.isdigit():
        return ngettext("%(n)s day", "%(n)s days", int(value)) % {"n": grouped(int(value))}
    return _VALUES[value]() if value in _VALUES else value


_VALUES: dict[str, Callable[[], str]] = {
    ON: lambda: _("on"),
    OFF: lambda: _("off"),
    NEVER: lambda: _("never"),
    OWN: lambda: _("your own projects"),
    UNSET: lambda: _("nothing chosen"),
    "as_entity": lambda: _("nothing chosen"),
    Visibility.PRIVATE.value: lambda: _("Private"),
    Visibility.RESTRICTED.value: lambda: _("Restricted"),
    Visibility.PUBLIC.value: lambda: _("Public"),
    Visibility.OPEN.value: lambda: _("Open"),
    SystemMetadata.ALL.value: lambda: _("All"),
    SystemMetadata.MINIMAL.value: lambda: _("Minimal"),
    SystemMetadata.NONE.value: lambda: _("None"),
}


def _among(words: Mapping[str, Callable[[], str]]) -> Callable[[Any], str]:
    return lambda value: words[str(value)]()


_SAY: dict[str, Callable[[Any], str | None]] = {
    "enforced": lambda is_so: _("for all teams, whatever they chose") if is_so else None,
    "role": lambda role: _("as %(role)s") % {"role": role_words(str(MemberRole(role)))},
    "named": _among({"viewer": lambda: _("May look"), "member": lambda: _("May look and log")}),
    "scope": lambda scope: _("for %(scope)s") % {"scope": scope_words(Scope(scope))},
    "visibility": lambda visibility: _("now %(after)s") % {"after": value_words("", visibility, {})},
    "state": lambda state: state_word(RunState(state)),
    "plan": lambda plan: str(PLANS[plan]),
    "days": lambda n: ngettext("for %(n)s day", "for %(n)s days", int(n)) % {"n": grouped(int(n))},
    "runs": lambda n: ngettext("%(n)s run", "%(n)s runs", int(n)) % {"n": grouped(int(n))},
    "files": lambda n: ngettext("%(n)s file", "%(n)s files", int(n)) % {"n": grouped(int(n))},
    "parts": lambda n: ngettext("%(n)s part", "%(n)s parts", int(n)) % {"n": grouped(int(n))},
    "versions": lambda n: ngettext("%(n)s version", "%(n)s versions", int(n)) % {"n": grouped(int(n))},
    "findings": lambda n: ngettext("%(n)s finding", "%(n)s findings", int(n)) % {"n": grouped(int(n))},
    "bytes": lambda n: size(int(n)),
    "sessions": lambda n: ngettext("%(n)s device", "%(n)s devices", int(n)) % {"n": grouped(int(n))},
    "what": _among(
        {
            "description": lambda: _("its description"),
            "protected": lambda: _("its protected aliases"),
            "types": lambda: _("the types that it takes"),
            "secret": lambda: _("its secret"),
            "on": lambda: _("on"),
            "off": lambda: _("off"),
            "password": lambda: _("for the password"),
            "address": lambda: _("for the e-mail address"),
            "project": lambda: _("of the whole project"),
            "entity": lambda: _("of everything"),
            "again": lambda: _("once more, after it failed"),
        }
    ),
    "by_mail": lambda is_so: _("by mail") if is_so else None,
    "is_owner": lambda is_so: _("who owns this instance") if is_so else None,
    "first": lambda is_so: _("for the first time") if is_so else None,
    "cause": lambda cause: _("by the rule on how long runs are kept") if cause == "retention" else None,
    "factor": _among(
        {
            "totp": lambda: _("codes of an app"),
            "webauthn": lambda: _("a passkey"),
            "recovery_codes": lambda: _("recovery codes"),
        }
    ),
    "change": _among({"email_deleted": lambda: _("a new e-mail address was given up")}),
    "provider": _among({"google": lambda: "Google", "github": lambda: "GitHub"}),
    "form": _among({"csv": lambda: _("as CSV"), "jsonl": lambda: _("as JSON Lines")}),
    "number": lambda n: f"v{n}",  # of a link, in its collection
    "expected": lambda n: _("%(n)s were expected") % {"n": grouped(int(n))},
    "found": lambda n: _("%(n)s were there") % {"n": grouped(int(n))},
}


def _right(left: dict[str, Any]) -> Iterator[Detail]:
    if via := left.pop("via", None):
        rights = {
            "link": _("by a share link"),
            "named": _("as somebody who was named"),
            "public": _("as anybody may"),
            "registry": _("in a registry to which it was linked"),
        }
        # Of an operator: which of their tables.
        yield Detail(words=rights[via]) if via in rights else Detail(code=str(via))
    more, since = left.pop("more", None), left.pop("since", None)
    if more and since:
        moment = timezone.localtime(datetime.fromisoformat(since))
        yield Detail(
            words=ngettext("%(n)s more time from %(time)s on", "%(n)s more times from %(time)s on", more)
            % {"n": more, "time": f"{moment:%H:%M}"}
        )
