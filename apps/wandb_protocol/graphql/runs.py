from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from apps.access.policy import Permission
from apps.accounts.queries import people_of
from apps.core import jsontext
from apps.core.errors import Erased, NotFound
from apps.projects.queries import open_project
from apps.runs.queries import get_run_in, may_do, open_run
from apps.teams.queries import author_names, hidden_from
from apps.wandb_protocol import translate
from apps.wandb_protocol.graphql import projects
from apps.wandb_protocol.graphql.context import Fields, Info, Source, actor_in, budget_of
from apps.wandb_protocol.ids import project_number

if TYPE_CHECKING:
    from apps.projects.types import OpenProject
    from apps.runs.types import OpenRun


HIDDEN: Source = {"id": "", "name": "somebody who is hidden", "username": None}
GONE: Source = {"id": "", "name": "somebody who left", "username": None}


def run(project: Source, info: Info, name: str, **_: object) -> Source | None:
    """Null when there is no such run: the client decides what that means (a new run, or not found)."""
    held: OpenProject = project["_project"]
    budget_of(info).stream_of(0)
    try:
        found = get_run_in(actor_in(info), Permission.RUN_READ, project=held.project, name=name)
    except (NotFound, Erased):
        return None
    opened = open_run(found)
    budget_of(info).runs([opened])
    return translate.run_facts(opened) | {"project": project}


def project(source: Source, _: Info) -> Source:
    """Of a run that was fetched to be written: nobody has asked to read its project, and lists of what lies in it do."""
    if "project" in source:
        known: Source = source["project"]
        return known
    opened: OpenRun = source["_run"]
    return translate.project_facts(open_project(opened.run.project)) | {"_is_unread": True}


def project_id(source: Source, _: Info) -> int:
    opened: OpenRun = source["_run"]
    return project_number(opened.run.project.public_id)


def read_only(source: Source, info: Info) -> bool:
    """The project is asked once for all of its runs; where it is closed, whoever added a run may still have a say in it."""
    opened: OpenRun = source["_run"]
    run, actor = opened.run, actor_in(info)
    closed = (
        projects.read_only(source["project"], info)
        if "project" in source
        else not projects.may_write(info, run.project)
    )
    return closed and not (run.created_by_id == actor.user_id and may_do(actor, Permission.RUN_WRITE, run))


def creator(source: Source, info: Info) -> Source:
    """Who started the run. The client cannot do without a person, so one who is gone is called that."""
    opened: OpenRun = source["_run"]
    person = opened.run.created_by_id
    if person is None:
        return GONE
    if person not in info.context.people:
        _meet(info, {person, *source.get("_authors", ())})
    return info.context.people[person]


def _meet(info: Info, people: set[int]) -> None:
    """Look up those who started the runs of a list, all of them at once."""
    actor, known = actor_in(info), info.context.people
    wanted = people - known.keys()
    hidden = hidden_from(actor, wanted)
    known |= dict.fromkeys(hidden, HIDDEN)
    users = people_of(wanted - hidden)
    services = [pk for pk, user in users.items() if user.is_service]
    names = author_names(actor, services) if services else {}
    known |= dict.fromkeys(wanted - hidden - users.keys(), GONE)
    known |= {pk: translate.user_facts(user, name=names.get(pk, "")) for pk, user in users.items()}


def wandb_config(source: Source, _: Info, keys: Sequence[str] | None = None) -> str:
    """Some of what the client keeps in the config; a run counts as started once `t` is there."""
    opened: OpenRun = source["_run"]
    inner = translate.client_part(opened.config_text)
    return jsontext.dumps({key: value for key, value in inner.items() if keys is None or key in keys})


FIELDS: Fields = {
    "Project.run": run,
    "Project.bucket": run,
    "Run.project": project,
    "Run.projectId": project_id,
    "Run.readOnly": read_only,
    "Run.user": creator,
    "Run.wandbConfig": wandb_config,
}
