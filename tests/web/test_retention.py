"""How long runs and artifacts are kept: a choice that erases asks first, and nothing is half-saved."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from apps.accounts.models import User
from apps.artifacts.models import Version
from apps.core import clock
from apps.erasure.retention import erase_old_versions, erase_what_is_old
from apps.erasure.tasks import retention
from apps.projects.models import Project
from apps.projects.services import choose_retention
from apps.runs.models import Run
from apps.teams.choices import SettingName
from apps.teams.models import Entity, Setting
from apps.teams.services import choose
from tests.factories import artifacts, people, work
from tests.web.conftest import Visit, text_of

pytestmark = pytest.mark.promise("P-09")
URL, MINE = "/teams/lab/retention", "/settings/retention"
ARTIFACTS = "/lab/vision/artifacts/dataset"


def ended(project: Project, name: str, *, days: int, by: User) -> Run:
    run = work.run(project, name, by=by)
    moment = clock.now() - timedelta(days=days)
    Run.objects.filter(pk=run.pk).update(state="finished", finished_at=moment, heartbeat_at=moment)
    return run


@pytest.fixture
def old(vision: Project, alice: User) -> Project:
    """Three runs of the lab team: of today, of 40 and of 100 days ago."""
    for days in (0, 40, 100):
        ended(vision, f"ended{days}", days=days, by=alice)
    work.run(vision, "running", by=alice)
    return vision


def stored() -> list[tuple[str, str]]:
    return list(Setting.objects.values_list("name", "value"))


@pytest.mark.parametrize(
    ("who", "seen", "changed"),
    [("alice", 200, 302), ("bob", 200, 403), ("vera", 200, 403), ("mallory", 404, 404), (None, 404, 404)],
)
def test_who_sees_and_who_changes_a_teams(
    visit: Visit, send: Visit, lab: Entity, mallory: User, who: str | None, seen: int, changed: int
) -> None:
    assert visit(URL, by=who).status_code == seen
    assert send(URL, by=who, days="30").status_code == changed
    assert len(stored()) == (changed == 302)


def test_what_erases_nothing_is_saved_at_once(visit: Visit, send: Visit, alice: User) -> None:
    assert visit(MINE).status_code == 302
    assert "Runs are never erased by age" in text_of(visit(MINE, by="alice"))

    assert send(MINE, by="alice", days=" 90 ").status_code == 302

    page = text_of(visit(MINE, by="alice"))
    assert "Runs are erased 90 days after their end" in page
    assert "Set by alice" in page
    assert "No run will be erased" in page
    send(MINE, by="alice", keep="unsaid")
    assert stored() == []


def test_what_would_erase_runs_takes_the_name_first(visit: Visit, send: Visit, old: Project) -> None:
    asked = send(URL, by="alice", days="30")

    assert asked.status_code == 200
    assert "This would erase 2 runs" in text_of(asked)
    assert stored() == []
    for typed in ("", "LAB", "lab2", "x" * 10_000, "\x00", "<b>"):
        wrong = send(URL, by="alice", days="30", confirm=typed)
        assert (wrong.status_code, 'id="confirm-wrong"' in wrong.content.decode()) == (400, True)
    assert stored() == []

    assert send(URL, by="alice", days="30", confirm="lab").status_code == 302

    assert stored() == [("run_retention_days", "30")]
    assert "2 runs will be erased" in text_of(visit(URL, by="vera"))
    # A rule that takes no more than the present one needs no name.
    assert send(URL, by="alice", days="50").status_code == 302
    assert erase_what_is_old() == 1
    assert "No run will be erased" in text_of(visit(URL, by="alice"))
    assert send(URL, by="alice", keep="never").status_code == 302
    assert stored() == [("run_retention_days", "never")]


def test_a_choice_that_is_taken_back_asks_too(send: Visit, old: Project, alice: User) -> None:
    institute = people.organisation("institute", admin=alice, teams=[old.entity])
    choose(old.entity, SettingName.RUN_RETENTION_DAYS, 1000, by=people.actor(alice))
    choose(institute, SettingName.RUN_RETENTION_DAYS, 90, by=people.actor(alice))

    asked = send(URL, by="alice", keep="unsaid")

    assert "This would erase 1 run" in text_of(asked)
    assert '<input type="hidden" name="keep" value="unsaid">' in asked.content.decode()
    assert Setting.objects.filter(entity=old.entity).exists()
    assert send(URL, by="alice", keep="unsaid", confirm="lab").status_code == 302
    assert not Setting.objects.filter(entity=old.entity).exists()


def test_projects_with_a_rule_of_their_own_are_not_counted(
    visit: Visit, send: Visit, old: Project, alice: User
) -> None:
    choose_retention(old, None, by=people.actor(alice))

    assert send(URL, by="alice", days="30").status_code == 302
    assert "1 project has a rule of its own" in text_of(visit(URL, by="alice"))


def test_a_bound_from_above_is_said_and_cannot_be_passed(
    visit: Visit, send: Visit, lab: Entity, alice: User
) -> None:
    institute = people.organisation("institute", admin=alice, teams=[lab])
    choose(institute, SettingName.RUN_RETENTION_DAYS, 60, by=people.actor(alice), enforce=True)

    page = text_of(visit(URL, by="vera"))
    refused = send(URL, by="alice", days="90")

    assert "institute : Runs are erased 60 days after their end" in page
    assert "Only admins of the team change this." in page
    assert (refused.status_code, "has fixed this for its teams" in text_of(refused)) == (400, True)
    assert send(URL, by="alice", days="30").status_code == 302


@pytest.mark.parametrize("days", ["", "soon", "-1", "0", "1.5", "9" * 10_000, "\x00", "<script>", "٣"])
def test_what_is_no_number_of_days_is_refused_beside_the_field(send: Visit, alice: User, days: str) -> None:
    page = send(MINE, by="alice", days=days)

    assert page.status_code == 400
    assert 'id="days-wrong"' in page.content.decode()
    assert "whole number of days" in text_of(page)
    assert "<script>alert" not in page.content.decode()
    assert stored() == []


def test_an_organisations_rule_counts_first_what_it_would_erase(
    send: Visit, visit: Visit, old: Project, alice: User
) -> None:
    own = people.team("quiet", admin=alice)
    ended(work.project("quiet", "sounds", by=alice), "long-ago", days=400, by=alice)
    choose(own, SettingName.RUN_RETENTION_DAYS, 1000, by=people.actor(alice))
    people.organisation("institute", admin=alice, teams=[old.entity, own])
    url, days = "/organisations/institute/settings", {"name": "run_retention_days", "value": "30"}
    before = stored()

    # Said only, it does not reach the team that has chosen; enforced, it does.
    said = text_of(send(url, by="alice", **days))
    asked = send(url, by="alice", **days, enforce="1")

    assert "This would erase 2 runs" in said
    assert "lie in 1 project, of 1 team." in said
    assert (asked.status_code, "This would erase 3 runs" in text_of(asked)) == (200, True)
    assert "lie in 2 projects, of 2 teams." in text_of(asked)
    assert '<input type="hidden" name="enforce" value="1">' in asked.content.decode()
    for typed in ("", "lab", "INSTITUTE", "x" * 10_000, "\x00", "<b>"):
        wrong = send(url, by="alice", **days, confirm=typed)
        assert (wrong.status_code, 'id="confirm-wrong"' in wrong.content.decode()) == (400, True)
    assert stored() == before

    assert send(url, by="alice", **days, enforce="1", confirm="institute").status_code == 302
    assert Setting.objects.get(organisation__name="institute").is_enforced
    assert erase_what_is_old() == 3
    # With nothing left that is as old it is saved at once; and taking it back erases nothing.
    assert send(url, by="alice", **days).status_code == 302
    assert send(url, by="alice", name="run_retention_days", value="").status_code == 302


# ── Versions of artifacts ──


@pytest.fixture
def made(vision: Project, alice: User) -> Project:
    """Four versions that were complete 100 days ago, of which scripts said: nothing, nothing, never, a year."""
    by = people.actor(alice)
    for n, ttl in enumerate((None, -1, -2, 365 * 86_400)):
        begun = artifacts.version(vision, f"of{n}", {"a.txt": b"%d" % n}, by=by, ttl_seconds=ttl)
        Version.objects.filter(pk=begun.pk).update(committed_at=clock.now() - timedelta(days=100))
    artifacts.version(vision, "of0", {"a.txt": b"new"}, by=by)
    return vision


def test_a_life_for_all_versions_counts_asks_and_is_kept_hourly(
    send: Visit, visit: Visit, made: Project, alice: User
) -> None:
    form = {"setting": "artifact_ttl_days", "days": "30"}

    asked = send(URL, by="alice", **form)
    wrong = send(URL, by="alice", **form, confirm="vision")

    assert (asked.status_code, "This would erase 2 versions of artifacts" in text_of(asked)) == (200, True)
    assert (wrong.status_code, 'id="confirm-wrong"' in wrong.content.decode()) == (400, True)
    assert stored() == []

    assert send(URL, by="alice", **form, confirm="lab").status_code == 302

    assert stored() == [("artifact_ttl_days", "30")]
    page = text_of(visit(URL, by="vera"))
    assert "Artifacts are erased 30 days after they were made" in page
    assert "2 versions of artifacts will be erased" in page
    assert "No run will be erased" in page
    retention()
    left = Version.objects.exclude(state="deleted").order_by("pk")
    # What a script said holds, and what is young stays.
    assert list(left.values_list("ttl_seconds", flat=True)) == [0, 365 * 86_400, None]
    assert "No artifact will be erased" in text_of(visit(URL, by="alice"))
    assert erase_old_versions() == 0


def test_a_life_that_is_none_is_refused_beside_its_own_field(send: Visit, lab: Entity) -> None:
    page = send(URL, by="alice", setting="artifact_ttl_days", days="soon").content.decode()

    assert ('id="life-wrong"' in page, 'id="days-wrong"' in page) == (True, False)
    assert stored() == []


def test_an_organisation_bounds_the_life_of_versions_and_counts_them(
    send: Visit, visit: Visit, made: Project, alice: User
) -> None:
    people.organisation("institute", admin=alice, teams=[made.entity])
    said = {"name": "artifact_ttl_days", "value": "60", "enforce": "1"}

    asked = text_of(send("/organisations/institute/settings", by="alice", **said))
    assert "This would erase 2 versions of artifacts" in asked
    assert "lie in 1 project, of 1 team." in asked
    send("/organisations/institute/settings", by="alice", **said, confirm="institute")

    later = send(URL, by="alice", setting="artifact_ttl_days", days="90")
    assert (later.status_code, "has fixed this for its teams" in text_of(later)) == (400, True)
    assert erase_old_versions() == 2


def test_the_page_of_a_version_says_how_long_it_is_kept(visit: Visit, made: Project, alice: User) -> None:
    choose(made.entity, SettingName.ARTIFACT_TTL_DAYS, 400, by=people.actor(alice))

    by_rule, never = (text_of(visit(f"{ARTIFACTS}/of{n}/v0", by="alice")) for n in (0, 2))

    assert re.search(r"How long it is kept Until \d+ \w+ \d{4}, \d\d:\d\d , as its owner has it", by_rule)
    assert "Until somebody erases it." in never


# ── One project ──

PROJECT = "/lab/vision/settings"


@pytest.mark.parametrize(
    ("who", "status"), [("alice", 302), ("bob", 403), ("vera", 403), ("mallory", 404), (None, 404)]
)
def test_who_chooses_for_a_project(
    send: Visit, vision: Project, mallory: User, who: str | None, status: int
) -> None:
    assert send(f"{PROJECT}/retention", by=who, days="90").status_code == status

    vision.refresh_from_db()
    assert vision.run_retention == ("90" if status == 302 else "")


def test_a_projects_own_rule_counts_and_asks_as_well(send: Visit, visit: Visit, old: Project) -> None:
    asked = send(f"{PROJECT}/retention", by="alice", days="30")
    wrong = send(f"{PROJECT}/retention", by="alice", days="30", confirm="lab")

    assert (asked.status_code, "This would erase 2 runs" in text_of(asked)) == (200, True)
    assert (wrong.status_code, 'id="confirm-wrong"' in wrong.content.decode()) == (400, True)
    assert 'id="days-wrong"' not in wrong.content.decode()
    old.refresh_from_db()
    assert old.run_retention == ""

    assert send(f"{PROJECT}/retention", by="alice", days="30", confirm="vision").status_code == 302

    page = text_of(visit(PROJECT, by="alice"))
    assert "Runs are erased 30 days after their end" in page
    assert "This project : Runs are erased 30 days after their end applies" in page
    assert "2 runs will be erased at the next pass" in page
    assert send(f"{PROJECT}/retention", by="alice", keep="unsaid").status_code == 302
    assert "Runs are never erased by age" in text_of(visit(PROJECT, by="alice"))


@pytest.mark.parametrize("days", ["", "soon", "0", "9" * 10_000, "\x00", "<script>"])
def test_what_is_no_number_of_days_for_a_project_is_refused_beside_the_field(
    send: Visit, vision: Project, days: str
) -> None:
    page = send(f"{PROJECT}/retention", by="alice", days=days)

    assert (page.status_code, 'id="days-wrong"' in page.content.decode()) == (400, True)
    assert "whole number of days" in text_of(page)


def test_a_project_stays_within_what_is_enforced_on_its_team(
    send: Visit, visit: Visit, vision: Project, alice: User
) -> None:
    institute = people.organisation("institute", admin=alice, teams=[vision.entity])
    choose(institute, SettingName.RUN_RETENTION_DAYS, 60, by=people.actor(alice), enforce=True)

    refused = send(f"{PROJECT}/retention", by="alice", days="90")

    assert (refused.status_code, "has fixed this for its teams" in text_of(refused)) == (400, True)
    assert "The organisation institute has set a bound." in text_of(visit(PROJECT, by="alice"))


def test_how_long_an_erasure_can_be_taken_back_is_chosen_here(visit: Visit, send: Visit, lab: Entity) -> None:
    for name, days in (("grace_days", " 30 "), ("project_grace_days", "0")):
        assert send(URL, by="alice", setting=name, days=days).status_code == 302
    assert sorted(stored()) == [("grace_days", "30"), ("project_grace_days", "0")]
    assert "How long an erasure can be taken back" in text_of(visit(URL, by="bob"))
    assert send(URL, by="bob", setting="grace_days", days="1").status_code == 403

    for days in ("31", "-1", "", "never", "9" * 10_000, "<b>x", "\u0663", "1\x00"):
        wrong = send(URL, by="alice", setting="grace_days", days=days)
        page = wrong.content.decode()
        assert wrong.status_code == 400 and "from 0 to 30." in page
        assert page.count('aria-invalid="true"') == 1 and "<b>x" not in page
    assert sorted(stored()) == [("grace_days", "30"), ("project_grace_days", "0")]
