"""/{entity}/{project}/export and /settings/exports"""

from __future__ import annotations

import io
import time
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from pytest_django.fixtures import Settings

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.audit.models import Event
from apps.core import clock
from apps.erasure.models import ErasureJob
from apps.exports.models import Export
from apps.exports.notices import tell_of_export
from apps.exports.services import export_project
from apps.exports.types import ExportState
from apps.projects.models import Project
from apps.runs.models import Run
from apps.teams.choices import SettingName
from apps.teams.queries import own_entity
from apps.teams.services import choose
from tests.exports.conftest import full_run, make
from tests.factories.people import has_signed_in
from tests.web.conftest import Visit, text_of

VISION = "/lab/vision/export"


@pytest.fixture
def full(vision: Project, alice: User) -> Run:
    return full_run(vision, "full", by=alice)


@pytest.fixture
def ready(full: Run, vision: Project, bob: User) -> Export:
    """bob's export of the project."""
    return make(export_project(vision, by=Actor.person(bob)))


def page_of(export: Export) -> str:
    return f"/settings/exports/{export.public_id}"


def body_of(client: Client, url: str, **headers: str) -> bytes:
    answer: Any = client.get(url, headers=headers)
    return b"".join(answer.streaming_content)


def test_a_project_is_counted_asked_for_watched_and_fetched(
    visit: Visit, send: Visit, full: Run, bob: User
) -> None:
    asked = text_of(visit(VISION, by="bob"))
    assert (
        "What it holds Runs, with config, values, history and console 1 Files 6 Bytes as they are stored"
        in asked
    )

    answer = send(VISION, by="bob", tables="parquet")

    export = Export.objects.get()
    assert (answer.status_code, answer.headers["Location"]) == (302, page_of(export))
    page = visit(page_of(export), by="bob").content.decode()
    assert 'hx-trigger="every 2s"' in page and "It waits for its turn." in page and "Call it off" in page
    assert f"{page_of(export)}/archive" not in page
    make(export)
    page = visit(page_of(export), by="bob").content.decode()
    assert 'hx-trigger="every 2s"' not in page and "The export is ready" in page
    client = Client()
    client.force_login(bob, backend="django.contrib.auth.backends.ModelBackend")
    whole = body_of(client, f"{page_of(export)}/archive")
    assert "projects/vision/runs/full/history.parquet" in zipfile.ZipFile(io.BytesIO(whole)).namelist()
    assert body_of(client, f"{page_of(export)}/archive", Range="bytes=50-99") == whole[50:100]
    assert "ready" in text_of(visit("/settings/exports", by="bob"))


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (
            "StoreUnreachable",
            "The files of this instance cannot be had just now. It waits, and goes on by itself.",
        ),
        ("StoreDenied", "The files of this instance cannot be had just now."),
        ("PermissionError", "The files of this instance cannot be had just now."),
        ("StoreFull", "There is no room for files just now. It is tried again soon."),
        ("Unread", "One thing in it cannot be read just now."),
        ("ValueError", "It broke off, and is tried again by itself."),
    ],
)
def test_what_one_waits_for_is_said_on_its_page(
    visit: Visit, full: Run, vision: Project, bob: User, trouble: str, words: str
) -> None:
    export = export_project(vision, by=Actor.person(bob))
    Export.objects.update(state=ExportState.RUNNING.value, trouble=trouble)

    assert words in text_of(visit(page_of(export), by="bob"))
    assert "waiting" in text_of(visit("/settings/exports", by="bob"))
    Export.objects.update(waits_until=clock.now() + timedelta(minutes=2))
    assert words in text_of(visit(page_of(export), by="bob"))
    # Another try has begun.
    Export.objects.update(waits_until=None, busy_until=clock.now() + timedelta(minutes=2))
    assert words not in text_of(visit(page_of(export), by="bob"))
    assert "being made" in text_of(visit("/settings/exports", by="bob"))


def test_how_long_it_can_be_fetched_is_said_before_it_is_asked_for(
    visit: Visit, full: Run, settings: Settings
) -> None:
    said = []
    for days in (7, 1):
        settings.OWNLOG_EXPORT_DAYS = days
        said.append(text_of(visit(VISION, by="bob")))

    assert "You alone, for 7 days, and no longer" in said[0]
    assert "You alone, for 1 day, and no longer" in said[1]


def test_chosen_runs_are_exported_from_the_table_and_one_from_its_page(
    visit: Visit, send: Visit, full: Run, vision: Project, alice: User
) -> None:
    other = full_run(vision, "other", by=alice)
    ids = f"{full.public_id},{other.public_id}"
    assert 'formaction="/lab/vision/export"' in visit("/lab/vision", by="vera").content.decode()
    assert (
        f"/lab/vision/export?runs={full.public_id}"
        in visit("/lab/vision/runs/full", by="vera").content.decode()
    )
    assert "Export these runs" in text_of(visit(f"{VISION}?runs={ids}", by="vera"))

    send(VISION, by="vera", runs=ids, tables="csv")

    export = Export.objects.get()
    assert (export.scope, export.tables, export.items.count()) == ("runs", "csv", 2)
    assert visit(f"{VISION}?runs=nothing", by="vera").headers["Location"] == "/lab/vision"


def test_everything_of_an_owner_is_asked_for_from_the_list(
    visit: Visit, send: Visit, full: Run, bob: User
) -> None:
    page = visit("/settings/exports", by="bob").content.decode()
    assert "Nothing was exported" in page
    assert '<option value="bob" selected>bob</option><option value="lab">lab</option>' in page

    answer = send("/settings/exports", by="bob", entity="lab", tables="jsonl")

    export = Export.objects.get()
    assert answer.headers["Location"] == page_of(export)
    assert (export.scope, export.tables, export.entity.name) == ("entity", "jsonl", "lab")


@pytest.mark.parametrize(
    ("who", "status"), [("alice", 200), ("bob", 200), ("vera", 200), ("mallory", 404), (None, 404)]
)
def test_who_may_export_a_project(
    visit: Visit, send: Visit, full: Run, mallory: User, who: str | None, status: int
) -> None:
    assert visit(VISION, by=who).status_code == status
    assert send(VISION, by=who, tables="csv").status_code == (302 if status == 200 else status)
    assert Export.objects.exists() is (status == 200)


def test_an_export_is_there_for_who_asked_and_for_admins_alone(
    visit: Visit, send: Visit, ready: Export, mallory: User
) -> None:
    seen: dict[str, list[int]] = {who: [] for who in ("bob", "alice", "vera", "mallory")}
    for who, statuses in seen.items():
        statuses += [visit(page_of(ready) + below, by=who).status_code for below in ("", "/archive")]
    assert seen == {"bob": [200, 200], "alice": [200, 404], "vera": [404, 404], "mallory": [404, 404]}
    assert "fetches it until" in text_of(visit(page_of(ready), by="alice"))
    for below in ("", "/archive"):
        assert visit(page_of(ready) + below).headers["Location"].startswith("/sign-in")
    for act in ("erase", "again"):
        assert send(f"{page_of(ready)}/{act}", by="vera").status_code == 404


def test_it_is_erased_from_its_page(visit: Visit, send: Visit, ready: Export) -> None:
    answer = send(f"{page_of(ready)}/erase", by="bob")

    job = ErasureJob.objects.get()
    assert answer.headers["Location"] == f"/settings/erasures/{job.public_id}"
    assert "1 export" in text_of(visit(answer.headers["Location"], by="bob"))
    assert visit(page_of(ready), by="bob").status_code == 404
    assert visit(f"{page_of(ready)}/archive", by="bob").status_code == 404


def test_one_that_failed_goes_on_when_asked_and_one_that_is_denied_does_not(
    visit: Visit, send: Visit, full: Run, vision: Project, bob: User
) -> None:
    export = export_project(vision, by=Actor.person(bob))
    failed = Export.objects.filter(pk=export.pk)
    failed.update(state=ExportState.FAILED.value, trouble="OSError")
    assert "Go on with it" in text_of(visit(page_of(export), by="bob"))

    assert send(f"{page_of(export)}/again", by="bob").headers["Location"] == page_of(export)

    assert failed.get().state == ExportState.QUEUED
    failed.update(trouble="StoreFull")
    assert "There is no room for files just now. It is tried again soon." in text_of(
        visit(page_of(export), by="bob")
    )
    failed.update(state=ExportState.FAILED.value)
    page = text_of(visit(page_of(export), by="bob"))
    assert "There was no room for it on this instance." in page and "Go on with it" in page
    for trouble in ("NotFound", "Forbidden", "Suspended"):
        failed.update(state=ExportState.FAILED.value, trouble=trouble)
        page = text_of(visit(page_of(export), by="bob"))
        assert "Something in it is not yours to export any more." in page and "Go on with it" not in page


def test_one_whose_time_is_over_says_so(visit: Visit, ready: Export) -> None:
    Export.objects.filter(pk=ready.pk).update(expires_at=clock.now() - timedelta(seconds=1))

    page = visit(page_of(ready), by="bob").content.decode()

    assert "This export is over" in page and f"{page_of(ready)}/archive" not in page
    assert visit(f"{page_of(ready)}/archive", by="bob").status_code == 404


@pytest.mark.parametrize("tables", ["xls", "\0", "x" * 10_000, "<b>"])
def test_what_is_no_format_is_said_beside_the_form(send: Visit, full: Run, tables: str) -> None:
    for url, more in ((VISION, {}), ("/settings/exports", {"entity": "lab"})):
        answer = send(url, by="bob", tables=tables, **more)

        assert (answer.status_code, "Choose one of the formats." in text_of(answer)) == (400, True)
    assert not Export.objects.exists()


def test_too_many_at_once_is_said_beside_the_form(send: Visit, full: Run, vision: Project, bob: User) -> None:
    for _ in range(5):
        export_project(vision, by=Actor.person(bob))

    answer = send(VISION, by="bob", tables="csv")

    assert (answer.status_code, "At most 5 exports of yours" in text_of(answer)) == (400, True)


def test_a_mail_says_that_it_is_ready_and_nothing_of_what_is_in_it(
    ready: Export, bob: User, settings: Settings
) -> None:
    settings.OWNLOG_BASE_URL = "https://ownlog.example"

    tell_of_export(ready.pk)

    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == ([bob.email], "[Ownlog] Your export is ready")
    assert f"https://ownlog.example{page_of(ready)}" in sent.body
    assert "vision" not in sent.body and "lab" not in sent.body
    by = Actor.person(bob)
    choose(own_entity(by), SettingName.MAIL_EXPORTS, False, by=by)
    tell_of_export(ready.pk)
    assert len(mail.outbox) == 1


@pytest.mark.parametrize("entity", ["", "nobody", "<b>", "\0", "x" * 10_000])
def test_whose_it_is_to_be_is_said_beside_the_form_where_there_is_nobody(
    send: Visit, bob: User, entity: str
) -> None:
    answer = send("/settings/exports", by="bob", entity=entity, tables="csv")

    assert answer.status_code == 400
    assert 'id="export-error"' in answer.content.decode()
    assert not Export.objects.exists()


@pytest.mark.parametrize(
    "headers",
    [
        {"Range": "bytes=1-"},
        {"Range": "bytes=-99999999999999"},
        {"Range": "bytes=00-"},
        {"Range": "bytes=1-", "If-Range": "another"},
    ],
)
def test_no_part_is_fetched_without_being_on_the_record(
    client: Client, ready: Export, bob: User, headers: dict[str, str]
) -> None:
    client.force_login(bob, backend="django.contrib.auth.backends.ModelBackend")
    noted = Event.objects.filter(kind="export.fetched")

    assert len(body_of(client, f"{page_of(ready)}/archive", **headers)) >= ready.size - 1
    assert noted.count() == 1
    body_of(client, f"{page_of(ready)}/archive", Range="bytes=5-9")
    assert noted.count() == 1  # a part of the same
    body_of(client, f"{page_of(ready)}/archive")
    assert noted.count() == 2

    Export.objects.update(fetched_at=clock.now() - timedelta(hours=2))
    body_of(client, f"{page_of(ready)}/archive", Range="bytes=5-9")
    assert noted.count() == 3


def test_an_account_is_asked_for_and_fetched_by_who_has_just_shown_who_they_are(
    visit: Visit, alice: User, bob: User
) -> None:
    client = Client()
    client.force_login(bob, backend="django.contrib.auth.backends.ModelBackend")
    has_signed_in(client, bob, ago=3600)
    form = {"what": "account", "tables": "csv"}
    assert 'name="what" value="account"' in visit("/settings/exports", by="bob").content.decode()
    assert "/settings/exports#account" in visit("/settings/my-data", by="bob").content.decode()
    assert "/settings/exports#account" in visit("/settings/erase-account", by="bob").content.decode()

    assert client.post("/settings/exports", form).headers["Location"].startswith("/account/again")
    assert not Export.objects.exists()
    has_signed_in(client, bob, ago=1)
    asked = client.post("/settings/exports", form)

    export = make(Export.objects.get())
    assert asked.headers["Location"] == page_of(export)
    assert (export.scope, export.tables, export.entity.name) == ("account", "csv", "bob")
    page = client.get(page_of(export)).content.decode()
    assert "Your account" in page and " download>" not in page
    has_signed_in(client, bob, ago=3600)
    assert client.get(f"{page_of(export)}/archive").headers["Location"].startswith("/account/again")
    has_signed_in(client, bob, ago=1)
    whole = body_of(client, f"{page_of(export)}/archive")
    assert "account/person.json" in zipfile.ZipFile(io.BytesIO(whole)).namelist()
    # A download that goes on later is not asked again.
    has_signed_in(client, bob, ago=3600)
    assert body_of(client, f"{page_of(export)}/archive", Range="bytes=50-99") == whole[50:100]
    # Whoever begins once more is, and so is who goes on a day later.
    again = f"{page_of(export)}/archive"
    assert client.get(again).headers["Location"].startswith("/account/again")
    session = client.session
    session["account_export"] = [export.public_id, time.time() - 24 * 3600]
    session.save()
    assert client.get(again, headers={"Range": "bytes=50-99"}).status_code == 302
    assert visit(page_of(export), by="alice").status_code == 404
