"""An export of an account: everything that is held of a person, for that person alone."""

from __future__ import annotations

import secrets
import zipfile
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.core.management import CommandError, call_command
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from apps.access.policy import Scope
from apps.accounts.actors import OPERATOR_ID, Actor
from apps.accounts.models import ApiKey, User
from apps.accounts.services import KeyTerms, issue_api_key, make_operator
from apps.audit.events import EventKind
from apps.audit.models import Event
from apps.audit.services import record
from apps.core import clock
from apps.core.errors import Forbidden, NotFound
from apps.core.privacy import owed
from apps.erasure.accounts import erase_account
from apps.erasure.exports import erase_old_exports
from apps.erasure.models import ErasureJob
from apps.erasure.services import erase_run
from apps.exports.asking import ask_for_account
from apps.exports.contents.account import rows_owed, told
from apps.exports.models import Export, ExportPiece
from apps.exports.queries import exports_seen_by, get_archive, get_export
from apps.exports.services import advance
from apps.exports.telling import opener_of
from apps.exports.types import ExportState, Tables
from apps.plans.models import PlanRequest, RequestStep
from apps.plans.services import ask_for_plan
from apps.plans.types import Plan, RequestWords
from apps.plans.words import STEP, USE
from apps.projects.models import Project
from apps.teams.browsers import note_browser
from apps.teams.choices import SettingName
from apps.teams.key_networks import actor_by_key
from apps.teams.models import Entity, Membership
from apps.teams.services import (
    KeyWanted,
    choose,
    create_organisation,
    create_team,
    make_key,
    make_service_account,
)
from apps.teams.types import MemberRole
from apps.vault import receipts
from apps.vault.models import Node, Tombstone
from apps.vault.seal import seal_text
from apps.vault.tree import create_node, open_key, operator_node
from apps.vault.types import NodeKind
from apps.webhooks import services as hooks
from apps.webhooks.services import make_hook
from apps.webhooks.types import Happening
from tests.erasure.conftest import finish
from tests.exports.conftest import full_run, make, opened, read_json
from tests.factories import work
from tests.questions import questions
from tests.web.test_factors import passkey

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-13")]
ADDRESS = "https://hooks.example/alice"


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.person(alice)


@pytest.fixture
def world(alice: User, bob: User, by: Actor, vision: Project, settings: Settings) -> dict[str, str]:
    """Something of alice in each kind of row, some of it of others beside; what no archive may hold, by what it is."""
    settings.OWNLOG_HOSTED = True
    own = Entity.objects.get(user=alice)
    full_run(work.project("alice", "own", by=alice), "mine", by=alice)
    work.run(vision, "theirs", by=alice)
    key, secret = make_key(by, KeyWanted(name="cluster key"))
    actor_by_key(secret, RequestFactory().get("/", REMOTE_ADDR="192.0.2.77"))
    note_browser(alice, session_row="r" * 40, device=("Firefox", "Linux"), network="198.51.100.0")
    SocialAccount.objects.create(
        user=alice, provider="google", uid="g-1", extra_data={"email": "a@gmail.example"}
    )
    EmailAddress.objects.get_or_create(
        user=alice, email=alice.email, defaults={"primary": True, "verified": True}
    )
    passkey(alice)
    words = RequestWords(address="https://uni.example/lab", use="teaching", evidence="my university")
    ask_for_plan(Plan.ACADEMIC, words, by=by)
    hook_secret = make_hook(own, ADDRESS, happenings=[Happening.RUN_ALERT], by=by)[1]
    make_hook(vision.entity, f"{ADDRESS}-of-a-team", happenings=[Happening.RUN_ALERT], by=by)
    choose(own, SettingName.STATISTICS, True, by=by)
    finish(erase_run(work.run(work.project("alice", "own", by=alice), "gone", by=alice), by=by))
    record(EventKind.PROJECT_READ, subject="x" * 20, entity=own.public_id, by=Actor.person(bob))
    make_key(Actor.person(bob), KeyWanted(name="bob's key"))
    return {
        "key": secret,
        "key's hash": ApiKey.objects.get(pk=key.pk).secret_sha256_hex,
        "password": alice.password,
        "webhook": hook_secret,
        "a team's webhook": "-of-a-team",
        "passkey": "clientExtensionResults",
        "session": "r" * 40,
        "somebody else's key": "bob's key",
        "somebody else": bob.email,
    }


def account(archive: zipfile.ZipFile, file: str) -> Any:
    return read_json(archive, f"account/{file}.json")


def test_everything_that_is_held_of_a_person_is_in_it_and_no_secret(
    world: dict[str, str], by: Actor, alice: User, vision: Project
) -> None:
    archive = opened(make(ask_for_account(by)))

    person, *more = account(archive, "person")
    assert (person["username"], person["email"], more) == ("alice", alice.email, [])
    assert [each["email"] for each in account(archive, "email-addresses")] == [alice.email]
    (link,) = account(archive, "linked-accounts")
    assert (link["provider"], link["uid"], link["extra_data"]) == (
        "google",
        "g-1",
        {"email": "a@gmail.example"},
    )
    (key,) = account(archive, "api-keys")
    assert (key["name"], key["scope"], key["only_entity"]) == ("cluster key", "write", None)
    assert [each["network"] for each in account(archive, "key-networks")] == ["192.0.2.0/24"]
    (device,) = account(archive, "devices")
    assert (device["browser"], device["system"], device["network"]) == ("Firefox", "Linux", "198.51.100.0")
    assert [each["type"] for each in account(archive, "second-factors")] == ["webauthn"]
    assert [(each["name"], each["role"]) for each in account(archive, "teams")] == [("lab", "admin")]
    (request,) = account(archive, "plan-requests")
    assert (request["address"], request["use"], request["evidence"]) == (
        "https://uni.example/lab",
        "teaching",
        "my university",
    )
    assert [(each["act"], each["by"]) for each in account(archive, "plan-request-steps")] == [("sent", "you")]
    assert [each["address"] for each in account(archive, "webhooks")] == [ADDRESS]
    assert ["address" in each for each in account(archive, "webhooks-made")] == [False, False]
    assert ("statistics", "on") in {
        (each["name"], each["value"]) for each in account(archive, "settings-chosen")
    }
    assert account(archive, "statistics")["is_counted"] is True
    (erasure,) = account(archive, "erasures")
    assert erasure["receipt"]["statement"]["erasure"] == erasure["public_id"]
    assert [each["scope"] for each in account(archive, "exports")] == ["account"]
    # What is their own is there whole, what they made in a team is named by its id alone.
    assert {"entity.json", "audit.jsonl", "projects/own/runs/mine/history.parquet"} <= set(archive.namelist())
    assert "project.read" in archive.read("audit.jsonl").decode()
    theirs = [each for each in account(archive, "runs-made") if each["project"] == vision.public_id]
    assert len(theirs) == 1 and "theirs" not in str(theirs)
    assert not any(name.startswith("projects/vision") for name in archive.namelist())

    everything = b"".join(archive.read(name) for name in archive.namelist()).decode("utf-8", "replace")
    assert {what: value for what, value in world.items() if value in everything} == {}


def test_it_says_what_is_not_in_it_and_shows_the_rest_in_a_browser(world: dict[str, str], by: Actor) -> None:
    archive = opened(make(ask_for_account(by, tables=Tables.CSV)))

    manifest = read_json(archive, "manifest.json")
    reasons = {each["path"]: each["why"] for each in manifest["not_included"]}
    assert manifest["scope"] == "account"
    assert reasons["account/person.json: password"] == "a hash, of which passwords can be tried"
    assert "account/second-factors.json: data" in reasons and "backups" in reasons
    assert {f"account/{each.file}.json" for each in owed() if each.file} <= set(archive.namelist())
    page = archive.read("README.html").decode()
    assert "cluster key" in page and ADDRESS in page and "<script" not in page
    assert "projects/own/runs/mine/history.csv" in archive.namelist()


def test_what_does_not_open_says_so_and_hides_none_of_the_others(
    world: dict[str, str], by: Actor, alice: User
) -> None:
    make_key(by, KeyWanted(name="the other"))
    damaged = ApiKey.objects.filter(user=alice).order_by("pk").first()
    assert damaged is not None and damaged.sealed_name is not None
    ApiKey.objects.filter(pk=damaged.pk).update(sealed_name=bytes(damaged.sealed_name)[:-1] + b"\0")
    second = passkey(alice)
    Authenticator.objects.filter(pk=second.pk).update(data={"sealed": "A" * 200})

    archive = opened(make(ask_for_account(by)))

    factors = account(archive, "second-factors")
    assert [(each.get("unreadable"), each["type"]) for each in factors] == [
        (None, "webauthn"),
        ("damaged", "webauthn"),
    ]
    keys = account(archive, "api-keys")
    assert [(each.get("unreadable"), each.get("name")) for each in keys] == [
        ("damaged", None),
        (None, "the other"),
    ]


def rows_of_every_kind(alice: User, by: Actor, *, count: int) -> None:
    """So many more of each kind that opens."""
    own = Entity.objects.get(user=alice)
    for each in range(count):
        name = secrets.token_hex(8)
        _key, secret = make_key(by, KeyWanted(name=f"key {name}"))
        actor_by_key(secret, RequestFactory().get("/", REMOTE_ADDR=f"192.0.{each}.77"))
        note_browser(alice, session_row=name, device=("Firefox", "Linux"), network="198.51.100.0")
        passkey(alice)
        make_hook(own, ADDRESS, happenings=[Happening.RUN_ALERT], by=by)
        create_team(f"team-{name}", admin=alice, by=by)
        create_organisation(f"org-{name}", by=by)
        job = ErasureJob(scope="runs", entity=own, asked=1, asked_by=alice.public_id, step="done")
        job.done_at = clock.now()
        job.save()
        receipts.append(job.public_id, {"erasure": job.public_id})
        node = create_node(NodeKind.REQUEST, parent=operator_node())
        request = PlanRequest(user=alice, plan=Plan.ACADEMIC.value, vault_node=node, state="withdrawn")
        request.closed_at, key = clock.now(), open_key(node)
        request.sealed_use = seal_text(key, name, label=USE, row=request.uuid)
        request.save()
        step = RequestStep(request=request, act="sent", by=alice.public_id)
        step.sealed_text = seal_text(key, name, label=STEP, row=step.uuid)
        step.save()


def test_many_rows_are_asked_for_in_as_many_questions_as_one(
    alice: User, by: Actor, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "MOST_HOOKS", 100)
    rows_of_every_kind(alice, by, count=1)
    opening = [each for each in told() if opener_of(each.model) is not None]

    def asked() -> dict[str, tuple[int, list[dict[str, Any]]]]:
        return {each.file: questions(partial(list, rows_owed(each, alice))) for each in opening}

    few = asked()
    rows_of_every_kind(alice, by, count=49)
    many = asked()

    assert {file: count for file, (count, _) in many.items()} == {
        file: count for file, (count, _) in few.items()
    }
    assert not [row for _, rows in many.values() for row in rows if "unreadable" in row]


@pytest.mark.parametrize("who", ["bob", "vera", "mallory", "operator", "nobody"])
def test_nobody_else_sees_it_or_fetches_it(
    by: Actor, bob: User, vera: User, mallory: User, who: str, request: pytest.FixtureRequest
) -> None:
    export = make(ask_for_account(by))
    assert exports_seen_by(by) == [export] and get_archive(by, public_id=export.public_id) == export
    others = {"operator": Actor.operator(), "nobody": Actor.nobody()}
    actor = others.get(who) or Actor.person(request.getfixturevalue(who))

    assert exports_seen_by(actor) == []
    for find in (get_export, get_archive):
        with pytest.raises(NotFound):
            find(actor, public_id=export.public_id)


@pytest.mark.parametrize("terms", [KeyTerms(scope=Scope.READ), KeyTerms(scope=Scope.WRITE), "only"])
def test_a_key_that_was_given_less_neither_asks_nor_sees_nor_fetches(
    by: Actor, alice: User, terms: KeyTerms | str
) -> None:
    if isinstance(terms, str):
        terms = KeyTerms(only_entity=Entity.objects.get(user=alice).pk)
    export = make(ask_for_account(by))
    less = Actor.person(alice, api_key=issue_api_key(alice, by=by, terms=terms)[0])
    whole = Actor.person(alice, api_key=issue_api_key(alice, by=by)[0])

    with pytest.raises(Forbidden):
        ask_for_account(less)
    assert exports_seen_by(less) == []
    for find in (get_export, get_archive):
        with pytest.raises(NotFound):
            find(less, public_id=export.public_id)
    assert get_archive(whole, public_id=export.public_id) == export


def test_a_service_and_nobody_have_no_account_to_take_along(lab: Entity, by: Actor, alice: User) -> None:
    service = Actor.person(make_service_account(lab, "cluster", role=MemberRole.MEMBER, by=by).user)

    for actor in (service, Actor.nobody()):
        with pytest.raises(NotFound):
            ask_for_account(actor)


def _looks_after_it_all(bob: User) -> None:
    """Without another admin and operator alice could not go."""
    Membership.objects.filter(user=bob).update(role=MemberRole.ADMIN.value)
    make_operator(bob, by=Actor.operator())


def _suspended(alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)


def _closed(alice: User) -> None:
    erase_account(alice, by=Actor.person(alice))


@pytest.mark.parametrize("ends", [_suspended, _closed])
def test_who_is_suspended_or_erases_their_account_is_given_nothing_more(
    by: Actor, alice: User, bob: User, vision: Project, ends: Callable[[User], None]
) -> None:
    _looks_after_it_all(bob)
    export = ask_for_account(by)
    ends(alice)

    advance(export.pk)

    found = Export.everything.filter(pk=export.pk).first()
    assert found is None or found.erased_at is not None or found.state == ExportState.FAILED
    assert not ExportPiece.objects.filter(export=export).exists()


def test_it_goes_with_the_account_and_when_its_time_is_over(
    by: Actor, alice: User, bob: User, vision: Project
) -> None:
    over, taken = make(ask_for_account(by)), make(ask_for_account(by))
    nodes = [over.vault_node, taken.vault_node]
    Export.objects.filter(pk=over.pk).update(expires_at=clock.now() - timedelta(seconds=1))

    assert erase_old_exports() == 1
    assert exports_seen_by(by) == [taken]
    _looks_after_it_all(bob)
    job = erase_account(alice, by=by, at_once=True)[0]
    finish(job)

    assert not Export.everything.filter(pk=taken.pk).exists()
    assert (
        Tombstone.objects.filter(node_id=nodes[1]).exists() or not Node.objects.filter(pk=nodes[1]).exists()
    )


def test_the_record_says_that_it_was_asked_for(by: Actor) -> None:
    export = ask_for_account(by)

    event = Event.objects.get(kind="export.asked")
    assert (event.subject, event.project, event.facts) == (export.public_id, "", {"what": "account"})


def test_operators_make_one_on_the_machine_and_the_record_says_so(
    world: dict[str, str], by: Actor, alice: User, tmp_path: Path
) -> None:
    path = tmp_path / "alice.zip"

    call_command("export", "alice", "--account", "--to", str(path))

    archive = zipfile.ZipFile(path)
    assert account(archive, "person")[0]["username"] == "alice"
    export = Export.objects.get(asked_by=OPERATOR_ID)
    assert Event.objects.filter(kind="export.asked", by=OPERATOR_ID, subject=export.public_id).exists()
    assert get_export(by, public_id=export.public_id) == export
    with pytest.raises(NotFound):
        get_archive(by, public_id=export.public_id)
    for words in (["lab"], ["alice", "mine"], ["nothing"]):
        with pytest.raises(CommandError):
            call_command("export", *words, "--account", "--to", str(tmp_path / "other.zip"))
    assert not (tmp_path / "other.zip").exists()
