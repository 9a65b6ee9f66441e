"""What the client is told beside what it asked for: of the team next to a public project, of who made what, of what one may do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from apps.access.policy import Permission, Visibility, allows
from apps.audit.events import EventKind
from apps.audit.models import Event
from apps.core import jsontext
from tests.matrix.asking import Ask, Door
from tests.matrix.measure import Measure
from tests.matrix.world import Asker, Place
from tests.mutations.direct import Scene

P = Permission
_PROJECT = "query($e: String, $p: String, $r: String!) { project(name: $p, entityName: $e) { %s } }"
_MEMBERS = "entity { members { name accountType } }"


@dataclass(frozen=True)
class Told:
    """Some fields of a project that can be seen, and what stands in the answer."""

    name: str
    fields: str
    read: Callable[[Any], Any]
    expected: Callable[[Scene, Place, Asker], Any]


def _inside(asker: Asker, permission: Permission = P.ENTITY_READ) -> bool:
    return allows(permission, role=asker.entity, scope=asker.scope)


def _hides(asker: Asker, place: Place) -> bool:
    """Is its run hana's, who hides from everybody outside the team?"""
    return place.visibility is Visibility.PUBLIC and not _inside(asker)


TOLD = [
    Told("Entity.readOnly", "entity { readOnly }", lambda p: p["entity"]["readOnly"], lambda s, p, a: not _inside(a, P.PROJECT_CREATE)),
    Told("Entity.organization", "entity { organization { name } }", lambda p: p["entity"]["organization"] is not None, lambda s, p, a: _inside(a)),
    Told("Entity.storageBytes", "entity { storageBytes }", lambda p: p["entity"]["storageBytes"] > 0, lambda s, p, a: _inside(a)),
    Told("Entity.members", _MEMBERS, lambda p: p["entity"]["members"] is not None, lambda s, p, a: _inside(a)),
    Told("Entity.members invited", _MEMBERS, lambda p: "mark-invited" in jsontext.dumps(p), lambda s, p, a: _inside(a, P.ENTITY_ADMIN)),
    Told("Project.readOnly", "readOnly", lambda p: p["readOnly"], lambda s, p, a: not a.may(P.RUN_WRITE, p)),
    Told("Run.readOnly", "run(name: $r) { readOnly }", lambda p: p["run"]["readOnly"], lambda s, p, a: not a.may(P.RUN_WRITE, p, is_run=True)),
    Told("Run.project.readOnly", "run(name: $r) { project { readOnly } }", lambda p: p["run"]["project"]["readOnly"], lambda s, p, a: not a.may(P.RUN_WRITE, p)),
    Told("Project.user", "user { username email teams { edges { node { name } } } }", lambda p: p["user"] and p["user"]["username"], lambda s, p, a: None if _hides(a, p) else "hana" if p.visibility is Visibility.PUBLIC else "alice"),
    Told("Project.user.email", "user { email apiKeys { edges { node { id } } } }", lambda p: bool(p["user"] and p["user"]["email"]), lambda s, p, a: False),
    Told("Run.user", "run(name: $r) { user { username email } }", lambda p: p["run"]["user"]["username"] in {None, ""}, lambda s, p, a: _hides(a, p)),
    Told("Project.runCount", 'runCount(filters: "{\\"username\\": \\"hana\\"}")', lambda p: p["runCount"], lambda s, p, a: 1 if p.visibility is Visibility.PUBLIC and _inside(a) else 0),
]  # fmt: skip


# Answers that lie beyond what was asked to be written: they are read, which the owner sees.
NOTED = {
    "the runs of its project": "project { runCount }",
    "a run of its project": 'project { run(name: "run-of-mallory") { id } }',
    "what its project is": "project { description }",
}
_WRITE = 'mutation($id: String) { upsertBucket(input: {id: $id, notes: "x"}) { bucket { %s } } }'


def noted(measure: Measure, s: Scene, fields: str) -> str:
    """Whoever writes to a run of their own in another's project, and reads on from there, is on that one's record."""
    asker, place = measure.world.asker("stranger"), measure.world.place("open project, a stranger's run")
    said = place.target.as_the_client_says()
    query = {"query": _WRITE % f"id {fields}", "variables": {"id": said.run_id}}
    before = _looks(s, place, asker)
    heard = measure.hear(
        asker, Door.CLIENT, Ask("POST", "/graphql", jsontext.dumps(query).encode()), is_kept=True
    )
    if b'"errors"' in heard.body:
        return heard.body.decode()[:200]
    return "" if _looks(s, place, asker) > before else "nobody sees that it was read"


def _looks(s: Scene, place: Place, asker: Asker) -> int:
    kind, project = EventKind.PROJECT_READ, place.target.project_id
    return Event.objects.filter(kind=kind, project=project, by=asker.actor.audit_id).count()


def told(measure: Measure, s: Scene, each: Told, asker: Asker, place: Place) -> str:
    target = place.target
    query = {"query": _PROJECT % f"name run(name: $r) {{ id }} {each.fields}", "variables": {"e": target.entity, "p": target.project, "r": target.run}}  # fmt: skip
    heard = measure.hear(asker, Door.CLIENT, Ask("POST", "/graphql", jsontext.dumps(query).encode()))
    found = jsontext.loads(heard.body)["data"]["project"]
    got, wanted = each.read(found), each.expected(s, place, asker)
    return "" if got == wanted else f"expected {wanted!r}, got {got!r}"
