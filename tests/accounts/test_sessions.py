"""Sessions lie sealed under what only the cookie holds, and tries are counted in one place for all processes."""

from __future__ import annotations

import pytest
from django.contrib.sessions.models import Session
from django.core.cache import cache, caches
from django.test import Client

from apps.accounts.models import BrowserSession, Tally, User
from apps.accounts.sessions import SessionStore, forget_ended, row_of
from apps.accounts.tallies import forget_old_tallies
from apps.core import clock
from tests.factories.people import PASSWORD

CANARY = "canary-in-a-session"


def stored() -> str:
    return "".join(f"{each.session_key} {each.session_data}" for each in Session.objects.all())


@pytest.mark.django_db
def test_a_session_comes_back_and_its_row_tells_neither_its_content_nor_its_key() -> None:
    store = SessionStore()
    store["what"] = CANARY
    store.save()
    assert store.session_key is not None

    assert SessionStore(store.session_key)["what"] == CANARY
    assert CANARY not in stored()
    assert store.session_key not in stored()


@pytest.mark.django_db
def test_what_the_table_holds_is_no_key() -> None:
    store = SessionStore()
    store["what"] = CANARY
    store.save()

    assert dict(SessionStore(Session.objects.get().session_key).items()) == {}


@pytest.mark.django_db
def test_changed_or_exchanged_bytes_are_an_empty_session() -> None:
    first, second = SessionStore(), SessionStore()
    first["who"], second["who"] = "first", "second"
    first.save()
    second.save()
    assert first.session_key and second.session_key

    Session.objects.filter(session_key=row_of(first.session_key)).update(
        session_data=Session.objects.get(session_key=row_of(second.session_key)).session_data
    )
    Session.objects.filter(session_key=row_of(second.session_key)).update(session_data="changed")

    assert dict(SessionStore(first.session_key).items()) == {}
    assert dict(SessionStore(second.session_key).items()) == {}


def test_signing_in_gives_the_session_a_new_key(alice: User) -> None:
    client = Client()
    client.get("/sign-in")
    planted = client.session
    planted["planted"] = "by somebody who knows the key"
    planted.save()
    client.cookies["ownlog_session"] = planted.session_key or ""

    client.post("/sign-in", {"login": "alice", "password": PASSWORD})

    assert client.session.session_key != planted.session_key
    assert not SessionStore().exists(planted.session_key or "")
    assert client.get("/settings/sessions").status_code == 200


def test_what_has_run_out_is_dropped_with_what_was_noted_of_it(alice: User) -> None:
    client = Client()
    client.post("/sign-in", {"login": "alice", "password": PASSWORD})
    assert BrowserSession.objects.count() == 1

    Session.objects.update(expire_date=clock.now())
    forget_ended()

    assert (Session.objects.count(), BrowserSession.objects.count()) == (0, 0)


@pytest.mark.django_db
def test_of_several_one_may_add_a_tally_and_it_ends() -> None:
    assert cache.add("lock", True, timeout=60)
    assert not cache.add("lock", True, timeout=60)
    assert cache.delete("lock")
    assert cache.add("lock", [1.5], timeout=60)
    assert cache.get("lock") == [1.5]

    Tally.objects.update(expires_at=clock.now())

    assert cache.get("lock", "nothing") == "nothing"
    assert cache.add("lock", "again")
    assert cache.touch("lock", 60)
    forget_old_tallies()
    assert Tally.objects.count() == 1


@pytest.mark.django_db
def test_a_tally_does_not_say_of_whom() -> None:
    cache.set("tries:203.0.113.77:alice@example.com", [1], timeout=60)

    assert "203.0.113.77" not in str(list(Tally.objects.values()))
    assert "alice" not in str(list(Tally.objects.values()))


@pytest.mark.django_db
def test_tallies_can_all_be_dropped() -> None:
    cache.set("one", 1)

    caches["default"].clear()

    assert Tally.objects.count() == 0
