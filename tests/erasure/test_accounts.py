"""An account that is erased: at the end nothing here leads to its person."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import models, transaction
from django.test import Client

from apps.accounts.actors import OPERATOR_ID, Actor
from apps.accounts.models import ApiKey, User
from apps.accounts.queries import names_of
from apps.audit.models import Event
from apps.core import clock
from apps.core.errors import Conflict, NotFound
from apps.erasure import proof
from apps.erasure.accounts import account_would_go, erase_account
from apps.erasure.models import ErasureJob
from apps.erasure.receipts import statement_of
from apps.erasure.remembering import remember
from apps.erasure.replay import erase_again
from apps.erasure.services import advance
from apps.erasure.stones import leave_stones
from apps.erasure.taking_back import take_back_by_link
from apps.erasure.tasks import retention
from apps.erasure.types import Scope, Step
from apps.erasure.ways_back import erasure_behind, receipt_behind, way_back_for
from apps.exports.models import Export
from apps.exports.services import export_project
from apps.projects.models import Project
from apps.runs.models import Run
from apps.runs.services import finish_run
from apps.runs.table import select_runs
from apps.runs.types import RunState
from apps.teams.models import Entity, Invitation, Membership
from apps.teams.services import (
    create_account,
    hand_over,
    invite,
)
from apps.teams.types import MemberRole
from apps.vault.models import Node, Tombstone, Waiting
from apps.webhooks.models import Delivery, Hook
from apps.webhooks.notices import _who_looks_after
from apps.webhooks.services import make_hook
from apps.webhooks.types import Happening
from tests.erasure.conftest import finish, full_run
from tests.erasure.test_services import objects, objects_of, rows_below
from tests.factories import people, work
from tests.factories.vault import end_epochs

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-09")]


def everything_of(user: User) -> None:
    """A row of each kind that a person may have."""
    EmailAddress.objects.create(user=user, email="bob@elsewhere.example", verified=False)
    Authenticator.objects.create(user=user, type=Authenticator.Type.TOTP, data={"secret": "x"})
    SocialAccount.objects.create(user=user, provider="google", uid="4711", extra_data={"email": user.email})
    people.api_key(user)
    Client().force_login(user, backend="django.contrib.auth.backends.ModelBackend")


def keys_to(model: type[models.Model]) -> list[tuple[type[models.Model], str]]:
    """Every foreign key in the database that leads to such a row."""
    return [
        (each, field.attname)
        for each in apps.get_models(include_auto_created=True)
        for field in each._meta.fields
        if field.related_model is model
    ]


def test_everything_of_a_person_goes_and_what_is_the_teams_stays_without_a_name(
    lab: Entity, vision: Project, own: Run, alice: User, bob: User
) -> None:
    everything_of(bob)
    theirs = full_run(vision, "theirs", by=bob)
    kept, went = objects_of(theirs), objects_of(own)
    assert rows_below(Scope.ACCOUNT, [Entity.objects.get(user=bob).pk])["mfa.Authenticator"] == 1
    counted = account_would_go(bob)
    assert (counted.projects, counted.keys, counted.places, counted.stays) == (1, 1, 1, 1)
    entity = Entity.objects.get(user=bob)

    job, link = erase_account(bob, by=Actor.person(bob), at_once=True)
    finish(job)

    job.refresh_from_db()
    assert (job.step, job.runs) == (Step.DONE, 1)
    assert not User.objects.filter(pk=bob.pk).exists()
    for model, name in keys_to(User):
        assert not model._base_manager.filter(**{name: bob.pk}).exists(), (model, name)
    stone = Entity.everything.get(pk=entity.pk)
    assert (stone.name, stone.user, stone.public_id) == (f"~{entity.public_id}", None, entity.public_id)
    assert Tombstone.objects.filter(node_id=entity.vault_node).count() == 1
    assert not Node.objects.filter(pk=entity.vault_node).exists()
    assert (went & objects(), kept - objects()) == (set(), set())
    assert Run.objects.get(pk=theirs.pk).created_by is None
    assert names_of([theirs.created_by_id]) == {}
    assert receipt_behind(link)["statement"]["proof"]["database"]["accounts"] == 1
    with pytest.raises(Conflict):
        take_back_by_link(link)
    with pytest.raises(Conflict):
        create_account("bob", email="bob2@example.com")
    assert create_account("robert", email="bob@example.com").email == "bob@example.com"


def test_no_row_of_any_table_names_who_is_gone(lab: Entity, own: Run, bob: User) -> None:
    """All columns of all tables of the main database but the record, which never had a name."""
    everything_of(bob)
    words = ("bob", "bob@example.com", "bob@elsewhere.example")

    finish(erase_account(bob, by=Actor.person(bob), at_once=True)[0])

    for model in apps.get_models(include_auto_created=True):
        if model._meta.app_label == "vault":
            continue
        for row in model._base_manager.values_list():
            for value in row:
                assert value not in words, (model, row)
                assert not (isinstance(value, dict | list) and "bob@" in json.dumps(value)), (model, row)


def test_the_last_admin_hands_over_first(lab: Entity, own: Run, alice: User, bob: User, vera: User) -> None:
    institute = people.organisation("institute", admin=bob)
    hand_over(lab, to="bob", by=Actor.person(alice))
    assert [(each.name, each.is_team, each.others) for each in account_would_go(bob).last_of] == [
        ("lab", True, 2),
        ("institute", False, 0),
    ]
    with pytest.raises(Conflict, match="lab would be without an admin"):
        erase_account(bob, by=Actor.person(bob))
    assert not ErasureJob.objects.exists() and User.objects.get(pk=bob.pk).is_active

    hand_over(lab, to="vera", by=Actor.person(bob))
    with pytest.raises(Conflict, match="institute would be without an admin"):
        erase_account(bob, by=Actor.person(bob))
    institute.memberships.create(user=vera, role="admin")
    erase_account(bob, by=Actor.person(bob))

    assert account_would_go(vera).last_of  # who waits to be erased is no admin to be counted on


def test_the_only_operator_stays_until_there_is_another(lab: Entity, alice: User, bob: User) -> None:
    hand_over(lab, to="bob", by=Actor.person(alice))
    with pytest.raises(Conflict, match="only operator"):
        erase_account(alice, by=Actor.person(alice))

    call_command("make_operator", "bob")
    call_command("make_operator", "bob")
    erase_account(alice, by=Actor.person(alice))

    assert Event.objects.filter(kind="admin.operator_made", by=OPERATOR_ID).count() == 1
    assert list(User.objects.filter(is_superuser=True, is_active=True)) == [bob]


def test_who_is_alone_on_an_instance_may_go(alice: User) -> None:
    finish(erase_account(alice, by=Actor.person(alice), at_once=True)[0])

    assert not User.objects.exists()
    assert people.person("kenji").is_superuser  # the next one owns what is left: nothing


def test_tables_of_runs_in_memory_call_them_nothing_from_then_on(
    lab: Entity, vision: Project, own: Run, bob: User
) -> None:
    work.run(vision, "theirs", by=bob)

    def is_called(name: str) -> bool:
        return bool(select_runs(vision, filters=json.dumps({"username": name}), limit=5).runs)

    assert is_called("bob")
    job, link = erase_account(bob, by=Actor.person(bob))
    assert not is_called("bob") and is_called(f"~{bob.public_id}")
    take_back_by_link(link)
    assert is_called("bob") and not is_called(f"~{bob.public_id}")

    finish(erase_account(User.objects.get(pk=bob.pk), by=Actor.person(bob), at_once=True)[0])

    assert not is_called("bob") and not is_called(f"~{bob.public_id}")
    assert select_runs(vision, limit=5).runs and ErasureJob.objects.get(pk=job.pk).step == Step.TAKEN_BACK


def test_a_webhook_that_they_made_in_a_team_is_the_teams_and_goes_on_without_them(
    lab: Entity, vision: Project, own: Run, alice: User, bob: User
) -> None:
    Membership.objects.filter(user=bob, entity=lab).update(role=MemberRole.ADMIN.value)
    by, chosen = Actor.person(bob), [Happening.RUN_FINISHED]
    made = [
        make_hook(place, "https://hooks.example/x", happenings=chosen, by=by)[0] for place in (lab, vision)
    ]
    mine, _secret = make_hook(own.project, "https://hooks.example/y", happenings=chosen, by=by)
    assert account_would_go(bob).hooks == 2

    def told() -> list[tuple[str, str, str, str]]:
        rows = Event.objects.filter(kind="webhook.changed").order_by("pk")
        return [(each.subject, each.entity, each.by, each.facts["what"]) for each in rows]

    _job, link = erase_account(bob, by=by)
    left = [(each.public_id, lab.public_id, bob.public_id, "maker_left") for each in made]
    assert told() == left
    assert [_who_looks_after(hook) for hook in Hook.objects.filter(entity=lab).order_by("pk")] == [
        [alice]
    ] * 2
    take_back_by_link(link)
    assert told() == left + [(each.public_id, lab.public_id, "system", "maker_back") for each in made]
    assert _who_looks_after(Hook.objects.get(pk=made[0].pk)) == [User.objects.get(pk=bob.pk)]

    finish(erase_account(User.objects.get(pk=bob.pk), by=by, at_once=True)[0])
    finish_run(work.run(vision, "after", by=alice), state=RunState.FINISHED, by=Actor.person(alice))

    there = Hook.objects.filter(is_on=True).order_by("pk")
    assert [(each.pk, each.created_by) for each in there] == [(each.pk, None) for each in made]
    assert not Hook.objects.filter(pk=mine.pk).exists()
    assert Delivery.objects.filter(happening=Happening.RUN_FINISHED.value).count() == 2


def test_invitations_to_somebody_who_is_gone_are_withdrawn(
    lab: Entity, own: Run, alice: User, bob: User
) -> None:
    to_bob, _ = invite(lab, role=MemberRole.MEMBER, by=Actor.person(alice), email="Bob@example.com")
    other, _ = invite(lab, role=MemberRole.MEMBER, by=Actor.person(alice), email="kenji@example.com")

    finish(erase_account(bob, by=Actor.person(bob), at_once=True)[0])

    to_bob.refresh_from_db()
    assert (to_bob.revoked_at is None, to_bob.sealed_email) == (False, None)
    assert Invitation.objects.get(pk=other.pk).revoked_at is None


def test_exports_that_they_asked_for_go_with_them(lab: Entity, vision: Project, own: Run, bob: User) -> None:
    work.run(vision, "theirs", by=bob)
    export = export_project(vision, by=Actor.person(bob))

    finish(erase_account(bob, by=Actor.person(bob), at_once=True)[0])

    assert not Export.everything.filter(pk=export.pk).exists()


def test_a_row_that_was_put_back_is_found_and_goes_again(
    own: Run, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proof asks for the row itself, and takes nobody's word."""
    job, _link = erase_account(bob, by=Actor.person(bob), at_once=True)
    stayed = User.objects.get(pk=bob.pk)
    real: Callable[[ErasureJob], None] = leave_stones

    def leaves_the_row(each: ErasureJob) -> None:
        real(each)
        models.Model.save_base(stayed, raw=True, force_insert=True)

    monkeypatch.setattr("apps.erasure.steps.leave_stones", leaves_the_row)

    with pytest.raises(proof.StillThere):
        advance(job.pk)

    assert not User.objects.filter(pk=bob.pk).exists()
    finish(job)
    assert job.step == Step.DONE


def test_a_database_of_before_has_it_closed_again(own: Run, bob: User) -> None:
    before = transaction.savepoint()
    job, _link = erase_account(bob, by=Actor.person(bob))
    remember()
    transaction.savepoint_rollback(before)
    assert User.objects.get(pk=bob.pk).is_active

    assert (erase_again(), erase_again()) == (1, 0)

    again = ErasureJob.objects.get()
    assert (again.public_id, again.due_at, again.step) == (job.public_id, job.due_at, Step.WAIT)
    assert not User.objects.get(pk=bob.pk).is_active
    take_back_by_link(way_back_for("bob", by=Actor.operator()))
    assert User.objects.get(pk=bob.pk).username == "bob"


def test_a_database_of_before_has_it_erased_again(own: Run, lab: Entity, bob: User, alice: User) -> None:
    """Also where it is the last admin of something again."""
    hand_over(lab, to="bob", by=Actor.person(alice))
    before = transaction.savepoint()
    hand_over(lab, to="alice", by=Actor.person(bob))
    finish(erase_account(bob, by=Actor.person(bob), at_once=True)[0])
    transaction.savepoint_rollback(before)
    assert User.objects.filter(username="bob").exists()

    assert erase_again() == 1
    finish(ErasureJob.objects.get(scope=Scope.ACCOUNT))

    assert not User.objects.filter(pk=bob.pk).exists() and not Waiting.objects.exists()


def test_a_placeholder_of_a_backup_is_the_name_of_nobody_who_was_erased(own: Run, bob: User) -> None:
    """Their own did not open when they came back."""
    entity = Entity.objects.get(name="bob")
    placeholder = f"-{entity.pk}"
    Entity.objects.filter(pk=entity.pk).update(name=placeholder)
    User.objects.filter(pk=bob.pk).update(username=placeholder)

    assert finish(erase_account(bob, by=Actor.person(bob), at_once=True)[0]).step == Step.DONE

    assert Tombstone.objects.get(node_id=entity.vault_node).name_index is None


def test_links_lead_nowhere_long_after_the_end(own: Run, bob: User) -> None:
    job, link = erase_account(bob, by=Actor.person(bob), at_once=True)
    finish(job)
    retention()
    assert erasure_behind(link) == job

    ErasureJob.objects.filter(pk=job.pk).update(done_at=clock.now() - timedelta(days=91))
    retention()

    with pytest.raises(NotFound):
        erasure_behind(link)


@pytest.mark.parametrize(("days", "says"), [(0, None), (30, 30)])
def test_the_receipt_says_when_the_last_backup_ends(
    own: Run, bob: User, settings: Any, days: int, says: int | None
) -> None:
    settings.OWNLOG_BACKUP_KEPT_DAYS = days
    job, _link = erase_account(bob, by=Actor.person(bob), at_once=True)
    finish(job)

    stated = statement_of(job)["backups"]

    assert stated["kept_days"] == says
    assert job.rows_gone_at is not None
    gone = job.rows_gone_at + timedelta(days=days)
    assert stated["last_expires"] == (f"{gone:%Y-%m-%dT%H:%M:%S.%f}Z" if days else None)


def test_on_the_machine_an_account_goes_by_its_name(
    own: Run, bob: User, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.vault.epochs.run", end_epochs)
    with pytest.raises(CommandError, match="Nothing was erased"):
        call_command("erase", "account", "bob", "--yes", "alice")
    with pytest.raises(CommandError, match="no account"):
        call_command("erase", "account", "lab", "--yes", "lab")

    call_command("erase", "account", "bob", "--yes", "bob")
    assert ErasureJob.objects.get().step == Step.WAIT
    call_command("way_back", "bob")
    link = capsys.readouterr().out.strip().rsplit("/", 1)[-1]
    take_back_by_link(link)
    with pytest.raises(CommandError):
        call_command("way_back", "bob")
    call_command("erase", "account", "bob", "--yes", "bob", "--now")

    assert not User.objects.filter(pk=bob.pk).exists()
    assert Membership.objects.filter(user=bob.pk).count() == ApiKey.objects.filter(user=bob.pk).count() == 0
