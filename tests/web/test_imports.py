"""/settings/imports"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.accounts.models import User
from apps.imports.models import Import
from apps.imports.tasks import sweep
from apps.imports.types import ImportState
from apps.teams.models import Entity
from tests.imports.test_mlflow import _GOOD as GOOD
from tests.imports.test_mlflow import packed
from tests.web.conftest import Visit, text_of

pytestmark = pytest.mark.django_db
IMPORTS = "/settings/imports"
ZIP = (Path(__file__).parents[1] / "imports/data/mlruns.zip").read_bytes()


def handed(by: User | None, *, data: bytes = ZIP, **said: str) -> Any:
    client = Client()
    if by is not None:
        client.force_login(by, backend="django.contrib.auth.backends.ModelBackend")
    fields = {"entity": "lab", "origin": "mlflow", "on_clash": "skip"} | said
    return client.post(IMPORTS, {**fields, "file": SimpleUploadedFile("mlruns.zip", data)})


def test_a_file_is_handed_in_watched_and_done(visit: Visit, lab: Entity, bob: User) -> None:
    assert "Nothing was imported" in text_of(visit(IMPORTS, by="bob"))

    answer = handed(bob)

    job = Import.objects.get()
    place = f"{IMPORTS}/{job.public_id}"
    assert (answer.status_code, answer.headers["Location"]) == (302, place)
    page = visit(place, by="bob").content.decode()
    assert 'hx-trigger="every 2s"' in page and "It waits for its turn." in page and "Call it off" in page
    sweep()
    page = visit(place, by="bob").content.decode()
    assert 'hx-trigger="every 2s"' not in page and "The import is done" in page
    assert "Runs 4" in text_of(visit(place, by="bob"))
    assert "done" in text_of(visit(IMPORTS, by="bob"))


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (
            "store_unreachable",
            "The files of this instance cannot be had just now. It waits, and goes on by itself.",
        ),
        ("store_denied", "The files of this instance cannot be had just now."),
        ("store_full", "There is no room for files just now. It waits, and goes on by itself once there is."),
        ("unread", "What was handed in cannot be read just now."),
        ("unavailable", "Something that it needs cannot be had just now."),
    ],
)
def test_what_one_waits_for_is_said_on_its_page(
    visit: Visit, lab: Entity, bob: User, trouble: str, words: str
) -> None:
    handed(bob)
    Import.objects.update(state=ImportState.RUNNING.value, trouble=trouble)

    assert words in text_of(visit(f"{IMPORTS}/{Import.objects.get().public_id}", by="bob"))
    assert "waiting" in text_of(visit(IMPORTS, by="bob"))


def test_who_brings_the_same_again_is_told_why_nothing_came(visit: Visit, lab: Entity, bob: User) -> None:
    for _ in range(2):
        handed(bob)
        sweep()

    first, again = (
        text_of(visit(f"{IMPORTS}/{each.public_id}", by="bob")) for each in Import.objects.order_by("pk")
    )

    assert "Nothing of it is new here." not in first
    assert "Nothing of it is new here." in again and "import it once more" in again


def test_one_is_called_off_and_leaves_nothing(visit: Visit, send: Visit, lab: Entity, bob: User) -> None:
    handed(bob)
    place = f"{IMPORTS}/{Import.objects.get().public_id}"

    assert send(f"{place}/stop", by="vera").status_code == 404
    assert send(f"{place}/stop", by="bob").headers["Location"] == place

    job = Import.objects.get()
    assert (job.state, job.archive, job.vault_node) == (ImportState.GIVEN_UP, None, None)
    assert "It was called off." in text_of(visit(place, by="bob"))


@pytest.mark.parametrize(
    ("said", "data", "words"),
    [
        ({"entity": "nobody"}, ZIP, "no"),
        ({"entity": "mallory"}, ZIP, "no"),
        ({"origin": "wandb_offline"}, ZIP, "Choose one of each."),
        ({"on_clash": "<b>"}, ZIP, "Choose one of each."),
        ({}, b"no zip" * 100, "This is not a ZIP archive, or it is not whole."),
        ({"origin": "ownlog"}, ZIP, "no export has"),
    ],
)
def test_what_is_wrong_is_said_beside_the_file(
    lab: Entity, bob: User, mallory: User, said: dict[str, str], data: bytes, words: str
) -> None:
    answer = handed(bob, data=data, **said)

    assert answer.status_code == 400
    assert 'aria-invalid="true"' in answer.content.decode() and words in text_of(answer)
    assert not Import.objects.exists()


def test_who_may_hand_in_and_who_sees(
    visit: Visit, lab: Entity, bob: User, vera: User, mallory: User
) -> None:
    assert handed(None).headers["Location"].startswith("/sign-in")
    assert handed(vera).status_code == 400  # a viewer makes no projects
    assert '<option value="lab"' not in visit(IMPORTS, by="vera").content.decode()
    handed(bob)

    place = f"{IMPORTS}/{Import.objects.get().public_id}"
    assert [visit(place, by=who).status_code for who in ("bob", "alice", "vera", "mallory")] == [
        200,
        200,
        404,
        404,
    ]
    assert visit(place).headers["Location"].startswith("/sign-in")


def test_a_form_of_elsewhere_is_refused_before_anything_is_kept(lab: Entity, bob: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(bob, backend="django.contrib.auth.backends.ModelBackend")
    said = {"entity": "lab", "origin": "mlflow", "on_clash": "skip"}

    answer = client.post(IMPORTS, {**said, "file": SimpleUploadedFile("mlruns.zip", ZIP)})

    assert answer.status_code == 403
    assert not Import.objects.exists()


def test_what_was_wrong_inside_is_said_on_its_page(visit: Visit, lab: Entity, bob: User) -> None:
    handed(bob, data=packed(GOOD | {"m/1/r/metrics/<b>loss": "bad\n"}))
    sweep()

    page = visit(f"{IMPORTS}/{Import.objects.get().public_id}", by="bob").content.decode()
    assert "A line of a metric cannot be read" in page and "<b>loss" not in page
