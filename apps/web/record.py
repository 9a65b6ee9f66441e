"""The audit record in words: what each kind of event says, and what one can look for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils import formats, timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.accounts.names import as_stored
from apps.audit.chain import moment
from apps.audit.events import EventKind, Group, kinds_in
from apps.audit.queries import Asked
from apps.projects.seen import Line, asked_by_name
from apps.web.links import project_url
from apps.web.record_facts import Detail, Things, details
from apps.web.record_names import Thing, things_in

if TYPE_CHECKING:
    from apps.accounts.actors import Actor
    from apps.projects.seen import Owner
    from apps.projects.types import OpenProject

GROUPS: dict[Group, Promise] = {
    Group.SEEN: gettext_lazy("Seen by others"),
    Group.ACCOUNT: gettext_lazy("Sign-in and keys"),
    Group.PEOPLE: gettext_lazy("People and settings"),
    Group.WORK: gettext_lazy("Projects and runs"),
    Group.OPERATORS: gettext_lazy("Operators"),
}
SAYS: dict[EventKind, Promise] = {
    EventKind.ACCOUNT_CREATED: gettext_lazy("made the account"),
    EventKind.ACCOUNT_LINKED: gettext_lazy("linked an account to sign in with"),
    EventKind.ACCOUNT_UNLINKED: gettext_lazy("unlinked an account"),
    EventKind.ACCOUNT_REACTIVATED: gettext_lazy("reactivated the account, as an operator"),
    EventKind.ACCOUNT_SUSPENDED: gettext_lazy("suspended the account, as an operator"),
    EventKind.ADMIN_MADE_LINK: gettext_lazy(
        "made a link that sets a password or confirms an address, on the instance’s machine"
    ),
    EventKind.ADMIN_SEEN: gettext_lazy("looked at sizes, dates and states, as an operator"),
    EventKind.ADMIN_READ_REQUEST: gettext_lazy("read the request for a free team, as an operator"),
    EventKind.API_KEY_ISSUED: gettext_lazy("made an API key"),
    EventKind.API_KEY_REVOKED: gettext_lazy("revoked an API key"),
    EventKind.API_KEY_USED_ELSEWHERE: gettext_lazy("used an API key from a network that was new to it"),
    EventKind.EMAIL_CHANGED: gettext_lazy("changed the e-mail address"),
    EventKind.EMAIL_CONFIRMED: gettext_lazy("confirmed the e-mail address"),
    EventKind.ENTITY_CREATED: gettext_lazy("began this record"),
    EventKind.ENTITY_REACTIVATED: gettext_lazy("opened again what it owns, as an operator"),
    EventKind.ENTITY_SUSPENDED: gettext_lazy("suspended it, as an operator"),
    EventKind.EXPORT_ASKED: gettext_lazy("asked for an export"),
    EventKind.EXPORT_ERASED: gettext_lazy("erased an export, or its time was over"),
    EventKind.EXPORT_FETCHED: gettext_lazy("took an export along"),
    EventKind.ERASURE_HASTENED: gettext_lazy("had something erased at once that could still be taken back"),
    EventKind.ERASURE_TAKEN_BACK: gettext_lazy("took an erasure back: all is there again"),
    EventKind.IMPORT_ASKED: gettext_lazy("asked for an import"),
    EventKind.IMPORT_DONE: gettext_lazy("imported projects from elsewhere"),
    EventKind.IMPORT_GIVEN_UP: gettext_lazy("gave up an import: what had come of it is being erased"),
    EventKind.FILES_ERASED: gettext_lazy("erased files of a run"),
    EventKind.SECRET_DISMISSED: gettext_lazy("said that something found in a run is no secret"),
    EventKind.SECRET_ERASED: gettext_lazy("erased a secret from a run"),
    EventKind.INVITATION_ACCEPTED: gettext_lazy("came by an invitation"),
    EventKind.INVITATION_MADE: gettext_lazy("invited somebody"),
    EventKind.INVITATION_REVOKED: gettext_lazy("took an invitation back"),
    EventKind.MEMBER_LEFT: gettext_lazy("left"),
    EventKind.MEMBER_REMOVED: gettext_lazy("took somebody out"),
    EventKind.MEMBER_ROLE_CHANGED: gettext_lazy("gave somebody another role"),
    EventKind.ORGANISATION_CREATED: gettext_lazy("made the organisation"),
    EventKind.ORGANISATION_TEAM_ADDED: gettext_lazy("put a team under the organisation"),
    EventKind.ORGANISATION_TEAM_REMOVED: gettext_lazy("took a team out of the organisation"),
    EventKind.PASSWORD_CHANGED: gettext_lazy("set a new password"),
    EventKind.PERSON_NAMED: gettext_lazy("let somebody into a project by name"),
    EventKind.PERSON_UNNAMED: gettext_lazy("took somebody’s name out of a project"),
    EventKind.PLAN_GRANTED: gettext_lazy("gave a plan with teams"),
    EventKind.PLAN_QUESTION_ANSWERED: gettext_lazy("answered a question on the request for a free team"),
    EventKind.PLAN_QUESTION_ASKED: gettext_lazy(
        "had a question on the request for a free team, as an operator"
    ),
    EventKind.PLAN_REQUESTED: gettext_lazy("asked for a free team"),
    EventKind.PLAN_REQUEST_APPROVED: gettext_lazy("approved the request for a free team, as an operator"),
    EventKind.PLAN_REQUEST_DECLINED: gettext_lazy("declined the request for a free team, as an operator"),
    EventKind.PLAN_REQUEST_WITHDRAWN: gettext_lazy("withdrew the request for a free team"),
    EventKind.PLAN_WORDS_ERASED: gettext_lazy("erased the words of a request for a free team"),
    EventKind.PLAN_WITHDRAWN: gettext_lazy("withdrew a plan"),
    EventKind.PROJECT_CREATED: gettext_lazy("made a project"),
    EventKind.PROJECT_CHANGED: gettext_lazy("changed a project"),
    EventKind.PROJECT_ERASED: gettext_lazy("erased a project with everything in it"),
    EventKind.PROJECT_READ: gettext_lazy("looked into a project"),
    EventKind.RECORD_EXPORTED: gettext_lazy("exported this record"),
    EventKind.RECORD_LOSS_ACCEPTED: gettext_lazy("went on after the end of the record was lost"),
    EventKind.ARTIFACT_CHANGED: gettext_lazy("changed an artifact"),
    EventKind.ARTIFACT_COMMITTED: gettext_lazy("added a version of an artifact"),
    EventKind.ARTIFACT_DELETED: gettext_lazy("erased a version of an artifact"),
    EventKind.ARTIFACT_ERASED: gettext_lazy("erased an artifact with all its versions"),
    EventKind.ARTIFACT_LINKED: gettext_lazy("linked a version of an artifact"),
    EventKind.ARTIFACT_UNLINKED: gettext_lazy("ended a link to a version of an artifact"),
    EventKind.RUN_CREATED: gettext_lazy("began a run"),
    EventKind.RUN_ERASED: gettext_lazy("erased a run"),
    EventKind.RUN_KEY_RENEWED: gettext_lazy(
        "gave a run a new key, so that no old copy opens what was taken out"
    ),
    EventKind.RUN_PART_ERASED: gettext_lazy("erased parts of a run"),
    EventKind.RUN_FINISHED: gettext_lazy("ended a run"),
    EventKind.RUN_STOP_REQUESTED: gettext_lazy("asked a run to stop"),
    EventKind.RUN_REWOUND: gettext_lazy("cut back a run’s history"),
    EventKind.SECOND_FACTOR_ADDED: gettext_lazy("added a second factor"),
    EventKind.SECOND_FACTOR_REMOVED: gettext_lazy("removed a second factor"),
    EventKind.SERVICE_ACCOUNT_MADE: gettext_lazy("made a service account"),
    EventKind.SERVICE_ACCOUNT_REMOVED: gettext_lazy("removed a service account"),
    EventKind.SETTING_CHANGED: gettext_lazy("changed a setting"),
    EventKind.SESSION_ENDED: gettext_lazy("signed devices out"),
    EventKind.SHARE_LINK_MADE: gettext_lazy("made a link to a project"),
    EventKind.SHARE_LINK_REVOKED: gettext_lazy("closed a link to a project"),
    EventKind.ACCOUNT_ERASED: gettext_lazy("erased the account with everything of its own"),
    EventKind.OPERATOR_MADE: gettext_lazy("made somebody an operator of the instance"),
    EventKind.ORGANISATION_ERASED: gettext_lazy("erased the organisation with its registries"),
    EventKind.TEAM_ERASED: gettext_lazy("erased the team with everything in it"),
    EventKind.SIGNED_IN: gettext_lazy("signed in"),
    EventKind.SIGN_IN_FAILED: gettext_lazy("failed to sign in"),
    EventKind.WAYS_IN_CHANGED: gettext_lazy("changed how the account is opened"),
    EventKind.VIEW_CHANGED: gettext_lazy("changed a saved view"),
    EventKind.VIEW_DELETED: gettext_lazy("deleted a saved view"),
    EventKind.VIEW_SAVED: gettext_lazy("saved a view"),
    EventKind.VISIBILITY_CHANGED: gettext_lazy("changed who sees a project"),
    EventKind.WEBHOOK_CHANGED: gettext_lazy("changed a webhook"),
    EventKind.WEBHOOK_MADE: gettext_lazy("made a webhook"),
    EventKind.WEBHOOK_REMOVED: gettext_lazy("removed a webhook"),
}
# Of these the subject is a thing with a name; what is gone keeps its id.
_OF_THINGS = ("api_key.", "artifact.", "run.")


@dataclass(frozen=True, slots=True)
class Said:
    """A line of the page. `thing` is what it was done to, where that has a name; `gone` the id of one that has none."""

    line: Line
    says: str
    details: list[Detail]
    project_url: str
    thing: Thing | None = None
    gone: str = ""


@dataclass(frozen=True, slots=True)
class Day:
    day: date
    words: str
    lines: list[Said]


def days(actor: Actor, owner: Owner, lines: list[Line]) -> list[Day]:
    things = things_in(actor, owner, lines)
    return [
        Day(day, _day_words(day), [_said(line, things) for line in of_day])
        for day, of_day in groupby(lines, key=lambda line: timezone.localtime(line.event.at).date())
    ]


def _day_words(day: date) -> str:
    """With its day of the week, and how near it is."""
    words = formats.date_format(day, _("l, j F Y"))
    today = timezone.localdate()
    near = {today: _("Today"), today - timedelta(days=1): _("Yesterday")}.get(day)
    return f"{near} · {words}" if near else words


def _said(line: Line, things: Things) -> Said:
    event, opened = line.event, line.project
    is_of_thing = event.kind.startswith(_OF_THINGS)
    thing = things.get(event.subject) if is_of_thing else None
    return Said(
        line=line,
        says=says_of(event.kind),
        details=list(details(event.kind, event.facts, things)),
        project_url=project_url(opened.entity, opened.name) if opened else "",
        thing=thing,
        gone=event.subject if is_of_thing and thing is None else "",
    )


def says_of(kind: str) -> str:
    try:
        return str(SAYS[EventKind(kind)])
    except (KeyError, ValueError):  # an event of an older or a newer version
        return kind


def quick_looks() -> list[tuple[str, str]]:
    """Words and the first day of what one mostly looks for; empty for all there is."""
    today = timezone.localdate()
    return [
        (_("Today"), today.isoformat()),
        (_("Last 7 days"), (today - timedelta(days=6)).isoformat()),
        (_("Last 30 days"), (today - timedelta(days=29)).isoformat()),
        (_("All"), ""),
    ]


class Looking(forms.Form):
    """What somebody looks for in the record. Everything may be left open."""

    kind = forms.ChoiceField(required=False)
    by = forms.CharField(required=False, max_length=39)
    project = forms.ChoiceField(required=False)
    since = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, asked: Any, projects: list[OpenProject], *, kind: str = Group.SEEN.value) -> None:
        super().__init__({"kind": kind} | asked.dict())
        self.fields["kind"].choices = _kind_choices()  # type: ignore[attr-defined]
        self._ids = {each.name: each.project.public_id for each in projects}
        named = [(name, name) for name in sorted(self._ids)]
        self.fields["project"].choices = [("", _("any")), *named]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("since") and given.get("until") and given["since"] > given["until"]:
            self.add_error("until", _("This day lies before the first."))
        return given

    def asked(self, actor: Actor) -> Asked:
        """Call it once the form is valid."""
        given = self.cleaned_data
        asked = Asked(
            kinds=_kinds(given["kind"]),
            project=self._ids.get(given["project"], ""),
            since=_midnight(given["since"]),
            until=_midnight(given["until"], after=True),
        )
        name = as_stored(given["by"].strip())
        return asked_by_name(actor, asked, name) if name else asked


def _kind_choices() -> list[Any]:
    groups = [("", _("everything")), *((group.value, str(words)) for group, words in GROUPS.items())]
    each = [
        (str(words), [(kind.value, says_of(kind)) for kind in kinds_in(group)])
        for group, words in GROUPS.items()
        if group is not Group.SEEN
    ]
    return [*groups, *each]


def _kinds(chosen: str) -> frozenset[str]:
    if chosen in set(Group):
        # A group that holds no kind holds no event either.
        return frozenset(kinds_in(Group(chosen))) or frozenset({"none"})
    return frozenset({chosen} if chosen else ())


def _midnight(day: date | None, *, after: bool = False) -> datetime | None:
    if day is None:
        return None
    try:
        return timezone.make_aware(datetime.combine(day + timedelta(days=after), time()))
    except OverflowError:  # after the last day that there is
        return None


HEAD = (
    "id", "at", "kind", "subject", "project_id", "project", "by_id", "by",
    "facts", "number", "previous_sha256", "sha256",
)  # fmt: skip


def told(line: Line) -> dict[str, Any]:
    """A line as it is exported. With the digest before, each can be checked by itself (docs/adr/0080)."""
    event, link = line.event, line.link
    return {
        "id": event.pk,
        "at": moment(event.at),
        "kind": event.kind,
        "subject": event.subject,
        "project_id": event.project,
        "project": line.project.name if line.project else None,
        "by_id": event.by,
        "by": line.who or None,
        "facts": event.facts,
        "number": link.number if link else None,
        "previous_sha256": link.previous_sha256_hex if link else None,
        "sha256": link.sha256_hex if link else None,
    }
