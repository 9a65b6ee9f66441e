"""Where one is signed in, and signing out from afar."""

from __future__ import annotations

import re

import pytest
from django.core import mail
from django.db import connection
from django.test import Client

from apps.accounts.models import BrowserSession, User
from tests.factories.people import PASSWORD
from tests.web.conftest import text_of

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0 canary-of-a-browser"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Version/18.5 Mobile Safari/604.1"
ADDRESS = "203.0.113.77"


def signed_in(name: str = "alice", *, agent: str = FIREFOX, password: str = PASSWORD) -> Client:
    client = Client(headers={"user-agent": agent}, REMOTE_ADDR=ADDRESS)
    assert client.post("/sign-in", {"login": name, "password": password}).status_code == 302
    return client


def is_in(client: Client) -> bool:
    return client.get("/settings/sessions").status_code == 200


def test_each_device_stands_there_with_the_network_it_came_from(alice: User) -> None:
    here, _there = signed_in(), signed_in(agent=SAFARI)

    words = text_of(here.get("/settings/sessions"))

    assert words.index("This device") < words.index("Firefox on Linux") < words.index("Safari on iPhone")
    assert "203.0.113.0/24" in words
    assert "2 sessions" in words


def test_one_device_is_signed_out_and_the_others_stay(alice: User) -> None:
    here, there, third = signed_in(), signed_in(agent=SAFARI), signed_in()
    target = BrowserSession.objects.order_by("id")[1]

    assert here.post(f"/settings/sessions/{target.public_id}/end").status_code == 302

    assert (is_in(here), is_in(there), is_in(third)) == (True, False, True)


def test_all_others_are_signed_out(alice: User) -> None:
    here, there, third = signed_in(), signed_in(agent=SAFARI), signed_in()

    assert here.post("/settings/sessions/others/end").status_code == 302

    assert (is_in(here), is_in(there), is_in(third)) == (True, False, False)


def test_nobody_signs_out_somebody_elses_device(alice: User, mallory: User) -> None:
    hers, his = signed_in(), signed_in("mallory")
    target = BrowserSession.objects.get(user=alice)

    answer = his.post(f"/settings/sessions/{target.public_id}/end")
    nothing = his.post(f"/settings/sessions/{'a' * 20}/end")

    assert (answer.status_code, nothing.status_code) == (404, 404)
    assert is_in(hers)


def test_a_new_password_signs_the_other_devices_out(alice: User) -> None:
    here, there = signed_in(), signed_in(agent=SAFARI)
    form = {"oldpassword": PASSWORD, "password1": "quite another phrase", "password2": "quite another phrase"}

    assert here.post("/settings/password", form).status_code == 302

    assert (is_in(here), is_in(there)) == (True, False)
    assert "1 session" in text_of(here.get("/settings/sessions"))


def test_after_a_new_password_its_page_says_once_what_that_did(alice: User) -> None:
    here, _, _ = signed_in(), signed_in(agent=SAFARI), signed_in()
    form = {"oldpassword": PASSWORD} | dict.fromkeys(("password1", "password2"), "quite another phrase")
    again = {"oldpassword": "quite another phrase"} | dict.fromkeys(
        ("password1", "password2"), "quite a third phrase"
    )

    first = text_of(here.post("/settings/password", form, follow=True))
    later = text_of(here.get("/settings/password"))
    second = text_of(here.post("/settings/password", again, follow=True))

    assert "The new password holds. 2 other devices were signed out." in first
    assert "The new password holds." not in later
    assert "The new password holds. No other device was signed in." in second


def test_a_password_set_by_mail_signs_every_device_out(alice: User) -> None:
    here = signed_in()
    stranger = Client()
    stranger.post("/account/reset", {"email": "alice@example.com"})
    found = re.search(r"http://testserver(/account/reset/\S+)", str(mail.outbox[0].body))
    assert found is not None

    form = stranger.get(found[1], follow=True)
    phrase = "quite another phrase"
    stranger.post(form.request["PATH_INFO"], {"password1": phrase, "password2": phrase})

    assert not is_in(here)
    assert BrowserSession.objects.count() == 0


def test_signing_out_takes_the_device_from_the_list(alice: User) -> None:
    here, there = signed_in(), signed_in(agent=SAFARI)

    there.post("/sign-out")

    assert "1 session" in text_of(here.get("/settings/sessions"))


def everything_stored() -> str:
    """Every value of every table, as text."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            found += [repr([bytes(v) if isinstance(v, memoryview) else v for v in row]) for row in cursor]
    return "\n".join(found)


@pytest.mark.promise("P-27")
def test_neither_the_browsers_words_nor_the_address_are_stored(
    alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    client = signed_in()
    client.get("/settings/sessions")
    client.post("/sign-in", {"login": "alice", "password": "wrong wrong wrong"})
    Client(headers={"user-agent": FIREFOX}, REMOTE_ADDR=ADDRESS).post(
        "/sign-in", {"login": "alice", "password": "wrong wrong wrong"}
    )

    kept = everything_stored() + caplog.text

    assert "alice@example.com" in kept  # the search finds what is there
    for word in ("canary-of-a-browser", "Firefox", "Linux", ADDRESS, "203.0.113"):
        assert word not in kept
    assert str(client.session.session_key) not in kept
