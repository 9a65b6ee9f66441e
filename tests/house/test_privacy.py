"""Every stored field and every place of storage is declared, and what is declared as content is sealed."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import models

from apps.core import privacy
from apps.core.privacy import PLACES, Declaration, declared
from apps.projects.models import Project

ROOT = Path(__file__).resolve().parents[2]
VAULT_SECRETS = {"secrets", "next_secrets", "secret"}
SEALED_NAME = re.compile(r"sealed_\w+|\w+_index|payload|writer")

# Text that is neither sealed nor personal nor one of a closed list of words, and why it may lie open.
OPEN_TEXT = {
    "accounts.ApiKey.hint": "the last four letters of forty",
    "accounts.ApiKey.public_id": "made by us",
    "accounts.ApiKey.secret_sha256_hex": "a hash of 36 random letters",
    "accounts.KeyNetwork.network_hmac_hex": "an HMAC under a secret that is stored nowhere",
    "accounts.User.public_id": "made by us",
    "account.EmailConfirmation.key": "made by the library",
    "socialaccount.SocialAccount.provider": "a word of ours",
    "socialaccount.SocialApp.client_id": "never a row",
    "socialaccount.SocialApp.key": "never a row",
    "socialaccount.SocialApp.name": "never a row",
    "socialaccount.SocialApp.provider": "never a row",
    "socialaccount.SocialApp.provider_id": "never a row",
    "socialaccount.SocialApp.secret": "never a row",
    "socialaccount.SocialApp.settings": "never a row",
    "socialaccount.SocialToken.token": "never a row",
    "socialaccount.SocialToken.token_secret": "never a row",
    "admin.LogEntry.change_message": "nothing is changed in the admin",
    "admin.LogEntry.object_id": "a row number",
    "admin.LogEntry.object_repr": "names of rows are public ids",
    "artifacts.Collection.public_id": "made by us",
    "artifacts.Link.public_id": "made by us",
    "artifacts.Manifest.public_id": "made by us",
    "artifacts.StoredFile.public_id": "made by us",
    "artifacts.Version.public_id": "made by us",
    "audit.Event.by": "a public id",
    "audit.Event.entity": "a public id",
    "audit.Event.facts": "counts and states",
    "audit.Event.kind": "from a closed list",
    "audit.Event.project": "a public id",
    "audit.Event.subject": "a public id",
    "audit.Link.previous_sha256_hex": "a digest",
    "audit.Link.sha256_hex": "a digest",
    "audit.Repeat.by": "a public id",
    "audit.Repeat.entity": "a public id",
    "audit.Repeat.kind": "from a closed list",
    "audit.Repeat.project": "a public id",
    "audit.Repeat.subject": "a public id",
    "audit.Repeat.via": "a public id or a word of ours",
    "auth.Group.name": "no groups are used",
    "auth.Permission.codename": "a word of ours",
    "auth.Permission.name": "a word of ours",
    "accounts.Replay.key_hash": "a keyed hash",
    "accounts.Replay.request_hash": "a keyed hash of the request and of a key that is not kept",
    "accounts.Replay.subject": "a public id",
    "blobs.Blob.object_name": "random",
    "blobs.BlobPart.object_name": "random",
    "contenttypes.ContentType.app_label": "a word of ours",
    "contenttypes.ContentType.model": "a word of ours",
    "erasure.ErasureJob.asked_by": "a public id",
    "erasure.ErasureJob.cleared": "a word of ours, moments, the name of a file of the database's log",
    "erasure.ErasureJob.proof": "counts",
    "erasure.ErasureJob.public_id": "made by us",
    "leaks.Finding.public_id": "made by us",
    "erasure.ErasureJob.trouble": "the name of a type of error",
    "erasure.Remainder.above": "ids of keys",
    "erasure.WayBack.secret_sha256_hex": "a hash of 43 random letters",
    "exports.Export.asked_by": "a public id",
    "exports.Export.asked_with": "a public id",
    "exports.Export.public_id": "made by us",
    "exports.Export.trouble": "the name of a type of error",
    "imports.Import.asked_by": "a public id",
    "imports.Import.asked_with": "a public id",
    "imports.Import.origin": "a word of a list that grows with the readers",
    "imports.Import.public_id": "made by us",
    "imports.Import.trouble": "the name of a type of error",
    "files.RunFile.public_id": "made by us",
    "statistics.Figure.library": "a name from a list that is shipped",
    "plans.PlanRequest.public_id": "made by us",
    "plans.RequestStep.by": "a public id",
    "projects.Project.public_id": "made by us",
    "projects.Project.run_retention": "a number of days, or never",
    "projects.SavedView.public_id": "made by us",
    "projects.ShareLink.public_id": "made by us",
    "projects.ShareLink.secret_sha256_hex": "a hash of 43 random letters",
    "runs.Alert.public_id": "made by us",
    "runs.Run.public_id": "made by us",
    "accounts.BrowserSession.public_id": "made by us",
    "accounts.BrowserSession.session_row": "a hash of 32 random letters",
    "accounts.Tally.name": "a keyed hash",
    "accounts.Tally.value": "when something was tried",
    "sessions.Session.session_key": "a hash of 32 random letters",
    "teams.Entity.public_id": "made by us",
    "teams.Invitation.public_id": "made by us",
    "teams.Invitation.secret_sha256_hex": "a hash of 43 random letters",
    "teams.Organisation.public_id": "made by us",
    "teams.ServiceAccount.public_id": "made by us",
    "teams.Setting.value": "a word from a closed list, or a number of days",
    "webhooks.Delivery.awaits": "a public id",
    "webhooks.Delivery.facts": "public ids, states and counts",
    "webhooks.Delivery.public_id": "made by us",
    "webhooks.Hook.happenings": "words of a closed list",
    "webhooks.Hook.public_id": "made by us",
    "vault.Epoch.trouble": "the name of a type of error",
    "vault.Receipt.job": "a public id",
    "vault.Receipt.key_b64": "a public key",
    "vault.Receipt.previous_sha256_hex": "a digest",
    "vault.Receipt.signature_b64": "a signature",
    "vault.Receipt.statement": "public ids, counts and times",
    "vault.Receipt.statement_sha256_hex": "a digest",
    "vault.Head.mac_hex": "a keyed hash",
    "vault.Head.name": "a word of ours",
    "vault.Head.sha256_hex": "a digest",
    "vault.Waiting.asked_by": "a public id",
    "vault.Waiting.job": "a public id",
    "vault.Waiting.scope": "a word of ours",
    "vault.Waiting.things": "public ids",
}
# Rows that end by an act of their own, not with another row.
HEADS = {
    "accounts.Tally",
    "accounts.User",
    "audit.Event",
    "audit.Link",
    "audit.Repeat",
    "auth.Group",
    "auth.Permission",
    "blobs.Blob",
    "contenttypes.ContentType",
    "sessions.Session",
    "socialaccount.SocialApp",
    "statistics.Release",
    "teams.Entity",
    "teams.Organisation",
    "vault.Epoch",
    "vault.Grant",
    "vault.Head",
    "vault.Node",
    "vault.Receipt",
    "vault.Tombstone",
    "vault.Waiting",
}


def fields_of(model: type[models.Model]) -> set[str]:
    return {field.name for field in (*model._meta.fields, *model._meta.local_many_to_many)}


def undeclared(model_list: Iterable[type[models.Model]]) -> list[str]:
    """Fields without a class, and classes without a field."""
    found = []
    for model in model_list:
        declaration = declared().get(model)
        stated = declaration.fields if declaration else frozenset()
        found += [f"{model._meta.label}.{name}" for name in sorted(fields_of(model) ^ stated)]
    return found


def declarations() -> list[Declaration]:
    return list(declared().values())


@pytest.mark.promise("P-27")
def test_every_field_of_every_model_is_declared_once() -> None:
    assert undeclared(apps.get_models()) == []
    assert set(declared()) == set(apps.get_models())


def test_a_model_that_nobody_declared_is_seen() -> None:
    class Planted(models.Model):
        note = models.TextField()

        class Meta:
            app_label = "planted"

    assert undeclared([Planted]) == ["planted.Planted.id", "planted.Planted.note"]


def test_a_field_that_nobody_declared_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    before = declared()[Project]
    fewer = Declaration(
        Project, before.sealed - {"sealed_name"}, before.personal, before.plain | {"gone"}, None
    )
    monkeypatch.setattr(privacy, "_registry", privacy._registry | {Project: fewer})

    assert undeclared([Project]) == ["projects.Project.gone", "projects.Project.sealed_name"]


@pytest.mark.promise("P-08")
def test_bytes_in_tables_are_sealed_and_named_so() -> None:
    for model in apps.get_models():
        binary = {field.name for field in model._meta.fields if isinstance(field, models.BinaryField)}

        assert binary == set(declared()[model].sealed), model._meta.label
        if model._meta.app_label != "vault":
            assert {name for name in binary if not SEALED_NAME.fullmatch(name)} == set(), model._meta.label
        else:
            assert binary <= VAULT_SECRETS | {"name_index"}


@pytest.mark.promise("P-08")
def test_text_lies_open_only_for_a_reason() -> None:
    is_text = (models.CharField, models.TextField, models.JSONField, models.FileField)
    found = {
        f"{each.model._meta.label}.{field.name}"
        for each in declarations()
        for field in each.model._meta.fields
        if isinstance(field, is_text) and not field.choices and field.name in each.plain
    }

    assert found == set(OPEN_TEXT)


def test_every_row_ends_with_another_or_by_an_act() -> None:
    assert {each.model._meta.label for each in declarations() if each.goes_with is None} == HEADS
    for each in declarations():
        if each.goes_with is not None:
            field = each.model._meta.get_field(each.goes_with)
            assert field.many_to_one or field.one_to_one


_HANDLERS: Any = cast("Any", settings.LOGGING)["handlers"]


def places_of_the_settings() -> set[str]:
    parts = {f"DATABASES.{name}" for name in settings.DATABASES}
    parts |= {f"CACHES.{name}" for name in settings.CACHES}
    parts |= {f"STORAGES.{name}" for name in settings.STORAGES}
    parts |= {f"LOGGING.handlers.{name}" for name in _HANDLERS}
    single = {
        "SESSION_ENGINE",
        "MESSAGE_STORAGE",
        "EMAIL_BACKEND",
        "CELERY_BROKER_URL",
        "FILE_UPLOAD_HANDLERS",
    }
    return parts | single | {"OWNLOG_DATA/blobs", "OWNLOG_VAULT_COPY", "OWNLOG_KEY_DIR"}


@pytest.mark.promise("P-27")
def test_every_place_of_storage_is_declared() -> None:
    assert set(PLACES) == places_of_the_settings()


@pytest.mark.promise("P-08")
def test_places_that_could_hold_content_are_as_declared() -> None:
    assert settings.FILE_UPLOAD_HANDLERS == ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
    assert settings.CACHES["default"]["BACKEND"].endswith("TallyCache")
    assert settings.MESSAGE_STORAGE.endswith("CookieStorage")
    assert settings.CELERY_TASK_IGNORE_RESULT
    assert not hasattr(settings, "CELERY_RESULT_BACKEND")
    assert _HANDLERS["stderr"]["formatter"] == "line"


def test_the_map_in_the_docs_is_what_the_command_prints() -> None:
    printed = io.StringIO()
    call_command("privacy_map", stdout=printed)

    written = (ROOT / "docs/privacy-map.md").read_text()
    assert written == printed.getvalue(), "run: .venv/bin/python manage.py privacy_map > docs/privacy-map.md"
