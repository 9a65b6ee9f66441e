from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import Collection, Version
from apps.artifacts.services import commit_version, use_version
from apps.erasure.services import erase_run
from apps.projects.models import Project
from apps.runs.models import Run
from tests.factories import artifacts, work
from tests.web.conftest import Visit, text_of

PAGE = "/lab/vision/artifacts"
FILES = {
    "README.md": b"# Words\n",
    "train/a.csv": b"file,label\nx.jpg,cat\n",
    "train/deep/b.bin": bytes(range(256)),
}
Make = Callable[..., Version]


@pytest.fixture
def make(vision: Project, alice: User) -> Make:
    def version(name: str = "animals", files: dict[str, bytes] = FILES, **more: Any) -> Version:
        return artifacts.version(vision, name, files, by=Actor.person(alice), **more)

    return version


@pytest.fixture
def animals(make: Make, told: Run) -> Version:
    return make(
        run=told, description="Four <b>animals</b>.", metadata_text='{"rows": 400, "split": {"train": 0.8}}'
    )


ADDRESSES = [
    PAGE,
    f"{PAGE}/dataset/animals",
    f"{PAGE}/dataset/animals/v0",
    f"{PAGE}/dataset/animals/latest",
    f"{PAGE}/dataset/animals/v0/zip",
    f"{PAGE}/dataset/animals/v0/preview/README.md",
    f"{PAGE}/dataset/animals/v0/files/README.md",
    f"{PAGE}/dataset/animals/v0/image/README.md",
    f"{PAGE}/dataset/animals/v0/play/README.md",
    "/lab/vision/runs/told/artifacts",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_outsiders_find_nothing_and_viewers_everything(
    visit: Visit, animals: Version, mallory: User, address: str
) -> None:
    nothing = visit(f"{PAGE}/dataset/nothing/v0", by="mallory")

    assert [visit(address, by=who).status_code for who in ("vera", "mallory", None)] == [200, 404, 404]
    assert text_of(visit(address, by="mallory")) == text_of(nothing)


@pytest.mark.parametrize(
    "rest",
    [
        "nothing",
        "animals/v1",
        "animals/v00",
        "animals/best",
        "animals/v0?in=nothing",
        "animals/v0/files/train",
        "animals/v0/files/..%2FREADME.md",
        "animals/v0/preview/nothing",
        f"{'x' * 10_000}",
        "animals/v0%00",
    ],
)
def test_what_is_not_there_is_not_found(visit: Visit, animals: Version, rest: str) -> None:
    assert visit(f"{PAGE}/dataset/{rest}", by="vera").status_code == 404


def test_the_ledger_has_a_line_for_each_artifact_and_can_be_narrowed_to_a_type(
    visit: Visit, make: Make
) -> None:
    make()
    make(files={"README.md": b"other"})
    make("net", {"w": b"1234"}, type_name="model & co")

    words = text_of(visit(PAGE, by="vera"))
    narrowed = text_of(visit(PAGE, by="vera", type="model & co"))

    assert "animals dataset v1 2 1 5 B" in words
    assert "All 2 dataset 1 model &amp; co 1" in words
    assert "net model &amp; co v0 1 1 4 B" in narrowed
    assert "animals" not in narrowed


def test_an_artifact_lists_its_versions_with_aliases_and_the_run_that_made_each(
    visit: Visit, make: Make, told: Run
) -> None:
    make(run=told, aliases=("latest", "first"))
    make(files={"a": b"1"}, aliases=("latest", "best"))

    words = text_of(visit(f"{PAGE}/dataset/animals", by="vera"))

    assert words.index("v1 latest best") < words.index("v0 first a run that tells 3 285 B")


def test_a_version_says_what_it_is_and_who_made_and_read_it(
    visit: Visit, animals: Version, vision: Project, alice: User
) -> None:
    reader = work.run(vision, "reader", by=alice, display_name="one that reads")
    use_version(reader, animals)

    page = visit(f"{PAGE}/dataset/animals/v0", by="vera").content.decode()
    words = text_of(visit(f"{PAGE}/dataset/animals/v0", by="vera"))

    assert "Four &lt;b&gt;animals&lt;/b&gt;." in page
    assert "rows 400 split train 0.8" in words
    assert "Made by a run that tells" in words
    assert "Used by one that reads" in words
    assert 'run.use_artifact("lab/vision/animals:v0")' in page
    assert 'wandb.Api().artifact("lab/vision/animals:v0")' in page


def test_a_run_that_was_erased_is_named_no_more(
    visit: Visit, animals: Version, told: Run, alice: User
) -> None:
    erase_run(told, by=Actor.person(alice))

    page = visit(f"{PAGE}/dataset/animals/v0", by="vera")

    assert "a run that tells" not in text_of(page)
    assert visit(f"{PAGE}/dataset/animals", by="vera").status_code == 200


def test_files_are_shown_by_folder(visit: Visit, animals: Version) -> None:
    top = text_of(visit(f"{PAGE}/dataset/animals/v0", by="vera"))
    inner = visit(f"{PAGE}/dataset/animals/v0", by="vera", **{"in": "train"}).content.decode()

    assert "train 277 B 2 files" in top
    assert "README.md 8 B" in top
    assert "b.bin" not in top
    assert f"{PAGE}/dataset/animals/v0?in=train%2Fdeep" in inner
    assert f"{PAGE}/dataset/animals/v0/preview/train%2Fa.csv" in inner


def test_a_large_folder_comes_in_pages(visit: Visit, make: Make) -> None:
    make(files={f"f{n:03d}": b"x" for n in range(201)} | {"sub/x": b"x"})

    first = visit(f"{PAGE}/dataset/animals/v0", by="vera").content.decode()
    second = visit(f"{PAGE}/dataset/animals/v0", by="vera", page="1").content.decode()

    assert "1 to 200 of 202" in text_of(visit(f"{PAGE}/dataset/animals/v0", by="vera"))
    assert "preview/f198" in first and "preview/f199" not in first
    assert "preview/f199" in second and "preview/f200" in second and "in=sub" not in second


@pytest.mark.parametrize("path", FILES)
def test_a_file_comes_back_as_it_was_and_in_parts(visit: Visit, animals: Version, path: str) -> None:
    address = f"{PAGE}/dataset/animals/v0/files/{quote(path, safe='')}"
    client = Client()
    client.force_login(User.objects.get(username="vera"), backend="django.contrib.auth.backends.ModelBackend")

    whole = client.get(address)
    part = client.get(address, headers={"range": "bytes=2-4"})

    assert b"".join(whole) == FILES[path]
    assert whole["Content-Type"] == "application/octet-stream"
    assert "attachment" in whole["Content-Disposition"]
    assert "sandbox" in whole["Content-Security-Policy"]
    assert (part.status_code, b"".join(part)) == (206, FILES[path][2:5])


def test_everything_comes_as_one_archive_with_safe_names(visit: Visit, make: Make) -> None:
    make(files={"a\u202eb.txt": b"1", "xy:z": b"2", "A.txt": b"3", "a.TXT": b"4"})

    response = visit(f"{PAGE}/dataset/animals/v0/zip", by="vera")
    archive = zipfile.ZipFile(io.BytesIO(b"".join(response)))

    assert sorted(archive.namelist()) == ["A.txt", "a.TXT (2)", "a_b.txt", "xy_z"]
    assert archive.testzip() is None
    assert 'filename="animals-v0.zip"' in response["Content-Disposition"]


def test_a_preview_shows_a_table_and_runs_nothing(visit: Visit, make: Make) -> None:
    make(
        files={
            "t.csv": b"file,label\nx.jpg,cat\n",
            "p.html": b"<script>alert(1)</script>",
            "i.png": b"\x89PNG\r\n\x1a\n0",
        }
    )

    table = text_of(visit(f"{PAGE}/dataset/animals/v0/preview/t.csv", by="vera"))
    page = visit(f"{PAGE}/dataset/animals/v0/preview/p.html", by="vera").content.decode()
    image = visit(f"{PAGE}/dataset/animals/v0/preview/i.png", by="vera").content.decode()

    assert "file label x.jpg cat" in table
    md5 = hashlib.md5(b"file,label\nx.jpg,cat\n", usedforsecurity=False).hexdigest()
    assert f"MD5 {md5}" in table
    assert "<script>alert" not in page
    assert f'src="{PAGE}/dataset/animals/v0/image/i.png"' in image
    assert visit(f"{PAGE}/dataset/animals/v0/image/i.png", by="vera")["Content-Type"] == "image/png"
    assert (
        visit(f"{PAGE}/dataset/animals/v0/image/p.html", by="vera")["Content-Type"]
        == "application/octet-stream"
    )


def test_a_reference_is_words_and_nothing_fetches_it(visit: Visit, vision: Project, alice: User) -> None:
    by, where = Actor.person(alice), "https://elsewhere.example/a?b=<i>"
    begun = artifacts.begin(vision, "animals", {}, by=by, refs={"far": where})
    artifacts.bring_manifest(begun, artifacts.manifest({}, refs={"far": where}), by=by)
    commit_version(begun, by=by)

    listed = visit(f"{PAGE}/dataset/animals/v0", by="vera").content.decode()
    shown = visit(f"{PAGE}/dataset/animals/v0/preview/far", by="vera").content.decode()

    for page in (listed, shown):
        assert "https://elsewhere.example/a?b=&lt;i&gt;" in page
        assert 'href="https://elsewhere' not in page and 'src="https://elsewhere' not in page
    assert visit(f"{PAGE}/dataset/animals/v0/files/far", by="vera").status_code == 404


def test_a_run_lists_what_it_read_and_made(visit: Visit, animals: Version, told: Run, make: Make) -> None:
    use_version(told, make("words", {"w": b"1"}))

    words = text_of(visit("/lab/vision/runs/told/artifacts", by="vera"))

    assert words.index("What it read 1") < words.index("words:v0") < words.index("What it made 1")
    assert words.index("What it made 1") < words.index("animals:v0")
    assert "Artifacts 2" in text_of(visit("/lab/vision/runs/told/files", by="vera"))


@pytest.mark.parametrize("address", [PAGE, f"{PAGE}/dataset/animals", "/lab/vision/runs/told/artifacts"])
def test_questions_do_not_grow_with_the_rows(make: Make, told: Run, address: str) -> None:
    client = Client()
    client.force_login(User.objects.get(username="vera"), backend="django.contrib.auth.backends.ModelBackend")

    def asked() -> int:
        client.get(address)
        with (
            CaptureQueriesContext(connections["default"]) as held,
            CaptureQueriesContext(connections["vault"]) as keys,
        ):
            assert client.get(address).status_code == 200
        return len(held) + len(keys)

    make(run=told)
    use_version(told, make("words", {"w": b"1"}))
    before = asked()
    for n in range(3):
        make(files={"a": b"%d" % n}, run=told)
        use_version(told, make(f"words{n}", {"w": b"1"}, run=told))

    assert asked() == before


def test_what_is_damaged_is_named_and_costs_the_others_no_page(make: Make, visit: Visit) -> None:
    make(), make(files={"a": b"1"})
    hurt = make("hurt").collection
    listed = text_of(visit(PAGE, by="vera"))
    assert "hurt" in listed and "artifact_collection.words" not in listed

    Collection.objects.filter(pk=hurt.pk).update(sealed_words=b"\0" * 64)
    Version.objects.filter(collection__project=hurt.project_id, number=1).update(sealed_words=b"\0" * 64)
    listed = text_of(visit(PAGE, by="vera"))
    assert "animals" in listed and "hurt" not in listed
    assert f"Not shown: The stored artifact_collection.words of {hurt.uuid} was changed or damaged" in listed
    versions = visit(f"{PAGE}/dataset/animals", by="vera")
    assert f'href="{PAGE}/dataset/animals/v0"' in versions.content.decode()
    assert f'href="{PAGE}/dataset/animals/v1"' not in versions.content.decode()
    assert "Not shown: The stored artifact_version.words of" in text_of(versions)
    Collection.objects.filter(project=hurt.project_id).update(sealed_words=b"\0" * 64)
    nothing = text_of(visit(PAGE, by="vera"))
    assert "Not shown:" in nothing and "No artifacts" not in nothing
