"""What the bar finds on every page: projects, runs, metrics, and things to do.

Names are sealed, so each is opened and compared here. The work is bounded: all projects of the asker by name, all
runs of the project that they are in, and of the projects that were active last only the newest runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.core.errors import Erased, NotFound, TooMuch
from apps.projects.gate import may
from apps.projects.queries import get_project, my_projects, open_project
from apps.projects.types import OpenProject
from apps.runs.errors import BackSoon
from apps.runs.history import store
from apps.runs.queries import newest_heads, newest_with_history
from apps.runs.table import heads_in
from apps.runs.types import Head
from apps.vault.tree import open_keys
from apps.vault.types import NodeId
from apps.web.columns import ranked_measures
from apps.web.links import project_url, run_url
from apps.web.panels import metric_names
from apps.web.words import Words

PROJECTS_LOOKED_INTO = 12
RUNS_LOOKED_AT = 200
_MOST_ANSWERS = 8
_MOST_UNASKED = 6


@dataclass(frozen=True, slots=True)
class Answer:
    """Something that was found: what it is called, where it is, and the way to it."""

    title: str
    place: str
    url: str


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    icon: str
    answers: Sequence[Answer]


@dataclass(slots=True)
class Found:
    """The answers by kind. `is_partial` when older runs may hold what was not found."""

    groups: list[Group] = field(default_factory=list)
    is_partial: bool = False

    def add(self, title: str, icon: str, answers: Iterator[Answer], most: int = _MOST_ANSWERS) -> None:
        if some := list(islice(answers, most)):
            self.groups.append(Group(title, icon, some))

    @property
    def count(self) -> int:
        return sum(len(group.answers) for group in self.groups)


def find_everywhere(actor: Actor, words: Words, *, here: str) -> Found:
    """What the actor may see and is called so. With nothing typed: the projects that were active last."""
    projects, found = my_projects(actor), Found()
    place = _place(actor, here)
    named = (
        Answer(each.name, each.entity, project_url(each.entity, each.name))
        for each in projects
        if words.in_any(each.name, each.entity, each.description)
    )
    found.add(_("Projects"), "chart", named, most=_MOST_ANSWERS if words else _MOST_UNASKED)
    if words:
        others = [each for each in projects if _name(each) != here][:PROJECTS_LOOKED_INTO]
        places = [place, *others] if place else others
        found.add(_("Runs"), "run", _runs(places, words, here))
        found.add(_("Metrics"), "metric", _metrics(places, words))
        found.is_partial = len(projects) > len(places) or any(
            each.project.runs_made > RUNS_LOOKED_AT for each in places if _name(each) != here
        )
    acts = [*_acts_in(actor, place), *_acts()]
    found.add(_("Do"), "right", (each for each in acts if words.in_any(each.title, each.place)))
    return found


def _place(actor: Actor, here: str) -> OpenProject | None:
    """The project that the asker is in, if they may see it."""
    entity, _slash, name = here.partition("/")
    try:
        return open_project(get_project(actor, Permission.PROJECT_READ, entity=entity, name=name))
    except NotFound:
        return None


def _name(opened: OpenProject) -> str:
    return f"{opened.entity}/{opened.name}"


def _runs(places: Sequence[OpenProject], words: Words, here: str) -> Iterator[Answer]:
    for place in places:
        for head in _heads(place, is_here=_name(place) == here):
            if words.in_any(head.display_name, head.name, head.group, *head.tags):
                url = run_url(place.entity, place.name, head.name)
                yield Answer(head.display_name or head.name, _name(place), url)


def _heads(place: OpenProject, *, is_here: bool) -> list[Head]:
    try:
        if is_here:
            return heads_in(place.project)
    except TooMuch:  # to be listed together: the newest are found all the same
        pass
    return newest_heads(place.project, RUNS_LOOKED_AT)


def _metrics(places: Sequence[OpenProject], words: Words) -> Iterator[Answer]:
    """Each metric of the newest run of a project leads to its chart there."""
    newest = newest_with_history(place.project for place in places)
    open_keys(NodeId(run.vault_node) for run in newest.values())  # all with one question; they stay open
    for place in places:
        if (run := newest.get(place.project.pk)) is None:
            continue
        try:
            names = metric_names([store.keys_of(run)])
        except (BackSoon, Erased):  # while this was looked for
            continue
        for name in ranked_measures(names):
            if words.in_any(name):
                url = project_url(place.entity, place.name)
                panel = urlencode({"panel": name}, errors="replace")
                yield Answer(name, _name(place), f"{url}?{panel}")


def _acts_in(actor: Actor, place: OpenProject | None) -> Iterator[Answer]:
    """What is done in the project that the asker is in."""
    if place is None:
        return
    if may(actor, Permission.RUN_CREATE, place.project):
        url = reverse("run-new", args=[place.entity, place.name])
        yield Answer(_("Log a run by hand"), _name(place), url)


def _settings() -> Iterator[Answer]:
    """The pages of settings, called as beside them."""
    yield Answer(_("Profile"), _("settings, time zone, default entity"), reverse("profile"))
    yield Answer(_("Notifications"), _("settings, mail"), reverse("notifications"))
    yield Answer(_("Teams"), _("settings, people, organisations, invitations"), reverse("teams"))
    if settings.OWNLOG_HOSTED:
        yield Answer(_("Plan"), _("settings, free team, request"), reverse("plan-request"))
    yield Answer(_("Sign-in and security"), _("settings, passkey, recovery codes"), reverse("security"))
    yield Answer(_("Sessions"), _("settings, devices, sign out elsewhere"), reverse("sessions"))
    yield Answer(_("Webhooks"), _("settings, events, notify"), reverse("webhooks"))
    yield Answer(_("Privacy"), _("settings, secrets, who finds you"), reverse("privacy-settings"))
    yield Answer(_("Code saving"), _("settings, source, git, patch"), reverse("code-saving"))
    yield Answer(_("System metadata"), _("settings, machine, host, GPU"), reverse("system-metadata"))
    yield Answer(_("Retention"), _("settings, how long, delete"), reverse("retention"))
    yield Answer(_("Statistics"), _("settings, public packages"), reverse("statistics-settings"))
    yield Answer(_("What is held"), _("settings, my data, storage"), reverse("my-data"))
    yield Answer(_("Exports"), _("settings, download, archive"), reverse("exports"))
    yield Answer(_("Imports"), _("settings, bring, migrate, MLflow, archive"), reverse("imports"))
    yield Answer(_("Erasures"), _("settings, delete, receipts"), reverse("erasures"))
    yield Answer(_("Who saw my data"), _("settings, record, audit"), reverse("audit"))


def _acts() -> Iterator[Answer]:
    """Pages where something is done. The second words are what people also call it."""
    yield Answer(_("Make a project"), _("new, by hand"), reverse("project-new"))
    yield Answer(_("Make or revoke an API key"), _("wandb login, token, secret"), reverse("api-keys"))
    yield Answer(_("Change language, theme or density"), _("settings, dark, light"), reverse("appearance"))
    yield Answer(_("Change your password"), _("settings, security"), reverse("account_change_password"))
    yield Answer(_("Read how to use the REST API"), _("docs, schema, scripts"), reverse("api:docs"))
    yield Answer(_("Go home"), _("all projects"), reverse("home"))
    yield Answer(_("Sign out"), _("log out, leave"), reverse("account_logout"))
    yield from _settings()
