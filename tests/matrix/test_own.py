"""What is the asker's own: addresses that no permission stands at, asked for by everybody."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.db.models import QuerySet
from django.urls import reverse

from apps.access.policy import Permission, Scope, allows
from apps.access.rules import SIGNED_IN, graphql_rules
from apps.accounts.actors import Actor
from apps.accounts.models import ApiKey, BrowserSession, User
from apps.accounts.services import issue_api_key
from apps.core import jsontext
from apps.erasure.services import erase_run
from apps.exports.services import export_project
from apps.imports.models import Import
from apps.imports.types import Clash, Origin
from apps.teams.browsers import note_browser
from apps.teams.choices import SettingName
from apps.teams.models import Entity, Membership, OrganisationMembership, Setting
from apps.teams.services import choose
from apps.webhooks.models import Hook
from apps.webhooks.services import make_hook
from apps.webhooks.types import Happening
from tests.e2e.secrecy.test_tenants import ROUTES
from tests.erasure.conftest import finish
from tests.exports.conftest import make
from tests.factories import work
from tests.house.test_access import with_rule
from tests.matrix.asking import FORM, Ask, Door, Level, Way
from tests.matrix.measure import FORBIDDEN, NOTHING, WHO, YES, Heard, Measure, measured, outcome, seen_by
from tests.matrix.ways import door_of
from tests.matrix.world import Asker, World, undone
from tests.web.test_factors import passkey

Ids = dict[str, dict[str, Any]]
# Where whoever is not signed in is led to, or told so.
WAYS_IN = ("/sign-in", "/sign-up", "/settings/api-keys")
_NO_ID, _NO_ROW = "z" * 20, 10**9
# What the client asks of oneself and of people, and what it does with what is one's own.
_FACTS = "username email apiKeys { edges { node { id } } } teams { edges { node { name } } } organizations { name }"
_PEOPLE = (
    f"query($n: String) {{ viewer {{ {_FACTS} }} users(query: $n) {{ edges {{ node {{ {_FACTS} }} }} }} }}"
)
_TOLD = {"Query.viewer", "Query.users", "User.apiKeys", "User.teams", "User.organizations"}
_DONE = {
    "Mutation.deleteApiKey": "mutation($key: String!) { deleteApiKey(input: {id: $key}) { success } }",
    "Mutation.generateApiKey": 'mutation { generateApiKey(input: {description: "x"}) { apiKey { id } } }',
    "Mutation.createTeam": 'mutation { createTeam(input: {teamName: "made"}) { entity { name } } }',
}
_DECIDES = {"api:erasure-restore", "api:erasure-now"}
_ENDED = {("api:export", "DELETE"), ("api:import", "DELETE")}
# The addresses with the id of something of somebody's own.
OWN = frozenset(
    {
        *("api-key-revoke", "api:key-revoke", "session-end", "unlink", "passkey-rename", "passkey-remove"),
        *(
            "erasure",
            "api:erasure",
            "erasure-receipt",
            "api:erasure-receipt",
            "api:export",
            "api:export-archive",
            "api:import",
        ),
        *("export", "export-again", "export-archive", "export-erase", "webhook"),
        *("import", "import-stop"),
        *("erasure-restore", "api:erasure-restore", "erasure-now", "api:erasure-now"),
    }
)


def things_of_alice(world: World) -> Ids:
    """Something of hers for each address with an id in it, by the address's name."""
    alice, by = world.users["alice"], Actor.person(world.users["alice"])
    key = issue_api_key(alice, by=by)[0].public_id
    note_browser(alice, session_row="r" * 40, device=("Firefox", "Linux"), network="10.0.0.0")
    session = BrowserSession.objects.get(session_row="r" * 40).public_id
    link = SocialAccount.objects.create(user=alice, provider="google", uid="1").pk
    job = finish(
        erase_run(work.run(work.project("alice", "own", by=alice), "gone", by=alice), by=by)
    ).public_id
    export = make(export_project(work.project("alice", "taken", by=alice), by=by)).public_id
    brought = Import.objects.create(
        entity=Entity.objects.get(user=alice),
        origin=Origin.OWNLOG.value,
        clash=Clash.SKIP.value,
        fingerprint_index=b"f" * 16,
        asked_by=by.audit_id,
    ).public_id
    choose(Entity.objects.get(user=alice), SettingName.GRACE_DAYS, 3, by=by)
    waits = erase_run(work.run(work.project("alice", "own", by=alice), "waits", by=alice), by=by).public_id
    hook = make_hook(
        Entity.objects.get(user=alice), "https://h.example/", happenings=[Happening.RUN_ALERT], by=by
    )[0].public_id
    held = passkey(alice).pk
    return {
        "api-key-revoke": {"public_id": key},
        "api:key-revoke": {"key": key},
        "session-end": {"public_id": session},
        "unlink": {"pk": link},
        "passkey-rename": {"pk": held},
        "passkey-remove": {"pk": held},
        "webhook": {"hook": hook},
        "erasure": {"erasure": job},
        "api:erasure": {"erasure": job},
        "erasure-receipt": {"erasure": job},
        "api:erasure-receipt": {"erasure": job},
        "export": {"export": export},
        "export-again": {"export": export},
        "export-archive": {"export": export},
        "export-erase": {"export": export},
        "api:export": {"export": export},
        "api:export-archive": {"export": export},
        "api:import": {"job": brought},
        "import": {"job": brought},
        "import-stop": {"job": brought},
        "erasure-restore": {"erasure": waits},
        "api:erasure-restore": {"erasure": waits},
        "erasure-now": {"erasure": waits},
        "api:erasure-now": {"erasure": waits},
    }


def kept(world: World) -> list[Any]:
    """What alice has of her own, and what is decided in her team."""
    alice, lab = world.users["alice"], world.lab
    looked_at: list[tuple[QuerySet[Any], list[str]]] = [
        (User.objects.filter(pk=alice.pk), ["password", "email", "theme", "time_zone", "is_active"]),
        (ApiKey.objects.filter(user=alice).order_by("pk"), ["pk", "revoked_at"]),
        (BrowserSession.objects.filter(user=alice).order_by("pk"), ["pk"]),
        (SocialAccount.objects.filter(user=alice).order_by("pk"), ["pk"]),
        (Authenticator.objects.filter(user=alice).order_by("pk"), ["pk", "type"]),
        (EmailAddress.objects.filter(user=alice).order_by("pk"), ["email", "verified", "primary"]),
        (Hook.objects.filter(entity__user=alice).order_by("pk"), ["pk", "is_on", "sealed_secret"]),
        (Import.objects.filter(entity__user=alice).order_by("pk"), ["pk", "state"]),
        (Membership.objects.filter(entity=lab).order_by("pk"), ["user", "role"]),
        (OrganisationMembership.objects.order_by("pk"), ["user", "role"]),
        (Setting.objects.filter(entity__in=[lab, Entity.objects.get(user=alice)]).order_by("pk"), ["pk"]),
    ]
    return [list(rows.values_list(*names)) for rows, names in looked_at]


def way(name: str, method: str, path: str, rule: str) -> Way:
    body, kind = (b"{}", "application/json") if door_of(name) is Door.REST else (b"", FORM)
    ask = Ask(method, path, b"" if method == "GET" else body, kind)
    return Way(name, method, door_of(name), rule, Level.OWN, lambda world, target, asker: ask)


def answers(measure: Measure, each: Way) -> tuple[dict[str, Heard], bool]:
    """What each asker hears, one after the other, alice last; and whether the others changed anything of hers or her team's."""
    world, heard = measure.world, {}
    askers = sorted((asker for asker in world.askers if measured(asker, each)), key=is_alices)
    with undone():
        before, hers = kept(world), None
        for asker in askers:
            if is_alices(asker) and hers is None:
                hers = kept(world)
            ask = each.ask(world, world.places[0].target, asker)
            with nullcontext() if not is_alices(asker) else undone():
                heard[asker.name] = measure.hear(asker, each.door, ask, is_kept=True)
        return heard, hers != before


def is_alices(asker: Asker) -> bool:
    return asker.actor.username == "alice"


def expected(asker: Asker, each: Way) -> str:
    if not asker.actor.is_signed_in or asker.is_refused_key:
        return WHO
    if each.name == "api:key-revoke" and not asker.actor.has_all_rights:
        return FORBIDDEN  # of any key
    if is_alices(asker) and each.name in _DECIDES and asker.actor.scope is not Scope.ADMIN:
        return FORBIDDEN  # what could not erase it
    if is_alices(asker) and (each.name, each.method) in _ENDED and asker.actor.scope is Scope.READ:
        return FORBIDDEN  # what only reads
    return YES if is_alices(asker) else NOTHING


@pytest.mark.promise("P-23")
def test_what_is_somebodys_own_is_there_for_nobody_else(measure: Measure) -> None:
    things, wrong = things_of_alice(measure.world), []
    assert set(things) == OWN
    for name, method in sorted(each for each in with_rule(SIGNED_IN) if each[0] in OWN and each[1] != "HEAD"):
        nothing = {key: _NO_ID if isinstance(value, str) else _NO_ROW for key, value in things[name].items()}
        there, ghost = (
            way(name, method, reverse(name, kwargs=ids), SIGNED_IN) for ids in (things[name], nothing)
        )
        words = [str(each) for ids in (things[name], nothing) for each in ids.values()]
        heard, is_changed = answers(measure, there)
        of_nothing, _ = answers(measure, ghost)
        if is_changed:
            wrong.append(f"somebody changes it by {there.label}")
        for asker in (each for each in measure.world.askers if each.name in heard):
            answer = heard[asker.name]
            wanted, got = expected(asker, there), outcome(there, answer)
            if got != wanted and not (
                wanted == YES and answer.status == 400
            ):  # a passkey's name was not sent
                wrong.append(f"{asker.name} {there.label}: expected {wanted}, got {got}")
            if wanted == NOTHING and answer.without(words) != of_nothing[asker.name].without(words):
                wrong.append(f"{asker.name} {there.label} tells that it is there")

    assert wrong == []


def is_form(name: str, method: str) -> bool:
    return method == "POST" and not ROUTES[name]


@pytest.mark.promise("P-23")
def test_a_form_of_ones_own_changes_nothing_of_others(measure: Measure) -> None:
    names, wrong = [name for name, method in with_rule(SIGNED_IN) if is_form(name, method)], []
    for each in (way(name, "POST", reverse(name), SIGNED_IN) for name in names):
        heard, is_changed = answers(measure, each)
        if is_changed:
            wrong.append(f"somebody changes what is alice's by {each.label}")
        for asker in (asker for asker in measure.world.askers if asker.name in heard):
            answer = heard[asker.name]
            is_let_in = asker.actor.is_signed_in and not asker.is_refused_key
            if _is_sent_away(answer) == is_let_in or answer.status >= 500:
                wrong.append(f"{asker.name} {each.label}: {answer.status} {answer.place}")
            if others := answer.marks - seen_by(measure.world, asker, each):
                wrong.append(f"{asker.name} {each.label} shows {', '.join(sorted(others))}")

    assert wrong == []
    assert len(names) > 20


def _is_sent_away(heard: Heard) -> bool:
    return heard.status == 401 or (heard.status == 302 and heard.place.startswith(WAYS_IN[:2]))


@pytest.mark.promise("P-23")
def test_the_clients_fields_of_ones_own_tell_of_oneself_and_change_nothing_of_others(
    measure: Measure,
) -> None:
    own = {field for field, rule in graphql_rules().items() if rule == SIGNED_IN}
    wrong = [f"{asker.name}: {found}" for asker in measure.world.askers for found in _told(measure, asker)]
    key = measure.world.places[0].target.as_the_client_says().api_key_id
    for field, query in _DONE.items():
        act = _act(field, {"query": query, "variables": {"key": key}})
        heard, is_changed = answers(measure, act)
        if is_changed:
            wrong.append(f"somebody changes what is alice's by {field}")
        got = {asker.name: outcome(act, heard[asker.name]) for asker in measure.world.askers}
        for asker in measure.world.askers:
            is_somebody = bool(asker.key) and not asker.is_refused_key
            is_theirs = field != "Mutation.deleteApiKey" or is_alices(asker)
            if got[asker.name] == YES and not (is_somebody and is_theirs):
                wrong.append(f"{asker.name} may {field}")
        assert got["admin"] == YES, field

    assert wrong == []
    # Those of an entity lead to its projects and artifacts: test_matrix.py asks for them.
    assert {field for field in own if not field.startswith("Entity.")} == _TOLD | set(_DONE)


def _act(field: str, sent: dict[str, Any]) -> Way:
    ask, answer = Ask("POST", "/graphql", jsontext.dumps(sent).encode()), (field.partition(".")[2],)
    return Way(
        field, "POST", Door.CLIENT, SIGNED_IN, Level.OWN, lambda world, target, asker: ask, answer=answer
    )


def _told(measure: Measure, asker: Asker) -> Iterator[str]:
    """What is wrong with what this asker is told of themselves and of alice."""
    ask = Ask("POST", "/graphql", jsontext.dumps({"query": _PEOPLE, "variables": {"n": "alice"}}).encode())
    heard = measure.hear(asker, Door.CLIENT, ask)
    if asker.is_refused_key:
        yield from [] if heard.status == 401 else [f"{heard.status} with a key that is void"]
        return
    data = jsontext.loads(heard.body)["data"]
    me, found = data["viewer"], [edge["node"] for edge in data["users"]["edges"]]
    if not asker.key:
        yield from [] if me is None and not found else [f"nobody is told {me} and {found}"]
        return
    if me["username"] != asker.actor.username:
        yield f"is told to be {me['username']}"
    is_in_her_team = allows(Permission.ENTITY_READ, role=asker.entity, scope=asker.scope)
    if bool(found) != (is_in_her_team or is_alices(asker)):
        yield f"finds {found}"
    for node in found if not is_alices(asker) else ():
        teams = {edge["node"]["name"] for edge in node["teams"]["edges"]}
        if (
            node["email"]
            or node["apiKeys"] is not None
            or node["organizations"]
            or not teams <= {"lab", "shut", "trust"}
        ):
            yield f"is told of another {node}"
