"""One mailbox is written in one way, and no two people are taken for one by an odd letter."""

from __future__ import annotations

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.test import Client

from apps.accounts.addresses import address_as_stored, login_as_stored
from apps.accounts.models import User
from apps.accounts.names import as_stored
from apps.accounts.providers.identity import identity
from apps.accounts.queries import is_taken, user_by_login
from apps.core.errors import Invalid
from apps.teams.services import create_account, create_team
from tests.factories import people
from tests.factories.people import PASSWORD

KELVIN = "\u212a"  # its small letter is a k
# What stands for letters of ASCII in one place or another: small letters of it, capitals of it, or both (IDNA, `UPPER` of PostgreSQL).
ODD = [KELVIN, "\u0130", "\u0131", "\u017f", "\uff4b", "\u043a"]

# The sharp s is ss, the last sigma any sigma, and what joins letters nothing, to whoever spells a domain by the rules of 2003.
OF_ANOTHER_DOMAIN = ["\u00df", "\u1e9e", "\u03c2", "\u200c", "\u200d"]


@pytest.fixture
def kenji(db: None) -> User:
    return people.person("kenji")


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        (" Kenji@Example.COM ", "kenji@example.com"),
        ("kenji@例え.jp", "kenji@xn--r8jz45g.jp"),
        ("kenji@xn--r8jz45g.jp", "kenji@xn--r8jz45g.jp"),
        ("kenji@ｅxample．com", "kenji@example.com"),  # where mail to it goes
        (f"kenji@{KELVIN}iosk.example", "kenji@kiosk.example"),
        ("kenji@k\u0131osk.example", "kenji@xn--kosk-lza.example"),  # a domain of its own
        ("kenji@xn--strae-oqa.example", "kenji@xn--strae-oqa.example"),  # with a sharp s, and no other's
        ("kenji@localhost", "kenji@localhost"),
    ],
)
def test_an_address_is_stored_as_mail_is_sent_to_it(written: str, stored: str) -> None:
    assert address_as_stored(written) == stored
    assert address_as_stored(stored) == stored
    assert login_as_stored(written) == stored


@pytest.mark.parametrize(
    "written",
    [
        *(f"{odd}enji@example.com" for odd in ODD),
        "kenji@",
        "@example.com",
        "kenji",
        "",
        "kenji@a..example",
        "kenji@mail.example\uff20example.com",  # which becomes an @
        "kenji@" + "例" * 70 + ".jp",
        *(f"kenji@stra{letter}e.example" for letter in OF_ANOTHER_DOMAIN),
        "k\0@example.com",
    ],
)
def test_what_is_no_address_is_refused_before_small_letters_are_made_of_it(written: str) -> None:
    with pytest.raises(ValidationError):
        address_as_stored(written)
    assert written == "kenji" or login_as_stored(written) == ""


def test_capitals_of_ascii_alone_are_small_letters_of_a_name() -> None:
    assert as_stored("KENJI") == "kenji"
    assert [as_stored(f"{odd}enji") for odd in ODD] == [f"{odd}enji" for odd in ODD]
    assert [login_as_stored(each) for each in ("Kenji ", f"{KELVIN}enji", "~", "a\0")] == [
        "kenji",
        "",
        "",
        "",
    ]


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_letter_in_an_address_leads_to_nobodys_account(kenji: User, odd: str) -> None:
    typed = f"{odd}enji@example.com"

    reset = Client().post("/account/reset", {"email": typed})
    signed_in = Client().post("/sign-in", {"login": typed, "password": PASSWORD})
    up = Client().post("/sign-up", {"username": "eve", "email": typed, "password1": PASSWORD})

    assert [each.status_code for each in (reset, signed_in, up)] == [200, 200, 200]  # the form again
    assert mail.outbox == []
    assert user_by_login(typed) is None and not is_taken(username="eve")
    assert identity(1, [typed, "Eve@example.com"])["verified"] == ["eve@example.com"]
    with pytest.raises(Invalid):
        create_account("eve", email=typed, password=PASSWORD)


@pytest.mark.parametrize("letter", OF_ANOTHER_DOMAIN)
def test_what_a_provider_confirmed_at_one_domain_is_not_confirmed_at_another(letter: str) -> None:
    assert identity(1, [f"kenji@stra{letter}e.example"])["verified"] == []


def test_a_link_to_a_new_password_goes_to_the_address_that_the_account_has(db: None) -> None:
    user = people.person("kenji")
    User.objects.filter(pk=user.pk).update(email="kenji@kiosk.example")

    Client().post("/account/reset", {"email": f"Kenji@{KELVIN}iosk.example"})

    assert [each.to for each in mail.outbox] == [["kenji@kiosk.example"]]


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_letter_in_a_name_leads_to_nobody(kenji: User, odd: str) -> None:
    typed = f"{odd}enji"

    assert Client().post("/sign-in", {"login": typed, "password": PASSWORD}).status_code == 200
    assert user_by_login(typed) is None
    with pytest.raises(User.DoesNotExist):
        User.objects.get_by_natural_key(typed)
    with pytest.raises(Invalid):
        create_team(typed, admin=kenji, by=people.actor(kenji))
