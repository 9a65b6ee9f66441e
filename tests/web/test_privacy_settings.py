"""Pages of privacy: who sees new projects, who is found, what an organisation fixes."""

from __future__ import annotations

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.projects.models import Project
from apps.projects.services import get_or_create_project
from apps.teams.choices import SettingName
from apps.teams.models import Entity, Organisation, Setting
from apps.teams.services import choose
from tests.factories import people
from tests.web.conftest import Visit, text_of

OWN, TEAM = "/settings/privacy", "/teams/lab/privacy"
SWITCHES = ("hidden", "mask_secrets", "statistics")


def stored() -> set[tuple[str, str, str]]:
    return set(Setting.objects.values_list("entity__name", "name", "value"))


def test_ones_own_page_takes_an_account(visit: Visit) -> None:
    assert visit(OWN).status_code == 302


@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_is_saved_at_once_and_goes_back(visit: Visit, send: Visit, alice: User, name: str) -> None:
    assert send(OWN, by="alice", name=name, on="1").status_code == 302
    assert stored() == {("alice", name, "on")}
    assert "Set by alice" in text_of(visit(OWN, by="alice"))

    send(OWN, by="alice", name=name)
    assert stored() == {("alice", name, "off")}


def test_a_script_gets_the_row_as_it_is_now(alice: User) -> None:
    client = Client(headers={"HX-Request": "true"})
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")

    answer = client.post(OWN, {"name": "hidden", "on": "1"})

    assert "read “Somebody who is hidden” where your name stood" in text_of(answer)
    assert "<html" not in answer.content.decode()


def test_new_projects_are_what_was_chosen_and_old_ones_stay(
    visit: Visit, send: Visit, lab: Entity, alice: User, bob: User
) -> None:
    get_or_create_project(people.actor(bob), entity="lab", name="old")

    assert send(TEAM, by="alice", default_visibility="restricted").status_code == 302

    get_or_create_project(people.actor(bob), entity="lab", name="new")
    assert list(Project.objects.order_by("id").values_list("visibility", flat=True)) == [
        "private",
        "restricted",
    ]
    page = visit(TEAM, by="bob")
    assert 'value="restricted"' not in page.content.decode()  # who may not choose is told so
    assert "Only admins of the team change this." in text_of(page)


@pytest.mark.parametrize(
    ("who", "seen", "changed"),
    [("alice", 200, 302), ("bob", 200, 403), ("vera", 200, 403), ("mallory", 404, 404), (None, 404, 404)],
)
def test_who_sees_and_who_changes_a_teams(
    visit: Visit, send: Visit, lab: Entity, mallory: User, who: str | None, seen: int, changed: int
) -> None:
    assert visit(TEAM, by=who).status_code == seen
    assert send(TEAM, by=who, default_visibility="restricted").status_code == changed
    assert stored() == ({("lab", "default_visibility", "restricted")} if changed == 302 else set())


@pytest.mark.parametrize("value", ["", "all", "x" * 10_000, "\x00", "<b>"])
def test_a_word_that_is_none_is_refused_beside_the_choice(send: Visit, alice: User, value: str) -> None:
    page = send(OWN, by="alice", default_visibility=value)

    assert page.status_code == 400
    assert "Choose one of: private, restricted, public, open." in text_of(page)
    assert stored() == set()


@pytest.mark.parametrize("url", [OWN, TEAM])
@pytest.mark.parametrize("name", ["", "private_only", "code_saving", "hidden\x00"])
def test_a_page_sets_nothing_but_its_own(send: Visit, lab: Entity, alice: User, url: str, name: str) -> None:
    assert send(url, by="alice", name=name, on="1").status_code == 400
    assert stored() == set()


def test_a_team_is_not_hidden(send: Visit, lab: Entity, alice: User) -> None:
    assert send(TEAM, by="alice", name="hidden", on="1").status_code == 400
    assert stored() == set()


def test_what_an_organisation_keeps_is_barred_and_said(
    visit: Visit, send: Visit, institute: Organisation, alice: User
) -> None:
    choose(institute, SettingName.PRIVATE_ONLY, True, by=people.actor(alice))

    page = visit(TEAM, by="alice")

    assert "The organisation institute keeps the projects of its teams to their own people." in text_of(page)
    assert 'value="public" aria-pressed="false" disabled' in page.content.decode()
    assert 'value="restricted" aria-pressed="false">' in page.content.decode()
    # What a choice would do is said of those that can be chosen only.
    assert "Public Not allowed by the organisation institute ." in text_of(page)
    assert "Anybody reads it" not in text_of(page)
    assert send(TEAM, by="alice", default_visibility="open").status_code == 400
    assert not Setting.objects.filter(entity__name="lab").exists()
