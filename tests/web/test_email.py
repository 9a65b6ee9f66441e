"""Addresses: confirmed by a link, changed by a link, and told of changes. The mail goes out by a real mail server."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core import mail
from django.test import Client
from pytest_django.fixtures import Settings

from apps.accounts.models import User
from tests.accounts.test_signals import about
from tests.factories.people import PASSWORD, person
from tests.web.conftest import text_of
from tests.web.test_factors import set_up_codes, signed_in

FORM = {"username": "kenji", "email": "kenji@example.com", "password1": "a long pass phrase"}


@contextmanager
def mail_server() -> Iterator[tuple[int, list[str]]]:
    """A server for one mail after another: its port, and what it was sent."""
    sent: list[str] = []

    def talk(connection: socket.socket) -> None:
        with connection, connection.makefile("rwb") as stream:

            def say(words: bytes) -> None:
                stream.write(words + b"\r\n")
                stream.flush()

            say(b"220 here")
            for line in stream:
                word = line[:4].upper()
                if word == b"DATA":
                    say(b"354 go on")
                    lines = []
                    while (part := stream.readline()) != b".\r\n":
                        lines.append(part)
                    sent.append(b"".join(lines).decode())
                say(b"221 bye" if word == b"QUIT" else b"250 ok")
                if word == b"QUIT":
                    return

    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            talk(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1], sent
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def link_in(text: str) -> str:
    found = re.search(r"http://testserver(/account/confirm/\S+)", text)
    assert found is not None, text
    return found[1]


def test_a_mandatory_confirmation_stands_before_the_account(alice: User, settings: Settings) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    client = Client()

    assert client.post("/sign-up", FORM)["Location"] == "/account/confirm"
    assert "Look at your mail" in text_of(client.get("/account/confirm"))
    assert client.get("/settings/sessions").status_code == 302
    again = Client().post("/sign-in", {"login": "kenji", "password": FORM["password1"]})
    assert again["Location"] == "/account/confirm"

    link = link_in(str(mail.outbox[0].body))
    assert "kenji@example.com" in text_of(client.get(link))
    assert not EmailAddress.objects.get(user__username="kenji").verified  # opening the page is not enough
    client.post(link)

    assert EmailAddress.objects.get(user__username="kenji").verified
    assert Client().post("/sign-in", {"login": "kenji", "password": FORM["password1"]})["Location"] == "/"
    assert "spent" in text_of(client.get(link))


def test_an_optional_confirmation_lets_in_and_sends_the_link(alice: User, settings: Settings) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "optional"
    client = Client()

    assert client.post("/sign-up", FORM)["Location"] == "/"

    assert "Not confirmed" in text_of(client.get("/settings/security"))
    client.post(link_in(str(mail.outbox[0].body)))
    assert "Confirmed" in text_of(client.get("/settings/security"))


def test_with_a_mandatory_confirmation_sign_up_does_not_tell_who_has_an_account(
    alice: User, settings: Settings
) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"

    taken = Client().post("/sign-up", FORM | {"email": "alice@example.com"})
    free = Client().post("/sign-up", FORM | {"username": "mei", "email": "mei@example.com"})

    assert (taken.status_code, taken["Location"]) == (free.status_code, free["Location"])
    assert "has one already" in str(mail.outbox[0].body)
    assert (taken.cookies.keys(), taken.headers.keys()) == (free.cookies.keys(), free.headers.keys())


def test_an_address_with_an_account_takes_as_long_to_sign_up_with_as_one_without(
    alice: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    hashed: list[str] = []
    slow = MD5PasswordHasher.encode

    def encode(self: MD5PasswordHasher, password: str, salt: str) -> str:
        hashed.append(password)
        return slow(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", encode)

    Client().post("/sign-up", FORM | {"email": "alice@example.com"})
    taken = list(hashed)
    hashed.clear()
    Client().post("/sign-up", FORM | {"username": "mei", "email": "mei@example.com"})

    # What costs most by far: the slow hash of a password, which a new account needs.
    assert taken == hashed == [FORM["password1"]]
    assert len(mail.outbox) == 2  # and a mail goes out either way


@pytest.mark.django_db
def test_the_mail_carries_a_link_and_nothing_of_anybodys(alice: User, settings: Settings) -> None:
    with mail_server() as (port, sent):
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", port, False
        settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"

        Client().post("/sign-up", FORM)

    (message,) = sent
    assert "To: kenji@example.com" in message and "Confirm your address" in message
    assert link_in(message)
    assert FORM["password1"] not in message


def test_a_new_address_takes_its_place_once_its_link_is_opened(alice: User) -> None:
    client = signed_in()
    mail.outbox.clear()

    client.post("/settings/email", {"action_add": "1", "email": "new@example.com"})
    assert "waits for its link" in text_of(client.get("/settings/email"))
    assert User.objects.get().email == "alice@example.com"

    (message,) = mail.outbox
    assert message.to == ["new@example.com"]
    client.post(link_in(str(message.body)))

    assert User.objects.get().email == "new@example.com"
    assert [(each.email, each.verified) for each in EmailAddress.objects.all()] == [("new@example.com", True)]
    assert Client().post("/sign-in", {"login": "alice@example.com", "password": PASSWORD}).status_code == 200
    assert mail.outbox[-1].to == ["alice@example.com"]  # the one before is told
    assert "changed to another" in str(mail.outbox[-1].body)


def test_a_new_address_can_be_taken_back(alice: User) -> None:
    client = signed_in()
    client.post("/settings/email", {"action_add": "1", "email": "new@example.com"})

    client.post("/settings/email", {"action_remove": "1", "email": "new@example.com"})

    assert "waits for its link" not in text_of(client.get("/settings/email"))
    assert User.objects.get().email == "alice@example.com"
    # Who owns the account reads of it too.
    assert about(alice)[-1] == ("account.ways_in_changed", {"change": "email_deleted"})
    record = text_of(client.get("/settings/audit?kind=account"))
    assert "changed how the account is opened" in record and "a new e-mail address was given up" in record


def test_a_change_that_is_mailed_is_one_line_of_the_record(alice: User) -> None:
    client = signed_in()
    before = len(about(alice))
    phrase = "quite another phrase"

    client.post("/settings/password", {"oldpassword": PASSWORD, "password1": phrase, "password2": phrase})

    assert "The password was changed." in str(mail.outbox[-1].body)
    assert about(alice)[before:] == [("account.password_changed", {"by_mail": False})]


@pytest.mark.parametrize(
    "email", ["alice@example.com", "no address", "<b>@example.com", "x" * 10_000, "\x00@example.com", ""]
)
def test_an_address_that_cannot_be_had_is_refused_beside_the_field(alice: User, email: str) -> None:
    client = signed_in()

    answer = client.post("/settings/email", {"action_add": "1", "email": email})

    assert answer.status_code == 200
    assert b'aria-invalid="true"' in answer.content


def test_a_new_address_does_not_tell_that_somebody_else_has_it(alice: User, bob: User) -> None:
    client = signed_in()

    taken = client.post("/settings/email", {"action_add": "1", "email": "bob@example.com"})
    words = text_of(client.get("/settings/email"))
    mails = list(mail.outbox)
    free = client.post("/settings/email", {"action_add": "1", "email": "free@example.com"})

    assert (taken.status_code, taken["Location"]) == (free.status_code, free["Location"])
    assert words.replace("bob@", "free@") == text_of(client.get("/settings/email"))
    assert "/account/confirm/" not in "".join(str(each.body) for each in mails)


def test_an_address_that_somebody_took_meanwhile_is_not_confirmed(alice: User) -> None:
    client = signed_in()
    client.post("/settings/email", {"action_add": "1", "email": "kenji@example.com"})
    link = link_in(str(mail.outbox[-1].body))
    person("kenji")

    client.post(link)

    assert dict(User.objects.values_list("username", "email")) == {
        "alice": "alice@example.com",
        "kenji": "kenji@example.com",
    }


def test_a_change_of_the_ways_in_is_told_by_mail_without_where_from(
    transactional_db: None, alice: User
) -> None:
    client = signed_in()
    mail.outbox.clear()

    set_up_codes(client)

    (message,) = mail.outbox
    assert message.to == ["alice@example.com"]
    assert "Codes of an app were switched on." in str(message.body)
    assert "http://testserver/settings/security" in str(message.body)
    assert "127.0.0.1" not in str(message.body)


def test_a_link_in_a_mail_leads_where_the_operator_says_whatever_the_asker_called_the_instance(
    alice: User, settings: Settings
) -> None:
    settings.OWNLOG_BASE_URL = "https://track.example.org"
    settings.ALLOWED_HOSTS = ["*"]
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    elsewhere = Client(headers={"host": "evil.example"})

    elsewhere.post("/account/reset", {"email": "alice@example.com"})
    elsewhere.post("/sign-up", FORM)
    elsewhere.post("/sign-up", FORM | {"username": "mei", "email": "alice@example.com"})

    bodies = [str(each.body) for each in mail.outbox]
    assert [re.findall(r"https?://[^/\s]+/account/[a-z]+", body) for body in bodies] == [
        ["https://track.example.org/account/reset"],
        ["https://track.example.org/account/confirm"],
        ["https://track.example.org/account/reset"],
    ]
    assert "evil.example" not in "".join(bodies)
