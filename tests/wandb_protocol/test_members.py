"""Users, teams and their members as the client asks for them, without the client."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail

from apps.access.policy import Scope, Visibility
from apps.accounts.actors import Actor
from apps.accounts.models import ApiKey, User
from apps.accounts.queries import actor_for_api_key
from apps.core.mail import NO_MAIL
from apps.projects.models import Project
from apps.projects.services import update_project
from apps.teams.choices import SettingName
from apps.teams.models import Entity, Invitation, Membership, ServiceAccount
from apps.teams.queries import keys_of, people_in
from apps.teams.services import (
    KeyWanted,
    accept_invitation,
    choose,
    invite,
    make_key,
    make_service_account,
    make_service_key,
)
from apps.teams.types import MemberRole
from tests.factories import people
from tests.wandb_protocol.asking import Asker, history

pytestmark = pytest.mark.django_db
_MEMBERS = "members { id admin pending email username name accountType apiKey }"
TEAM = f"query($n: String!) {{ entity(name: $n) {{ name isTeam storageBytes privateOnly defaultAccess {_MEMBERS} }} }}"
USERS = "query($q: String) { users(query: $q) { edges { node { id name username email entity apiKeys { edges { node { id } } } teams { edges { node { name } } } } } } }"
INVITE = "mutation($i: CreateInviteInput!) { result: createInvite(input: $i) { invite { id name email createdAt toUser { name } } } }"
REMOVE = "mutation($i: DeleteInviteInput!) { result: deleteInvite(input: $i) { success } }"
SERVICE = (
    "mutation($i: CreateServiceAccountInput!) { result: createServiceAccount(input: $i) { user { id } } }"
)
FOUND = "mutation($i: CreateTeamInput!) { result: createTeam(input: $i) { entity { id name available photoUrl limits } } }"
_LINK = re.compile(r"/invitations/([A-Za-z0-9_-]{43})")


@pytest.fixture
def of(lab: Entity, mallory: User) -> Callable[[str], Asker]:
    """The one called so, speaking as the client does."""
    return lambda name: Asker(people.api_key(User.objects.get(username=name)))


def members(asker: Asker, team: str = "lab") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = asker.data(TEAM, n=team)["entity"]["members"]
    return found


def named(asker: Asker, query: str) -> list[str]:
    return [edge["node"]["username"] for edge in asker.data(USERS, q=query)["users"]["edges"]]


def test_members_are_people_then_invitations_then_services(
    of: Callable[[str], Asker], lab: Entity, alice: User
) -> None:
    invite(lab, role=MemberRole.VIEWER, by=people.actor(alice), email="zoe@example.com")
    service = make_service_account(lab, "CI", role=MemberRole.MEMBER, by=people.actor(alice))
    told = members(of("alice"))

    assert [(each["name"], each["accountType"], each["admin"], each["pending"]) for each in told] == [
        ("alice", "ADMIN", True, False),
        ("bob", "MEMBER", False, False),
        ("vera", "VIEWER", False, False),
        ("zoe@example.com", "VIEWER", False, True),
        ("CI", "SERVICE", False, False),
    ]
    assert [each["email"] for each in told] == [None, None, None, "zoe@example.com", None]
    assert [each["apiKey"] for each in told] == [None] * 5
    assert told[-1]["username"] == service.user.username
    # Who is no admin does not see who is invited.
    assert [each["name"] for each in members(of("vera"))] == ["alice", "bob", "vera", "CI"]


def test_what_a_team_keeps_and_chose_is_told_inside_of_it_only(
    of: Callable[[str], Asker], lab: Entity, alice: User
) -> None:
    choose(lab, SettingName.DEFAULT_VISIBILITY, "restricted", by=people.actor(alice))
    of("alice").start("run1", project="vision", entity="lab")
    assert of("alice").stream("lab/vision/run1", history({"loss": 1, "_step": 0})).status_code == 200
    inside = of("bob").data(TEAM, n="lab")["entity"]

    assert (inside["privateOnly"], inside["defaultAccess"]) == (False, "RESTRICTED")
    assert inside["storageBytes"] > 0
    assert of("mallory").data(TEAM, n="lab")["entity"] is None


def test_beside_a_public_project_a_stranger_sees_nothing_of_the_team(
    of: Callable[[str], Asker], lab: Entity, vision: Project, alice: User
) -> None:
    people.organisation("institute", admin=alice, teams=[lab])
    update_project(vision, by=people.actor(alice), visibility=Visibility.PUBLIC)
    query = (
        'query { project(name: "vision", entityName: "lab") { entity { name storageBytes privateOnly '
        f"organization {{ name }} user {{ name }} {_MEMBERS} }} }} }}"
    )

    nothing = {"storageBytes": 0, "privateOnly": False, "organization": None, "user": None, "members": None}
    assert of("mallory").data(query)["project"]["entity"] == {"name": "lab"} | nothing
    inside = of("bob").data(query)["project"]["entity"]
    assert len(inside["members"]) == 3
    assert inside["organization"] == {"name": "institute"}


def test_only_people_of_ones_own_teams_are_found(of: Callable[[str], Asker], bob: User) -> None:
    people.person("bobby")
    assert named(of("alice"), "bob") == ["bob"]
    assert named(of("alice"), "ob") == ["bob"]
    assert named(of("mallory"), "bob") == []
    assert named(of("alice"), "bobby") == []
    assert named(of("alice"), "") == ["alice"]


@pytest.mark.parametrize(
    "query", ["bob@example.com", "@example.com", "%", "_ob", "b*", "x" * 10_000, "b\0b", "‮"]
)
def test_addresses_and_patterns_find_nobody(of: Callable[[str], Asker], query: str) -> None:
    assert named(of("alice"), query) == []


def test_ones_own_address_finds_oneself(of: Callable[[str], Asker]) -> None:
    assert named(of("alice"), "alice@example.com") == ["alice"]


def test_of_others_neither_keys_nor_addresses_nor_other_teams_are_told(
    of: Callable[[str], Asker], bob: User
) -> None:
    people.team("bobs", admin=bob)
    (edge,) = of("alice").data(USERS, q="bob")["users"]["edges"]

    assert edge["node"] | {"id": ""} == {
        "id": "",
        "name": "bob",
        "username": "bob",
        "email": "",
        "entity": "bob",
        "apiKeys": None,
        "teams": {"edges": [{"node": {"name": "lab"}}]},
    }


def test_who_is_hidden_or_a_service_is_not_found(
    of: Callable[[str], Asker], lab: Entity, bob: User, alice: User
) -> None:
    service = make_service_account(lab, "bob", role=MemberRole.MEMBER, by=people.actor(alice))
    choose(Entity.objects.get(user=bob), SettingName.HIDDEN, True, by=people.actor(bob))

    assert named(of("alice"), "bob") == []
    assert named(of("alice"), service.user.username) == []


def test_a_key_for_one_team_finds_people_there_only(lab: Entity, alice: User) -> None:
    people.team("other", admin=alice, members=[people.person("zoe")])
    _, secret = make_key(people.actor(alice), KeyWanted(scope=Scope.READ, only="lab"))
    viewer = Asker(secret).data(
        "{ viewer { entity organizations { name } teams { edges { node { name } } } } }"
    )

    assert (named(Asker(secret), "bob"), named(Asker(secret), "zoe")) == (["bob"], [])
    assert viewer["viewer"] == {
        "entity": "lab",
        "organizations": [],
        "teams": {"edges": [{"node": {"name": "lab"}}]},
    }


def test_organisations_are_told_to_who_is_in_them(
    of: Callable[[str], Asker], lab: Entity, alice: User
) -> None:
    people.organisation("institute", admin=alice, teams=[lab])
    query = 'query($n: String) { organization(name: $n) { name orgEntity { name entityType readOnly project(name: "x") { id } } } viewer { organizations { name } } }'
    asked = {name: of(name).data(query, n="institute") for name in ("alice", "bob")}

    assert asked["alice"] == {
        "organization": {
            "name": "institute",
            "orgEntity": {
                "name": "institute",
                "entityType": "organization",
                "readOnly": True,
                "project": None,
            },
        },
        "viewer": {"organizations": [{"name": "institute"}]},
    }
    # In a team of it, and not in it: its name and its registries are told.
    assert asked["bob"] == asked["alice"]
    assert of("mallory").data(query, n="institute") == {"organization": None, "viewer": {"organizations": []}}


def test_an_invitation_by_mail_has_its_link_in_the_mail_only(
    of: Callable[[str], Asker], lab: Entity, mallory: User
) -> None:
    asker = of("alice")
    known, unknown = (
        asker.data(INVITE, i={"entityName": "lab", "email": to, "admin": False})["result"]["invite"]
        for to in ("mallory@example.com", "nobody@example.com")
    )

    assert {**known, "id": "", "createdAt": ""} == {
        "id": "",
        "createdAt": "",
        "name": "mallory@example.com",
        "email": "mallory@example.com",
        "toUser": None,
    }
    assert unknown["toUser"] is None
    first, _ = mail.outbox
    assert first.to == ["mallory@example.com"]
    link = _LINK.search(str(first.body))
    assert link is not None
    accept_invitation(link[1], by=people.actor(mallory))
    assert [(each.name, each.role) for each in people_in(lab)][2] == ("mallory", "member")


def test_a_person_of_another_team_is_invited_by_name_and_their_address_is_not_shown(
    of: Callable[[str], Asker], alice: User, mallory: User
) -> None:
    people.team("other", admin=alice, members=[mallory])
    asker = of("alice")
    told = asker.data(INVITE, i={"entityName": "lab", "username": "mallory", "admin": True})["result"][
        "invite"
    ]

    assert (told["name"], told["email"]) == ("mallory", None)
    assert mail.outbox[0].to == ["mallory@example.com"]
    (pending,) = [each for each in members(asker) if each["pending"]]
    assert (pending["email"], pending["admin"]) == (None, True)


def test_a_stranger_cannot_be_invited_by_name_and_is_like_nobody(of: Callable[[str], Asker]) -> None:
    asker = of("alice")
    words = {
        asker.error(INVITE, i={"entityName": "lab", "username": name}) for name in ("mallory", "ghost", "")
    }

    assert words == {"Nobody of this user name is in a team with you. Invite by the e-mail address."}
    assert mail.outbox == []
    assert not Invitation.objects.exists()


def test_an_invitation_that_no_server_takes_is_withdrawn(
    of: Callable[[str], Asker], lab: Entity, settings: Any
) -> None:
    settings.EMAIL_BACKEND = NO_MAIL
    words = of("alice").error(INVITE, i={"entityName": "lab", "email": "zoe@example.com"})

    assert "No mail went out" in words
    assert [each["pending"] for each in members(of("alice"))] == [False] * 3


def test_what_is_no_address_is_refused(of: Callable[[str], Asker]) -> None:
    for to in ("a@", "a b@c.example", "x" * 300 + "@example.com", "a\n@example.com"):
        assert (
            of("alice").error(INVITE, i={"entityName": "lab", "email": to})
            == "This is not an e-mail address."
        )


def test_whoever_has_an_id_in_the_list_is_taken_out_by_it(
    of: Callable[[str], Asker], lab: Entity, alice: User, bob: User
) -> None:
    invite(lab, role=MemberRole.VIEWER, by=people.actor(alice), email="zoe@example.com")
    service = make_service_account(lab, "CI", role=MemberRole.MEMBER, by=people.actor(alice))
    _, secret = make_service_key(lab, service.public_id, KeyWanted(), by=people.actor(alice))
    asker = of("alice")
    ids = {each["name"]: each["id"] for each in members(asker)}
    for name in ("bob", "zoe@example.com", "CI"):
        assert asker.data(REMOVE, i={"id": ids[name], "entityName": "lab"}) == {"result": {"success": True}}

    assert [each["name"] for each in members(asker)] == ["alice", "vera"]
    assert actor_for_api_key(secret) is None
    assert "last" not in asker.error(REMOVE, i={"id": ids["bob"], "entityName": "lab"})
    assert "without an admin" in asker.error(REMOVE, i={"id": ids["alice"], "entityName": "lab"})


@pytest.mark.parametrize("sent", ["", "garbage", "VXNlcjo=", "U2VydmljZTp4", "SW52aXRhdGlvbjp4", "VXNlcjoA"])
def test_an_id_that_names_nobody_takes_nobody_out(of: Callable[[str], Asker], sent: str) -> None:
    assert of("alice").error(REMOVE, i={"id": sent, "entityName": "lab"})
    assert Membership.objects.count() == 3


def test_a_service_account_is_made_without_a_key(of: Callable[[str], Asker], lab: Entity) -> None:
    asker = of("alice")
    made = asker.data(SERVICE, i={"entityName": "lab", "description": " Nightly CI "})["result"]["user"]
    last = members(asker)[-1]

    assert (last["id"], last["name"], last["apiKey"]) == (made["id"], "Nightly CI", None)
    assert not ApiKey.objects.filter(user__is_service=True).exists()
    assert asker.error(SERVICE, i={"entityName": "lab", "description": ""}) == "It needs a name."


@pytest.mark.parametrize("who", ["bob", "vera", "mallory"])
def test_only_admins_change_a_team(of: Callable[[str], Asker], lab: Entity, alice: User, who: str) -> None:
    bob = next(each for each in members(of("alice")) if each["name"] == "bob")
    asker = of(who)
    words = {
        team: [
            asker.error(INVITE, i={"entityName": team, "email": "zoe@example.com"}),
            asker.error(REMOVE, i={"entityName": team, "id": bob["id"]}),
            asker.error(SERVICE, i={"entityName": team, "description": "CI"}),
        ]
        for team in ("lab", "no-such-team")
    }

    assert (words["lab"] == words["no-such-team"]) is (who == "mallory")
    assert (mail.outbox, Invitation.objects.count(), Membership.objects.count()) == ([], 0, 3)
    assert not ServiceAccount.objects.exists()


def test_a_team_is_made_by_its_first_admin(of: Callable[[str], Asker], bob: User) -> None:
    asker = of("bob")
    made = asker.data(FOUND, i={"teamName": "bobs", "teamAdminUserName": None})["result"]["entity"]

    assert (made["name"], made["limits"]) == ("bobs", None)
    assert [each["username"] for each in members(asker, "bobs")] == ["bob"]
    assert "first admin" in asker.error(FOUND, i={"teamName": "more", "teamAdminUserName": "alice"})
    assert asker.error(FOUND, i={"teamName": "lab"}) == "This name is taken."
    assert Asker().error(FOUND, i={"teamName": "nobodys"})


def test_a_service_hears_of_its_team(of: Callable[[str], Asker], lab: Entity, alice: User) -> None:
    service = make_service_account(lab, "CI", role=MemberRole.MEMBER, by=people.actor(alice))
    _, secret = make_service_key(lab, service.public_id, KeyWanted(scope=Scope.ADMIN), by=people.actor(alice))
    asker = Asker(secret)
    fields = "entity username email flags apiKeys { edges { node { id } } } teams { edges { node { name } } }"
    viewer = asker.data(f"{{ viewer {{ {fields} }} }}")["viewer"]

    assert viewer["entity"] == "lab"
    assert viewer["teams"] == {"edges": [{"node": {"name": "lab"}}]}
    assert (viewer["username"], viewer["email"]) == (service.user.username, "")
    assert viewer["apiKeys"] == {"edges": []}
    assert asker.error(FOUND, i={"teamName": "more"})
    asker.start("nightly1", project="vision")
    author = (
        '{ project(name: "vision", entityName: "lab") { run(name: "nightly1") { user { name username } } } }'
    )
    told = of("bob").data(author)["project"]["run"]["user"]
    assert told == {"name": "CI", "username": service.user.username}


def test_a_description_is_the_keys_name(of: Callable[[str], Asker], alice: User) -> None:
    asker = of("alice")
    make = "mutation($d: String) { result: generateApiKey(input: {description: $d}) { apiKey { id name description } } }"
    made = asker.data(make, d="on the cluster")["result"]["apiKey"]
    listed = asker.data("{ viewer { apiKeys { edges { node { id name description } } } } }")["viewer"][
        "apiKeys"
    ]

    assert made["description"] == "on the cluster"
    assert listed["edges"][0]["node"] == {
        "id": made["id"],
        "name": f"…{made['name'][-4:]}",
        "description": "on the cluster",
    }
    assert [key.name for key in keys_of(Actor.person(alice))] == ["on the cluster", ""]
    assert asker.error(make, d="x" * 81) == "A name has no more than 80 characters."
