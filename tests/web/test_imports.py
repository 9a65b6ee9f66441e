"""/settings/imports"""

from __future__ import annotations

import io
import tempfile
import tracemalloc
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from pytest_django.fixtures import Settings

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.blobs.store import default_store
from apps.core import clock
from apps.imports.models import Import
from apps.imports.notices import tell_of_import
from apps.imports.tasks import sweep
from apps.imports.types import ImportState
from apps.teams.choices import SettingName
from apps.teams.models import Entity
from apps.teams.queries import own_entity
from apps.teams.services import choose
from tests.imports.conftest import zipped
from tests.imports.test_mlflow import _GOOD as GOOD
from tests.imports.test_mlflow import packed
from tests.web.conftest import Visit, text_of

pytestmark = pytest.mark.django_db
IMPORTS = "/settings/imports"
OFFLINE = zipped({"wandb/offline-run-20260102_030405-r1/run-r1.wandb": b":W&B"})
EVENTS = zipped({"logs/train/events.out.tfevents.1700000000.host": b""})
OURS = zipped({"manifest.json": b'{"format": "ownlog-export/1", "files": []}', "more/run-r1.wandb": b""})
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
        (
            {"origin": "ownlog"},
            ZIP,
            "no export has: nothing of it was imported. It looks like what MLflow writes: say that",
        ),
        ({"origin": "neptune"}, ZIP, "There is no run of Neptune in it. It looks like what MLflow writes"),
        (
            {"origin": "ownlog"},
            OFFLINE,
            "it has no manifest. These look like offline runs of wandb: “wandb sync”",
        ),
        (
            {"origin": "mlflow"},
            EVENTS,
            "There is no experiment of MLflow in it. These look like event files of TensorBoard",
        ),
        (
            {"origin": "mlflow"},
            OURS,
            "There is no experiment of MLflow in it. It looks like what Ownlog writes",
        ),
        ({"origin": "ownlog"}, OURS, "not those that its manifest lists."),
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


class _Body(io.RawIOBase):
    """A form with a file of so many bytes of which only the piece that is asked for is ever made."""

    def __init__(self, size: int) -> None:
        fields = {"entity": "lab", "origin": "ownlog", "on_clash": "skip"}
        whole = encode_multipart(BOUNDARY, {**fields, "file": SimpleUploadedFile("a.zip", b"HERE")})
        self.head, self.tail = whole.split(b"HERE")
        self.left, self.length = size, len(self.head) + size + len(self.tail)

    def read(self, size: int = -1) -> bytes:
        assert 0 <= size <= 2**20, "it is asked for as a whole"
        if self.head:
            came, self.head = self.head[:size], self.head[size:]
        elif self.left:
            came = (TOLD * (size // len(TOLD) + 1))[: min(size, self.left)]
            self.left -= len(came)
        else:
            came, self.tail = self.tail[:size], self.tail[size:]
        return came


TOLD = b"told to nobody but who asks "


def test_a_large_file_is_sealed_as_it_comes_and_is_nowhere_whole_nor_in_the_clear(
    lab: Entity, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the form brings is never held, nor put into a file of its own; a store sees pieces of it, and none that opens."""
    body, sizes = _Body(48 * 2**20), list[int]()
    client = Client()
    client.force_login(bob, backend="django.contrib.auth.backends.ModelBackend")
    put = type(default_store()).put

    def watched(self: Any, name: str, pieces: Iterable[bytes], *args: Any, **named: Any) -> Any:
        def each() -> Iterator[bytes]:
            for piece in pieces:
                assert TOLD not in piece
                sizes.append(len(piece))
                yield piece

        return put(self, name, each(), *args, **named)

    monkeypatch.setattr(type(default_store()), "put", watched)
    monkeypatch.setattr(tempfile, "_get_candidate_names", None)  # whoever makes a temporary file fails
    tracemalloc.start()
    try:
        environ = {"CONTENT_LENGTH": str(body.length), "wsgi.input": body}
        answer = client.generic("POST", IMPORTS, b"x", content_type=MULTIPART_CONTENT, **environ)  # type: ignore[arg-type]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert (answer.status_code, "This is not a ZIP archive" in text_of(answer)) == (400, True)
    assert (body.left, body.tail) == (0, b"")
    assert sum(sizes) > 48 * 2**20 and max(sizes) <= 2 * 2**20
    assert peak < 16 * 2**20


def test_a_form_of_elsewhere_is_refused_before_anything_is_kept(lab: Entity, bob: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(bob, backend="django.contrib.auth.backends.ModelBackend")
    said = {"entity": "lab", "origin": "mlflow", "on_clash": "skip"}

    answer = client.post(IMPORTS, {**said, "file": SimpleUploadedFile("mlruns.zip", ZIP)})

    assert answer.status_code == 403
    assert not Import.objects.exists()


BAD = packed(GOOD | {"m/1/r/metrics/<b>loss": "bad\n"})


@pytest.mark.parametrize(
    ("language", "data", "subject"),
    [
        ("en", ZIP, "[Ownlog] Your import is done"),
        ("en", BAD, "[Ownlog] Your import was given up"),
        ("ja", ZIP, "[Ownlog] インポートが終わりました"),
    ],
)
def test_a_mail_says_in_the_language_of_who_asked_that_it_ended_and_nothing_of_what_is_in_it(
    lab: Entity,
    bob: User,
    settings: Settings,
    django_capture_on_commit_callbacks: Any,
    language: str,
    data: bytes,
    subject: str,
) -> None:
    settings.OWNLOG_BASE_URL = "https://ownlog.example"
    User.objects.filter(pk=bob.pk).update(language=language)
    handed(bob, data=data)

    with django_capture_on_commit_callbacks(execute=True):
        sweep()

    (sent,) = mail.outbox
    job = Import.objects.get()
    assert (sent.to, sent.subject) == ([bob.email], subject)
    assert f"https://ownlog.example{IMPORTS}/{job.public_id}" in sent.body
    assert not any(word in f"{sent.subject} {sent.body}" for word in ("loss", "lab", "mlruns", "vision"))


def test_no_mail_goes_to_who_wants_none_called_it_off_themselves_or_is_gone(
    send: Visit, lab: Entity, bob: User, alice: User, django_capture_on_commit_callbacks: Any
) -> None:
    def ended(by: str) -> int:
        """How many mails come of it that they call it off."""
        handed(bob)
        mail.outbox.clear()
        with django_capture_on_commit_callbacks(execute=True):
            send(f"{IMPORTS}/{Import.objects.latest('pk').public_id}/stop", by=by)
        return len(mail.outbox)

    assert (ended("bob"), ended("alice")) == (0, 1)
    theirs = own_entity(Actor.person(bob))
    choose(theirs, SettingName.MAIL_IMPORTS, False, by=Actor.person(bob))
    assert ended("alice") == 0
    choose(theirs, SettingName.MAIL_IMPORTS, True, by=Actor.person(bob))
    # What waits to be mailed is the number of a row: of who was erased meanwhile nothing is sent, nor of a team.
    job = Import.objects.latest("pk")
    Entity.objects.filter(pk=lab.pk).update(erased_at=clock.now(), erasure_job=uuid4())
    tell_of_import(job.pk)
    Entity.everything.filter(pk=lab.pk).update(erased_at=None, erasure_job=None)
    User.objects.filter(pk=bob.pk).update(is_active=False)
    tell_of_import(job.pk)
    assert not mail.outbox
    User.objects.filter(pk=bob.pk).update(is_active=True)
    tell_of_import(job.pk)
    assert len(mail.outbox) == 1


def test_what_was_wrong_inside_is_said_on_its_page(visit: Visit, lab: Entity, bob: User) -> None:
    handed(bob, data=BAD)
    sweep()

    page = visit(f"{IMPORTS}/{Import.objects.get().public_id}", by="bob").content.decode()
    assert "A line of a metric cannot be read" in page and "<b>loss" not in page
