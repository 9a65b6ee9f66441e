"""Operators see sizes, dates and states in the admin: canaries are planted everywhere, and none comes up."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.test import Client
from django.urls import reverse

from apps.accounts.actors import Actor
from apps.accounts.models import ApiKey, User
from apps.core.admin import ReadOnlyAdmin
from apps.core.privacy import declared
from apps.files.services import announce_files, store_file
from apps.projects.services import update_project
from apps.runs.history import store
from apps.runs.models import Run
from apps.runs.queries import open_run
from apps.runs.types import Lines, Stream, StreamRequest
from tests.factories import people, work

pytestmark = pytest.mark.django_db
CANARY = "canary"
PAGES = sorted(admin.site._registry, key=lambda model: model._meta.label)


@pytest.fixture
def operator(client: Client, alice: User) -> Client:
    """alice made the first account and operates the instance."""
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def work_of_others(alice: User, mallory: User) -> Run:
    """A project, a run, lines, a segment and files of somebody else, each word of it a canary."""
    by = Actor.person(mallory)
    project = work.project("mallory", "canary-project", by=mallory)
    update_project(project, by=by, description="canary-description")
    run = work.run(project, "canary-run", by=mallory, display_name="canary-display", notes="canary-notes",
                   tags=["canary-tag"], config_text='{"canary-config": 1}', summary_text='{"canary-summary": 1}')  # fmt: skip
    lines = [f'{{"_step": {n}, "canary-metric": "canary-value"}}' for n in range(3)]
    store.append(
        run,
        StreamRequest(streams={Stream.HISTORY: Lines(0, lines), Stream.OUTPUT: Lines(0, ["canary-line"])}),
    )
    store.compact(Run.objects.get())
    announced = announce_files(run, ["canary-file.txt", "code/canary.py"])[0].file
    assert announced is not None
    store_file(announced, io.BytesIO(b"canary-content"))
    people.api_key(mallory)
    return run


def pages_of(model: type[Model]) -> list[str]:
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    rows = [
        reverse(f"{name}_{page}", args=[row.pk])
        for row in model._base_manager.all()[:5]
        for page in ("change", "history")
    ]
    return [reverse(f"{name}_changelist"), *rows]


@pytest.mark.promise("P-03")
@pytest.mark.parametrize("model", PAGES, ids=lambda model: model._meta.label)
def test_no_page_of_the_admin_shows_content(
    operator: Client, work_of_others: Run, model: type[Model]
) -> None:
    for url in pages_of(model):
        answer = operator.get(url)

        assert answer.status_code == 200, url
        assert CANARY not in answer.content.decode(), url


@pytest.mark.promise("P-03")
def test_the_canaries_are_there_to_be_seen(work_of_others: Run) -> None:
    assert CANARY in open_run(work_of_others).config_text
    shown = {model for model in PAGES if model._base_manager.exists()}
    assert {"runs.Run", "runs.Segment", "files.RunFile", "projects.Project"} <= {m._meta.label for m in shown}


@pytest.mark.promise("P-03")
@pytest.mark.parametrize("model", PAGES, ids=lambda model: model._meta.label)
def test_pages_list_and_search_open_fields_only(model: type[Model]) -> None:
    page: Any = admin.site._registry[model]
    closed = declared()[model].sealed | {"password", "secret_sha256_hex"}
    asked = [*page.list_display, *page.search_fields, *page.list_filter, *page.ordering]

    assert isinstance(page, ReadOnlyAdmin)
    assert {str(name).lstrip("-").split("__")[0] for name in asked} & closed == set()
    assert set(page.get_fields(HttpRequest())) & closed == set()


def test_hashes_are_not_told_letter_by_letter(operator: Client, work_of_others: Run) -> None:
    key = ApiKey.objects.get()

    for query in (
        f"?secret_sha256_hex__startswith={key.secret_sha256_hex[0]}",
        "?user__password__startswith=md5",
    ):
        answer = operator.get(reverse("admin:accounts_apikey_changelist") + query)
        assert key.public_id not in answer.content.decode()


def test_nothing_can_be_changed(operator: Client, work_of_others: Run) -> None:
    for model in PAGES:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        row = model._base_manager.first()
        assert operator.get(reverse(f"{name}_add")).status_code == 403
        if row is not None:
            assert operator.post(reverse(f"{name}_change", args=[row.pk]), {}).status_code == 403
            assert operator.post(reverse(f"{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403


def test_libraries_bring_no_pages_of_their_own() -> None:
    assert {model._meta.app_label for model in PAGES} <= {
        config.label for config in apps.get_app_configs() if config.name.startswith("apps.")
    }


def test_front_page_lists_kinds_of_things(operator: Client, work_of_others: Run) -> None:
    answer = operator.get("/admin/")

    assert answer.status_code == 200
    assert CANARY not in answer.content.decode()
    assert re.search(r"/admin/runs/run/", answer.content.decode())
