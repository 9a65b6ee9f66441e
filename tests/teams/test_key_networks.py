"""From where a key was used: told once for each network, in plain text nowhere, and never in the way of a request."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection, connections
from django.test import Client, RequestFactory
from pytest_django import DjangoAssertNumQueries

from apps.access.policy import Scope
from apps.accounts.actors import Actor
from apps.accounts.models import ApiKey, KeyNetwork, User
from apps.audit.models import Event, Repeat
from apps.audit.repeats import tell_finished
from apps.core import clock
from apps.teams import key_networks
from apps.teams.choices import SettingName
from apps.teams.key_networks import MOST_OF_KEY, actor_by_key
from apps.teams.models import Entity
from apps.teams.queries import default_entity, keys_of
from apps.teams.services import choose, make_service_account, make_service_key
from apps.teams.services.keys import KeyWanted
from apps.teams.tasks import sweep
from apps.teams.types import MemberRole
from tests.factories import people
from tests.web.conftest import Visit, send, visit

__all__ = ["send", "visit"]
pytestmark = pytest.mark.django_db
HOME, CAFE = "203.0.113.7", "198.51.100.20"
Committed = Callable[..., Any]


@pytest.fixture
def secret(alice: User) -> str:
    return people.api_key(alice)


def use(secret: str, address: str) -> None:
    assert actor_by_key(secret, RequestFactory().get("/", REMOTE_ADDR=address)) is not None


def told() -> list[tuple[str, dict[str, Any]]]:
    kept = Event.objects.filter(kind="api_key.used_elsewhere").order_by("pk")
    return [(event.entity, event.facts) for event in kept]


def test_the_first_use_and_each_new_network_are_on_the_owners_record(alice: User, secret: str) -> None:
    for address in (HOME, HOME, "203.0.113.200", CAFE, HOME, CAFE):
        use(secret, address)

    assert told() == [(alice.public_id, {"first": True}), (alice.public_id, {})]
    assert KeyNetwork.objects.count() == 2


def test_many_networks_within_an_hour_are_a_line_and_a_number(
    secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(5):
        use(secret, f"10.0.{n}.1")
    later = clock.now() + timedelta(hours=2)
    monkeypatch.setattr(clock, "now", lambda: later)
    tell_finished()

    assert [facts.get("more") for _, facts in told()] == [None, None, 3]
    assert not Repeat.objects.exists()


def test_nothing_that_is_stored_tells_the_network(alice: User, secret: str) -> None:
    use(secret, HOME)
    use(secret, CAFE)

    (key,) = keys_of(Actor.person(alice))
    assert [network.name for network in key.networks] == ["198.51.100.0/24", "203.0.113.0/24"]
    stored = str([*KeyNetwork.objects.values(), *Event.objects.values(), *Repeat.objects.values()])
    assert "203.0.113" not in stored
    assert "198.51.100" not in stored
    # Another key in the same network leaves another mark: nobody sees that two keys are used in one place.
    use(people.api_key(alice), HOME)
    assert KeyNetwork.objects.values("network_hmac_hex").distinct().count() == 3


def test_the_owners_page_says_where_and_no_other(visit: Visit, alice: User, bob: User, secret: str) -> None:
    use(secret, HOME)

    assert b"203.0.113.0/24" in visit("/settings/api-keys", by="alice").content
    assert b"203.0.113.0/24" not in visit("/settings/api-keys", by="bob").content
    assert b"from a network that was new to it" in visit("/settings/audit?kind=account", by="alice").content


def test_a_network_that_is_noted_costs_no_question(
    secret: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    use(secret, HOME)
    with django_assert_num_queries(1):  # the key with its owner, as without a note
        use(secret, HOME)
    key_networks._noted.clear()  # another process
    with django_assert_num_queries(2):
        use(secret, HOME)
    assert len(told()) == 1


def test_both_doors_note(lab: Entity, alice: User) -> None:
    client, rest = people.api_key(alice), people.api_key(alice)
    basic = base64.b64encode(f"api:{client}".encode()).decode()
    query, asked = {"query": "{ viewer { username } }"}, {"authorization": f"Basic {basic}"}
    Client().post("/graphql", query, "application/json", headers=asked, REMOTE_ADDR=CAFE)
    Client().get("/api/v1/projects", headers={"authorization": f"Bearer {rest}"}, REMOTE_ADDR=CAFE)

    assert told() == [(alice.public_id, {"first": True})] * 2


def test_what_is_no_address_is_not_noted(secret: str) -> None:
    use(secret, "")
    use(secret, "somewhere\ud800")

    assert told() == []


def test_the_oldest_of_many_networks_goes(secret: str) -> None:
    for n in range(MOST_OF_KEY + 1):
        use(secret, f"10.0.{n}.1")

    assert KeyNetwork.objects.count() == MOST_OF_KEY


@pytest.mark.parametrize("end", ["revoked", "expired", "erased"])
def test_what_was_noted_ends_with_the_key(secret: str, send: Visit, end: str) -> None:
    use(secret, HOME)
    key = ApiKey.objects.get()
    if end == "revoked":
        send(f"/settings/api-keys/{key.public_id}/revoke", by="alice")
    elif end == "expired":
        ApiKey.objects.update(expires_at=clock.now())
        sweep()
    else:
        key.delete()

    assert not KeyNetwork.objects.exists()


@pytest.mark.embedded
def test_a_database_that_takes_no_more_turns_no_reader_away(secret: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only = 1")
        try:
            use(secret, HOME)
        finally:
            cursor.execute("PRAGMA query_only = 0")
    assert told() == []

    use(secret, HOME)  # and it is noted as soon as that can be

    assert len(told()) == 1


def test_its_owner_hears_of_it_by_mail_once_a_day(
    secret: str, django_capture_on_commit_callbacks: Committed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mails_after(*addresses: str) -> int:
        with django_capture_on_commit_callbacks(execute=True):
            for address in addresses:
                use(secret, address)
        return len(mail.outbox)

    assert mails_after(HOME) == 0  # the first of all is no news
    assert mails_after(CAFE, "10.0.0.1") == 1
    tomorrow = clock.now() + timedelta(days=1)
    monkeypatch.setattr(clock, "now", lambda: tomorrow)
    assert mails_after("10.0.1.1", HOME) == 2
    message = mail.outbox[0]
    assert message.to == ["alice@example.com"]
    assert f"ends in {secret[-4:]}" in str(message.body)
    assert "198.51" not in f"{message.subject}{message.body}"


def test_whoever_switched_it_off_gets_none(
    alice: User, secret: str, send: Visit, django_capture_on_commit_callbacks: Committed
) -> None:
    send("/settings/notifications", by="alice", name="mail_keys")
    with django_capture_on_commit_callbacks(execute=True):
        use(secret, HOME)
        use(secret, CAFE)

    assert (mail.outbox, len(told())) == ([], 2)


def test_a_key_of_a_service_is_on_its_teams_record(lab: Entity, alice: User, bob: User) -> None:
    by = Actor.person(alice)
    service = make_service_account(lab, "nightly", role=MemberRole.MEMBER, by=by)
    _, secret = make_service_key(lab, service.public_id, KeyWanted(scope=Scope.READ), by=by)
    choose(default_entity(by), SettingName.MAIL_KEYS, True, by=by)
    use(secret, HOME)
    use(secret, CAFE)

    assert told() == [(lab.public_id, {"first": True}), (lab.public_id, {})]


@pytest.mark.django_db(transaction=True, databases=["default", "vault"])
def test_two_first_uses_at_once_are_one(alice: User) -> None:
    secret, gate = people.api_key(alice), threading.Barrier(4)

    def come(_: int) -> None:
        try:
            gate.wait(timeout=30)
            use(secret, HOME)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(come, range(4)))

    assert told() == [(alice.public_id, {"first": True})]
