from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection
from pytest_django import DjangoAssertNumQueries

from apps.accounts.actors import Actor
from apps.accounts.models import ApiKey, User
from apps.accounts.queries import actor_for_api_key, actor_for_signature, is_taken, no_account_yet, user_of
from apps.accounts.services import issue_api_key, revoke_api_key
from apps.core import clock
from apps.core.errors import NotFound
from apps.core.ids import UserId

pytestmark = pytest.mark.django_db


@pytest.fixture
def secret(alice: User) -> str:
    return issue_api_key(alice, by=Actor.person(alice))[1]


def test_key_names_its_person(alice: User, secret: str) -> None:
    key = ApiKey.objects.get()

    assert actor_for_api_key(secret) == Actor(
        audit_id=alice.public_id, user_id=UserId(alice.pk), username="alice", api_key=key.public_id
    )


@pytest.mark.parametrize("typed", ["", "x", "own_" + "x" * 36, "\x00", "\ud800", "é", "a" * 10_000])
def test_unknown_key_is_nobody(secret: str, typed: str) -> None:
    assert actor_for_api_key(typed) is None


def test_neither_the_hash_nor_the_hint_opens_anything(secret: str) -> None:
    key = ApiKey.objects.get()

    assert actor_for_api_key(key.secret_sha256_hex) is None
    assert actor_for_api_key(key.hint) is None
    assert actor_for_api_key(secret.swapcase()) is None


def test_revoked_key_is_nobody(alice: User, secret: str) -> None:
    revoke_api_key(Actor.person(alice), ApiKey.objects.get().public_id)

    assert actor_for_api_key(secret) is None


def test_key_of_an_inactive_account_is_nobody(alice: User, secret: str) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)

    assert actor_for_api_key(secret) is None


def test_last_use_is_noted_by_the_minute(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def used_at(moment: datetime) -> datetime | None:
        monkeypatch.setattr(clock, "now", lambda: moment)
        assert actor_for_api_key(secret) is not None
        return ApiKey.objects.get().last_used_at

    start = clock.now()

    assert used_at(start) == start
    assert used_at(start + timedelta(seconds=59)) == start
    assert used_at(start + timedelta(seconds=61)) == start + timedelta(seconds=61)


@pytest.mark.embedded
def test_a_database_that_takes_no_more_turns_no_reader_away(secret: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only = 1")
        try:
            assert actor_for_api_key(secret) is not None
        finally:
            cursor.execute("PRAGMA query_only = 0")
    assert ApiKey.objects.get().last_used_at is None


def test_a_clock_that_was_set_back_is_followed(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    actor_for_api_key(secret)
    earlier = clock.now() - timedelta(days=400)
    monkeypatch.setattr(clock, "now", lambda: earlier)

    assert actor_for_api_key(secret) is not None
    assert ApiKey.objects.get().last_used_at == earlier


def test_a_busy_key_is_not_written_down_each_time(
    secret: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    actor_for_api_key(secret)

    with django_assert_num_queries(1):  # the key with its owner
        actor_for_api_key(secret)


def test_signature_is_good_as_long_as_its_person_and_key_are(alice: User, mallory: User, secret: str) -> None:
    key = ApiKey.objects.get()

    assert actor_for_signature(alice.public_id, "") == Actor.person(alice)
    assert actor_for_signature(alice.public_id, key.public_id) == Actor.person(alice, api_key=key)
    assert actor_for_signature(mallory.public_id, key.public_id) is None

    revoke_api_key(Actor.person(alice), key.public_id)
    assert actor_for_signature(alice.public_id, key.public_id) is None

    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert actor_for_signature(alice.public_id, "") is None


@pytest.mark.parametrize("garbage", ["", "x", "a" * 20, "\x00", "\ud800"])
def test_signature_of_garbage_is_nobody(alice: User, garbage: str) -> None:
    assert actor_for_signature(garbage, "") is None
    assert garbage == "" or actor_for_signature(alice.public_id, garbage) is None


def test_user_of_an_actor(alice: User) -> None:
    assert user_of(Actor.person(alice)) == alice
    for nobody in (Actor.nobody(), Actor.system()):
        with pytest.raises(NotFound):
            user_of(nobody)


def test_what_is_taken(alice: User) -> None:
    assert is_taken(username="alice")
    assert is_taken(email="ALICE@example.com")
    assert not is_taken(username="bob", email="bob@example.com")
    assert not is_taken()
    assert not no_account_yet()
