"""GET /settings/audit, /teams/<team>/audit and their exports."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext

from apps.access.policy import Permission, Scope, Visibility
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.accounts.services import revoke_api_key
from apps.audit.events import EventKind
from apps.audit.models import Event
from apps.audit.sealing import seal
from apps.audit.services import record
from apps.core.errors import NotFound
from apps.erasure.services import erase_run
from apps.projects.models import Project
from apps.projects.queries import get_project
from apps.projects.seen import audited_entity
from apps.projects.services import choose_retention, make_share_link, name_person, update_project
from apps.projects.types import NamedRole
from apps.runs.models import Run
from apps.runs.queries import open_run
from apps.teams.choices import SettingName
from apps.teams.models import Entity, Membership
from apps.teams.queries import own_entity
from apps.teams.services import choose, unset
from apps.teams.services.keys import KeyWanted, make_key
from apps.web.views import record as views
from tests.factories import people, work
from tests.web.conftest import Visit

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-33")]
MINE, TEAM = "/settings/audit", "/teams/lab/audit"


@pytest.fixture
def seen(vision: Project, run: Run, alice: User, mallory: User) -> Project:
    """mallory and somebody who is not signed in looked into the public project of the lab."""
    update_project(vision, by=Actor.person(alice), visibility=Visibility.PUBLIC)
    for actor in (Actor.person(mallory), Actor.nobody()):
        get_project(actor, Permission.PROJECT_READ, entity="lab", name="vision")
    return vision


def lines(answer: HttpResponse) -> list[str]:
    """The lines of the page, as they read."""
    assert answer.status_code == 200
    found = re.findall(r"<li><time[^>]*>[^<]*</time><p>(.*?)</p></li>", answer.content.decode(), re.DOTALL)
    return [" ".join(re.sub("<[^>]*>", " ", line).split()) for line in found]


def export(visit: Visit, url: str, *, by: str = "alice") -> str:
    answer = visit(url, by=by)
    assert answer.status_code == 200
    return b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]


def test_the_page_says_who_of_elsewhere_looked(visit: Visit, seen: Project) -> None:
    assert lines(visit(TEAM, by="alice")) == [
        "somebody not signed in looked into a project vision as anybody may",
        "mallory looked into a project vision as anybody may",
    ]


@pytest.mark.parametrize(
    ("who", "status"), [("alice", 200), ("bob", 403), ("vera", 403), ("mallory", 404), (None, 404)]
)
@pytest.mark.parametrize("url", [TEAM, f"{TEAM}/export?form=csv"])
def test_a_teams_record_is_for_its_admins(
    visit: Visit, seen: Project, url: str, who: str | None, status: int
) -> None:
    assert visit(url, by=who).status_code == status


def test_a_persons_record_is_their_own(visit: Visit, seen: Project, alice: User) -> None:
    assert lines(visit(f"{MINE}?kind=", by="mallory"))[-2:] == [
        "mallory began this record",
        "mallory made the account",
    ]
    assert visit("/teams/alice/audit", by="alice").status_code == 404
    assert visit(MINE).status_code == 302


def test_everything_is_there_for_who_asks(visit: Visit, seen: Project, run: Run) -> None:
    name = open_run(run).head.display_name
    assert lines(visit(f"{TEAM}?kind=work", by="alice")) == [
        f"alice began a run {name} in vision",
        "alice made a project vision",
    ]
    assert lines(visit(f"{TEAM}?kind=run.created", by="alice")) == [f"alice began a run {name} in vision"]
    assert lines(visit(f"{TEAM}?kind=&by=mallory", by="alice")) == [
        "mallory looked into a project vision as anybody may"
    ]
    assert lines(visit(f"{TEAM}?by=nobody", by="alice")) == [
        "somebody not signed in looked into a project vision as anybody may"
    ]
    assert lines(visit(f"{TEAM}?by=noone-here", by="alice")) == []


def test_what_was_erased_on_the_machine_was_erased_by_an_operator(visit: Visit, run: Run) -> None:
    erase_run(run, by=Actor.operator())

    found = lines(visit(f"{TEAM}?kind=&by=operator", by="alice"))

    assert found == [
        f"an operator, on the instance’s machine erased a run {run.public_id} in vision the erasure"
    ]


def test_a_team_that_the_reader_left_is_not_named_on_their_record(
    visit: Visit, send: Visit, lab: Entity, bob: User
) -> None:
    send("/settings/profile", by="bob", default_entity=lab.public_id)
    asked = f"{MINE}?kind=setting.changed"
    assert [line.endswith(" lab") for line in lines(visit(asked, by="bob"))] == [True]

    Membership.objects.filter(entity=lab, user=bob).delete()
    Entity.objects.filter(pk=lab.pk).update(name="observatory")

    (line,) = lines(visit(asked, by="bob"))
    assert line.endswith(lab.public_id)
    assert "observatory" not in line


def test_one_project_among_others(visit: Visit, seen: Project, alice: User) -> None:
    work.project("lab", "speech", by=alice)

    found = lines(visit(f"{TEAM}?kind=work&project=speech", by="alice"))

    assert found == ["alice made a project speech"]


def test_days_narrow(visit: Visit, seen: Project) -> None:
    today = Event.objects.latest("pk").at.date().isoformat()

    assert len(lines(visit(f"{TEAM}?since={today}&until={today}", by="alice"))) == 2
    assert lines(visit(f"{TEAM}?since=2001-01-01&until=2001-01-02", by="alice")) == []
    assert lines(visit(f"{TEAM}?until=9999-12-31", by="alice")) != []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("kind=planted", "id_kind"),
        ("by=" + "x" * 10_000, "id_by"),
        ("by=%00", "id_by"),
        ("project=somebody-elses", "id_project"),
        ("since=yesterday", "id_since"),
        ("since=2026-02-30", "id_since"),
        ("since=2026-02-02&until=2026-01-01", "id_until"),
    ],
)
def test_what_cannot_be_looked_for_is_said_beside_its_field(
    visit: Visit, seen: Project, query: str, field: str
) -> None:
    answer = visit(f"{TEAM}?{query}", by="alice")

    assert lines(answer) == []
    assert f'id="{field}-error"' in answer.content.decode()
    assert visit(f"{TEAM}/export?form=csv&{query}", by="alice").status_code == 400


@pytest.mark.parametrize("query", ["before=x", "after=-1", "before=" + "9" * 40, "before=²"])
def test_a_place_that_is_none_is_the_beginning(visit: Visit, seen: Project, query: str) -> None:
    assert len(lines(visit(f"{TEAM}?{query}", by="alice"))) == 2


def test_hostile_words_are_harmless(visit: Visit, seen: Project) -> None:
    page = visit(f"{TEAM}?by=%3Cscript%3E%E2%80%AE", by="alice").content.decode()

    assert "<script>‮" not in page


def counts(answer: HttpResponse) -> list[int]:
    return [int(re.findall(r"(\d+) more", line)[0]) for line in lines(answer)]


def way(answer: HttpResponse, word: str) -> str:
    found = re.findall(rf'<a class="btn" href="([^"]*)">{word}</a>', answer.content.decode())
    return str(found[0]).replace("&amp;", "&") if found else ""


def test_pages_follow_each_other_both_ways(
    visit: Visit, lab: Entity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "_LINES", 2)
    for n in range(1, 6):
        record(
            EventKind.PROJECT_READ,
            subject="s",
            entity=lab.public_id,
            by=Actor.nobody(),
            more=n,
            since="2026-01-01T09:00+00:00",
        )

    first = visit(TEAM, by="alice")
    second = visit(way(first, "Older"), by="alice")
    third = visit(way(second, "Older"), by="alice")
    back = visit(way(third, "Newer"), by="alice")

    assert [counts(each) for each in (first, second, third, back)] == [[5, 4], [3, 2], [1], [3, 2]]
    assert (way(first, "Newer"), way(third, "Older")) == ("", "")


def test_people_who_have_left_keep_no_name(visit: Visit, seen: Project, mallory: User) -> None:
    left = mallory.public_id
    Entity.objects.filter(user=mallory).delete()
    mallory.delete()

    assert lines(visit(TEAM, by="alice"))[-1].startswith(
        f"somebody who has left {left} looked into a project"
    )


def test_more_events_ask_no_more_questions(visit: Visit, seen: Project, alice: User) -> None:
    def questions() -> int:
        with CaptureQueriesContext(connection) as asked:
            visit(f"{TEAM}?kind=", by="alice")
        return len(asked)

    few = questions()
    for n in range(10):
        work.run(seen, f"more{n}", by=alice)
    assert questions() == few


def test_csv_and_json_lines_hold_every_line_and_its_digest(
    visit: Visit, seen: Project, mallory: User
) -> None:
    seal()
    rows = list(csv.DictReader(io.StringIO(export(visit, f"{TEAM}/export?form=csv&kind="))))
    told = [json.loads(line) for line in export(visit, f"{TEAM}/export?form=jsonl&kind=seen").splitlines()]

    assert [row["kind"] for row in rows][:2] == ["record.exported", "project.read"]
    assert [(each["by"], each["by_id"], each["project"]) for each in told] == [
        (None, "nobody", "vision"),
        ("mallory", mallory.public_id, "vision"),
    ]
    assert [len(each["sha256"]) for each in told] == [64, 64]
    assert rows[1]["sha256"] == told[0]["sha256"]


def test_taking_the_record_is_on_the_record(visit: Visit, seen: Project, alice: User) -> None:
    export(visit, f"{TEAM}/export?form=jsonl")

    last = Event.objects.latest("pk")
    assert (last.kind, last.by, last.facts) == ("record.exported", alice.public_id, {"form": "jsonl"})


def test_names_that_a_spreadsheet_would_run_are_text(visit: Visit, lab: Entity, alice: User) -> None:
    work.project("lab", "=1+1", by=alice)

    assert ",'=1+1," in export(visit, f"{TEAM}/export?form=csv&kind=work")


@pytest.mark.parametrize("form", ["", "exe"])
def test_there_are_two_forms(visit: Visit, seen: Project, form: str) -> None:
    assert visit(f"{TEAM}/export?form={form}", by="alice").status_code == 400


def test_a_private_project_stays_unnamed_to_who_may_not_read_it(seen: Project, mallory: User) -> None:
    with pytest.raises(NotFound):
        audited_entity(Actor.person(mallory), "lab")


# ── Facts and ids in words ──


def test_a_change_of_a_setting_says_what_was_and_what_became_of_it(
    visit: Visit, lab: Entity, vision: Project, alice: User
) -> None:
    by = Actor.person(alice)
    institute = people.organisation("uni", admin=alice, teams=[lab])
    choose(lab, SettingName.RUN_RETENTION_DAYS, 90, by=by)
    choose(lab, SettingName.RUN_RETENTION_DAYS, None, by=by)
    unset(lab, SettingName.RUN_RETENTION_DAYS, by=by)
    choose(lab, SettingName.CODE_SAVING, True, by=by)
    choose(institute, SettingName.CODE_SAVING, False, by=by, enforce=True)
    choose_retention(vision, 30, by=by)

    assert lines(visit(f"{TEAM}?kind=setting.changed", by="alice")) == [
        "alice changed a setting vision How long runs are kept from nothing chosen to 30 days",
        "alice changed a setting Code saving from nothing chosen to on",
        "alice changed a setting How long runs are kept from never to nothing chosen",
        "alice changed a setting How long runs are kept from 90 days to never",
        "alice changed a setting How long runs are kept from nothing chosen to 90 days",
    ]
    assert lines(visit("/organisations/uni/audit?kind=setting.changed", by="alice")) == [
        "alice changed a setting Code saving from nothing chosen to off for all teams, whatever they chose"
    ]


def test_a_change_of_visibility_is_one_line(visit: Visit, seen: Project, alice: User) -> None:
    update_project(seen, by=Actor.person(alice), description="words of mine")

    assert lines(visit(f"{TEAM}?kind=people", by="alice"))[0] == (
        "alice changed who sees a project vision from Private to Public"
    )
    assert lines(visit(f"{TEAM}?kind=project.changed", by="alice")) == [
        "alice changed a project vision its description"
    ]
    assert Event.objects.filter(kind="sharing.visibility_changed").count() == 1
    assert "words of mine" not in str(list(Event.objects.values_list("facts", flat=True)))


def test_what_still_has_a_name_is_called_by_it(
    visit: Visit, vision: Project, run: Run, alice: User, mallory: User
) -> None:
    by = Actor.person(alice)
    named, _secret = make_key(by, KeyWanted(name="laptop <b>", scope=Scope.READ))
    revoke_api_key(by, named.public_id)
    name_person(vision, username="mallory", role=NamedRole.VIEWER, by=by)
    make_share_link(vision, label="for the reviewer", days=7, by=by)
    choose(own_entity(by), SettingName.DEFAULT_ENTITY, vision.entity.public_id, by=by)

    assert lines(visit(f"{MINE}?kind=api_key.issued", by="alice"))[0] == (
        "alice made an API key laptop &lt;b&gt; for reading"
    )
    assert lines(visit(f"{MINE}?kind=api_key.revoked", by="alice")) == [
        "alice revoked an API key laptop &lt;b&gt;"
    ]
    assert lines(visit(f"{MINE}?kind=setting.changed", by="alice")) == [
        "alice changed a setting Where runs go that name no owner from nothing chosen to lab"
    ]
    assert lines(visit(f"{TEAM}?kind=people", by="alice"))[:2] == [
        "alice made a link to a project vision for 7 days the link for the reviewer",
        "alice let somebody into a project by name mallory vision May look",
    ]


def test_what_is_erased_keeps_its_id(visit: Visit, vision: Project, run: Run, alice: User) -> None:
    job = erase_run(run, by=Actor.person(alice))

    page = visit(f"{TEAM}?kind=work", by="alice")
    assert lines(page)[0] == f"alice erased a run {run.public_id} in vision the erasure"
    assert f'href="/settings/erasures/{job.public_id}"' in page.content.decode()


def test_words_of_no_version_stand_as_they_are(visit: Visit, lab: Entity, alice: User) -> None:
    record(
        EventKind.MEMBER_ROLE_CHANGED,
        subject="x",
        entity=lab.public_id,
        by=Actor.person(alice),
        state="sleeping",
        planted=True,
        factor="ring",
    )

    assert lines(visit(f"{TEAM}?kind=member.role_changed", by="alice")) == [
        "alice gave somebody another role sleeping ring planted true"
    ]


def test_the_record_is_told_in_japanese_to_the_last_word(
    visit: Visit, seen: Project, run: Run, alice: User
) -> None:
    User.objects.filter(pk=alice.pk).update(language="ja", time_zone="Asia/Tokyo")
    choose(seen.entity, SettingName.SYSTEM_METADATA, "none", by=Actor.person(alice))

    page = visit(f"{TEAM}?kind=", by="alice")

    own = {"alice", "mallory", "vision", "lab"}
    own |= set(re.findall("[a-z]+", open_run(run).head.display_name))
    assert {word for line in lines(page) for word in re.findall("[A-Za-z]{2,}", line)} - own == set()
    assert re.search(r"<h2 [^>]*>今日 · \d{4}年\d{1,2}月\d{1,2}日（.曜日）</h2>", page.content.decode())
    assert "Asia/Tokyo" in page.content.decode()


@pytest.mark.parametrize("word", ["Today", "Last 7 days", "Last 30 days", "All"])
def test_what_one_mostly_looks_for_is_one_press(visit: Visit, seen: Project, word: str) -> None:
    page = visit(f"{TEAM}?kind=work&since=2001-01-01&until=2001-01-02", by="alice").content.decode()

    found = re.search(rf'<a href="([^"]*)">{word}</a>', page)
    assert found is not None
    assert len(lines(visit(found[1].replace("&amp;", "&"), by="alice"))) == 2
