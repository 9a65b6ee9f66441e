from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from apps.accounts.actors import Actor
from apps.accounts.middleware import RequestActor
from apps.accounts.models import User
from apps.audit.models import Event
from tests.factories.people import PASSWORD

pytestmark = pytest.mark.django_db


def actor_of(user: User | AnonymousUser, **held: object) -> Actor:
    found: list[Actor] = []

    def view(request: HttpRequest) -> HttpResponse:
        found.append(request.actor)  # type: ignore[attr-defined]
        return HttpResponse()

    request = RequestFactory().get("/")
    request.user = user
    request.session = SessionStore()
    request.session.update(held)
    RequestActor(view)(request)
    return found[0]


def test_the_session_says_who_acts(alice: User) -> None:
    assert actor_of(alice) == Actor.person(alice)
    assert actor_of(AnonymousUser()) == Actor.nobody()


def test_an_inactive_person_is_nobody(alice: User) -> None:
    alice.is_active = False

    assert actor_of(alice) == Actor.nobody()


def test_the_session_says_by_which_links_a_browser_came(alice: User) -> None:
    assert actor_of(AnonymousUser(), shares=["a", "b"]) == Actor.nobody(shares=frozenset("ab"))
    assert actor_of(alice, shares=["a"]) == Actor.person(alice, shares=frozenset("a"))


@pytest.mark.promise("P-29")
def test_a_sign_in_is_recorded_and_a_failed_one_is_not(client: Client, alice: User) -> None:
    assert not client.login(username="alice", password="wrong")
    assert client.login(username="alice", password=PASSWORD)

    events = Event.objects.filter(kind="account.signed_in")
    assert [(event.subject, event.by) for event in events] == [(alice.public_id, alice.public_id)]
