"""Codes, passkeys and recovery codes: sealed in the table, asked for at the door, and asked about before a change."""

from __future__ import annotations

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from allauth.socialaccount.models import SocialAccount
from django.db import connection, connections
from django.test import Client
from pytest_django.fixtures import Settings

from apps.accounts.models import User
from apps.accounts.providers import NAMES
from apps.teams.factors import factors_of, is_only_way_in, take_way_in
from apps.teams.models import Entity
from apps.vault.errors import Tampered
from apps.vault.tree import discard_node
from apps.vault.types import NodeId
from apps.web.forms import NewPasskeyForm
from tests.factories.people import PASSWORD
from tests.web.conftest import text_of
from tests.web.test_sessions import everything_stored

NAME = "canary-of-a-passkey"


def code_of(secret: str, *, steps: int = 0) -> str:
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps)))


def signed_in(name: str = "alice") -> Client:
    """Somebody who has just said once more who they are."""
    client = Client()
    client.post("/sign-in", {"login": name, "password": PASSWORD})
    client.post("/account/again", {"password": PASSWORD})
    return client


def set_up_codes(client: Client) -> tuple[str, list[str]]:
    """The secret, and the recovery codes that are shown afterwards."""
    page = client.get("/settings/security/codes/new").content.decode()
    found = re.search(r'secret">([A-Z2-7]+)<', page)
    assert found is not None
    answer = client.post("/settings/security/codes/new", {"code": code_of(found[1])})
    assert answer["Location"] == "/settings/security/recovery"
    shown = client.get("/settings/security/recovery").content.decode()
    codes = re.findall(r"<li>(\d{8})</li>", shown)
    assert f"<pre hidden>{chr(10).join(codes)}\n</pre>" in shown  # what is copied
    return found[1], codes


def stored() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT data FROM mfa_authenticator")
        return repr(cursor.fetchall())


def passkey(user: User) -> Authenticator:
    """As the library stores one; what it holds is made up."""
    return Authenticator.objects.create(
        user=user,
        type=Authenticator.Type.WEBAUTHN,
        data={"name": NAME, "credential": {"clientExtensionResults": {"credProps": {"rk": True}}}},
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/settings/security/codes/new"),
        ("get", "/settings/security/passkeys/new"),
        ("post", "/settings/email"),
    ],
)
def test_a_change_asks_once_more_who_it_is(alice: User, method: str, path: str) -> None:
    client = Client()
    client.post("/sign-in", {"login": "alice", "password": PASSWORD})
    form = {"action_add": "1", "email": "new@example.com"}

    asked = client.get(path) if method == "get" else client.post(path, form)

    assert asked["Location"].startswith("/account/again?next=")
    assert client.post(asked["Location"], {"password": "wrong wrong wrong"}).status_code == 200
    assert client.get("/settings/security/codes/new").status_code == 302


def test_codes_are_asked_for_after_the_password(alice: User) -> None:
    secret, _ = set_up_codes(signed_in())
    client = Client()

    first = client.post("/sign-in", {"login": "alice", "password": PASSWORD, "next": "/settings/appearance"})
    assert first["Location"] == "/sign-in/second-step"
    assert client.get("/settings/sessions").status_code == 302
    assert "This is not the present code" in text_of(client.post("/sign-in/second-step", {"code": "000000"}))
    last = client.post("/sign-in/second-step", {"code": code_of(secret, steps=1)})

    assert last["Location"] == "/settings/appearance"
    assert client.get("/settings/sessions").status_code == 200


def test_a_code_is_good_once(alice: User) -> None:
    secret, _ = set_up_codes(signed_in())
    code = code_of(secret, steps=1)
    places = []
    for client in (Client(), Client()):
        client.post("/sign-in", {"login": "alice", "password": PASSWORD})
        places.append(client.post("/sign-in/second-step", {"code": code}).status_code)

    assert places == [302, 200]


def test_a_recovery_code_opens_once(alice: User) -> None:
    _, codes = set_up_codes(signed_in())
    assert len(codes) == len(set(codes)) == 10
    places = []
    for client in (Client(), Client()):
        client.post("/sign-in", {"login": "alice", "password": PASSWORD})
        places.append(client.post("/sign-in/second-step", {"code": codes[3]}).status_code)

    assert places == [302, 200]
    assert factors_of(alice).recovery_codes_left == 9


def test_guesses_at_a_code_are_counted(alice: User) -> None:
    secret, _ = set_up_codes(signed_in())
    client = Client()
    client.post("/sign-in", {"login": "alice", "password": PASSWORD})

    for guess in range(5):
        client.post("/sign-in/second-step", {"code": f"{guess:06}"})
    right = client.post("/sign-in/second-step", {"code": code_of(secret, steps=1)})

    assert "Too many tries" in text_of(right)
    assert client.get("/settings/sessions").status_code == 302


@pytest.mark.promise("P-08")
def test_what_the_table_holds_of_factors_is_sealed(alice: User) -> None:
    client = signed_in()
    secret, codes = set_up_codes(client)
    passkey(alice)
    spare = Client()
    spare.post("/sign-in", {"login": "alice", "password": PASSWORD})
    spare.post("/sign-in/second-step", {"code": codes[0]})  # notes that it is spent

    assert secret not in everything_stored()
    for word in (NAME, *codes, "seed", "used_mask", "credential", "secret", "viewed_at"):
        assert word not in stored()
    assert NAME in client.get("/settings/security").content.decode()


@pytest.mark.promise("P-28")
def test_a_factor_moved_to_another_account_opens_nothing(alice: User, bob: User) -> None:
    set_up_codes(signed_in())

    Authenticator.objects.update(user_id=bob.pk)

    with pytest.raises(Tampered):
        list(Authenticator.objects.filter(user=bob))
    client = Client()
    client.raise_request_exception = False
    client.post("/sign-in", {"login": "bob", "password": PASSWORD})
    answer = client.post("/sign-in/second-step", {"code": "000000"})
    assert answer.status_code == 500
    assert client.get("/settings/sessions").status_code == 302


def test_switching_codes_off_deletes_secret_and_recovery_codes(alice: User) -> None:
    client = signed_in()
    set_up_codes(client)

    assert client.get("/settings/security/codes/remove").status_code == 200
    assert client.post("/settings/security/codes/remove")["Location"] == "/settings/security"

    assert Authenticator.objects.count() == 0
    assert Client().post("/sign-in", {"login": "alice", "password": PASSWORD})["Location"] == "/"


def test_new_recovery_codes_end_the_present_ones(alice: User) -> None:
    client = signed_in()
    _, before = set_up_codes(client)

    assert client.post("/settings/security/recovery/new")["Location"] == "/settings/security/recovery"

    after = re.findall(r"<li>(\d{8})</li>", client.get("/settings/security/recovery").content.decode())
    assert len(after) == 10 and set(before) & set(after) == set()


def test_the_square_is_drawn_without_a_style_or_a_script(alice: User) -> None:
    page = signed_in().get("/settings/security/codes/new").content.decode()
    square = page[page.index('<svg class="qr"') : page.index("</svg>", page.index('<svg class="qr"'))]

    assert "style" not in square and "M4 4h1v1h-1z" in square


def test_a_passkey_is_removed_by_its_owner_only(alice: User, mallory: User) -> None:
    kept = passkey(alice)

    assert signed_in("mallory").post(f"/settings/security/passkeys/{kept.pk}/remove").status_code == 404
    # alice's own sign-in asks for the passkey now; her present session goes on.
    Authenticator.objects.all().delete()
    client = signed_in()
    kept = passkey(alice)
    assert client.post(f"/settings/security/passkeys/{kept.pk}/remove")["Location"] == "/settings/security"
    assert Authenticator.objects.count() == 0


def test_a_passkey_is_renamed_by_its_owner_and_the_name_stays_sealed(alice: User, mallory: User) -> None:
    client, kept = signed_in(), passkey(alice)
    url = f"/settings/security/passkeys/{kept.pk}/rename"

    assert signed_in("mallory").post(url, {"name": "mine"}).status_code == 404
    assert Client().post(url, {"name": "mine"})["Location"].startswith("/sign-in")
    assert client.post(url, {"name": " the <b>phone</b> "})["Location"] == "/settings/security"

    assert "the &lt;b&gt;phone&lt;/b&gt;" in client.get("/settings/security").content.decode()
    assert "phone" not in stored()


@pytest.mark.parametrize("name", ["", " ", "x" * 61, "x" * 10_000, "a\u202eb", "a\x00b"])
def test_a_name_that_is_none_is_refused_beside_its_field(alice: User, name: str) -> None:
    client, kept = signed_in(), passkey(alice)

    answer = client.post(f"/settings/security/passkeys/{kept.pk}/rename", {"name": name})

    assert answer.status_code == 400
    assert 'id="wrong-name" role="alert"' in answer.content.decode()
    assert [each.name for each in factors_of(alice).passkeys] == [NAME]


@pytest.mark.parametrize("name", ["a\u202eb", "a\u2066b", "a\u200fb"])
def test_a_new_passkeys_name_has_no_marks_that_turn_text(alice: User, name: str) -> None:
    form = NewPasskeyForm({"name": name, "credential": "{}"}, user=alice)

    assert form.errors["name"] == ["A name has no control characters."]


def test_renaming_asks_once_more_who_it_is(alice: User) -> None:
    client = Client()
    client.post("/sign-in", {"login": "alice", "password": PASSWORD})
    kept = passkey(alice)

    answer = client.post(f"/settings/security/passkeys/{kept.pk}/rename", {"name": "mine"})

    assert answer["Location"].startswith("/account/again")


def test_a_stored_passkey_that_cannot_be_read_is_in_nobodys_way(alice: User) -> None:
    client = signed_in()
    passkey(alice)  # without what the device answered

    assert client.get("/account/again/passkey").status_code == 200
    assert client.get("/settings/security/passkeys/new").status_code == 200
    again = client.post("/account/again/passkey", {"credential": '{"id": "AA"}'})
    assert "does not open your account" in text_of(again)
    at_the_door = Client()
    at_the_door.post("/sign-in", {"login": "alice", "password": PASSWORD})
    assert at_the_door.get("/sign-in/second-step").status_code == 200
    step = at_the_door.post("/sign-in/second-step", {"credential": '{"id": "AA"}'})
    assert (step.status_code, is_in(at_the_door)) == (200, False)


def test_a_passkey_that_cannot_be_read_is_no_way_in(alice: User, settings: Settings) -> None:
    settings.OWNLOG_GOOGLE_CLIENT_ID = "offered"
    User.objects.filter(pk=alice.pk).update(password="!")
    link = SocialAccount.objects.create(user=alice, provider="google", uid="1")
    kept = passkey(alice)  # without what the device answered

    assert [each.opens_by_itself for each in factors_of(alice).passkeys] == [False]
    assert is_only_way_in(User.objects.get(), link=link.pk)
    assert not is_only_way_in(User.objects.get(), passkey=kept.pk)


@pytest.mark.django_db(transaction=True, databases=["default", "vault"])
def test_of_two_who_take_the_last_two_ways_in_at_once_one_is_refused(alice: User, settings: Settings) -> None:
    settings.OWNLOG_GOOGLE_CLIENT_ID = settings.OWNLOG_GITHUB_CLIENT_ID = "offered"
    User.objects.filter(pk=alice.pk).update(password="!")
    user, gate = User.objects.get(pk=alice.pk), threading.Barrier(2)
    links = [SocialAccount.objects.create(user=user, provider=each, uid="1").pk for each in NAMES]

    def take(pk: int) -> bool:
        try:
            gate.wait(timeout=30)
            return take_way_in(user, link=pk)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(take, links))

    assert answers == [False, True]
    assert SocialAccount.objects.count() == 1


def is_in(client: Client) -> bool:
    return client.get("/settings/sessions").status_code == 200


def test_the_only_passkey_of_an_account_without_a_password_stays(alice: User) -> None:
    client = signed_in()
    kept = passkey(alice)
    User.objects.filter(pk=alice.pk).update(password="!")
    client.force_login(User.objects.get(), backend="django.contrib.auth.backends.ModelBackend")

    answer = client.post(f"/settings/security/passkeys/{kept.pk}/remove")

    # Without a password the passkey itself is asked for, before anything is said.
    assert answer.status_code == 302 and "/account/again" in answer["Location"]
    assert Authenticator.objects.count() == 1


@pytest.mark.parametrize(
    "credential",
    ["", "null", "[]", "{}", '{"id": 1}', "x" * 10_000, "\x00", '{"response": {"userHandle": "AA"}}'],
)
def test_a_made_up_passkey_opens_nothing(alice: User, credential: str) -> None:
    client = Client()
    client.get("/sign-in/passkey", headers={"accept": "application/json"})

    answer = client.post("/sign-in/passkey", {"credential": credential, "next": "/settings/appearance"})

    assert answer["Location"] == "/sign-in?passkey=unknown&next=%2Fsettings%2Fappearance"
    assert "No account opens with this passkey" in text_of(client.get(answer["Location"]))


def test_options_of_a_passkey_do_not_tell_who_has_one(alice: User) -> None:
    passkey(alice)

    options = (
        Client().get("/sign-in/passkey", headers={"accept": "application/json"}).json()["request_options"]
    )

    assert options["publicKey"].get("allowCredentials", []) == []
    assert options["publicKey"]["userVerification"] == "required"
    assert options["publicKey"]["rpId"] == "testserver"


def test_erased_keys_end_the_factors_with_them(alice: User) -> None:
    set_up_codes(signed_in())
    discard_node(NodeId(Entity.objects.get(user=alice).vault_node))
    client = Client()

    client.post("/sign-in", {"login": "alice", "password": PASSWORD})
    assert client.post("/sign-in/second-step", {"code": "000000"}).status_code == 410
    assert client.get("/settings/sessions").status_code == 302
