"""Who one is here: what is shown, and the two things that are chosen of a list."""

from __future__ import annotations

import json
import re
import zoneinfo
from dataclasses import replace

import pytest
from django.test import Client

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.accounts.zones import known_zones
from apps.projects.models import Project
from apps.teams.models import Entity, Membership, Setting
from apps.teams.queries import default_entity, own_entity
from tests.factories import people
from tests.web.conftest import Visit, text_of

URL = "/settings/profile"


def test_it_takes_an_account(visit: Visit, send: Visit) -> None:
    assert (visit(URL).status_code, send(URL, time_zone="UTC").status_code) == (302, 302)


def test_it_says_who_one_is_and_what_cannot_be_changed(visit: Visit, alice: User) -> None:
    words = text_of(visit(URL, by="alice"))

    assert "alice@example.com" in words
    assert "Not confirmed" in words
    assert "so it cannot be changed" in words
    assert "Erase your account" in words


# ── Time zone ──


def test_pages_say_times_by_the_clock_that_was_chosen_and_scripts_do_not(
    visit: Visit, send: Visit, vision: Project, alice: User
) -> None:
    alice.created_at = alice.created_at.replace(month=1, day=15, hour=20, minute=30)
    alice.save(update_fields=["created_at"])
    assert "15 Jan" in text_of(visit(URL, by="alice")) and "20:30" in text_of(visit(URL, by="alice"))

    assert send(URL, by="alice", time_zone="Asia/Tokyo").headers["Location"] == URL

    page = text_of(visit(URL, by="alice"))
    assert "16 Jan" in page and "05:30" in page
    assert 'value="Asia/Tokyo" selected' in visit(URL, by="alice").content.decode()
    assert re.search(r'datetime="\d{4}-01-15T20:30:\d\d\+00:00"', visit(URL, by="alice").content.decode())
    client = Client(headers={"Authorization": people.basic(people.api_key(alice))})
    told = json.loads(client.get("/api/v1/projects/lab/vision").content)["created_at"]
    assert told.endswith(("Z", "+00:00"))
    send(URL, by="alice", time_zone="UTC")
    assert User.objects.get(username="alice").time_zone == ""


@pytest.mark.parametrize("zone", ["Mars/Olympus", "asia/tokyo", "x" * 10_000, "\x00", "<b>", "../etc/passwd"])
def test_a_zone_that_is_none_is_refused_beside_the_list(send: Visit, alice: User, zone: str) -> None:
    page = send(URL, by="alice", time_zone=zone)

    assert page.status_code == 400
    assert 'id="time_zone-wrong"' in page.content.decode()
    assert "There is no such time zone." in text_of(page)
    assert User.objects.get(username="alice").time_zone == ""


def test_a_zone_that_this_machine_does_not_know_any_more_is_utc(visit: Visit, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(time_zone="Atlantic/Avalon")

    assert visit(URL, by="alice").status_code == 200


def test_every_zone_on_offer_is_one() -> None:
    assert {"Asia/Tokyo", "Europe/Paris", "America/Argentina/Ushuaia"} <= known_zones()
    assert all(zoneinfo.ZoneInfo(name) for name in known_zones())
    assert max(map(len, known_zones())) <= 64


def test_a_script_gets_the_list_alone_with_the_new_clock(alice: User) -> None:
    client = Client(headers={"HX-Request": "true"})
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")

    part = client.post(URL, {"time_zone": "Asia/Tokyo"})
    wrong = client.post(URL, {"time_zone": "Mars/Olympus"})

    assert part.status_code == wrong.status_code == 200
    assert part.content.decode().startswith('<div class="stack" id="pick-time_zone">')
    assert "Saved." in text_of(part)
    assert "There is no such time zone." in text_of(wrong)
    assert 'value="Asia/Tokyo" selected' in wrong.content.decode()


# ── Where runs go ──


def viewer_entity(user: User) -> str:
    client = Client(headers={"Authorization": people.basic(people.api_key(user))})
    answer = client.post("/graphql", {"query": "{ viewer { entity } }"}, content_type="application/json")
    return str(json.loads(answer.content)["data"]["viewer"]["entity"])


def test_the_client_is_told_the_team_that_was_chosen(
    visit: Visit, send: Visit, lab: Entity, bob: User
) -> None:
    assert viewer_entity(bob) == "bob"

    assert send(URL, by="bob", default_entity=lab.public_id).status_code == 302

    assert viewer_entity(bob) == "lab"
    assert "Set by bob" in text_of(visit(URL, by="bob"))
    assert own_entity(Actor.person(bob)).name == "bob"
    send(URL, by="bob", default_entity="own")
    assert viewer_entity(bob) == "bob"


@pytest.mark.parametrize("role", ["viewer", None])
def test_whoever_may_make_no_project_there_any_more_logs_to_their_own(
    visit: Visit, send: Visit, lab: Entity, bob: User, role: str | None
) -> None:
    send(URL, by="bob", default_entity=lab.public_id)
    held = Membership.objects.filter(entity=lab, user=bob)
    held.update(role=role) if role else held.delete()

    assert default_entity(Actor.person(bob)).name == "bob"
    assert 'value="own" selected' in visit(URL, by="bob").content.decode()


def test_a_key_for_one_entity_stays_with_it(send: Visit, lab: Entity, bob: User) -> None:
    send(URL, by="bob", default_entity=lab.public_id)

    assert default_entity(Actor.person(bob)).name == "lab"
    own = own_entity(Actor.person(bob))
    assert default_entity(replace(Actor.person(bob), only_entity=own.pk)) == own


@pytest.mark.parametrize("value", ["", "lab", "x" * 10_000, "\x00", "a" * 20])
@pytest.mark.parametrize("who", ["vera", "mallory"])
def test_only_a_place_of_ones_own_can_be_chosen(
    send: Visit, lab: Entity, mallory: User, who: str, value: str
) -> None:
    for chosen in (value, lab.public_id):  # vera looks only, mallory is nothing there: both hear the same
        page = send(URL, by=who, default_entity=chosen)
        assert page.status_code == 400
        assert 'id="default_entity-wrong"' in page.content.decode()
    assert not Setting.objects.exists()


def test_a_form_that_says_nothing_changes_nothing(send: Visit, alice: User) -> None:
    assert send(URL, by="alice", username="root", email="x@example.org").status_code == 400
    alice.refresh_from_db()
    assert (alice.username, alice.email) == ("alice", "alice@example.com")
