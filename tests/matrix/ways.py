"""Every way in, from the code: each URL with its rule, each GraphQL field with its rule, and what to send there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from apps.access.policy import Permission
from apps.access.rules import OPERATOR, SHARE_LINK, SIGNED_IN, SIGNED_URL, rules_of_url
from apps.core import jsontext
from apps.wandb_protocol.signing import signed_url
from tests.e2e.secrecy.test_tenants import ROUTES
from tests.matrix import stored
from tests.matrix.asking import FORM, Ask, Door, Level, Way, filled
from tests.matrix.fields import call_ways, field_ways, group_ways
from tests.matrix.world import Asker, Target, World

# ── what to send ──

Words = Mapping[str, Any]
# What a form says, by the name of its URL. `{…}` is a name of the target's.
FORMS: dict[str, Words] = {
    "project-tag": {"runs": "{run_id}", "tag": "x"},
    "project-stop": {"runs": "{run_id}"},
    "project-erase": {"name": "{project}"},
    "project-erase-runs": {"runs": "{run_id}"},
    "project-export": {"tables": "csv"},
    "project-settings": {"visibility": "restricted"},
    "project-publish": {"visibility": "public", "agreed": "on"},
    "project-description": {"description": "x"},
    "project-person": {"username": "una", "role": "viewer"},
    "project-person-remove": {"username": "bob"},
    "project-link": {"label": "x", "days": "7"},
    "project-link-revoke": {"link": "{link_id}"},
    "project-retention": {"keep": "never"},
    "organisation-registry-new": {"name": "made", "visibility": "private"},
    "project-webhooks": {"address": "https://example.com/x", "happenings": "run.finished"},
    "project-webhook": {"act": "off"},
    "project-views": {"name": "x", "q": "y"},
    "project-view": {"act": "rename", "name": "x"},
    "artifact-edit": {"name": "ds", "type_name": "dataset"},
    "artifact-erase": {"name": "ds", "what": "all"},
    "run-log": {"key": "loss", "value": "1"},
    "run-log-rows": {"rows": "loss\n1"},
    "run-log-summary": {"summary": "best = 1"},
    "run-state": {"state": "finished"},
    "run-edit": {"notes": "x"},
    "team-hand-over": {"to": "bob"},
    "team-invite": {"role": "member"},
    "team-role": {"role": "viewer"},
    "team-services": {"name": "x", "role": "member"},
    "team-service-role": {"role": "viewer"},
    "team-code-saving": {"name": "code_saving", "on": "on"},
    "team-code-erase": {"agreed": "on"},
    "team-erase": {"name": "{entity}"},
    "team-privacy": {"default_visibility": "restricted"},
    "team-retention": {"keep": "never"},
    "team-webhooks": {"address": "https://example.com/x", "happenings": "run.finished"},
    "team-webhook": {"act": "off"},
    "team-system-metadata": {"system_metadata": "none"},
    "organisation-hand-over": {"to": "bob"},
    "organisation-invite": {"role": "member"},
    "organisation-role": {"role": "admin"},
    "organisation-settings": {"name": "code_saving", "value": "off"},
    "organisation-add-team": {"team": "lab"},
    "organisation-erase": {"name": "{organisation}"},
}
BODIES: dict[tuple[str, str], Any] = {
    ("api:project", "PATCH"): {"description": "x"},
    ("api:runs", "POST"): {"notes": "x"},
    ("api:services", "POST"): {"name": "x", "role": "member"},
    ("api:service-keys", "POST"): {"name": "x"},
    ("api:run", "PATCH"): {"notes": "x"},
    ("api:run-config", "PUT"): {"lr": 1},
    ("api:run-summary", "PUT"): {"best": 1},
    ("api:run-secrets-dismiss", "POST"): {"ids": []},
    ("api:project-webhooks", "POST"): {"address": "https://example.com/x", "events": ["run.finished"]},
    ("api:entity-webhooks", "POST"): {"address": "https://example.com/x", "events": ["run.finished"]},
    ("api:project-webhook", "PATCH"): {"is_on": False},
    ("api:entity-webhook", "PATCH"): {"is_on": False},
    ("api:project-views", "POST"): {"name": "x", "table": {"q": ["y"]}},
    ("api:project-view", "PATCH"): {"name": "x"},
    ("api:run-history", "POST"): {"rows": [{"loss": 1}]},
    ("wandb_protocol:file_stream", "POST"): {"files": {"output.log": {"offset": 1, "content": ["x"]}}},
}
QUERIES = {
    "-series": "key=loss",
    "-ridge": "key=loss",
    "-histogram": "key=loss",
    "client-portfolio": "selectionPath={entity}/{project}/ds",
    "client-registry": "selectionPath={entity}/{project}/ds",
    "run-histograms": "",
    "project-erase-runs": "runs={run_id}",
    "api:runs": "name={run}",
    "api:run-parts": "metric=loss",
    "api:team": "name={entity}",
    "api:organisation": "name={organisation}",
    "project-compare": "run={run_id}",
    "project-compare-code": "runs={run_id}",
    "project-compare-csv": "run={run_id}",
    "project-compare-media": "runs={run_id}",
}
# Past the gate these say something else than 2xx: a last admin stays; a.txt is no picture, nothing is a histogram or media;
# who does not say what they saw of an artifact or a version has seen another; a run that goes on loses no part.
FINE: dict[str, frozenset[int]] = {
    "api:run-parts": frozenset({409}),
    "artifact-edit": frozenset({400}),
    "artifact-version-edit": frozenset({400}),
    "artifact-link": frozenset({400}),  # there is no registry
    "artifact-unlink": frozenset({404}),  # linked is something in a registry or a portfolio
    "registry-rules": frozenset({404}),  # of a project that is none
    "run-file-image": frozenset({404}),
    "run-histogram": frozenset({400, 404}),
    "run-media-look": frozenset({400}),
    "run-media-mask": frozenset({400}),
    "run-media-panel": frozenset({400}),
    "run-media-table": frozenset({400}),
    "run-ridge": frozenset({400, 404}),
    "team-leave": frozenset({409}),
    "wandb_protocol:download_by_digest": frozenset(
        {404}
    ),  # tests/wandb_protocol/test_artifact_gate.py has one that is there
    "organisation-leave": frozenset({409}),
}
# Addresses by an id alone, and whose it is.
LED = {
    "go-alert": "alert_id",
    "go-run": "run_id",
    "go-version": "version_id",
    "go-webhook": "hook_id",
}
PERSON = {"team": "una", "organisation": "bob"}


def kwargs_of(world: World, name: str, target: Target) -> dict[str, Any]:
    place = "organisation" if name.startswith("organisation") else "team"
    known = vars(target) | {
        "name": target.file,
        "which": "config",
        "person": PERSON[place],
        "public_id": world.ids["service"] if "-service" in name else world.ids[f"{place} invitation"],
        "key": world.ids["service key"],
        "account": world.ids["service"],
        "secret": world.secrets["private project"],
        "collection": "ds",
        "kind": "dataset",
        "version": "v0",
        "region": "default",
        "rest": "x",
        "view": target.view_id,
        "hook": target.hook_id if "project" in ROUTES[name] else world.ids["team webhook"],
    }
    if name in LED:
        known["public_id"] = getattr(target, LED[name])
    if name == "organisation-let-team-go":
        known["entity"] = "lab"
    if name == "wandb_protocol:download":
        known["file_id"] = target.file_id
    return {parameter: known[parameter] for parameter in ROUTES[name]}


def address(world: World, name: str, target: Target) -> str:
    path = reverse(name, kwargs=kwargs_of(world, name, target), urlconf="config.urls")
    query = next((words for end, words in QUERIES.items() if name.endswith(end)), "")
    return f"{path}?{filled(query, target)}" if query else path


def body_of(name: str, method: str, target: Target) -> tuple[bytes, str]:
    if method in {"GET", "HEAD"}:
        return b"", "application/json"
    if (name, method) in BODIES:
        return jsontext.dumps(BODIES[name, method]).encode(), "application/json"
    if name == "api:run-file":
        return b"bytes", "application/octet-stream"
    if name == "artifact-new":
        fields = "".join(
            f'--x\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
            for field, value in (("name", "by-hand"), ("type_name", "dataset"))
        )
        part = (
            b'--x\r\nContent-Disposition: form-data; name="files"; filename="b.txt"\r\n\r\nbytes\r\n--x--\r\n'
        )
        return fields.encode() + part, "multipart/form-data; boundary=x"
    if name == "run-upload":
        part = (
            b'--x\r\nContent-Disposition: form-data; name="files"; filename="b.txt"\r\n\r\nbytes\r\n--x--\r\n'
        )
        return part, "multipart/form-data; boundary=x"
    if ":" in name:
        return b"{}", "application/json"
    return urlencode(filled(FORMS.get(name, {}), target)).encode(), FORM


# ── URLs ──


def door_of(name: str) -> Door:
    return {"api": Door.REST, "wandb_protocol": Door.CLIENT}.get(name.partition(":")[0], Door.WEB)


def level_of(name: str) -> Level:
    parameters = ROUTES[name]
    if "project" in parameters or "file_id" in parameters or name in LED:
        return Level.PROJECT
    if "organisation" in parameters:
        return Level.ORGANISATION
    return Level.TEAM if "entity" in parameters else Level.OWN


def url_ways() -> Iterator[Way]:
    """Every URL under a permission, by each method but HEAD, which runs the view of GET."""
    for name in ROUTES:
        for method, rule in rules_of_url(name).items():
            if isinstance(rule, Permission) and method != "HEAD" and name != "entity":
                yield _way(name, method, rule)


def _way(name: str, method: str, rule: Permission) -> Way:
    def ask(world: World, target: Target, _: Asker) -> Ask:
        return Ask(method, address(world, name, target), *body_of(name, method, target))

    is_run = bool({"run", "file_id"} & set(ROUTES[name])) or name == "project-erase-runs"
    is_run = is_run or (name, method) == ("api:runs", "DELETE")
    also = (Permission.ENTITY_ADMIN,) if name == "organisation-add-team" else ()
    fine = FINE.get(name, frozenset())
    return Way(name, method, door_of(name), rule, level_of(name), ask, is_run, also=also, fine=fine)


def _own(name: str, path: str, *, door: Door = Door.WEB) -> Way:
    return Way(name, "GET", door, SIGNED_IN, Level.OWN, lambda world, target, asker: Ask("GET", path))


def list_ways() -> Iterator[Way]:
    """Pages and answers that list things: everybody gets one, and in it what they may see and nothing else."""
    for name in ROUTES:
        if rules_of_url(name).get("GET") in {SIGNED_IN, OPERATOR} and not ROUTES[name]:
            path = reverse(name, urlconf="config.urls")
            yield _own(name, path + ("?q=mark-" if name == "find" else ""), door=door_of(name))
    yield Way("entity", "GET", Door.WEB, "anybody", Level.OWN, lambda w, t, a: Ask("GET", "/lab"))
    yield _own("find in a project", "/find?q=mark-&in=lab/restricted-place")
    yield _own("projects of the team", "/api/v1/projects?entity=lab", door=Door.REST)


# ── acts whose permission lies in what is sent ──


def sent_ways() -> Iterator[Way]:
    """The rule of these URLs is SIGNED_IN or a lesser permission: what the body says decides."""

    def rest(method: str, path: str, body: Any) -> Callable[[World, Target, Asker], Ask]:
        return lambda w, t, a: Ask(method, filled(path, t), jsontext.dumps(filled(body, t)).encode())

    project = "/api/v1/projects/{entity}/{project}"
    yield Way("api:project visibility", "PATCH", Door.REST, Permission.PROJECT_SHARE, Level.PROJECT,
              rest("PATCH", project, {"visibility": "private"}), is_said=True)  # fmt: skip
    yield Way("run-erase-parts file", "POST", Door.WEB, Permission.FILE_ERASE, Level.PROJECT,
              lambda w, t, a: Ask("POST", filled("/{entity}/{project}/runs/{run}/erase/parts", t),
                                  urlencode({"part": f"file:{t.file}"}).encode(), FORM), is_run=True)  # fmt: skip
    yield Way("api:exports new", "POST", Door.REST, Permission.PROJECT_EXPORT, Level.PROJECT,
              rest("POST", "/api/v1/exports", {"entity": "{entity}", "project": "{project}"}), is_said=True)  # fmt: skip
    yield Way("api:projects new", "POST", Door.REST, Permission.PROJECT_CREATE, Level.TEAM,
              rest("POST", "/api/v1/projects", {"entity": "{entity}", "name": "made"}), is_said=True)  # fmt: skip
    yield Way("api:projects new, shared", "POST", Door.REST, Permission.PROJECT_SHARE, Level.TEAM,
              rest("POST", "/api/v1/projects", {"entity": "{entity}", "name": "made", "visibility": "public"}), is_said=True)  # fmt: skip


def signed_ways() -> Iterator[Way]:
    """Addresses that carry a right: made for the asker, used by whoever has them."""

    def ask(kind: str, led: Callable[[Target], str], sent: bytes) -> Callable[[World, Target, Asker], Ask]:
        def made(world: World, target: Target, asker: Asker) -> Ask:
            url = signed_url(kind, base="", actor=asker.actor, file_id=led(target))
            return Ask(kind.partition(" ")[0], url, sent, "application/octet-stream")

        return made

    for kind, (permission, led, sent) in stored.KINDS.items():
        method, _, thing = kind.partition(" ")
        yield Way(f"{SIGNED_URL} {thing}".strip(), method, Door.CLIENT, permission, Level.PROJECT, ask(kind, led, sent),
                  is_run=True, is_signed=True, is_begun=kind in stored.BEGUN)  # fmt: skip


def project_ways() -> list[Way]:
    """Everything that the table decides about: what the rows and columns are crossed with."""
    return [
        way
        for ways in (url_ways(), sent_ways(), signed_ways(), field_ways(), group_ways(), call_ways())
        for way in ways
        if way.rule != SHARE_LINK
    ]
