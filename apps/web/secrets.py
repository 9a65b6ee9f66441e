"""What was found in a run and looks like a secret, in words: never the value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.access.policy import Permission
from apps.artifacts.queries.code import called, makers_in_project, versions_by_id
from apps.artifacts.types import OpenVersion
from apps.code_saving.credentials import Detector
from apps.code_saving.policy import is_code_artifact
from apps.leaks.queries import findings_of, open_in_project, open_in_version
from apps.leaks.types import OpenFinding, Place, Spot, State
from apps.projects.queries import open_project
from apps.runs.queries import open_run, open_runs, where_may_do
from apps.web.links import artifact_url, run_url

if TYPE_CHECKING:
    from apps.accounts.actors import Actor
    from apps.artifacts.models import Version
    from apps.projects.models import Project
    from apps.projects.types import OpenProject
    from apps.runs.models import Run

_MOST_RUNS = 5
_KINDS = {
    Detector.ANTHROPIC: gettext_lazy("Anthropic key"),
    Detector.AWS_ID: gettext_lazy("AWS access key"),
    Detector.AWS_SECRET: gettext_lazy("AWS secret key"),
    Detector.AZURE: gettext_lazy("Azure storage key"),
    Detector.GITHUB: gettext_lazy("GitHub token"),
    Detector.GITLAB: gettext_lazy("GitLab token"),
    Detector.GOOGLE: gettext_lazy("Google key"),
    Detector.HUGGING_FACE: gettext_lazy("Hugging Face token"),
    Detector.JWT: gettext_lazy("Signed token (JWT)"),
    Detector.NAMED: gettext_lazy("A value whose name says that it is secret"),
    Detector.NPM: gettext_lazy("npm token"),
    Detector.OPENAI: gettext_lazy("OpenAI key"),
    Detector.OWNLOG: gettext_lazy("API key of Ownlog"),
    Detector.PASSWORD_IN_ADDRESS: gettext_lazy("Password in an address"),
    Detector.PRIVATE_KEY: gettext_lazy("Private key"),
    Detector.PYPI: gettext_lazy("PyPI token"),
    Detector.SENDGRID: gettext_lazy("SendGrid key"),
    Detector.SLACK: gettext_lazy("Slack token"),
    Detector.STRIPE: gettext_lazy("Stripe key"),
    Detector.TELEGRAM: gettext_lazy("Telegram token"),
    Detector.WANDB: gettext_lazy("API key of wandb"),
}


@dataclass(frozen=True, slots=True)
class Shown:
    public_id: str
    state: State
    kind: str
    place: str
    name: str  # of the key or the file, which somebody chose
    href: str
    erases: str  # value, file or version: what a click takes away; page: where it is asked
    erase_page: str = ""
    secrets_page: str = ""


@dataclass(frozen=True, slots=True)
class InRun:
    title: str
    href: str
    count: int


@dataclass(frozen=True, slots=True)
class InProject:
    """How many values of a project look like secrets, the first of its runs that hold some, and how many more runs do."""

    count: int
    runs: list[InRun]
    more: int
    is_partial: bool  # there may be more in others


@dataclass(frozen=True, slots=True)
class Around:
    """The run's address, and the versions of artifacts in which something was found, by id, with their addresses."""

    url: str
    versions: Mapping[str, tuple[OpenVersion, str]]


def shown_all(run: Run) -> list[Shown]:
    """The findings of a run that was fetched with RUN_WRITE, as rows."""
    found, place = findings_of(run), open_project(run.project)
    around = Around(
        run_url(place.entity, place.name, open_run(run).head.name),
        {
            public_id: (opened, address_of(opened, place))
            for public_id, opened in versions_by_id(
                run, {each.spot.version for each in found if each.spot.version}
            ).items()
        },
    )
    return [shown(each, around) for each in found]


def found_in_project(project: Project) -> InProject:
    """What others would read if this project were shown to them; for whoever may share it, and so write all of its runs."""
    place, undecided = open_project(project), open_in_project(project)
    of_run = undecided.of_run
    first = open_runs(list(of_run)[:_MOST_RUNS])
    rows = [
        InRun(
            each.head.display_name or each.head.name,
            run_url(place.entity, place.name, each.head.name, "secrets"),
            of_run[each.run],
        )
        for each in first
    ]
    return InProject(undecided.count, rows, len(of_run) - len(rows), undecided.is_partial)


def found_in(actor: Actor, opened: OpenVersion) -> list[Shown]:
    """What looks like a secret in a version, for whoever may write a run that made it; each of them once.

    Not where the version is shown as it was linked: there nothing is told of where it was made.
    """
    if opened.collection.collection.pk != opened.version.collection_id:
        return []
    place = open_project(opened.version.collection.project)
    versions = {opened.version.public_id: (opened, address_of(opened, place))}
    rows: dict[tuple[str, str], Shown] = {}
    for run, finding in open_in_version(written_makers(actor, opened.version), opened.version.public_id):
        around = Around(run_url(place.entity, place.name, open_run(run).head.name), versions)
        rows.setdefault((finding.spot.file, finding.spot.detector), shown(finding, around))
    return list(rows.values())


def written_makers(actor: Actor, version: Version) -> list[Run]:
    """The runs that made a version and that the actor may write: they are told what was found in it."""
    return where_may_do(actor, Permission.RUN_WRITE, makers_in_project(version))


def address_of(opened: OpenVersion, place: OpenProject) -> str:
    kind, name = called(opened)
    return artifact_url(place.entity, place.name, kind, name, f"v{opened.version.number}")


def shown(finding: OpenFinding, around: Around) -> Shown:
    """One finding as its row says it, among those of its run."""
    spot = finding.spot
    opened, address = around.versions.get(spot.version, (None, ""))
    return Shown(
        public_id=finding.public_id,
        state=finding.state,
        kind=str(_KINDS[spot.detector]),
        place=_place(spot),
        name=_name(spot, opened),
        href=_href(spot, around.url, address),
        erases=_erases(spot, opened),
        erase_page=f"{address}/erase" if opened is not None else "",
        secrets_page=f"{around.url}/secrets",
    )


def _name(spot: Spot, opened: OpenVersion | None) -> str:
    if spot.place is Place.ARTIFACT:
        return f"{opened.name}/{spot.file}" if opened is not None else spot.file
    return spot.file or ".".join(str(part) for part in spot.path if part != "value")


def _erases(spot: Spot, opened: OpenVersion | None) -> str:
    if spot.place is Place.CODE:
        return "file"
    if spot.place is not Place.ARTIFACT:
        return "value"
    return "version" if opened is None or is_code_artifact(*called(opened)) else "page"


def _place(spot: Spot) -> str:
    if spot.place is Place.CONFIG:
        return _("Command line") if spot.path[:1] == ("_wandb",) else _("Config")
    line = {"n": spot.line + 1}
    return _("Console, line %(n)d") % line if spot.place is Place.CONSOLE else _("Line %(n)d of") % line


def _href(spot: Spot, url: str, address: str) -> str:
    match spot.place:
        case Place.CONFIG:
            return f"{url}/values/config"
        case Place.CONSOLE:
            # Writers of a shared run count their own lines: the console shows them among each other.
            return f"{url}/console" if spot.writer else f"{url}/console?line={spot.line}"
        case Place.CODE:
            return f"{url}/code?{urlencode({'file': spot.file})}"
        case Place.ARTIFACT:
            return f"{address}/preview/{quote(spot.file, safe='/')}" if address else f"{url}/artifacts"
        case Place.FILE:
            return f"{url}/files"
