"""Settings pages about what is kept: of oneself and of a team."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from apps.access.policy import Visibility
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.audit.models import Event
from apps.files.code import code_files
from apps.files.queries import list_files
from apps.files.services import announce_files, store_file
from apps.projects.models import Project
from apps.projects.services import update_project
from apps.runs.models import Run
from apps.teams.choices import SettingName
from apps.teams.models import Entity, Setting
from apps.teams.services import choose
from tests.factories import people, work
from tests.web.conftest import Visit, text_of

OWN = ("/settings/code-saving", "/settings/system-metadata", "/settings/notifications")
OF_TEAM = ("/teams/lab/code-saving", "/teams/lab/system-metadata")
FORMS = {"code-saving": {"name": "code_saving", "on": "1"}, "system-metadata": {"system_metadata": "none"}}
STORED = {"code-saving": ("code_saving", "on"), "system-metadata": ("system_metadata", "none")}


def stored() -> set[tuple[str, str, str]]:
    return set(Setting.objects.values_list("entity__name", "name", "value"))


@pytest.mark.parametrize("url", OWN)
def test_ones_own_pages_take_an_account(visit: Visit, url: str) -> None:
    assert visit(url).status_code == 302


@pytest.mark.parametrize("what", FORMS)
def test_a_choice_of_ones_own_is_saved_at_once_with_name_and_time(
    visit: Visit, send: Visit, alice: User, what: str
) -> None:
    assert "Default" in text_of(visit(f"/settings/{what}", by="alice"))

    assert send(f"/settings/{what}", by="alice", **FORMS[what]).status_code == 302

    assert stored() == {("alice", *STORED[what])}
    assert "Set by alice" in text_of(visit(f"/settings/{what}", by="alice"))


def test_a_switch_goes_back_off(send: Visit, alice: User) -> None:
    send("/settings/code-saving", by="alice", **FORMS["code-saving"])
    send("/settings/code-saving", by="alice", name="code_saving")
    send("/settings/notifications", by="alice", name="mail_teams")

    assert stored() == {("alice", "code_saving", "off"), ("alice", "mail_teams", "off")}


@pytest.mark.parametrize("what", FORMS)
@pytest.mark.parametrize(
    ("who", "seen", "changed"),
    [("alice", 200, 302), ("bob", 200, 403), ("vera", 200, 403), ("mallory", 404, 404), (None, 404, 404)],
)
def test_who_sees_and_who_changes_a_teams(
    visit: Visit, send: Visit, lab: Entity, mallory: User, what: str, who: str | None, seen: int, changed: int
) -> None:
    url = f"/teams/lab/{what}"

    assert visit(url, by=who).status_code == seen
    assert send(url, by=who, **FORMS[what]).status_code == changed
    assert stored() == ({("lab", *STORED[what])} if changed == 302 else set())


@pytest.mark.parametrize("value", ["", "most", "x" * 10_000, "\x00", "<b>"])
def test_a_level_that_is_none_is_refused_beside_the_choice(send: Visit, alice: User, value: str) -> None:
    page = send("/settings/system-metadata", by="alice", system_metadata=value)

    assert page.status_code == 400
    assert "Choose one of: all, minimal, none." in text_of(page)
    assert stored() == set()


@pytest.mark.parametrize("name", ["", "hidden", "code_saving\x00"])
def test_a_page_sets_nothing_but_its_own(send: Visit, alice: User, name: str) -> None:
    assert send("/settings/code-saving", by="alice", name=name, on="1").status_code == 400
    assert stored() == set()


def test_what_an_organisation_enforces_cannot_be_chosen_away(
    visit: Visit, send: Visit, lab: Entity, alice: User
) -> None:
    institute = people.organisation("institute", admin=alice, teams=[lab])
    by = people.actor(alice)
    choose(institute, SettingName.SYSTEM_METADATA, "minimal", by=by, enforce=True)
    choose(institute, SettingName.CODE_SAVING, False, by=by, enforce=True)

    levels = visit("/teams/lab/system-metadata", by="alice")
    switch = visit("/teams/lab/code-saving", by="alice")

    assert 'value="all" aria-pressed="false" disabled' in levels.content.decode()
    assert 'value="none" aria-pressed="false">' in levels.content.decode()
    assert "The organisation institute has set a bound." in text_of(levels)
    assert "The organisation institute has fixed this." in text_of(switch)
    assert "Save code" in text_of(switch)
    assert "data-save>" not in switch.content.decode()
    refused = send("/teams/lab/system-metadata", by="alice", system_metadata="all")
    assert (refused.status_code, "has fixed this for its teams" in text_of(refused)) == (400, True)
    assert send("/teams/lab/code-saving", by="alice", name="code_saving", on="1").status_code == 403
    assert not Setting.objects.filter(entity=lab).exists()


def test_what_each_place_inherits_is_shown(visit: Visit, lab: Entity, alice: User) -> None:
    choose(lab, SettingName.CODE_SAVING, True, by=people.actor(alice))

    words = text_of(visit("/settings/code-saving", by="alice"))

    assert "Projects of What holds Set by alice off Default lab on alice" in words


def test_a_script_that_turns_a_switch_gets_whatever_the_page_says_of_it(lab: Entity, alice: User) -> None:
    client = Client()
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")

    turned = {
        url: client.post(url, {"name": "code_saving", "on": "1"}, headers={"HX-Request": "true"})
        for url in ("/settings/code-saving", "/teams/lab/code-saving")
    }

    for answer in turned.values():
        assert '<div class="side" id="who-code_saving"><b>Set by <bdi>alice' in answer.content.decode()
    assert "Set by alice on alice lab off Default" in text_of(turned["/settings/code-saving"])
    assert 'id="places"' in turned["/settings/code-saving"].content.decode()
    assert 'id="places"' not in turned["/teams/lab/code-saving"].content.decode()


def config(**machine: object) -> str:
    return json.dumps({"_wandb": {"value": {"e": {"w": machine}}}})


def test_the_last_run_tells_what_was_dropped(visit: Visit, vision: Project, alice: User, bob: User) -> None:
    text = config(os="Linux", host="canary-host", **{"<b>new": 1})
    work.run(vision, "told", by=alice, display_name="mine", config_text=text)

    mine, his = (visit("/settings/system-metadata", by=who) for who in ("alice", "bob"))
    teams = visit("/teams/lab/system-metadata", by="vera")

    for page in (mine, teams):
        assert "mine Entry What became of it <b>new dropped host dropped os kept" in text_of(page).replace(
            "&lt;b&gt;", "<b>"
        )
        assert "canary" not in page.content.decode()
        assert "<b>new" not in page.content.decode()
    assert "No run yet." in text_of(his)
    assert "dropped on arrival: <b>new , host" in text_of(visit("/lab/vision/runs/told", by="vera")).replace(
        "&lt;b&gt;", "<b>"
    )


def test_whose_last_run_is_in_anothers_project_is_on_that_projects_record(
    visit: Visit, vision: Project, alice: User, mallory: User
) -> None:
    by = Actor.person(alice)
    update_project(vision, by=by, visibility=Visibility.OPEN)
    work.run(vision, "theirs", by=mallory, display_name="added by hand", config_text=config(os="Linux"))

    assert "added by hand" in text_of(visit("/settings/system-metadata", by="mallory"))
    looks = Event.objects.filter(kind="project.read")
    assert [(each.by, each.subject) for each in looks] == [(mallory.public_id, vision.public_id)]

    update_project(vision, by=by, visibility=Visibility.PRIVATE)
    assert "No run yet." in text_of(visit("/settings/system-metadata", by="mallory"))
    assert looks.count() == 1


# ── What was saved, once saving is off ──


def _keep_code(entity: Entity, run: Run, alice: User) -> None:
    choose(entity, SettingName.CODE_SAVING, True, by=Actor.person(alice))
    for announced in announce_files(run, ["code/a.py", "notes.txt"]):
        assert announced.file is not None
        store_file(announced.file, [b"x"])


@pytest.mark.promise("P-05")
def test_switched_off_the_page_offers_to_erase_what_was_saved_and_does_so_once_agreed(
    visit: Visit, send: Visit, told: Run, lab: Entity, alice: User
) -> None:
    page = "/teams/lab/code-saving"
    _keep_code(lab, told, alice)
    assert "Erase saved code" not in text_of(visit(page, by="alice"))
    assert send(f"{page}/erase", by="alice", agreed="on").status_code == 409

    send(page, by="alice", name="code_saving")
    assert "1 file of code, 1 B, is still kept with runs: 1." in text_of(visit(page, by="alice"))
    assert "Erase saved code" not in text_of(visit(page, by="bob"))

    refused = send(f"{page}/erase", by="alice")
    assert (refused.status_code, "Tick this, or leave what was saved" in text_of(refused)) == (400, True)
    assert [send(f"{page}/erase", by=who, agreed="on").status_code for who in ("bob", None)] == [403, 404]
    assert [each.name for each in code_files(told)] == ["code/a.py"]

    assert send(f"{page}/erase", by="alice", agreed="on").status_code == 302
    assert [each.name for each in list_files(told)] == ["notes.txt"]
    assert "Erase saved code" not in text_of(visit(page, by="alice"))


def test_ones_own_code_is_erased_and_nobody_elses(send: Visit, told: Run, lab: Entity, alice: User) -> None:
    own = work.run(work.project("alice", "own", by=alice), "mine", by=alice)
    _keep_code(lab, told, alice)
    _keep_code(own.project.entity, own, alice)
    send("/settings/code-saving", by="alice", name="code_saving")

    send("/settings/code-saving/erase", by="alice", agreed="on")

    assert [each.name for each in list_files(own)] == ["notes.txt"]
    assert [each.name for each in code_files(told)] == ["code/a.py"]
