"""Operators see sizes, dates and states in the admin: canaries are planted everywhere, and none comes up."""

from __future__ import annotations

import io
import json
import re
import uuid
from base64 import b64encode
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import Model
from django.http import HttpRequest
from django.test import Client
from django.urls import URLResolver, get_resolver, reverse

from apps.accounts.actors import Actor
from apps.accounts.models import ApiKey, User
from apps.core import clock
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
    for model in PAGES:
        planted(model)
    return run


def planted(model: type[Model]) -> Model:
    """A row of any model, its sealed fields canaries: a new page of the admin is searched without a word here."""
    there = model._base_manager.first()
    if there is not None:
        return there
    wanted = [field for field in model._meta.fields if not field.primary_key or field.get_default() is None]
    values = {field.name: value for field in wanted if (value := a_value(field)) is not None}
    return model._base_manager.create(**values)


def a_value(field: Any) -> Any:
    """Something that the field takes; None for what fills itself."""
    if isinstance(field, models.BinaryField):
        return CANARY.encode()
    if isinstance(field, models.ForeignKey):
        # Of two owners one is there: what lies in a team or in an organisation takes the team.
        return planted(field.related_model) if not field.null or field.name == "entity" else None
    if field.primary_key and isinstance(field, models.AutoField):
        return None
    if field.has_default() or field.null:
        return None
    if field.choices:
        return field.choices[0][0]
    plain = {
        models.DateTimeField: clock.now(),
        models.DateField: clock.now().date(),
        models.UUIDField: uuid.uuid4(),
        models.BooleanField: False,
        models.JSONField: {},
    }
    for kind, value in plain.items():
        if isinstance(field, kind):
            return value
    return uuid.uuid4().hex[: field.max_length] if isinstance(field, models.CharField) else 0


def pages_of(model: type[Model]) -> list[str]:
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    rows = [
        reverse(f"{name}_{page}", args=[row.pk])
        for row in model._base_manager.all()[:5]
        for page in ("change", "history")
    ]
    return [reverse(f"{name}_changelist"), *rows]


@pytest.mark.promise("P-03")
def test_no_page_of_the_admin_shows_content(operator: Client, work_of_others: Run) -> None:
    pages = [url for model in PAGES for url in pages_of(model)]
    answers = {url: operator.get(url) for url in pages}

    assert {url: answer.status_code for url, answer in answers.items() if answer.status_code != 200} == {}
    assert [url for url, answer in answers.items() if CANARY in answer.content.decode()] == []
    assert len(pages) > 2 * len(PAGES)


@pytest.mark.promise("P-03")
def test_the_canaries_are_there_to_be_seen(work_of_others: Run) -> None:
    assert CANARY in open_run(work_of_others).config_text
    shown = {model for model in PAGES if model._base_manager.exists()}
    assert {"runs.Run", "runs.Segment", "files.RunFile", "projects.Project"} <= {m._meta.label for m in shown}
    # A tombstone or a share link is made by acts that this test does not know: none is left out.
    assert [model._meta.label for model in PAGES if model not in shown] == []


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


@pytest.mark.promise("P-03")
@pytest.mark.parametrize("way", ["session", "key"])
def test_an_operator_is_a_stranger_at_every_door_of_content(
    operator: Client, alice: User, work_of_others: Run, way: str
) -> None:
    """alice operates the instance; mallory's private project is not there for her, as it is not for bob."""
    project, run = "/mallory/canary-project", "/mallory/canary-project/runs/canary-run"
    headers = {} if way == "session" else {"Authorization": f"Bearer {people.api_key(alice)}"}
    asker = operator if way == "session" else Client()
    pages = (
        ()
        if way == "key"
        else (project, run, f"{run}/console", f"{run}/files/canary-file.txt", f"{run}/series")
    )
    rest = [
        f"/api/v1/projects{url}" for url in (project, run, f"{run}/history", f"{run}/files/canary-file.txt")
    ]

    for url in (
        *pages,
        *rest,
        "/api/v1/entities/mallory/audit",
        "/files" + project + "/canary-run/canary-file.txt",
    ):
        answer = asker.get(url, headers=headers)
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
        assert answer.status_code in {401, 404}, url
        assert b"canary-content" not in body and b"canary-line" not in body, url


def test_no_id_of_any_form_leads_on_from_the_operators_pages(operator: Client, work_of_others: Run) -> None:
    """Django's redirect to a row's page on the site took any kind of row by any id."""
    kinds = ContentType.objects.values_list("pk", flat=True)

    answers = {operator.get(f"/admin/r/{kind}/{row}/").status_code for kind in kinds for row in (1, "x")}

    assert answers == {404}


@pytest.mark.promise("P-03")
def test_an_operator_is_a_stranger_to_graphql(alice: User, work_of_others: Run) -> None:
    query = '{project(name: "canary-project", entityName: "mallory") {name run(name: "canary-run") {config}}}'
    basic = b64encode(f"api:{people.api_key(alice)}".encode()).decode()

    answer = Client().post(
        "/graphql",
        json.dumps({"query": query}),
        "application/json",
        headers={"Authorization": f"Basic {basic}"},
    )

    assert b"canary-config" not in answer.content
    assert not (answer.json().get("data") or {}).get("project")


def test_no_page_makes_operators_or_takes_somebodys_place(operator: Client, work_of_others: Run) -> None:
    """No way to a password, an address, a second factor, a session or a right of somebody's."""
    found = (each for each in get_resolver().url_patterns if isinstance(each, URLResolver))
    resolver = next(each for each in found if each.namespace == "admin")
    names = {pattern.name or "" for pattern in resolver.url_patterns if hasattr(pattern, "name")}
    acts = {name for page in PAGES for name in admin.site._registry[page].actions or ()}

    assert names <= {"index", "login", "logout", "autocomplete", "jsi18n", "password_change", "password_change_done", "app_list", ""}  # fmt: skip
    assert acts == {"suspend", "reactivate", "withdraw"}  # withdraw: of a plan
    user = User.objects.get(username="mallory")
    operator.post(reverse("admin:accounts_user_change", args=[user.pk]), {"is_staff": "on", "password": "x"})
    user.refresh_from_db()
    assert (user.is_staff, user.is_superuser, user.check_password(people.PASSWORD)) == (False, False, True)
