from __future__ import annotations

import re

import pytest
from django.core import mail
from django.test import Client
from pytest_django.fixtures import Settings

from apps.accounts.actors import Actor
from apps.accounts.invitations import make_invitation
from apps.accounts.models import User
from apps.erasure.teams import erase_team
from apps.teams.models import Entity
from tests.erasure.conftest import finish
from tests.factories.people import PASSWORD, person
from tests.web.conftest import Visit, text_of

FORM = {"username": "kenji", "email": "kenji@example.com", "password1": "a long pass phrase"}


@pytest.mark.django_db
def test_first_account_owns_the_instance_and_the_second_does_not(send: Visit) -> None:
    assert send("/sign-up", **FORM).status_code == 302
    assert send("/sign-up", **FORM | {"username": "mei", "email": "mei@example.com"}).status_code == 302

    owners = dict(User.objects.values_list("username", "is_superuser"))
    assert owners == {"kenji": True, "mei": False}
    assert set(Entity.objects.values_list("name", flat=True)) == {"kenji", "mei"}


@pytest.mark.parametrize("address", ["/", "/sign-in"])
def test_before_the_first_account_pages_lead_to_it(visit: Visit, address: str) -> None:
    response = visit(address)

    assert "/sign-up" in (response.headers.get("Location") or response.content.decode())


@pytest.mark.parametrize(
    ("username", "reason"),
    [
        ("settings", "kept for the instance"),
        ("Al ice", "2 to 39 small letters"),
        ("a/b", "2 to 39 small letters"),
        ("alice", "taken"),
        ("lab", "taken"),
    ],
)
def test_sign_up_refuses_a_name_and_says_why(send: Visit, lab: Entity, username: str, reason: str) -> None:
    response = send("/sign-up", **FORM | {"username": username})

    assert response.status_code == 200
    assert reason in text_of(response)


def test_sign_up_refuses_the_name_of_an_erased_team_beside_the_field(
    send: Visit, lab: Entity, alice: User
) -> None:
    finish(erase_team(lab, by=Actor.person(alice), at_once=True))

    response = send("/sign-up", **FORM | {"username": "lab"})

    assert response.status_code == 200
    assert "This name is taken." in text_of(response)


def test_sign_up_with_a_taken_address_says_so(send: Visit, alice: User) -> None:
    response = send("/sign-up", **FORM | {"email": "ALICE@example.com"})

    assert "There is an account with this address already" in text_of(response)


def test_closed_sign_up_says_who_makes_accounts(
    visit: Visit, send: Visit, alice: User, settings: Settings
) -> None:
    settings.OWNLOG_SIGN_UP = "closed"

    assert "takes no new accounts" in text_of(visit("/sign-up"))
    assert "takes no new accounts" in text_of(send("/sign-up", **FORM))
    assert User.objects.count() == 1


def test_invited_sign_up_wants_the_invitation_of_this_address(
    visit: Visit, send: Visit, alice: User, settings: Settings
) -> None:
    settings.OWNLOG_SIGN_UP = "invited"
    token = make_invitation("kenji@example.com")

    assert "by invitation" in text_of(visit("/sign-up"))
    assert send("/sign-up", **FORM).status_code == 200
    assert token in visit("/sign-up", invitation=token).content.decode()
    assert "for another address" in text_of(
        send("/sign-up", **FORM | {"email": "eve@example.com", "invitation": token})
    )
    assert send("/sign-up", **FORM, invitation=token).status_code == 302
    assert "has been used" in text_of(visit("/sign-up", invitation=token))


@pytest.mark.parametrize("login", ["alice", "alice@example.com", "ALICE@example.com"])
def test_sign_in_by_name_or_address(alice: User, login: str) -> None:
    client = Client()

    assert client.post("/sign-in", {"login": login, "password": PASSWORD}).status_code == 302
    assert "Log a first run" in client.get("/").content.decode()


def test_wrong_password_and_unknown_address_read_the_same(send: Visit, alice: User) -> None:
    wrong = text_of(send("/sign-in", login="alice@example.com", password="wrong wrong wrong"))
    unknown = text_of(send("/sign-in", login="eve@example.com", password="wrong wrong wrong"))

    assert "No account opens with this address and password." in wrong
    assert wrong == unknown


def test_signing_out_takes_a_post(alice: User) -> None:
    client = Client()
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")

    assert client.get("/sign-out").status_code == 200
    assert client.get("/settings/api-keys").status_code == 200
    assert client.post("/sign-out").status_code == 302
    assert client.get("/settings/api-keys").status_code == 302


def test_forgotten_password_by_mail(alice: User) -> None:
    client = Client()
    client.post("/account/reset", {"email": "alice@example.com"})
    (message,) = mail.outbox
    found = re.search(r"http://testserver(/account/reset/\S+)", str(message.body))
    assert found is not None

    form = client.get(found[1], follow=True)
    done = client.post(
        form.request["PATH_INFO"], {"password1": "quite another phrase", "password2": "quite another phrase"}
    )

    assert done.status_code == 302
    assert client.post("/sign-in", {"login": "alice", "password": "quite another phrase"}).status_code == 302
    assert "spent" in text_of(Client().get(found[1], follow=True))


def test_a_reset_for_an_unknown_address_answers_the_same(alice: User) -> None:
    known = Client().post("/account/reset", {"email": "alice@example.com"})
    unknown = Client().post("/account/reset", {"email": "eve@example.com"})

    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])


def test_sign_in_returns_to_where_one_wanted_to_go_and_nowhere_else(alice: User) -> None:
    here = Client().post("/sign-in", {"login": "alice", "password": PASSWORD, "next": "/lab/vision"})
    elsewhere = Client().post(
        "/sign-in", {"login": "alice", "password": PASSWORD, "next": "https://evil.example/"}
    )

    assert here["Location"] == "/lab/vision"
    assert elsewhere["Location"] == "/"


def test_a_new_password_replaces_the_old_one(alice: User) -> None:
    client = Client()
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    form = {"oldpassword": PASSWORD, "password1": "quite another phrase", "password2": "quite another phrase"}

    assert client.get("/settings/password").status_code == 200
    assert "not the present password" in text_of(
        client.post("/settings/password", form | {"oldpassword": "no"})
    )
    assert client.post("/settings/password", form).status_code == 302
    assert Client().post("/sign-in", {"login": "alice", "password": PASSWORD}).status_code == 200


def test_an_account_without_a_password_sets_one_by_mail(db: None) -> None:
    user = person("robot")
    user.set_unusable_password()
    user.save()

    Client().post("/account/reset", {"email": "robot@example.com"})

    assert "/account/reset/" in str(mail.outbox[0].body)


def test_tries_are_counted_whatever_host_is_named(alice: User) -> None:
    form = {"login": "alice", "password": "wrong wrong wrong"}
    answers = [
        text_of(Client(headers={"host": f"localhost:{9000 + n}"}).post("/sign-in", form)) for n in range(6)
    ]

    assert ["Too many tries" in each for each in answers] == [False] * 5 + [True]


def test_an_address_is_as_long_as_mail_can_be_sent_to(alice: User) -> None:
    here = "@" + "b" * 59 + ".example" + ".example" * 20
    form = {"username": "nina", "password1": PASSWORD}

    long = Client().post("/sign-up", form | {"email": "a" * 60 + here})

    assert "An address has no more than 254 characters." in text_of(long)
    assert 'maxlength="254"' in Client().get("/sign-up").content.decode()


def test_a_link_to_a_new_password_goes_to_no_longer_address(alice: User) -> None:
    bound = "a" * (254 - len("@example.com")) + "@example.com"

    refused = Client().post("/account/reset", {"email": "a" + bound})
    answer = Client().post("/account/reset", {"email": bound})

    error = re.search(r'<p class="error" id="id_email-error">.*?</p>', refused.content.decode())
    assert error is not None and "An address has no more than 254 characters." in error[0]
    assert answer.status_code == 302
    assert 'maxlength="254"' in Client().get("/account/reset").content.decode()
    assert [each.to for each in mail.outbox] == [[bound]]
