"""/api/v1/keys and /api/v1/entities/…/service-accounts"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from apps.access.policy import Scope
from apps.accounts.models import ApiKey, User
from apps.accounts.queries import actor_for_api_key
from apps.core import clock
from apps.teams.models import Entity, ServiceAccount
from apps.teams.services import KeyWanted, make_key, make_service_account, make_service_key
from apps.teams.types import MemberRole
from tests.api.conftest import API, Ask
from tests.factories import people

KEYS = f"{API}/keys"
SERVICES = f"{API}/entities/lab/service-accounts"
LADDER = [("bob", 403), ("vera", 403), ("mallory", 404), (None, 404), ("revoked", 401)]


@pytest.fixture
def ci(lab: Entity, alice: User) -> ServiceAccount:
    return make_service_account(lab, "Nightly CI", role=MemberRole.MEMBER, by=people.actor(alice))


def _without(facts: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if name not in names}


def test_a_key_is_made_listed_and_revoked(ask: Ask, lab: Entity) -> None:
    wanted = {"name": "cluster", "scope": "read", "entity": "lab"}
    made = ask("POST", KEYS, wanted, by="alice")
    listed = ask("GET", KEYS, by="alice").json

    assert made.status == 201
    secret = made.json["secret"]
    assert listed["items"][0] == _without(made.json, "secret")
    assert _without(listed["items"][0], "id", "created_at") == {
        "name": "cluster",
        "hint": secret[-4:],
        "scope": "read",
        "entity": "lab",
        "last_used_at": None,
        "expires_at": None,
        "is_expired": False,
    }
    assert listed["total"] == 2
    assert actor_for_api_key(secret) is not None
    for _ in range(2):
        assert ask("POST", f"{KEYS}/{made.json['id']}/revoke", by="alice").status == 204
    assert actor_for_api_key(secret) is None
    assert ask("GET", KEYS, by="alice").json["total"] == 1


@pytest.mark.parametrize("asked", [None, timedelta(days=400), timedelta(days=1)])
def test_a_key_that_ends_makes_none_that_ends_later(
    ask: Ask, ci: ServiceAccount, alice: User, asked: timedelta | None
) -> None:
    end = clock.now() + timedelta(days=2)
    _, secret = make_key(people.actor(alice), KeyWanted(scope=Scope.ADMIN, expires_at=end))
    wanted = {"scope": "admin", "expires_at": (clock.now() + asked).isoformat() if asked else None}
    with_it = f"Bearer {secret}"

    for address in (KEYS, f"{SERVICES}/{ci.public_id}/keys"):
        made = ask("POST", address, wanted, Authorization=with_it)
        assert made.status == 201
        expires_at = ApiKey.objects.get(public_id=made.json["id"]).expires_at
        assert expires_at is not None and expires_at <= end
        assert (expires_at == end) is (asked != timedelta(days=1))


def test_the_secret_is_in_one_answer_only(ask: Ask, alice: User) -> None:
    first, again = (
        ask("POST", KEYS, {"name": "x"}, by="alice", Idempotency_Key="make-it-once") for _ in range(2)
    )

    assert (first.status, again.status) == (201, 201)
    assert again.json == first.json | {"secret": None}
    assert ApiKey.objects.filter(user=alice).count() == 2


@pytest.mark.parametrize("terms", [{"scope": Scope.WRITE}, {"scope": Scope.ADMIN, "only": "alice"}])
def test_a_key_that_was_given_less_makes_and_ends_none(ask: Ask, alice: User, terms: Any) -> None:
    key, secret = make_key(people.actor(alice), KeyWanted(**terms))
    header = {"Authorization": f"Bearer {secret}"}

    assert ask("POST", KEYS, {}, **header).status == 403
    assert ask("POST", f"{KEYS}/{key.public_id}/revoke", **header).status == 403
    assert ApiKey.objects.get().is_good


@pytest.mark.parametrize("address", [KEYS, f"{SERVICES}/{{service}}/keys"])
def test_a_session_makes_a_key_when_its_person_has_just_shown_who_they_are(
    ci: ServiceAccount, alice: User, address: str
) -> None:
    browser, address = Client(), address.format(service=ci.public_id)
    browser.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")

    def make() -> Any:
        return browser.post(address, {"name": "x"}, content_type="application/json")

    refused = []
    for minutes_ago in (None, 6):
        if minutes_ago:
            people.has_signed_in(browser, alice, ago=60 * minutes_ago)
        refused.append(make())
    assert ApiKey.objects.count() == 0

    browser.post(refused[0].json()["proof_at"], {"password": people.PASSWORD})
    made = make()

    assert [(each.status_code, each.json()["code"]) for each in refused] == [(403, "proof_needed")] * 2
    assert "/account/again" in refused[0].json()["detail"]
    assert made.status_code == 201
    assert actor_for_api_key(made.json()["secret"]) is not None


def test_keys_of_others_are_not_there(ask: Ask, alice: User, mallory: User) -> None:
    theirs = ApiKey.objects.get(pk=make_key(people.actor(mallory), KeyWanted())[0].pk)
    answers = [
        ask("POST", f"{KEYS}/{name}/revoke", by="alice") for name in (theirs.public_id, "a" * 20, "%00", "x")
    ]

    assert [each.status for each in answers] == [404] * 4
    assert len({each.body for each in answers}) == 1
    assert ApiKey.objects.get(pk=theirs.pk).is_good
    assert ask("GET", KEYS).status == ask("POST", KEYS, {}).status == 401


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"name": "x" * 81}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"scope": "all"}, "scope"),
        ({"expires_at": "tomorrow"}, "expires_at"),
        ({"secret": "mine"}, "secret"),
    ],
)
def test_what_cannot_be_names_its_field(ask: Ask, alice: User, sent: dict[str, str], field: str) -> None:
    answer = ask("POST", KEYS, sent, by="alice")

    assert answer.status == 400
    assert [each["field"] for each in answer.json["errors"]] == [field]


def test_a_key_ends_in_the_future_and_is_for_an_entity_of_ones_own(
    ask: Ask, lab: Entity, mallory: User
) -> None:
    past = (clock.now() - timedelta(minutes=1)).isoformat()

    assert ask("POST", KEYS, {"expires_at": past}, by="mallory").status == 400
    words = {ask("POST", KEYS, {"entity": name}, by="mallory").json["detail"] for name in ("lab", "ghost")}
    assert words == {"This is no entity of yours."}


def test_a_service_account_from_its_making_to_its_end(ask: Ask, lab: Entity) -> None:
    made = ask("POST", SERVICES, {"name": "Nightly CI", "role": "viewer"}, by="alice")
    here = f"{SERVICES}/{made.json['id']}"
    key = ask("POST", f"{here}/keys", {"name": "cluster", "scope": "read"}, by="alice").json
    actor = actor_for_api_key(key["secret"])

    assert made.status == 201
    assert _without(made.json, "id", "created_at", "handle") == {
        "name": "Nightly CI",
        "role": "viewer",
        "key_count": 0,
        "made_by": "alice",
        "last_used_at": None,
    }
    assert actor is not None and actor.is_service and actor.only_entity == lab.pk
    assert ask("GET", f"{here}/keys", by="alice").json["items"] == [
        _without(key, "secret")
        | {"last_used_at": ask("GET", f"{here}/keys", by="alice").json["items"][0]["last_used_at"]}
    ]
    (listed,) = ask("GET", SERVICES, by="vera").json["items"]
    assert (listed["id"], listed["key_count"]) == (made.json["id"], 1)
    header = {"Authorization": f"Bearer {key['secret']}"}
    assert ask("GET", SERVICES, **header).status == 200
    assert ask("GET", f"{here}/keys", **header).status == 403

    assert ask("POST", f"{here}/keys/{key['id']}/revoke", by="alice").status == 204
    assert ask("GET", SERVICES, **header).status == 401
    assert ask("POST", f"{here}/remove", by="alice").status == 204
    assert ask("GET", SERVICES, by="alice").json["total"] == 0
    assert ask("POST", f"{here}/keys", {}, by="alice").status == 404


@pytest.mark.parametrize(("who", "status"), LADDER)
def test_only_admins_of_the_team_change_its_services(
    ask: Ask, ci: ServiceAccount, alice: User, mallory: User, who: str | None, status: int
) -> None:
    key, secret = make_service_key(ci.entity, ci.public_id, KeyWanted(), by=people.actor(alice))
    here = f"{SERVICES}/{ci.public_id}"
    asked = [
        ("POST", SERVICES, {"name": "x"}),
        ("GET", f"{here}/keys", None),
        ("POST", f"{here}/keys", {}),
        ("POST", f"{here}/keys/{key.public_id}/revoke", None),
        ("POST", f"{here}/remove", None),
    ]
    for method, url, body in asked:
        answer = ask(method, url, body, by=who)
        nowhere = ask(method, url.replace("/lab/", "/ghost/"), body, by=who)
        assert answer.status == status, url
        assert (answer.body == nowhere.body) is (status != 403)

    assert actor_for_api_key(secret) is not None
    assert ServiceAccount.objects.count() == 1


@pytest.mark.parametrize(("who", "status"), [("vera", 200), ("mallory", 404), (None, 404)])
def test_who_is_in_the_team_sees_which_there_are(
    ask: Ask, ci: ServiceAccount, mallory: User, who: str | None, status: int
) -> None:
    answer = ask("GET", SERVICES, by=who)

    assert answer.status == status
    assert ("Nightly CI" in answer.text) is (status == 200)


def test_a_person_has_no_services(ask: Ask, alice: User) -> None:
    own = f"{API}/entities/alice/service-accounts"

    assert ask("GET", own, by="alice").status == 404
    assert ask("POST", own, {"name": "x"}, by="alice").status == 404


def test_a_service_reads_and_makes_no_keys_of_its_own(ask: Ask, ci: ServiceAccount, alice: User) -> None:
    wanted = KeyWanted(scope=Scope.ADMIN)
    _, secret = make_service_key(ci.entity, ci.public_id, wanted, by=people.actor(alice))
    header = {"Authorization": f"Bearer {secret}"}

    assert ask("GET", KEYS, **header).json["items"] == []
    assert ask("POST", KEYS, {}, **header).status == 403
    assert ask("POST", f"{API}/projects", {"name": "nightly"}, **header).json["entity"] == "lab"
