from __future__ import annotations

import io
import json
import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.access.policy import Visibility
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core import clock
from apps.files import services
from apps.files.services import announce_files, store_file
from apps.leaks.services import scan
from apps.projects.models import Project, ProjectMember, ShareLink
from apps.projects.queries import open_project
from apps.projects.services import make_share_link, name_person, update_project
from apps.projects.types import NamedRole
from apps.runs.models import Run
from apps.teams.choices import SettingName
from apps.teams.models import Entity, Organisation, OrganisationMembership
from apps.teams.services import choose
from apps.teams.types import OrganisationRole
from tests.factories import artifacts, people, work
from tests.web.conftest import Visit, text_of

pytestmark = pytest.mark.django_db
PAGE = "/lab/vision/settings"


def visibility_of(project: Project) -> str:
    return Project.objects.get(pk=project.pk).visibility


@pytest.mark.parametrize(
    ("who", "status"), [("alice", 200), ("bob", 403), ("vera", 403), ("mallory", 404), (None, 404)]
)
def test_only_admins_have_the_page(
    visit: Visit, vision: Project, mallory: User, who: str, status: int
) -> None:
    assert visit(PAGE, by=who).status_code == status
    tab = 'href="/lab/vision/settings"' in visit("/lab/vision", by=who).content.decode()
    assert tab is (who == "alice")


def test_the_page_has_the_tabs_of_the_others(visit: Visit, vision: Project) -> None:
    tabs = [
        re.findall(r'href="(/lab/vision[^"]*)"', visit(each, by="alice").content.decode().split("</nav>")[1])
        for each in ("/lab/vision", PAGE)
    ]

    assert "/lab/vision/export" in tabs[1]
    assert tabs[0] == tabs[1]


def test_each_choice_says_who_will_read_and_who_will_write(
    visit: Visit, vision: Project, alice: User
) -> None:
    words = text_of(visit(PAGE, by="alice"))

    for sentence in (
        "Private to the team now Reads: The 3 people in lab. Writes: The 2 admins and members of lab.",
        "Restricted Reads: The admins of lab, and whoever is named below. Other members do not see that it exists.",
        "Writes: The admins of lab, and those named as members.",
        "Public Reads: Anybody, also without an account. Writes: The 2 admins and members of lab.",
        "Open Reads: Anybody, also without an account. Writes: The 2 admins and members of lab. Anybody",
        "lab. Anybody signed in adds runs, and changes those they added.",
    ):
        assert sentence in words


def test_ones_own_project_is_spoken_of_as_ones_own(visit: Visit, alice: User) -> None:
    work.project("alice", "diary", by=alice)

    words = text_of(visit("/alice/diary/settings", by="alice"))

    assert "Private now Reads: You alone. Writes: You alone." in words
    assert (
        "Restricted Reads: You, and whoever is named below. Writes: You, and those named as members." in words
    )


def test_restricting_counts_at_once_and_the_badge_follows(
    visit: Visit, send: Visit, vision: Project, bob: User
) -> None:
    assert send(PAGE, by="alice", visibility="restricted").status_code == 302

    assert visit("/lab/vision", by="bob").status_code == 404
    assert "Restricted, 1 person" in text_of(visit("/lab/vision", by="alice"))


# ── publishing ──


def test_a_project_that_tells_of_nobody_is_published_after_one_page(
    visit: Visit, send: Visit, vision: Project, alice: User
) -> None:
    work.run(vision, "run1", by=alice)

    answer = send(PAGE, by="alice", visibility="public")
    assert answer.headers["Location"] == "/lab/vision/settings/publish?visibility=public"
    assert visibility_of(vision) == "private"
    page = text_of(visit(answer.headers["Location"], by="alice"))
    assert "Runs, with config, values and notes 1 Files 0 Console logs 0" in page
    assert "agreed" not in page
    assert send(f"{PAGE}/publish", by="alice", visibility="public").status_code == 302

    assert visibility_of(vision) == "public"
    assert visit("/lab/vision").status_code == 200


def test_what_tells_of_machines_and_code_is_asked_about_again(
    visit: Visit, send: Visit, told: Run, vision: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "keeps_file", lambda name, saving_on: True)
    file = announce_files(told, ["code/train.py"])[0].file
    assert file is not None
    store_file(file, io.BytesIO(b"print(1)"))

    page = visit(f"{PAGE}/publish?visibility=public", by="alice")
    words = text_of(page)
    assert "Files 1 · 8 B Console logs 1 · 2 lines" in words
    assert "processor, GPU, versions, load 1 Files with code 1" in words
    assert "I know that the code and what the runs tell of their machines become visible too." in words
    assert "Values that look like secrets 0" in words

    refused = send(f"{PAGE}/publish", by="alice", visibility="public")
    assert refused.status_code == 400
    assert "Tick this, or leave the project as it is." in text_of(refused)
    assert visibility_of(vision) == "private"

    assert send(f"{PAGE}/publish", by="alice", visibility="public", agreed="1").status_code == 302
    assert visibility_of(vision) == "public"


def test_code_that_lies_in_artifacts_alone_is_asked_about_too(
    visit: Visit, send: Visit, vision: Project, alice: User
) -> None:
    by = Actor.person(alice)
    choose(vision.entity, SettingName.CODE_SAVING, True, by=by)
    artifacts.version(
        vision, "source-lab-vision-train.py", {"train.py": b"print(1)"}, by=by, type_name="code"
    )

    words = text_of(visit(f"{PAGE}/publish?visibility=public", by="alice"))
    assert "Versions of artifacts 1 · 8 B Saved views 0 Runs that tell" in words
    assert "Files with code 0 Versions of artifacts of code 1" in words
    assert "I know that the code becomes visible too." in words
    assert send(f"{PAGE}/publish", by="alice", visibility="public").status_code == 400
    assert visibility_of(vision) == "private"

    assert send(f"{PAGE}/publish", by="alice", visibility="public", agreed="1").status_code == 302
    assert visibility_of(vision) == "public"


def test_what_looks_like_a_secret_is_counted_led_to_and_asked_about_by_itself(
    visit: Visit, send: Visit, vision: Project, alice: User
) -> None:
    secret = "hf" + "_" + "Ab" * 17
    for n in range(7):
        config = json.dumps({"hub": {"value": secret}})
        assert scan(work.run(vision, f"<b>leaky{n}", by=alice, config_text=config))

    page = visit(f"{PAGE}/publish?visibility=public", by="alice")
    for where in (page, visit(PAGE, by="alice")):
        html = where.content.decode()
        assert html.count("/secrets") == 5 and 'href="/lab/vision/runs/%3Cb%3Eleaky0/secrets"' in html
        assert "2 more runs" in html and "<b>leaky" not in html and secret not in html
    assert "Values that look like secrets 7" in text_of(page)
    assert "7 values look like secrets." in text_of(visit(PAGE, by="alice"))

    refused = send(f"{PAGE}/publish", by="alice", visibility="public", agreed="1")
    assert (refused.status_code, visibility_of(vision)) == (400, "private")
    assert text_of(refused).count("Tick this, or leave the project as it is.") == 1
    assert send(f"{PAGE}/publish", by="alice", visibility="public", agreed_secrets="1").status_code == 302
    assert visibility_of(vision) == "public"


def test_unpublishing_asks_nothing_and_counts_at_once(
    visit: Visit, send: Visit, vision: Project, alice: User
) -> None:
    update_project(vision, by=Actor.person(alice), visibility=Visibility.PUBLIC)
    assert visit("/lab/vision").status_code == 200

    assert send(PAGE, by="alice", visibility="private").status_code == 302

    assert visit("/lab/vision").status_code == 404


def test_from_public_to_open_nothing_new_becomes_visible(send: Visit, vision: Project, alice: User) -> None:
    update_project(vision, by=Actor.person(alice), visibility=Visibility.PUBLIC)

    assert send(PAGE, by="alice", visibility="open").headers["Location"] == PAGE
    assert visibility_of(vision) == "open"


@pytest.mark.parametrize("sent", ["", "everybody", "\x00", "x" * 10_000, "<script>"])
def test_no_such_choice_is_a_word_beside_the_choices(send: Visit, vision: Project, sent: str) -> None:
    answer = send(PAGE, by="alice", visibility=sent)

    assert answer.status_code == 400
    assert "Choose one of the four." in text_of(answer)
    assert send(f"{PAGE}/publish", by="alice", visibility=sent, agreed="1").status_code == 302
    assert visibility_of(vision) == "private"


def test_an_organisation_that_keeps_projects_private_says_so_beside_the_choice(
    visit: Visit, send: Visit, vision: Project, lab: Entity, alice: User
) -> None:
    group = Organisation.objects.create(name="group")
    OrganisationMembership.objects.create(organisation=group, user=alice, role=OrganisationRole.ADMIN)
    Entity.objects.filter(pk=lab.pk).update(organisation=group)
    choose(group, SettingName.PRIVATE_ONLY, True, by=Actor.person(alice))
    words = "The organisation group keeps the projects of its teams to their own people."

    page = visit(PAGE, by="alice")
    barred = re.findall(
        r'<label class="way barred"><input [^>]*value="(\w+)" disabled>', page.content.decode()
    )
    assert barred == ["public", "open"]
    assert text_of(page).count("Not allowed by the organisation group .") == 2
    assert "Anybody, also without an account." not in text_of(page)

    answers = [
        send(PAGE, by="alice", visibility="public"),
        send(f"{PAGE}/publish", by="alice", visibility="public", agreed="1"),
        send(f"{PAGE}/links", by="alice", label="", days="7"),
        send(f"{PAGE}/people", by="alice", username="mallory", role="viewer"),
    ]

    assert [(each.status_code, words in text_of(each)) for each in answers] == [(400, True)] * 4
    assert visibility_of(vision) == "private"


def test_what_was_published_before_an_organisation_kept_it_says_so(
    visit: Visit, send: Visit, vision: Project, institute: Organisation, alice: User
) -> None:
    update_project(vision, by=Actor.person(alice), visibility=Visibility.PUBLIC)
    choose(institute, SettingName.PRIVATE_ONLY, True, by=Actor.person(alice))

    page = visit(PAGE, by="alice")

    assert "This one was published before: nobody from outside sees it now" in text_of(page)
    assert "it stays private until you publish it again" in text_of(page)
    assert 'value="private" checked' in page.content.decode()
    assert "Team, 3 people" in text_of(page)
    assert "Public" not in text_of(visit("/lab", by="alice"))
    assert visit("/lab/vision").status_code == 404

    send(PAGE, by="alice", visibility="private")
    assert visibility_of(vision) == "private"
    assert "This one was published before" not in text_of(visit(PAGE, by="alice"))


# ── named people ──


def test_people_are_added_changed_and_taken_out(
    visit: Visit, send: Visit, vision: Project, mallory: User
) -> None:
    send(PAGE, by="alice", visibility="restricted")
    assert visit("/lab/vision", by="mallory").status_code == 404

    assert send(f"{PAGE}/people", by="alice", username="mallory", role="viewer").status_code == 302
    assert visit("/lab/vision", by="mallory").status_code == 200
    assert "vision" in text_of(visit("/", by="mallory"))
    assert visit("/lab", by="mallory").status_code == 200
    assert "mallory from outside May look" in text_of(visit(PAGE, by="alice"))

    send(f"{PAGE}/people", by="alice", username="mallory", role="member")
    assert ProjectMember.objects.get().role == "member"
    assert visit("/lab/vision/new-run", by="mallory").status_code == 200

    send(f"{PAGE}/people/remove", by="alice", username="mallory")
    assert visit("/lab/vision", by="mallory").status_code == 404
    assert visit("/lab", by="mallory").status_code == 404


@pytest.mark.parametrize("typed", ["nobody-here", "<b>x</b>", "\u202ebob", "y" * 150, "m@example.com"])
def test_a_name_that_is_nobodys_is_said_beside_the_field(send: Visit, vision: Project, typed: str) -> None:
    answer = send(f"{PAGE}/people", by="alice", username=typed, role="viewer")

    assert answer.status_code == 400
    assert "Nobody of this user name can be added." in text_of(answer)
    assert "<b>x</b>" not in answer.content.decode()


@pytest.mark.parametrize(
    ("field", "value"), [("username", ""), ("username", "z" * 10_000), ("role", "admin")]
)
def test_forms_that_cannot_be_used_name_nobody(
    send: Visit, vision: Project, mallory: User, field: str, value: str
) -> None:
    form = {"username": "mallory", "role": "viewer"} | {field: value}

    assert send(f"{PAGE}/people", by="alice", **form).status_code == 400
    assert not ProjectMember.objects.exists()


# ── links ──


def made_link(send: Visit, **form: str) -> str:
    answer = send(f"{PAGE}/links", by="alice", **({"label": "reviewers", "days": "7"} | form))
    found = re.search(r"http://testserver(/share/[\w-]{43})", answer.content.decode())
    assert found is not None
    return found[1]


def test_a_link_is_shown_once(visit: Visit, send: Visit, vision: Project) -> None:
    secret = made_link(send).rpartition("/")[2]

    page = visit(PAGE, by="alice").content.decode()
    assert secret not in page
    assert "reviewers" in page


def test_a_browser_with_the_link_reads_that_project_and_nothing_else(
    send: Visit, told: Run, alice: User
) -> None:
    work.project("lab", "speech", by=alice)
    guest = Client()
    pages = (
        "",
        "/runs/told",
        "/runs/told/charts",
        "/runs/told/console",
        "/runs/told/files",
        "/live",
        "/rows",
    )
    assert guest.get("/lab/vision").status_code == 404

    answer = guest.get(made_link(send))

    assert answer.headers["Location"] == "/lab/vision"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert {guest.get(f"/lab/vision{each}").status_code for each in pages} <= {200, 204}
    assert guest.get("/api/v1/projects/lab/vision/runs").status_code == 200
    assert "You look at this by a link" in text_of(guest.get("/lab/vision"))
    assert 'href="/lab"' not in guest.get("/lab/vision").content.decode()
    closed = ("/lab", "/lab/speech", "/lab/vision/settings/publish", "/api/v1/projects/lab/speech")
    assert [guest.get(each).status_code for each in closed] == [404, 404, 403, 404]
    writes = ("/settings", "/new-run", "/runs/told/edit", "/runs/told/stop", "/tag", "/settings/links")
    assert {guest.post(f"/lab/vision{each}").status_code for each in writes} == {403}
    assert (
        guest.patch("/api/v1/projects/lab/vision", "{}", content_type="application/json").status_code == 403
    )


def test_a_link_ends_at_the_next_request(visit: Visit, send: Visit, vision: Project) -> None:
    first, second = Client(), Client()
    for guest in (first, second):
        guest.get(made_link(send))
        assert guest.get("/lab/vision").status_code == 200
    one, two = ShareLink.objects.order_by("id")

    send(f"{PAGE}/links/revoke", by="alice", link=one.public_id)
    ShareLink.objects.filter(pk=two.pk).update(expires_at=clock.now() - timedelta(seconds=1))

    assert first.get("/lab/vision").status_code == 404
    assert second.get("/lab/vision").status_code == 404


def test_what_a_signed_in_person_came_by_is_no_project_of_theirs(
    send: Visit, vision: Project, mallory: User
) -> None:
    guest = Client()
    guest.force_login(mallory, backend="django.contrib.auth.backends.ModelBackend")
    guest.get(made_link(send))

    assert guest.get("/lab/vision").status_code == 200
    assert "vision" not in text_of(guest.get("/"))
    assert guest.get("/lab").status_code == 404
    assert guest.get("/api/v1/projects?entity=lab").status_code == 404


@pytest.mark.parametrize("secret", ["x", "x" * 43, "x" * 3000, "%00", "%F0%9F%98%80"])
def test_a_secret_that_is_none_is_the_page_of_what_is_not_there(
    visit: Visit, vision: Project, secret: str
) -> None:
    answer = visit(f"/share/{secret}")

    assert (answer.status_code, text_of(answer)) == (404, text_of(visit("/nothing/here")))


def test_a_look_at_the_head_lets_nobody_in(send: Visit, vision: Project) -> None:
    guest = Client()
    guest.head(made_link(send))

    assert guest.get("/lab/vision").status_code == 404


@pytest.mark.parametrize(
    ("field", "value"), [("label", "x" * 10_000), ("days", "0"), ("days", "x"), ("days", "")]
)
def test_links_that_cannot_be_made_are_not(send: Visit, vision: Project, field: str, value: str) -> None:
    form = {"label": "", "days": "7"} | {field: value}

    assert send(f"{PAGE}/links", by="alice", **form).status_code == 400
    assert not ShareLink.objects.exists()


def test_hostile_labels_are_shown_as_they_are(visit: Visit, send: Visit, vision: Project) -> None:
    made_link(send, label="<script>alert(1)</script>\u202e")

    assert "<script>alert(1)" not in visit(PAGE, by="alice").content.decode()


def test_the_description_is_changed(visit: Visit, send: Visit, vision: Project) -> None:
    assert send(f"{PAGE}/description", by="alice", description="What\x00 <b>for").status_code == 400
    assert send(f"{PAGE}/description", by="alice", description="x" * 10_001).status_code == 400
    assert send(f"{PAGE}/description", by="alice", description="What <b>for").status_code == 302

    assert open_project(Project.objects.get(pk=vision.pk)).description == "What <b>for"


# ── open projects ──


def test_anybody_signed_in_adds_runs_to_an_open_project_and_changes_their_own(
    visit: Visit, send: Visit, vision: Project, alice: User, mallory: User
) -> None:
    theirs = work.run(vision, "hers", by=alice)
    update_project(vision, by=Actor.person(alice), visibility=Visibility.OPEN)
    work.run(Project.objects.get(pk=vision.pk), "own", by=mallory)

    assert visit("/lab/vision/new-run", by="mallory").status_code == 200
    assert 'href="/lab/vision/runs/own/log"' in visit("/lab/vision/runs/own", by="mallory").content.decode()
    assert "/log" not in visit("/lab/vision/runs/hers", by="mallory").content.decode()
    assert send("/lab/vision/runs/own/edit", by="mallory", notes="mine").status_code == 302
    assert send("/lab/vision/runs/hers/edit", by="mallory", notes="mine").status_code == 403
    assert theirs.created_by == alice

    key = {"Authorization": f"Bearer {people.api_key(mallory)}"}
    answers = [
        Client().post("/api/v1/projects/lab/vision/runs", "{}", content_type="application/json", headers=key),
        Client().patch(
            "/api/v1/projects/lab/vision/runs/own",
            '{"notes": "x"}',
            content_type="application/json",
            headers=key,
        ),
        Client().patch(
            "/api/v1/projects/lab/vision/runs/hers",
            '{"notes": "x"}',
            content_type="application/json",
            headers=key,
        ),
    ]
    assert [each.status_code for each in answers] == [201, 200, 403]


# ── what lists cost ──


@pytest.mark.parametrize("count", [2, 4])
def test_home_asks_no_more_for_four_shared_projects_than_for_two(
    client: Client, alice: User, mallory: User, count: int
) -> None:
    for n in range(count):
        people.team(f"team{n}", admin=alice)
        project = work.project(f"team{n}", f"shared{n}", by=alice)
        by = Actor.person(alice)
        project = update_project(project, by=by, visibility=Visibility.RESTRICTED)
        name_person(project, username="mallory", role=NamedRole.VIEWER, by=by)
        make_share_link(project, label="", days=1, by=by)

    client.force_login(mallory, backend="django.contrib.auth.backends.ModelBackend")
    client.get("/")
    with CaptureQueriesContext(connection) as asked:
        page = text_of(client.get("/"))

    assert page.count("Restricted, 2 people") == count
    assert len(asked) == 21
