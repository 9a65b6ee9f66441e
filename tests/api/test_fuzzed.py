"""schemathesis asks whatever the schema allows, and some that it does not, as one of two tenants."""

from __future__ import annotations

import functools
import re
from typing import Any

import pytest
import requests
import schemathesis
from django.test import Client
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.core.result import Ok

from apps.accounts.models import ApiKey, User
from apps.api.throttling import counts
from apps.api.views.schema import schema
from apps.erasure.models import ErasureJob
from apps.erasure.services import erase_files
from apps.exports.models import Export
from apps.exports.services import export_project
from apps.files.services import announce_files, store_file
from apps.imports.models import Import
from apps.imports.types import Clash, Origin
from apps.projects.models import SavedView
from apps.projects.services import save_view, update_project
from apps.runs.history import store
from apps.runs.models import Run
from apps.runs.services import finish_run
from apps.runs.types import Lines, RunState, Stream, StreamRequest
from apps.teams.choices import SettingName
from apps.teams.models import Entity, ServiceAccount
from apps.teams.services import KeyWanted, choose, make_key, make_service_account, make_service_key
from apps.teams.types import MemberRole
from apps.webhooks.models import Hook
from apps.webhooks.services import make_hook
from apps.webhooks.types import Happening
from tests.api.conftest import Answer
from tests.erasure.conftest import finish
from tests.exports.conftest import make
from tests.factories import artifacts, people, work
from tests.imports.conftest import listing, zipped
from tests.live import ROOT
from tests.servers import present

CANARY = b"canary"
# On real servers, where all of it is asked once more, those that find what a database takes otherwise.
EXAMPLES = 20 if present() is None else 8
MOST_LOTS = 200 // EXAMPLES  # of so many examples: more are drawn while none has reached anything
WORDS = {
    "entity": ["mallory", "alice", "nobody"],
    "project": ["theirs", "secret"],
    "run": ["r1", "r2"],
    "name": ["a.txt", "hidden.txt"],
    "plain": ["", "words of ours in the body as well"],
    "account": ["m" * 20, "a" * 20],
    "key": ["m" * 20, "a" * 20],
    "erasure": ["m" * 20, "a" * 20],
    "export": ["m" * 20, "a" * 20],
    "job": ["m" * 20, "a" * 20],
    "hook": ["m" * 20, "a" * 20],
    "view": ["m" * 20, "a" * 20],
    "collection": ["data", "hidden"],
    "version": ["v0", "latest"],
    "organisation": ["theirinstitute", "secretinstitute"],
}
ARCHIVE = zipped(listing({"projects/mine/project.json": b"{}"}, format="ownlog-export/1"))
schemathesis.serializer.alias("application/zip", "application/octet-stream")
ACCOUNT = "/api/v1/account/erase"
# Teams, where an address is about a team's own things.
TEAMS = {"entity": ["theirteam", "secretteam", "nobody"]}


def full_run(owner: User, project: str, name: str, word: str) -> Run:
    """A run with something everywhere, each word of it `word`."""
    place = work.project(owner.username, project, by=owner)
    update_project(place, by=people.actor(owner), description=f"{word}-description")
    run = work.run(place, name, by=owner, display_name=f"{word}-display", notes=f"{word}-notes", tags=[word],
                   config_text=f'{{"{word}": 1}}', summary_text=f'{{"{word}": 2}}')  # fmt: skip
    streams = {
        Stream.HISTORY: Lines(0, [f'{{"_step": {n}, "{word}": {n}}}' for n in range(3)]),
        Stream.EVENTS: Lines(0, [f'{{"_runtime": 1, "{word}": 1}}']),
        Stream.OUTPUT: Lines(0, [f"{word}-line"]),
    }
    store.append(run, StreamRequest(streams=streams))
    (room,) = announce_files(run, ["hidden.txt" if word == "canary" else "a.txt"])
    assert room.file is not None
    store_file(room.file, [f"{word}-content".encode()])
    return run


def team_with_a_service(owner: User, name: str, word: str) -> None:
    """A service account with a key, and a key of the person's own, all with ids that addresses can have."""
    by, known = people.actor(owner), owner.username[0] * 20
    service = make_service_account(
        people.team(name, admin=owner), f"{word}-service", role=MemberRole.MEMBER, by=by
    )
    ServiceAccount.objects.filter(pk=service.pk).update(public_id=known)
    wanted = KeyWanted(name=f"{word}-key")
    make_service_key(service.entity, known, wanted, by=by)
    make_key(by, wanted)
    ApiKey.objects.filter(user=service.user).update(public_id=known)


def erasure_of_a_file(run: Run, owner: User, *, waits: bool = False) -> None:
    """A job with an id that addresses can have."""
    if waits:
        choose(run.project.entity, SettingName.GRACE_DAYS, 3, by=people.actor(owner))
    (room,) = announce_files(run, ["gone.txt"])
    assert room.file is not None
    job = erase_files([store_file(room.file, [b"gone"])], by=people.actor(owner))
    ErasureJob.objects.filter(pk=job.pk).update(public_id=owner.username[0] * 20)
    if not waits:
        finish(job)  # its receipt is asked for as well


def hook_of(run: Run, owner: User, *, path: str) -> None:
    """A webhook where the address looks for it, with an id that addresses can have."""
    place = run.project if "/projects/" in path else run.project.entity
    by, address = people.actor(owner), f"https://{'canary' if owner.username == 'alice' else 'open'}.example/"
    hook, _ = make_hook(place, address, happenings=[Happening.RUN_FINISHED], by=by)
    Hook.objects.filter(pk=hook.pk).update(public_id=owner.username[0] * 20)


def export_of(run: Run, owner: User) -> None:
    """An export that is ready, with an id that addresses can have."""
    export = make(export_project(run.project, by=people.actor(owner)))
    Export.objects.filter(pk=export.pk).update(public_id=owner.username[0] * 20)


def view_of(run: Run, owner: User, word: str) -> None:
    """A saved view with an id that addresses can have."""
    view = save_view(run.project, name=f"{word}-view", table={"q": [word]}, by=people.actor(owner))
    SavedView.objects.filter(pk=view.pk).update(public_id=owner.username[0] * 20)


def import_by(owner: User) -> None:
    """An import that is on its way, with an id that addresses can have."""
    Import.objects.create(
        public_id=owner.username[0] * 20,
        entity=Entity.objects.get(user=owner),
        origin=Origin.OWNLOG.value,
        clash=Clash.SKIP.value,
        fingerprint_index=b"f" * 16,
        asked_by=owner.public_id,
    )


def things_of(owner: User, names: tuple[str, str, str], *, path: str) -> Run:
    run = full_run(owner, *names)
    erasure_of_a_file(run, owner, waits=path.endswith(("/restore", "/now")))
    if path.startswith("/api/v1/exports"):
        export_of(run, owner)
    if path.startswith("/api/v1/imports"):
        import_by(owner)
    if "/webhooks" in path:
        hook_of(run, owner, path=path)
    if path.endswith("/views/{view}"):
        view_of(run, owner, names[2])
    if "/artifacts/" in path:
        called, content = "hidden" if names[2] == "canary" else "data", f"{names[2]}-bytes".encode()
        artifacts.version(run.project, called, {"a.txt": content}, by=people.actor(owner))
    return run


def teams_of(alice: User, mallory: User, *, path: str) -> None:
    team_with_a_service(alice, "secretteam", "canary")
    if path != ACCOUNT:  # whoever is the last admin of a team stays
        team_with_a_service(mallory, "theirteam", "open")
    if path.startswith("/api/v1/organisations"):
        for admin, name in ((alice, "secretinstitute"), (mallory, "theirinstitute")):
            people.organisation(name, admin=admin)


def own_key_is_known(owner: User) -> None:
    """Where an address is about keys of the person's own, the id that addresses have is of one of these."""
    known = owner.username[0] * 20
    ApiKey.objects.filter(public_id=known).update(public_id="x" + known[1:])
    newest = ApiKey.objects.filter(user=owner).latest("pk")
    ApiKey.objects.filter(pk=newest.pk).update(public_id=known)


def name_what_is_there(case: Any, place: dict[str, str]) -> None:
    """In a query that says which; and an address that may be told."""
    if isinstance(case.body, dict) and "address" in case.body:
        case.body, case.headers = {"address": "https://hooks.example/", "events": ["run.finished"]}, {}
    if case.method == "DELETE" and "name" in (case.query or {}):
        case.query["name"] = [place["run"]]
    if (case.method, case.path) == ("POST", "/api/v1/imports"):
        case.query, case.body, case.headers = {"entity": [place["entity"]]}, ARCHIVE, {}
    if case.path == ACCOUNT:
        case.body, case.headers = {"name": "mallory", "password": people.PASSWORD}, {}
    if case.path.endswith("/parts"):
        case.query = {"metric": ["open"]}
    if "/artifacts/" in case.path:
        case.query = {}
    for kind, whose in (("teams", "entity"), ("organisations", "organisation")):
        if case.path.startswith(f"/api/v1/{kind}/"):
            case.query = {"name": [place[whose]]}


# From the description as it is published: to make it takes a second, which each worker would spend on nothing else than names.
NAMES = re.findall(r"operationId: (\w+)", (ROOT / "docs" / "openapi.yaml").read_text(encoding="utf-8"))


@functools.cache
def operations() -> dict[str, Any]:
    made = schemathesis.openapi.from_dict(schema()).get_all_operations()
    found = [each.ok() for each in made if isinstance(each, Ok)]
    return {each.definition.raw["operationId"]: each for each in found}


def test_every_operation_is_tried() -> None:
    assert len(operations()) == sum(len(methods) for methods in schema()["paths"].values())
    assert sorted(NAMES) == sorted(operations())
    assert len(NAMES) > 15


@pytest.mark.parametrize("operation_id", NAMES)
@pytest.mark.filterwarnings("ignore")  # schemathesis and hypothesis, about what they make
def test_no_answer_breaks_or_tells_of_the_other_tenant(operation_id: str, alice: User, mallory: User) -> None:
    operation = operations()[operation_id]
    things_of(alice, ("secret", "r2", "canary"), path=operation.path)
    mine = things_of(mallory, ("theirs", "r1", "open"), path=operation.path)
    if is_about_parts := operation.path.endswith("/parts"):
        finish_run(mine, state=RunState.FINISHED, by=people.actor(mallory))  # one that goes on loses none
    teams_of(alice, mallory, path=operation.path)
    if operation.path.startswith("/api/v1/keys"):
        own_key_is_known(mallory)
    words = WORDS | (TEAMS if re.search("service-accounts|/teams/", operation.path) else {})
    headers = {"Authorization": f"Bearer {people.api_key(mallory)}"}
    heard: set[int] = set()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=operation.as_strategy(),
        place=st.fixed_dictionaries({k: st.sampled_from(v) for k, v in words.items()}),
    )
    def attempt(case: Any, place: dict[str, str]) -> None:
        for name in case.path_parameters or {}:
            case.path_parameters[name] = place[name]
        if place["plain"] and isinstance(case.body, dict):
            case.body.update({key: place[key] for key in {"entity"} & set(case.body)})
            if "name" in case.body:
                # Nothing beside it: of twenty cases all could have a key that is not known, and nothing would be made.
                case.body = {key: case.body[key] for key in {"entity"} & set(case.body)} | {"name": "fresh"}
                case.headers = {}
        if place["plain"]:
            name_what_is_there(case, place)
        counts.forget()
        answer = send(case, headers)
        heard.add(answer.status)
        # While a part of it is being erased, a run is back soon.
        assert answer.status < 500 or (is_about_parts and answer.status == 503), answer.body
        assert CANARY not in answer.body and CANARY not in str(answer.headers).encode()
        assert answer.status < 400 or answer.headers["Content-Type"] in {
            "application/problem+json",
            "text/html; charset=utf-8",
        }

    for lot in range(MOST_LOTS):
        seed(lot)(attempt)()
        if min(heard) < 300:
            return
    raise AssertionError("nothing of one's own was reached, so nothing was tried")


def send(case: Any, headers: dict[str, str]) -> Answer:
    sent = case.as_transport_kwargs(base_url="http://testserver")
    given_headers = {
        name: value
        for name, value in dict(sent.get("headers") or {}).items()
        if name.lower() != "authorization"
    }
    body = sent.get("data")
    ready = requests.Request(
        case.method,
        sent["url"],
        params=sent.get("params"),
        json=sent.get("json"),
        data=body,
        files=sent.get("files"),
    ).prepare()
    payload = ready.body if isinstance(ready.body, bytes) else (ready.body or "").encode()
    kind = next((v for n, v in given_headers.items() if n.lower() == "content-type"), "application/json")
    plain = {
        n: v
        for n, v in given_headers.items()
        if n.lower() not in {"content-type", "content-length", "host", "transfer-encoding"}
    }
    return Answer(
        Client(raise_request_exception=False).generic(
            case.method, ready.path_url, payload, content_type=kind, headers=plain | headers
        )
    )
