from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client

from apps.access.policy import Permission, Role, Scope
from apps.accounts.actors import Actor
from apps.accounts.models import ApiKey, User
from apps.accounts.names import is_name
from apps.accounts.queries import actor_for_api_key, actor_for_signature, is_taken, user_by_login
from apps.accounts.services import issue_api_key
from apps.audit.models import Event
from apps.core import clock
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.projects.models import Project
from apps.projects.services import create_project
from apps.teams.gate import may, role_in
from apps.teams.models import Entity, Membership, ServiceAccount
from apps.teams.queries import (
    author_names,
    default_entity,
    entities_of,
    keys_of_service_account,
    people_in,
    role_counts,
    service_accounts_in,
)
from apps.teams.services import (
    KeyWanted,
    accept_invitation,
    change_role,
    create_organisation,
    forget_services_without_a_team,
    found_team,
    hand_over,
    invite,
    leave,
    make_key,
    make_service_account,
    make_service_key,
    remove_member,
    remove_service_account,
    revoke_service_key,
)
from apps.teams.types import MemberRole
from tests.factories import people, work

pytestmark = pytest.mark.django_db
HOSTILE = "<b>ci</b> ‮" + "x" * 10_000


@pytest.fixture
def ci(lab: Entity, alice: User) -> ServiceAccount:
    return make_service_account(lab, "Nightly CI", role=MemberRole.MEMBER, by=people.actor(alice))


def _key(account: ServiceAccount, by: User, **wanted: Any) -> tuple[ApiKey, str]:
    return make_service_key(account.entity, account.public_id, KeyWanted(**wanted), by=people.actor(by))


def _asks(secret: str) -> Actor:
    actor = actor_for_api_key(secret)
    assert actor is not None
    return actor


def test_a_service_acts_as_a_member_of_its_team_and_of_nothing_else(
    ci: ServiceAccount, lab: Entity, alice: User
) -> None:
    other = people.team("other", admin=alice)
    actor = _asks(_key(ci, alice)[1])

    assert actor.is_service
    assert (role_in(actor, lab), role_in(actor, other)) == (Role.MEMBER, Role.NOBODY)
    assert list(entities_of(actor)) == [lab] == [default_entity(actor)]
    assert may(actor, Permission.PROJECT_CREATE, entity=lab)
    assert not may(actor, Permission.ENTITY_ADMIN, entity=lab)
    assert create_project(actor, entity=None, name="nightly").entity == lab


@pytest.mark.parametrize(
    ("role", "scope", "allowed"),
    [
        (MemberRole.VIEWER, Scope.ADMIN, {Permission.RUN_READ}),
        (MemberRole.MEMBER, Scope.READ, {Permission.RUN_READ}),
        (MemberRole.MEMBER, Scope.ADMIN, {Permission.RUN_READ, Permission.RUN_CREATE}),
        (MemberRole.ADMIN, Scope.WRITE, {Permission.RUN_READ, Permission.RUN_CREATE}),
        (
            MemberRole.ADMIN,
            Scope.ADMIN,
            {Permission.RUN_READ, Permission.RUN_CREATE, Permission.PROJECT_SHARE},
        ),
    ],
)
def test_role_and_scope_both_bound_it(
    lab: Entity, alice: User, role: MemberRole, scope: Scope, allowed: set[Permission]
) -> None:
    made = make_service_account(lab, "ci", role=role, by=people.actor(alice))
    actor = _asks(_key(made, alice, scope=scope)[1])

    asked = (Permission.RUN_READ, Permission.RUN_CREATE, Permission.PROJECT_SHARE)
    assert {each for each in asked if may(actor, each, entity=lab)} == allowed


def test_it_has_no_way_in_but_its_keys(ci: ServiceAccount, alice: User) -> None:
    user = ci.user

    assert user.email == ""
    assert not user.has_usable_password()
    assert not is_name(user.username)  # no person, team or organisation can ever be called so
    assert not is_taken(email="")
    assert user_by_login(user.username) is None
    assert authenticate(username=user.username, password="") is None
    assert actor_for_signature(user.public_id, "") is None
    assert not Entity.objects.filter(user=user).exists()


def test_a_session_of_one_is_nobodys(ci: ServiceAccount, alice: User) -> None:
    client = Client()
    client.force_login(ci.user, backend="django.contrib.auth.backends.ModelBackend")

    assert client.get(f"/teams/{ci.entity.name}").status_code == 404


def test_a_removed_admin_is_not_let_back_in_by_the_key_of_a_service(
    lab: Entity, alice: User, bob: User, mallory: User
) -> None:
    Membership.objects.create(entity=lab, user=mallory, role=MemberRole.ADMIN)
    script = make_service_account(lab, "Deploy", role=MemberRole.ADMIN, by=people.actor(mallory))
    _, secret = _key(script, mallory, scope=Scope.ADMIN)
    remove_member(lab, "mallory", by=people.actor(alice))

    for act in (
        lambda: invite(lab, role=MemberRole.ADMIN, by=_asks(secret)),
        lambda: change_role(lab, "bob", MemberRole.ADMIN, by=_asks(secret)),
        lambda: remove_member(lab, "bob", by=_asks(secret)),
    ):
        with pytest.raises(Forbidden, match="decided by people"):
            act()

    assert role_in(people.actor(bob), lab) is Role.MEMBER


@pytest.mark.parametrize(
    "change",
    [{"email": "ci@example.com"}, {"password": "plain"}, {"is_staff": True}, {"is_superuser": True}],
)
def test_the_database_keeps_a_service_from_signing_in(ci: ServiceAccount, change: dict[str, object]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=ci.user_id).update(**change)


def test_a_team_has_several_without_an_address(ci: ServiceAccount, lab: Entity, alice: User) -> None:
    make_service_account(lab, "Nightly CI", role=MemberRole.VIEWER, by=people.actor(alice))

    assert [(each.name, each.role) for each in service_accounts_in(lab)] == [
        ("Nightly CI", "member"),
        ("Nightly CI", "viewer"),
    ]


def test_its_name_is_sealed_and_told_to_its_team_only(
    ci: ServiceAccount, lab: Entity, bob: User, mallory: User
) -> None:
    handle = ci.user.username

    assert b"Nightly" not in bytes(ci.sealed_name)
    assert author_names(people.actor(bob), [ci.user_id, bob.pk]) == {ci.user_id: "Nightly CI", bob.pk: "bob"}
    assert author_names(people.actor(mallory), [ci.user_id]) == {ci.user_id: handle}
    assert author_names(Actor.nobody(), [ci.user_id]) == {ci.user_id: handle}


@pytest.mark.parametrize("name", ["", "   ", HOSTILE, "a\0b", "a\nb"])
def test_a_name_that_cannot_be_is_refused_and_nothing_is_left(lab: Entity, alice: User, name: str) -> None:
    with pytest.raises(Invalid):
        make_service_account(lab, name, role=MemberRole.MEMBER, by=people.actor(alice))

    assert not User.objects.filter(is_service=True).exists()


@pytest.mark.parametrize(("who", "error"), [("bob", Forbidden), ("vera", Forbidden), ("mallory", NotFound)])
def test_only_admins_make_and_remove_them(
    ci: ServiceAccount, lab: Entity, alice: User, mallory: User, who: str, error: type[Exception]
) -> None:
    by = people.actor(User.objects.get(username=who))
    key, secret = _key(ci, alice)

    with pytest.raises(error):
        make_service_account(lab, "x", role=MemberRole.MEMBER, by=by)
    with pytest.raises(error):
        make_service_key(lab, ci.public_id, KeyWanted(), by=by)
    with pytest.raises(error):
        revoke_service_key(lab, ci.public_id, key.public_id, by=by)
    with pytest.raises(error):
        remove_service_account(lab, ci.public_id, by=by)
    assert _asks(secret).user_id == ci.user_id


def test_a_key_that_was_given_less_makes_none(ci: ServiceAccount, lab: Entity, alice: User) -> None:
    """It could make itself one that lasts longer than it does."""
    _, secret = make_key(people.actor(alice), KeyWanted(scope=Scope.ADMIN, only="lab"))
    admin = make_service_account(lab, "boss", role=MemberRole.ADMIN, by=people.actor(alice))
    for actor in (_asks(secret), _asks(_key(admin, alice, scope=Scope.ADMIN)[1])):
        with pytest.raises(Forbidden):
            make_service_account(lab, "x", role=MemberRole.MEMBER, by=actor)
        with pytest.raises(Forbidden):
            make_service_key(lab, ci.public_id, KeyWanted(), by=actor)


def test_it_makes_no_key_no_team_and_no_organisation(lab: Entity, alice: User) -> None:
    admin = make_service_account(lab, "boss", role=MemberRole.ADMIN, by=people.actor(alice))
    actor = _asks(_key(admin, alice, scope=Scope.ADMIN)[1])

    with pytest.raises(Forbidden):
        make_key(actor, KeyWanted())
    with pytest.raises(Forbidden):
        found_team("mine", by=actor)
    with pytest.raises(Forbidden):
        create_organisation("mine", by=actor)
    with pytest.raises(Invalid):
        issue_api_key(admin.user, by=Actor.system())
    with pytest.raises(CommandError, match="good for its team"):
        call_command("issue_api_key", admin.user.username)


def test_it_is_no_person_of_the_team(ci: ServiceAccount, lab: Entity, alice: User, bob: User) -> None:
    handle, actor = ci.user.username, _asks(_key(ci, alice)[1])

    assert handle not in [person.name for person in people_in(lab)]
    assert role_counts(people.actor(alice))[lab.pk].total() == 3
    acts: tuple[Callable[[], None], ...] = (
        lambda: change_role(lab, handle, MemberRole.ADMIN, by=people.actor(alice)),
        lambda: hand_over(lab, to=handle, by=people.actor(alice)),
        lambda: remove_member(lab, handle, by=people.actor(alice)),
        lambda: leave(lab, by=actor),
    )
    for act in acts:
        with pytest.raises(NotFound):
            act()


def test_it_is_no_last_admin(lab: Entity, alice: User) -> None:
    make_service_account(lab, "boss", role=MemberRole.ADMIN, by=people.actor(alice))

    with pytest.raises(Conflict):
        leave(lab, by=people.actor(alice))


def test_it_joins_nothing_by_an_invitation(ci: ServiceAccount, alice: User, mallory: User) -> None:
    other = people.team("other", admin=mallory)
    _, secret = invite(other, role=MemberRole.MEMBER, by=people.actor(mallory))

    with pytest.raises(Forbidden):
        accept_invitation(secret, by=_asks(_key(ci, alice)[1]))
    assert not Membership.objects.filter(user=ci.user, entity=other).exists()


def test_a_removed_one_is_refused_from_the_next_request_on(
    ci: ServiceAccount, lab: Entity, vision: Project, alice: User
) -> None:
    key, secret = _key(ci, alice)
    run = work.run(vision, "run1", by=ci.user)
    remove_service_account(lab, ci.public_id, by=people.actor(alice))

    assert actor_for_api_key(secret) is None
    assert actor_for_signature(ci.user.public_id, key.public_id) is None
    assert service_accounts_in(lab) == []
    run.refresh_from_db()
    assert author_names(people.actor(alice), [run.created_by_id]) == {ci.user_id: "Nightly CI"}
    with pytest.raises(NotFound):
        _key(ci, alice)


def test_one_key_ends_without_the_others(ci: ServiceAccount, lab: Entity, alice: User) -> None:
    first, one = _key(ci, alice, name="laptop")
    _, two = _key(ci, alice, name="cluster")
    revoke_service_key(lab, ci.public_id, first.public_id, by=people.actor(alice))

    assert actor_for_api_key(one) is None
    assert _asks(two).is_service
    assert [(key.name, key.only) for key in keys_of_service_account(ci)] == [("cluster", "lab")]


def test_keys_of_others_are_not_ended_here(ci: ServiceAccount, lab: Entity, alice: User) -> None:
    own = issue_api_key(alice, by=people.actor(alice))[0]
    other = make_service_account(lab, "other", role=MemberRole.MEMBER, by=people.actor(alice))
    theirs = _key(other, alice)[0]

    for key in (own.public_id, theirs.public_id, "nothing", "\0"):
        with pytest.raises(NotFound):
            revoke_service_key(lab, ci.public_id, key, by=people.actor(alice))


def test_a_key_ends_by_itself(ci: ServiceAccount, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    _, secret = _key(ci, alice, expires_at=clock.now() + timedelta(days=1))
    later = clock.now() + timedelta(days=2)
    monkeypatch.setattr(clock, "now", lambda: later)

    assert actor_for_api_key(secret) is None


def test_services_of_another_team_are_not_there(ci: ServiceAccount, alice: User) -> None:
    other = people.team("other", admin=alice)

    with pytest.raises(NotFound):
        remove_service_account(other, ci.public_id, by=people.actor(alice))


def test_it_leaves_with_its_team(ci: ServiceAccount, alice: User) -> None:
    lab, (_, secret) = ci.entity, _key(ci, alice)
    Entity.objects.get(pk=lab.pk).delete()

    assert role_in(_asks(secret), lab) is not Role.MEMBER
    assert list(entities_of(_asks(secret))) == []

    client = Client(headers={"Authorization": f"Bearer {secret}"})
    assert client.get("/api/v1/projects").json()["items"] == []

    forget_services_without_a_team()
    assert actor_for_api_key(secret) is None
    assert not User.objects.filter(is_service=True).exists()


def test_the_sweep_leaves_those_with_a_team(ci: ServiceAccount) -> None:
    forget_services_without_a_team()

    assert User.objects.filter(pk=ci.user_id).exists()


def test_acts_stand_on_the_teams_record_without_names_and_nothing_is_mailed(
    ci: ServiceAccount, lab: Entity, alice: User
) -> None:
    key, _ = _key(ci, alice, name="laptop")
    revoke_service_key(lab, ci.public_id, key.public_id, by=people.actor(alice))
    remove_service_account(lab, ci.public_id, by=people.actor(alice))

    noted = list(Event.objects.filter(entity=lab.public_id).order_by("pk").values_list("kind", "subject"))
    assert noted[-4:] == [
        ("service_account.made", ci.user.public_id),
        ("api_key.issued", key.public_id),
        ("api_key.revoked", key.public_id),
        ("service_account.removed", ci.user.public_id),
    ]
    assert mail.outbox == []
