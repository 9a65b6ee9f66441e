"""Small pictures: due with the file, made by the worker, sealed under the run, gone with the file; bombs are left alone."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.test import Client
from PIL import Image

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.blobs.models import Blob
from apps.erasure.services import advance, erase_files
from apps.erasure.steps import shred
from apps.files.kept import kept_of
from apps.files.models import RunFile, Thumbnail
from apps.files.services import announce_files, store_file
from apps.files.tasks import sweep, thumbnail
from apps.files.thumbnails import LEAST_BYTES, due_thumbnails, small_bytes
from apps.projects.stored import bytes_of
from apps.runs.models import Run
from apps.vault.errors import KeyGone
from tests.web.media.conftest import huge_png

pytestmark = pytest.mark.django_db
PATH = "media/images/grid_0.png"


def noise(width: int, height: int, mode: str = "RGB", kind: str = "PNG") -> bytes:
    written = io.BytesIO()
    Image.effect_noise((width, height), 90).convert(mode).save(written, kind)
    return written.getvalue()


def put(run: Run, content: bytes, name: str = PATH) -> RunFile:
    announced = announce_files(run, [name])[0].file
    assert announced is not None
    return store_file(announced, [content])


def small(file: RunFile) -> Image.Image | None:
    found = small_bytes(file)
    return Image.open(io.BytesIO(found)) if found is not None else None


@pytest.mark.parametrize(
    ("mode", "kind", "name", "becomes"),
    [("RGB", "PNG", PATH, "JPEG"), ("RGBA", "PNG", PATH, "PNG"), ("L", "JPEG", "media/images/a.JPG", "JPEG")],
)
def test_the_sweep_makes_what_is_due(run: Run, mode: str, kind: str, name: str, becomes: str) -> None:
    file = put(run, noise(900, 600, mode, kind), name)
    assert due_thumbnails() == [file.pk]

    sweep()

    made = small(file)
    assert made is not None and (made.size, made.format) == ((320, 213), becomes)
    assert due_thumbnails() == []


def test_one_that_a_camera_turned_is_upright(run: Run) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6  # a quarter to the right
    written = io.BytesIO()
    Image.effect_noise((900, 600), 90).convert("RGB").save(written, "JPEG", exif=turned)
    file = put(run, written.getvalue(), "media/images/a.jpg")

    sweep()

    made = small(file)
    assert made is not None and made.size == (213, 320)
    assert 0x0112 not in made.getexif()


def test_making_it_twice_makes_one(run: Run) -> None:
    file = put(run, noise(500, 500))

    thumbnail(file.pk)
    first = Thumbnail.objects.get().blob_id
    thumbnail(file.pk)

    assert Thumbnail.objects.get().blob_id == first


@pytest.mark.parametrize(
    "content", [noise(300, 200), huge_png() + bytes(LEAST_BYTES), bytes(LEAST_BYTES + 1)]
)
def test_what_cannot_be_made_small_is_tried_once(run: Run, content: bytes) -> None:
    file = put(run, content)

    sweep()

    assert small(file) is None and due_thumbnails() == []


@pytest.mark.parametrize("name", ["media/images/a.txt", "pictures/a.png", "media/images/a.gif"])
def test_only_pictures_of_media_are_made_small(run: Run, name: str) -> None:
    put(run, noise(500, 500), name)

    assert due_thumbnails() == []


def test_a_file_that_comes_again_is_made_small_again(
    run: Run, django_capture_on_commit_callbacks: Any
) -> None:
    file = put(run, noise(600, 300))
    sweep()
    before = Thumbnail.objects.get().blob
    assert before is not None

    with django_capture_on_commit_callbacks() as later:
        put(run, noise(300, 600))
    assert small(file) is None and due_thumbnails() == [file.pk]
    for each in later:  # the bytes before go, and what is due is made
        each()

    made = small(file)
    assert made is not None and made.size == (160, 320)
    assert not Blob.objects.filter(pk=before.pk).exists()


def test_nobody_is_shown_what_was_small_of_the_bytes_before(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = put(run, noise(600, 300))
    sweep()

    def killed(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("apps.files.services.note_picture", killed)
    with pytest.raises(RuntimeError):
        put(run, noise(300, 600))

    assert small(file) is None and due_thumbnails() == [file.pk]


def test_it_is_counted_with_its_media(run: Run) -> None:
    entity = run.project.entity
    file = put(run, noise(600, 300))
    before = kept_of(entity).media
    sweep()
    after = kept_of(entity).media

    made = Thumbnail.objects.get().blob
    assert made is not None and made.stored_size
    assert (after.count, after.stored_bytes) == (before.count, before.stored_bytes + made.stored_size)
    assert file.blob is not None and file.blob.stored_size
    assert bytes_of([entity])[entity.pk] >= file.blob.stored_size + made.stored_size


def test_its_key_goes_with_the_file(run: Run, alice: User) -> None:
    file = put(run, noise(600, 300))
    sweep()
    row = Thumbnail.objects.select_related("blob").get()

    job = erase_files([file], by=Actor.person(alice))
    shred(job, lambda: None)
    with pytest.raises(KeyGone):
        small_bytes(row.file)
    advance(job.pk)

    assert row.blob is not None
    assert not Thumbnail.objects.exists() and not Blob.objects.filter(pk=row.blob.pk).exists()


def test_a_page_gets_the_small_one_and_the_whole_one(run: Run, alice: User) -> None:
    whole = noise(600, 300)
    put(run, whole)
    client = Client()
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    address = f"/lab/vision/runs/run1/image/{PATH}"

    assert client.get(f"{address}?small=1").getvalue() == whole  # until it is made
    sweep()

    assert client.get(f"{address}?small=1")["Content-Type"] == "image/jpeg"
    assert client.get(address).getvalue() == whole
