from __future__ import annotations

import hashlib

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import ApiKey, User
from apps.accounts.names import RESERVED
from apps.accounts.queries import api_keys_of
from apps.accounts.services import create_user, issue_api_key, revoke_api_key
from apps.core.errors import Conflict, Invalid, NotFound
from tests.factories import people

pytestmark = pytest.mark.django_db


def test_first_account_owns_the_instance_and_no_later_one() -> None:
    alice, bob = people.person("alice"), people.person("bob")

    assert (alice.is_staff, alice.is_superuser) == (True, True)
    assert (bob.is_staff, bob.is_superuser) == (False, False)


def test_name_is_kept_in_small_letters() -> None:
    assert create_user(" Alice ", email="Alice@Example.com", password=None).username == "alice"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a",
        "a" * 40,
        "-a",
        "_a",
        "a b",
        "a/b",
        "a.b",
        "ålice",
        "a\x00b",
        "alice\u202e",
        "\ud800a",
        "..",
        "a%2fb",
    ],
)
def test_names_that_would_not_stand_in_a_url_are_refused(name: str) -> None:
    with pytest.raises(Invalid, match="Use 2 to 39 small letters"):
        create_user(name, email="a@example.com", password=None)


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_reserved_names_are_refused(name: str) -> None:
    with pytest.raises(Invalid, match=r"kept for the instance itself|Use 2 to 39"):
        create_user(name, email="a@example.com", password=None)


@pytest.mark.parametrize("email", ["", "a", "a@", "@example.com", "a b@example.com", "a@exa mple.com"])
def test_addresses_that_are_none_are_refused(email: str) -> None:
    with pytest.raises(Invalid):
        create_user("alice", email=email, password=None)


@pytest.mark.parametrize("password", ["short", "password123", ""])
def test_weak_passwords_are_refused(password: str) -> None:
    with pytest.raises(Invalid):
        create_user("alice", email="a@example.com", password=password)


@pytest.mark.parametrize(
    ("name", "email"),
    [
        ("alice", "new@example.com"),
        ("ALICE", "new@example.com"),
        ("zoe", "alice@example.com"),
        ("zoe", "ALICE@example.com"),
    ],
)
def test_a_name_and_an_address_belong_to_one_account(alice: User, name: str, email: str) -> None:
    with pytest.raises(Conflict) as caught:
        create_user(name, email=email, password=None)

    assert caught.value.message == "There is an account with this name or address already."
    assert User.objects.count() == 1


def test_two_sign_ups_at_the_same_moment(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.accounts.services.is_taken", lambda **_: False)

    with pytest.raises(Conflict):
        create_user("zoe", email="Alice@example.com", password=None)

    assert User.objects.count() == 1


def test_an_account_without_a_password_has_an_unusable_one() -> None:
    assert not create_user("alice", email="a@example.com", password=None).has_usable_password()


@pytest.mark.promise("P-26")
def test_key_is_shown_once_and_kept_as_a_hash(alice: User) -> None:
    key, secret = issue_api_key(alice, by=Actor.person(alice))

    stored = ApiKey.objects.values().get()
    assert stored["secret_sha256_hex"] == hashlib.sha256(secret.encode()).hexdigest()
    assert stored["hint"] == secret[-4:]
    assert not any(secret in str(value) or secret[4:-4] in str(value) for value in stored.values())
    assert key.last_used_at is None


def test_key_has_the_form_that_clients_of_all_ages_take(alice: User) -> None:
    secrets = {issue_api_key(alice, by=Actor.person(alice))[1] for _ in range(20)}

    assert len(secrets) == 20
    assert {len(secret) for secret in secrets} == {40}
    assert all(secret.isascii() and secret.replace("_", "").isalnum() for secret in secrets)


def test_a_script_may_bring_its_own_key(alice: User) -> None:
    assert issue_api_key(alice, by=Actor.system(), secret="s" * 40)[1] == "s" * 40


@pytest.mark.parametrize(
    "secret", ["s" * 39, "s" * 129, "s" * 39 + "!", "s" * 39 + "\n", "é" * 40, "s" * 20 + "-" + "s" * 40]
)
def test_a_key_of_another_form_is_refused(alice: User, secret: str) -> None:
    with pytest.raises(Invalid):
        issue_api_key(alice, by=Actor.system(), secret=secret)

    assert ApiKey.objects.count() == 0


def test_a_key_is_nobody_elses(alice: User, bob: User) -> None:
    _, secret = issue_api_key(alice, by=Actor.person(alice))

    with pytest.raises(Conflict):
        issue_api_key(bob, by=Actor.person(bob), secret=secret)

    assert list(ApiKey.objects.values_list("user__username", flat=True)) == ["alice"]


def test_revoked_key_never_comes_back(alice: User) -> None:
    key, secret = issue_api_key(alice, by=Actor.person(alice))

    revoke_api_key(Actor.person(alice), key.public_id)
    revoke_api_key(Actor.person(alice), key.public_id)

    assert list(api_keys_of(Actor.person(alice))) == []
    with pytest.raises(Conflict):
        issue_api_key(alice, by=Actor.person(alice), secret=secret)


def test_only_ones_own_keys_can_be_revoked(alice: User, mallory: User) -> None:
    key, _ = issue_api_key(alice, by=Actor.person(alice))
    messages = set()

    for actor in (Actor.person(mallory), Actor.nobody(), Actor.system()):
        for public_id in (key.public_id, "a" * 20, "", "\x00", "\ud800"):
            with pytest.raises(NotFound) as caught:
                revoke_api_key(actor, public_id)
            messages.add(caught.value.message)

    assert messages == {"Not found."}
    assert list(api_keys_of(Actor.person(alice))) == [key]
    assert list(api_keys_of(Actor.nobody())) == []
