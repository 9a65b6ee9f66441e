"""What is held of somebody, a team and an organisation, in numbers: measured, of theirs alone, with a fixed number of questions."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from apps.accounts.models import User
from apps.accounts.services import issue_api_key
from apps.artifacts.kept import kept_versions_of
from apps.artifacts.services import create_registry, link_version
from apps.blobs.models import Blob
from apps.blobs.sealed_file import sealed_size
from apps.files import opening, services
from apps.files.kept import kept_of
from apps.files.models import Thumbnail
from apps.files.services import announce_files, store_file
from apps.plans.models import PlanRequest
from apps.plans.queries import kept_requests_of
from apps.plans.services import ask_for_plan, withdraw_request
from apps.plans.types import Plan, RequestWords
from apps.projects.models import Project
from apps.projects.stored import bytes_of
from apps.runs.models import Chunk, Run
from apps.teams.choices import SettingName
from apps.teams.models import Entity, Organisation, OrganisationMembership
from apps.teams.queries import own_entity
from apps.teams.services import choose, invite, make_service_account
from apps.teams.types import MemberRole, OrganisationRole
from apps.web.figures import size as size_in_words
from tests.factories import artifacts, people, work
from tests.web.conftest import Log, Visit, text_of

URL, TEAM, ORGANISATION = "/settings/my-data", "/teams/lab/data", "/organisations/institute/data"


def store(run: Run, *names: str) -> None:
    for announced in announce_files(run, list(names)):
        assert announced.file is not None
        store_file(announced.file, io.BytesIO(b"12345"))


@pytest.fixture
def saving_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where somebody has switched it on: this is about what is there, not about how it came there."""
    monkeypatch.setattr(services, "keeps_file", lambda name, saving_on: True)


def now(page: object, slug: str) -> str:
    table = re.search(
        rf'<table class="table held" aria-labelledby="{slug}">(.*?)</table>',
        page.content.decode(),  # type: ignore[attr-defined]
        re.S,
    )
    assert table
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", table[1].split("</tr>")[0])).strip()


@pytest.mark.parametrize(
    ("who", "status"), [("alice", 200), ("bob", 403), ("vera", 403), ("mallory", 404), (None, 404)]
)
def test_a_teams_is_for_its_admins(
    visit: Visit, lab: Entity, mallory: User, who: str | None, status: int
) -> None:
    assert visit(TEAM, by=who).status_code == status
    assert visit("/teams/nothing/data", by=who).status_code == 404


@pytest.mark.parametrize(
    ("who", "status"), [("alice", 200), ("bob", 403), ("vera", 404), ("mallory", 404), (None, 404)]
)
def test_an_organisations_is_for_its_admins(
    visit: Visit, institute: Organisation, bob: User, mallory: User, who: str | None, status: int
) -> None:
    OrganisationMembership.objects.create(organisation=institute, user=bob, role=OrganisationRole.MEMBER)

    assert visit(ORGANISATION, by=who).status_code == status
    assert visit("/organisations/nothing/data", by=who).status_code == 404


def test_ones_own_takes_an_account_and_begins_with_nothing(visit: Visit, alice: User) -> None:
    page = visit(URL, by="alice")

    assert visit(URL).status_code == 302
    assert [now(page, each) for each in ("metrics", "code", "training-data", "analysis")] == [
        "Now Nothing"
    ] * 4
    assert "on your record" in now(page, "account")
    assert "Take everything along as one file" in text_of(page)


def test_each_class_is_measured_as_it_is_stored(
    visit: Visit, vision: Project, alice: User, log: Log, saving_code: None
) -> None:
    run = work.run(vision, "one", by=alice, config_text='{"lr": {"value": 1}}')
    log(run, [{"loss": 1}, {"loss": 2}])
    store(run, "model.pt", "data/a.csv", "code/train.py", "wandb-metadata.json", "media/images/a.png")
    people.team("elsewhere", admin=alice)
    work.run(work.project("elsewhere", "other", by=alice), "two", by=alice)

    page = visit(TEAM, by="alice")

    lines = sum(Chunk.objects.filter(run=run).values_list("stored_bytes", flat=True))
    found = kept_of(vision.entity)
    size = sealed_size(len(b"12345"))
    assert (found.files.count, found.files.stored_bytes) == (2, 2 * size)
    assert [(each.count, each.stored_bytes) for each in (found.code, found.media)] == [(1, size)] * 2
    # Of what tells of the machine nothing was left that may be kept.
    assert (found.about.count, found.about.stored_bytes) == (1, sealed_size(len(b"{}")))
    assert found.lines.count == 2
    assert found.lines.stored_bytes >= lines > 0
    run.refresh_from_db()
    assert found.runs.stored_bytes == len(run.sealed_head) + len(run.sealed_config or b"")
    assert now(page, "training-data").startswith("Now 2 files")
    assert now(page, "code").startswith("Now 1 file ")
    assert now(page, "config").startswith("Now 1 project ")
    assert now(page, "metrics").startswith("Now 2 lines")
    assert "1 private project" in text_of(page)
    assert 'aria-labelledby="account"' not in page.content.decode()
    assert found.stored_bytes == sum(
        each.stored_bytes
        for each in (
            found.projects,
            found.runs,
            found.lines,
            found.code,
            found.about,
            found.media,
            found.files,
        )
    )


def test_ones_own_page_leads_to_the_teams_that_one_administers(
    visit: Visit, vision: Project, alice: User, bob: User
) -> None:
    assert 'href="/teams/lab/data"' in visit(URL, by="alice").content.decode()
    assert "/teams/lab/data" not in visit(URL, by="bob").content.decode()


def test_a_teams_size_is_that_of_files_lines_and_artifacts_together(
    visit: Visit, vision: Project, alice: User, log: Log
) -> None:
    run = work.run(vision, "one", by=alice)
    store(run, "a.txt")
    log(run, [{"loss": 1}])
    artifacts.version(vision, "ds", {"a.txt": b"x" * 3000}, by=people.actor(alice))
    Thumbnail.objects.create(file=run.files.get())  # one that is due has no bytes

    page = visit(URL, by="alice")

    blobs = sum(size or 0 for size in Blob.objects.values_list("stored_size", flat=True))
    lines = sum(Chunk.objects.values_list("stored_bytes", flat=True))
    assert bytes_of([vision.entity]) == {vision.entity_id: blobs + lines}
    row = page.content.decode().split('href="/teams/lab/data"')[1].split("</tr>")[0]
    assert size_in_words(blobs + lines) in row


def test_the_number_of_questions_does_not_grow(visit: Visit, vision: Project, alice: User, log: Log) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            visit(TEAM, by="alice")
        return len(queries)

    store(work.run(vision, "run0", by=alice), "a.txt")
    visit(TEAM, by="alice")
    before = asked()
    for number in (1, 2, 3):
        run = work.run(work.project("lab", f"p{number}", by=alice), f"run{number}", by=alice)
        log(run, [{"loss": 1}])
        store(run, "a.txt", "b.txt")

    assert asked() == before


def test_what_is_too_old_to_be_looked_at_counts_as_a_file(
    visit: Visit, vision: Project, alice: User, saving_code: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = work.run(vision, "one", by=alice)
    store(run, "code/old.py", "code/new.py")
    monkeypatch.setattr(opening, "MOST_LOOKED_AT", 1)

    found = kept_of(vision.entity)

    assert (found.code.count, found.files.count, found.is_partial) == (1, 1, True)
    assert "Only the newest files were told apart by name" in text_of(visit(TEAM, by="alice"))


def test_artifacts_are_counted_with_what_was_saved_by_name(
    visit: Visit, vision: Project, alice: User
) -> None:
    artifacts.version(vision, "ds", {"a.txt": b"one", "b.txt": b"two"}, by=people.actor(alice))

    page = visit(TEAM, by="alice")

    stored = sum(size or 0 for size in Blob.objects.values_list("stored_size", flat=True))
    assert kept_versions_of(vision.entity).stored_bytes == stored > 0
    for slug in ("training-data", "models"):
        assert now(page, slug).startswith("Now 1 artifact version")


def figures(page: Any, slug: str) -> dict[str, str]:
    """Each figure of a class that has a size, by its words, with the size."""
    row = page.content.decode().split(f'aria-labelledby="{slug}"><tbody>')[1].split("</tr>")[0]
    found = re.findall(r'<b>\d* ?(.*?)</b> <span class="faint nowrap">(.*?)</span>', row)
    assert len(found) == row.count("<b>")
    return dict(found)


def test_every_figure_of_an_account_says_its_bytes(visit: Visit, alice: User, lab: Entity) -> None:
    by = people.actor(alice)
    issue_api_key(alice, by=by)
    choose(own_entity(by), SettingName.CODE_SAVING, True, by=by)

    found = figures(visit(URL, by="alice"), "account")

    assert found.keys() >= {
        "name, address and the hash of the password",
        "API key",
        "place in a team or organisation",
        "setting",
        "lines on your record",
    }
    assert "0 B" not in found.values()


def test_a_request_for_a_team_is_measured_and_its_words_no_more_when_they_are_gone(
    visit: Visit, alice: User, bob: User, settings: Settings
) -> None:
    settings.OWNLOG_HOSTED = True
    by = people.actor(bob)
    assert 'id="plan-request"' not in visit(URL, by="bob").content.decode()

    asked = ask_for_plan(Plan.ACADEMIC, RequestWords("https://example.org/lab", "for us", "see there"), by=by)
    before = kept_requests_of(by)
    shown = figures(visit(URL, by="bob"), "plan-request")
    sealed = [bytes(each or b"") for each in (asked.sealed_address, asked.sealed_use, asked.sealed_evidence)]
    withdraw_request(asked, by=by)
    after = kept_requests_of(by)

    assert shown == {"request": size_in_words(before.stored_bytes)}
    assert before.count == after.count == 1
    assert before.stored_bytes > sum(map(len, sealed)) > 0
    assert PlanRequest.objects.get().sealed_use is None
    assert figures(visit(URL, by="bob"), "plan-request") == {"request": size_in_words(after.stored_bytes)}


def test_a_teams_people_invitations_services_and_record_are_measured(
    visit: Visit, lab: Entity, alice: User
) -> None:
    by = people.actor(alice)
    invite(lab, role=MemberRole.MEMBER, by=by, email="new@example.com")
    make_service_account(lab, "night shift", role=MemberRole.MEMBER, by=by)

    page = visit(TEAM, by="alice")

    found = figures(page, "team")
    assert found.keys() == {"people", "invitation", "service account", "lines on its record"}
    assert "0 B" not in found.values()
    assert "3 people" in now(page, "team")
    words = page.content.decode()
    assert "new@example.com" not in words and "night shift" not in words


def test_an_organisations_registries_are_measured_beside_its_people(
    visit: Visit, institute: Organisation, vision: Project, alice: User
) -> None:
    by = people.actor(alice)
    invite(institute, role=OrganisationRole.MEMBER, by=by)
    choose(institute, SettingName.CODE_SAVING, False, by=by)
    shelf = create_registry(institute, name="models", by=by)
    version = artifacts.version(vision, "net", {"w.bin": b"one"}, by=by, type_name="model")
    link_version(version, shelf, name="prod", aliases=["production"], by=by)
    people.organisation("elsewhere", admin=alice)

    page = visit(ORGANISATION, by="alice")

    found = figures(page, "organisation")
    assert found.keys() == {
        "person",
        "invitation",
        "setting",
        "lines on its record",
        "registry",
        "collection",
        "link",
    }
    assert "0 B" not in found.values()
    assert re.findall(r'<table class="table held" aria-labelledby="([\w-]+)"', page.content.decode()) == [
        "organisation"
    ]
    assert f'href="{ORGANISATION}"' in visit("/organisations/institute", by="alice").content.decode()
