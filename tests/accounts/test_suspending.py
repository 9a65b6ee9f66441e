"""An operator closes an account or what an entity owns, in every process at once; what is there is kept."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from apps.access.policy import Visibility
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.accounts.services import reactivate_account, suspend_account
from apps.audit.models import Event
from apps.core.errors import Conflict, Forbidden
from apps.projects.models import Project
from apps.projects.services import update_project
from apps.runs.models import Run
from apps.teams.models import Entity
from apps.teams.services.suspending import reactivate_entity, suspend_entity
from tests.factories import people

pytestmark = pytest.mark.django_db
BACKEND = "django.contrib.auth.backends.ModelBackend"
OWNER = {"bob": "bob", "lab": "alice"}


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend=BACKEND)
    return client


def basic(secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"api:{secret}".encode()).decode()}


def test_a_suspended_account_has_no_way_in_and_keeps_what_it_has(alice: User, bob: User, run: Run) -> None:
    client, key = signed_in(bob), people.api_key(bob)
    run_url, api = "/lab/vision/runs/run1", "/api/v1/projects"
    assert client.get(run_url).status_code == 200
    assert Client().get(api, headers=basic(key)).status_code == 200

    suspend_account(bob, by=Actor.person(alice))

    assert client.get(run_url).status_code == 404
    assert Client().get(api, headers=basic(key)).status_code == 401
    graphql = Client().post(
        "/graphql", json.dumps({"query": "{viewer {id}}"}), "application/json", headers=basic(key)
    )
    assert graphql.status_code == 401
    form = {"login": "bob", "password": people.PASSWORD}
    assert Client().post("/sign-in", form).headers["Location"] == "/account/inactive"

    bob.refresh_from_db()
    reactivate_account(bob, by=Actor.person(alice))
    assert client.get(run_url).status_code == 200
    assert Client().get(api, headers=basic(key)).status_code == 200


def test_a_suspended_team_is_closed_to_its_own_people_and_not_there_for_others(
    alice: User, bob: User, mallory: User, vision: Project, run: Run
) -> None:
    update_project(vision, by=Actor.person(alice), visibility=Visibility.PUBLIC)
    lab, key = vision.entity, people.api_key(bob)
    inside, outside = signed_in(bob), signed_in(mallory)
    urls = ("/lab/vision", "/lab/vision/runs/run1", "/api/v1/projects/lab/vision")
    assert {who.get(url).status_code for who in (inside, outside, Client()) for url in urls} == {200}

    suspend_entity(lab, by=Actor.person(alice))

    assert {inside.get(url).status_code for url in urls} == {403}
    assert "suspended" in inside.get("/lab/vision").content.decode()
    assert {who.get(url).status_code for who in (outside, Client()) for url in urls} == {404}
    assert Client().get(urls[2], headers=basic(key)).status_code == 403
    assert b"vision" not in inside.get("/").content

    reactivate_entity(lab, by=Actor.person(alice))
    assert {who.get(url).status_code for who in (inside, outside, Client()) for url in urls} == {200}


ACTS: dict[str, Callable[[User, Entity, Actor], None]] = {
    "account.suspended": lambda bob, _, by: suspend_account(bob, by=by),
    "entity.suspended": lambda _, lab, by: suspend_entity(lab, by=by),
}


@pytest.mark.parametrize("kind", ACTS)
def test_twice_is_once_on_the_owners_record(alice: User, bob: User, lab: Entity, kind: str) -> None:
    for _ in range(2):
        ACTS[kind](bob, lab, Actor.person(alice))

    (event,) = Event.objects.filter(kind=kind)
    assert event.by == alice.public_id
    assert event.entity == event.subject == (bob if kind.startswith("account") else lab).public_id


@pytest.mark.parametrize("kind", ACTS)
def test_it_takes_an_operator_and_no_key(alice: User, bob: User, lab: Entity, kind: str) -> None:
    people.api_key(alice)
    with_key = Actor.person(alice, api_key=alice.api_keys.get())

    for actor in (Actor.person(bob), Actor.nobody(), Actor.system(), with_key):
        with pytest.raises(Forbidden):
            ACTS[kind](bob, lab, actor)

    bob.refresh_from_db()
    assert bob.is_active


def test_operators_do_not_suspend_themselves(alice: User) -> None:
    with pytest.raises(Conflict):
        suspend_account(alice, by=Actor.person(alice))


def act(client: Client, model: str, action: str, *rows: int) -> str:
    url = reverse(f"admin:{model}_changelist")
    answer = client.post(url, {"action": action, "_selected_action": rows}, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_admin_does_it_and_its_log_holds_opaque_ids_alone(alice: User, bob: User, lab: Entity) -> None:
    operator = signed_in(alice)

    act(operator, "accounts_user", "suspend", bob.pk)
    act(operator, "teams_entity", "suspend", lab.pk)
    bob.refresh_from_db()
    lab.refresh_from_db()
    assert (bob.is_active, lab.suspended_at is None) == (False, False)

    act(operator, "accounts_user", "reactivate", bob.pk)
    act(operator, "teams_entity", "reactivate", lab.pk)
    bob.refresh_from_db()
    lab.refresh_from_db()
    assert (bob.is_active, lab.suspended_at) == (True, None)

    entries = LogEntry.objects.order_by("pk").values_list("object_repr", "change_message")
    ids = [bob.public_id, lab.public_id]
    assert list(entries) == [(each, "suspended") for each in ids] + [(each, "reactivated") for each in ids]


def test_the_admin_says_what_was_refused(alice: User, bob: User) -> None:
    page = act(signed_in(alice), "accounts_user", "suspend", alice.pk, bob.pk)

    assert "Operators cannot suspend themselves." in page
    alice.refresh_from_db()
    bob.refresh_from_db()
    assert (alice.is_active, bob.is_active) == (True, False)
