from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from apps.access.policy import Role
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.audit.models import Event
from apps.core import clock
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound, TooMuch
from apps.teams.gate import role_in, role_in_organisation
from apps.teams.models import Entity, Invitation, Membership
from apps.teams.queries import is_usable_invitation, joined_by, pending_in, usable_invitation
from apps.teams.services import (
    accept_invitation,
    change_role,
    forget_ended,
    invite,
    leave,
    remove_member,
    revoke_invitation,
)
from apps.teams.services import invitations as invitations_module
from apps.teams.services.suspending import reactivate_entity, suspend_entity
from apps.teams.types import MemberRole, OrganisationRole
from apps.vault.errors import KeyGone
from apps.vault.models import Node
from tests.factories import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.person(alice)


@pytest.fixture
def secret(lab: Entity, by: Actor) -> str:
    return invite(lab, role=MemberRole.MEMBER, by=by, email="mallory@example.com")[1]


def test_whoever_brings_the_secret_comes_in_with_its_role(lab: Entity, mallory: User, secret: str) -> None:
    accept_invitation(secret, by=Actor.person(mallory))

    assert role_in(Actor.person(mallory), lab) is Role.MEMBER
    assert [event.kind for event in Event.objects.filter(kind__startswith="invitation").order_by("pk")] == [
        "invitation.made",
        "invitation.accepted",
    ]


def test_an_invitation_is_used_once(lab: Entity, mallory: User, secret: str) -> None:
    accept_invitation(secret, by=Actor.person(mallory))
    zoe = people.person("zoe")

    with pytest.raises(NotFound):
        accept_invitation(secret, by=Actor.person(zoe))

    assert role_in(Actor.person(zoe), lab) is Role.STRANGER
    assert joined_by(Actor.person(mallory), secret) == lab
    assert joined_by(Actor.person(zoe), secret) is None
    assert joined_by(Actor.nobody(), secret) is None


def test_whoever_is_removed_does_not_come_back_with_a_used_invitation(
    lab: Entity, mallory: User, secret: str, by: Actor
) -> None:
    accept_invitation(secret, by=Actor.person(mallory))
    remove_member(lab, "mallory", by=by)

    with pytest.raises(NotFound):
        accept_invitation(secret, by=Actor.person(mallory))


@pytest.mark.parametrize("wrong", ["", "x", "\x00", "\ud800", "x" * 10_000, "../..", "café"])
def test_a_secret_that_never_was_opens_nothing(lab: Entity, secret: str, mallory: User, wrong: str) -> None:
    with pytest.raises(NotFound):
        accept_invitation(wrong, by=Actor.person(mallory))
    assert not is_usable_invitation(wrong)


def test_an_invitation_runs_out_after_a_week(
    lab: Entity, mallory: User, secret: str, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = clock.now() + timedelta(days=7, seconds=1)
    monkeypatch.setattr(clock, "now", lambda: late)

    with pytest.raises(NotFound):
        accept_invitation(secret, by=Actor.person(mallory))
    assert pending_in(lab) == []


def test_a_revoked_one_opens_nothing(lab: Entity, mallory: User, secret: str, by: Actor) -> None:
    for _ in range(2):
        revoke_invitation(lab, Invitation.objects.get().public_id, by=by)

    with pytest.raises(NotFound):
        accept_invitation(secret, by=Actor.person(mallory))
    assert Event.objects.filter(kind="invitation.revoked").count() == 1


def test_one_of_another_team_cannot_be_revoked(lab: Entity, secret: str, mallory: User) -> None:
    people.team("attic", admin=mallory)

    with pytest.raises(NotFound):
        revoke_invitation(
            Entity.objects.get(name="attic"), Invitation.objects.get().public_id, by=Actor.person(mallory)
        )
    assert is_usable_invitation(secret)


@pytest.mark.parametrize("end", ["removed", "demoted", "left", "inactive"])
def test_what_an_admin_left_open_ends_with_their_right(
    lab: Entity, bob: User, mallory: User, by: Actor, end: str
) -> None:
    """Otherwise whoever is taken out would keep a way back in."""
    change_role(lab, "bob", MemberRole.ADMIN, by=by)
    _, secret = invite(lab, role=MemberRole.ADMIN, by=Actor.person(bob))
    match end:
        case "removed":
            remove_member(lab, "bob", by=by)
        case "demoted":
            change_role(lab, "bob", MemberRole.MEMBER, by=by)
        case "left":
            leave(lab, by=Actor.person(bob))
        case _:
            User.objects.filter(pk=bob.pk).update(is_active=False)

    with pytest.raises(NotFound):
        accept_invitation(secret, by=Actor.person(mallory))
    if end == "demoted":
        change_role(lab, "bob", MemberRole.ADMIN, by=by)
        assert not is_usable_invitation(secret)


def test_whoever_is_in_already_uses_nothing_up(lab: Entity, vera: User, mallory: User, secret: str) -> None:
    with pytest.raises(Conflict):
        accept_invitation(secret, by=Actor.person(vera))

    assert role_in(Actor.person(vera), lab) is Role.VIEWER
    accept_invitation(secret, by=Actor.person(mallory))
    assert role_in(Actor.person(mallory), lab) is Role.MEMBER


def test_only_admins_invite_and_see_and_revoke(lab: Entity, bob: User, vera: User, mallory: User) -> None:
    for insider in (bob, vera):
        with pytest.raises(Forbidden):
            invite(lab, role=MemberRole.VIEWER, by=Actor.person(insider))
        with pytest.raises(Forbidden):
            revoke_invitation(lab, "a" * 20, by=Actor.person(insider))
    for outsider in (Actor.person(mallory), Actor.nobody()):
        with pytest.raises(NotFound):
            invite(lab, role=MemberRole.VIEWER, by=outsider)

    assert not Invitation.objects.exists()


@pytest.mark.parametrize(
    "email",
    [
        "nobody",
        "a@b",
        "a@b.c\nBcc: x@y.zz",
        "x" * 300 + "@example.com",
        "a\x00@example.com",
        "<a@example.com>",
    ],
)
def test_an_address_that_is_none_is_refused(lab: Entity, by: Actor, email: str) -> None:
    with pytest.raises(Invalid):
        invite(lab, role=MemberRole.MEMBER, by=by, email=email)

    assert not Invitation.objects.exists()


def test_admins_see_the_addresses_and_the_table_does_not(lab: Entity, secret: str) -> None:
    (pending,) = pending_in(lab)

    assert (pending.email, pending.role, pending.invited_by) == ("mallory@example.com", "member", "alice")
    row = Invitation.objects.get()
    assert b"mallory" not in bytes(row.sealed_email or b"")
    assert secret not in str(Invitation.objects.values().get())


def test_an_address_is_sealed_under_the_teams_key(lab: Entity, secret: str) -> None:
    Node.objects.filter(pk=lab.vault_node).delete()

    with pytest.raises(KeyGone):
        pending_in(lab)


@pytest.mark.parametrize("end", ["used", "revoked", "too old"])
def test_an_address_is_gone_once_the_invitation_has_ended(
    lab: Entity, mallory: User, secret: str, by: Actor, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if end == "used":
        accept_invitation(secret, by=Actor.person(mallory))
    elif end == "revoked":
        revoke_invitation(lab, Invitation.objects.get().public_id, by=by)
    else:
        late = clock.now() + timedelta(days=8)
        monkeypatch.setattr(clock, "now", lambda: late)
    forget_ended()

    assert Invitation.objects.get().sealed_email is None


def test_what_ended_long_ago_is_dropped_and_what_is_open_stays(
    lab: Entity, mallory: User, secret: str, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept_invitation(secret, by=Actor.person(mallory))
    late = clock.now() + timedelta(days=31)
    monkeypatch.setattr(clock, "now", lambda: late)
    _, still_open = invite(lab, role=MemberRole.VIEWER, by=by)

    forget_ended()

    assert Invitation.objects.count() == 1
    assert is_usable_invitation(still_open)


def test_inviting_looks_no_account_up(lab: Entity, mallory: User, by: Actor) -> None:
    """The same questions to the database, one for one, whether the address has an account or not."""
    asked = []
    for email in ("mallory@example.com", "new@example.com"):
        with CaptureQueriesContext(connection) as captured:
            invite(lab, role=MemberRole.MEMBER, by=by, email=email)
        asked.append([re.sub(r"SAVEPOINT.*| WHERE .*| VALUES .*", "", each["sql"]) for each in captured])

    assert asked[0] == asked[1]
    assert not any("accounts_user" in sql for sql in asked[0])


def test_a_team_invites_so_many_a_day(lab: Entity, by: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invitations_module, "MOST_A_DAY", 2)
    for _ in range(2):
        invite(lab, role=MemberRole.MEMBER, by=by)

    with pytest.raises(TooMuch):
        invite(lab, role=MemberRole.MEMBER, by=by)


def test_a_person_invites_no_more_by_founding_another_team(
    lab: Entity, alice: User, bob: User, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invitations_module, "MOST_A_DAY", 2)
    invite(lab, role=MemberRole.MEMBER, by=by)
    invite(people.team("second", admin=alice), role=MemberRole.MEMBER, by=by)

    with pytest.raises(TooMuch):
        invite(people.team("third", admin=alice), role=MemberRole.MEMBER, by=by, email="x@example.com")
    invite(people.team("another", admin=bob), role=MemberRole.MEMBER, by=Actor.person(bob))


def test_an_organisation_invites_by_link(lab: Entity, alice: User, mallory: User, by: Actor) -> None:
    institute = people.organisation("institute", admin=alice, teams=[lab])
    _, secret = invite(institute, role=OrganisationRole.MEMBER, by=by)

    accept_invitation(secret, by=Actor.person(mallory))

    assert role_in_organisation(Actor.person(mallory), institute) is Role.VIEWER
    assert role_in(Actor.person(mallory), lab) is Role.STRANGER
    with pytest.raises(Invalid):
        invite(institute, role=OrganisationRole.MEMBER, by=by, email="x@example.com")


@pytest.mark.django_db(transaction=True, databases=["default", "vault"])
def test_of_people_who_accept_at_once_one_comes_in(lab: Entity, by: Actor) -> None:
    _, secret = invite(lab, role=MemberRole.VIEWER, by=by)
    comers = [people.person(f"comer-{n}") for n in range(4)]
    gate = threading.Barrier(4)

    def come(user: User) -> bool:
        try:
            gate.wait(timeout=30)
            accept_invitation(secret, by=Actor.person(user))
        except NotFound:
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(4) as pool:
        came = list(pool.map(come, comers))

    assert sum(came) == 1
    assert Membership.objects.filter(user__username__startswith="comer").count() == 1
    with pytest.raises(NotFound):
        usable_invitation(secret)


@pytest.mark.django_db(transaction=True, databases=["default", "vault"])
def test_one_who_accepts_twice_at_once_is_in_once(lab: Entity, mallory: User, by: Actor) -> None:
    _, secret = invite(lab, role=MemberRole.VIEWER, by=by)
    gate = threading.Barrier(2)

    def come(_: int) -> bool:
        try:
            gate.wait(timeout=30)
            accept_invitation(secret, by=Actor.person(mallory))
        except (NotFound, Conflict):
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(2) as pool:
        came = list(pool.map(come, range(2)))

    assert sum(came) == 1
    assert Membership.objects.filter(user=mallory).count() == 1


def test_nobody_comes_into_a_team_that_the_operators_have_suspended(
    lab: Entity, alice: User, mallory: User, secret: str
) -> None:
    suspend_entity(lab, by=Actor.person(alice))  # the first account owns the instance

    assert not is_usable_invitation(secret)
    with pytest.raises(NotFound):
        accept_invitation(secret, by=Actor.person(mallory))
    reactivate_entity(lab, by=Actor.person(alice))
    assert accept_invitation(secret, by=Actor.person(mallory)) == lab
