from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from urllib.parse import urlencode

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from apps.access.policy import Scope
from apps.accounts.actors import Actor
from apps.accounts.models import ApiKey, User
from apps.accounts.queries import actor_for_api_key
from apps.core import clock
from apps.core.errors import Invalid
from apps.teams.models import Entity
from apps.teams.services import KeyWanted, make_key, make_service_account
from apps.teams.types import MemberRole
from tests.factories import people
from tests.factories.people import api_key
from tests.web.conftest import Visit, text_of

PAGE = "/settings/api-keys"


def _secret(page: bytes) -> str | None:
    found = re.search(r"WANDB_API_KEY=(own_\w+)", page.decode())
    return found[1] if found else None


def test_a_key_is_shown_once_and_works(visit: Visit, send: Visit, alice: User) -> None:
    secret = _secret(send(PAGE, by="alice").content)

    assert secret is not None
    actor = actor_for_api_key(secret)
    assert actor is not None
    assert actor.username == "alice"
    assert secret.encode() not in visit(PAGE, by="alice").content
    assert f"…{secret[-4:]}".encode() in visit(PAGE, by="alice").content


def test_the_lines_name_this_instance(send: Visit, alice: User) -> None:
    assert b"WANDB_BASE_URL=http://testserver" in send(PAGE, by="alice").content


def test_revoking_ends_a_key(send: Visit, alice: User) -> None:
    secret = api_key(alice)
    key = ApiKey.objects.get()

    assert send(f"{PAGE}/{key.public_id}/revoke", by="alice").status_code == 302
    assert actor_for_api_key(secret) is None


def test_nobody_revokes_the_key_of_another(send: Visit, alice: User, mallory: User) -> None:
    secret = api_key(alice)
    key = ApiKey.objects.get()

    assert send(f"{PAGE}/{key.public_id}/revoke", by="mallory").status_code == 404
    assert actor_for_api_key(secret) is not None


def test_a_page_lists_ones_own_keys_only(visit: Visit, alice: User, mallory: User) -> None:
    api_key(alice)

    assert ApiKey.objects.get().hint.encode() not in visit(PAGE, by="mallory").content


def test_making_a_key_wants_the_form_of_this_instance(alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")

    refused = client.post(PAGE)

    assert refused.status_code == 403
    assert b"The form is too old" in refused.content
    assert ApiKey.objects.count() == 0


@pytest.mark.parametrize("page", [PAGE, "/teams/lab/service-accounts/{service}"])
def test_whoever_signed_in_long_ago_is_asked_once_more_and_gets_the_key_that_was_asked_for(
    alice: User, lab: Entity, page: str
) -> None:
    service = make_service_account(lab, "ci", role=MemberRole.MEMBER, by=people.actor(alice))
    page = page.format(service=service.public_id)
    client = Client()
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    people.has_signed_in(client, alice, ago=3600)

    asked = client.post(page, {"name": "cluster", "scope": "read"})
    assert asked["Location"] == f"/account/again?{urlencode({'next': page})}"
    assert ApiKey.objects.count() == 0
    assert client.post(asked["Location"], {"password": "wrong wrong wrong"}).status_code == 200
    assert ApiKey.objects.count() == 0

    answer = client.post(asked["Location"], {"password": people.PASSWORD, "next": page})
    assert _secret(answer.content) is not None
    assert ApiKey.objects.get().scope == "read"
    assert _secret(client.post(page, {"name": "another"}).content) is not None


def test_whoever_has_just_signed_in_or_up_is_not_asked_again(alice: User) -> None:
    back, new = Client(), Client()
    back.post("/sign-in", {"login": "alice", "password": people.PASSWORD})
    fields = {"username": "newcomer", "email": "n@example.com", "password1": people.PASSWORD}
    assert new.post("/sign-up", fields).status_code == 302

    assert _secret(back.post(PAGE).content) is not None
    assert _secret(new.post(PAGE).content) is not None


def test_the_client_is_sent_to_the_keys(visit: Visit, alice: User) -> None:
    assert visit("/authorize", by="alice")["Location"] == PAGE


# ── What a key is good for ──


def test_a_key_made_by_the_bare_button_logs_and_reads_for_good(send: Visit, alice: User) -> None:
    send(PAGE, by="alice")

    key = ApiKey.objects.get()
    assert (key.scope, key.only_entity, key.expires_at, key.sealed_name) == ("write", None, None, None)


def test_a_key_is_what_the_form_says(send: Visit, visit: Visit, lab: Entity) -> None:
    before = clock.now()
    answer = send(PAGE, by="bob", name="the <b>cluster</b>", scope="read", only="lab", lifetime="30")

    key = ApiKey.objects.get()
    assert (key.scope, key.only_entity) == ("read", lab.pk)
    assert key.expires_at is not None
    assert timedelta(0) <= key.expires_at - before - timedelta(days=30) < timedelta(minutes=1)
    page = visit(PAGE, by="bob").content.decode()
    assert "the &lt;b&gt;cluster&lt;/b&gt;" in page
    assert "reading · <bdi" in page
    actor = actor_for_api_key(_secret(answer.content) or "")
    assert actor is not None
    assert (actor.scope, actor.only_entity) == (Scope.READ, lab.pk)


def test_a_key_that_reads_is_shown_with_lines_that_read(send: Visit, lab: Entity) -> None:
    answer = send(PAGE, by="bob", scope="read", only="lab")

    lines = unescape(answer.content.decode())
    assert 'wandb.Api()\nfor project in api.projects("lab"):' in lines
    assert f"WANDB_API_KEY={_secret(answer.content)}\ncurl --header" in lines
    assert "http://testserver/api/v1/projects" in lines
    assert "wandb.init" not in lines
    assert "Waiting for the first run" not in lines


def test_a_key_that_ends_does_so_within_ten_years(send: Visit, alice: User) -> None:
    late = send(PAGE, by="alice", lifetime="day", day="9999-12-31")
    soon = send(PAGE, by="alice", lifetime="day", day=(clock.now() + timedelta(days=3650)).date().isoformat())

    assert (late.status_code, soon.status_code) == (400, 200)
    assert "A key that ends does so within ten years." in text_of(late)
    with pytest.raises(Invalid, match="within ten years"):
        make_key(Actor.person(alice), KeyWanted(expires_at=clock.now() + timedelta(days=3700)))
    assert ApiKey.objects.count() == 1


def test_a_key_for_one_entity_is_shown_with_lines_that_log_there(send: Visit, lab: Entity) -> None:
    answer = send(PAGE, by="bob", scope="write", only="lab")

    assert b"export WANDB_ENTITY=lab" in answer.content
    assert b"WANDB_ENTITY" not in send(PAGE, by="bob", scope="write").content


def test_the_name_of_a_key_is_stored_sealed(send: Visit, alice: User) -> None:
    send(PAGE, by="alice", name="canary of the cluster")

    stored = ApiKey.objects.values().get()
    assert stored["sealed_name"] is not None
    assert not any(b"canary" in bytes(str(value), "utf-8") for value in stored.values())
    assert b"canary" not in bytes(stored["sealed_name"])


@pytest.mark.parametrize(
    ("field", "sent"),
    [
        ("name", {"name": "a" * 81}),
        ("name", {"name": "a" * 10_000}),
        ("name", {"name": "a\u202eb"}),
        ("name", {"name": "a\x00b"}),
        ("scope", {"scope": "root"}),
        ("only", {"only": "mallory"}),
        ("only", {"only": "nothing"}),
        ("lifetime", {"lifetime": "31"}),
        ("day", {"lifetime": "day"}),
        ("day", {"lifetime": "day", "day": "soon"}),
        ("day", {"lifetime": "day", "day": "2020-01-01"}),
    ],
)
def test_what_makes_no_key_is_said_beside_the_field(
    send: Visit, alice: User, mallory: User, field: str, sent: dict[str, str]
) -> None:
    answer = send(PAGE, by="alice", **sent)

    assert answer.status_code == 400
    assert f'id="id_{field}-error"' in answer.content.decode()
    assert ApiKey.objects.count() == 0


def test_an_entity_of_others_is_like_one_that_is_not_there(send: Visit, alice: User, mallory: User) -> None:
    def error(name: str) -> str:
        page = send(PAGE, by="alice", only=name).content.decode()
        found = re.search(r'id="id_only-error".*?</p>', page)
        assert found is not None
        return found[0]

    assert error("mallory") == error("nothing")


def test_a_key_that_has_expired_is_refused_and_listed_as_such(
    send: Visit, visit: Visit, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = _secret(send(PAGE, by="alice", lifetime="day", day=f"{clock.now():%Y-%m-%d}").content) or ""
    assert actor_for_api_key(secret) is not None

    tomorrow = clock.now() + timedelta(days=1)
    monkeypatch.setattr(clock, "now", lambda: tomorrow)
    assert actor_for_api_key(secret) is None
    page = visit(PAGE, by="alice").content.decode()
    assert "expired" in page
    assert "0 keys work" in page


def test_many_keys_take_as_many_questions_as_one(
    visit: Visit, send: Visit, alice: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    def asked() -> int:
        with django_assert_max_num_queries(30) as seen:
            visit(PAGE, by="alice")
        return len(seen)

    send(PAGE, by="alice", name="one", only="alice")
    asked()
    one = asked()
    for name in ("two", "three"):
        send(PAGE, by="alice", name=name, only="alice")

    assert asked() == one
