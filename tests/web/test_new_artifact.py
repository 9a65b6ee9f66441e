"""A version by hand: from a form with files, whole or not at all, and equal to what the client would have made."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.manifests import digest_of, read_manifest
from apps.artifacts.models import EntryPage, Manifest, StoredFile, Version
from apps.artifacts.queries import find_collection, find_version, list_entries, open_version
from apps.artifacts.services import by_hand, commit_version
from apps.artifacts.types import OpenVersion
from apps.blobs.models import Blob
from apps.blobs.store import default_store
from apps.core.errors import Unavailable
from apps.projects.models import Project
from apps.web.by_hand.multipart import Part, parts_of
from apps.web.views import new_artifact
from tests.factories import artifacts
from tests.web.conftest import Visit, text_of

PAGE = "/lab/vision/new-artifact"
FILES = {"a.txt": b"words\n", "b.bin": bytes(range(256)) * 4096, "empty": b""}


def sent(files: dict[str, bytes], **words: Any) -> dict[str, Any]:
    uploads = [SimpleUploadedFile(name, data) for name, data in files.items()]
    return {"name": "animals", "type_name": "dataset", "aliases": "latest", **words, "files": uploads}


def newest(vision: Project, name: str = "animals") -> OpenVersion:
    collection = find_collection(vision, name)
    assert collection is not None
    version = find_version(collection, "latest")
    assert version is not None
    return open_version(version)


def everything() -> list[int]:
    models = (Version, StoredFile, Manifest, EntryPage, Blob)
    return [*(each._base_manager.count() for each in models), len(list(default_store().list()))]


def test_who_may_not_write_finds_no_form(
    visit: Visit, vision: Project, bob: User, vera: User, mallory: User
) -> None:
    people = ("alice", "bob", "vera", "mallory", None)

    assert [visit(PAGE, by=who).status_code for who in people] == [200, 200, 403, 404, 404]


def test_files_become_a_version_as_the_client_would_have_made_it(
    send: Visit, visit: Visit, vision: Project, bob: User
) -> None:
    answer = send(
        PAGE, by="bob", **sent(FILES, aliases="latest\nbest", tags="x", description="Words", folder="in/it")
    )
    opened = newest(vision)
    expected = artifacts.manifest({f"in/it/{name}": data for name, data in FILES.items()})

    assert (answer.status_code, answer["Location"]) == (302, "/lab/vision/artifacts/dataset/animals/v0")
    assert opened.words.digest == digest_of(read_manifest(expected).rows)
    assert (set(opened.aliases), opened.words.tags, opened.words.description) == (
        {"latest", "best"}, ("x",), "Words",
    )  # fmt: skip
    assert {each.path: each.size for each in list_entries(opened.version)} == {
        f"in/it/{name}": len(data) for name, data in FILES.items()
    }
    back = visit(f"{answer['Location']}/files/in%2Fit%2Fb.bin", by="vera")
    assert b"".join(back) == FILES["b.bin"]


def test_what_the_project_holds_is_stored_once_and_an_equal_version_is_not_made_again(
    send: Visit, vision: Project, alice: User
) -> None:
    artifacts.version(vision, "animals", FILES, by=Actor.person(alice))
    before = everything()

    same = send(PAGE, by="alice", **sent(FILES, aliases="good"))
    assert same["Location"] == "/lab/vision/artifacts/dataset/animals/v0"
    assert everything() == before
    assert "good" in newest(vision).aliases

    more = send(PAGE, by="alice", **sent(FILES | {"c": b"new"}))
    assert more["Location"] == "/lab/vision/artifacts/dataset/animals/v1"
    assert StoredFile.objects.count() == len(FILES) + 1


def test_a_form_that_is_sent_twice_at_once_makes_one_version(
    send: Visit, vision: Project, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second goes all its way while the first has its files, and not yet its number."""
    answers: list[Any] = []

    def with_another_before(*asked: Any, **more: Any) -> Any:
        monkeypatch.setattr(by_hand, "commit_version", commit_version)
        answers.append(send(PAGE, by="alice", **sent(FILES, aliases="second")))
        return commit_version(*asked, **more)

    monkeypatch.setattr(by_hand, "commit_version", with_another_before)
    answers.append(send(PAGE, by="alice", **sent(FILES, aliases="first")))

    assert [answers[0]["Location"], answers[-1]["Location"]] == [
        "/lab/vision/artifacts/dataset/animals/v0"
    ] * 2
    assert Version._base_manager.count() == 1
    assert {"first", "second"} <= set(newest(vision).aliases)
    assert (StoredFile.objects.count(), Manifest.objects.count()) == (len(FILES), 1)


def breaking_off() -> Callable[..., Any]:

    def parts(request: Any) -> Any:
        for part in parts_of(request):
            if part.filename == "b.bin":

                def broken() -> Any:
                    yield b"begun"
                    raise Unavailable("The upload broke off. Send it again.")

                yield Part(part.name, filename=part.filename, content=broken())
                return
            yield part

    return parts


def test_nothing_is_left_of_an_upload_that_breaks_off(
    send: Visit, vision: Project, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifacts.version(vision, "animals", {"a.txt": FILES["a.txt"], "z": b"z"}, by=Actor.person(alice))
    before = everything()
    monkeypatch.setattr(new_artifact, "parts_of", breaking_off())

    answer = send(PAGE, by="alice", **sent({"own": b"new"} | FILES))

    assert answer.status_code == 400
    assert "The upload broke off." in text_of(answer)
    assert everything() == before
    assert newest(vision).version.number == 0


@pytest.mark.parametrize(
    ("words", "files", "field", "says"),
    [
        ({"name": "a b"}, FILES, "id_name", "letters, digits, dots, dashes and underscores"),
        ({"name": ""}, FILES, "id_name", "An artifact needs a name."),
        ({"type_name": "x/y"}, FILES, "id_type_name", "no / or : in it"),
        ({"name": "net"}, FILES, "id_type_name", "exists already with another type"),
        ({"type_name": "job"}, FILES, "id_type_name", "Code saving is off"),
        ({"aliases": "v1"}, FILES, "id_aliases", "given by the server"),
        ({"folder": "../x"}, FILES, "id_folder", "may not lead out of its folder"),
        ({}, {}, "version-files", "Choose at least one file."),
        ({"tags": "x" * 8_000}, FILES, "id_tags", "1 to 128 letters"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_kept(
    send: Visit,
    vision: Project,
    alice: User,
    words: dict[str, str],
    files: dict[str, bytes],
    field: str,
    says: str,
) -> None:
    artifacts.version(vision, "net", {"w": b"1"}, by=Actor.person(alice), type_name="model")
    before = everything()

    answer = send(PAGE, by="alice", **sent(files, **words))
    page = answer.content.decode()
    at = page.index(f'id="{field}-error"')

    assert answer.status_code == 400
    assert says in page[at : at + 400]
    assert everything() == before


def raw(client: Client, filenames: list[str], **headers: str) -> Any:
    parts: list[tuple[str, str | None, str]] = [("name", None, "animals"), ("type_name", None, "dataset")]
    parts += [("files", each, "x") for each in filenames]
    body = io.BytesIO()
    for name, filename, text in parts:
        named = f'; filename="{filename}"' if filename is not None else ""
        body.write(f'--b\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n{text}\r\n'.encode())
    body.write(b"--b--\r\n")
    return client.generic(
        "POST", PAGE, body.getvalue(), content_type="multipart/form-data; boundary=b", headers=headers
    )


@pytest.fixture
def alices(vision: Project, alice: User) -> Client:
    client = Client()
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.mark.parametrize(
    "names",
    [
        ["../up"],
        ["/etc/passwd"],
        ["C:\\x"],
        ["a/../../b"],
        ["a", "a"],
        ["x\x01y"],
        ["d/" * 70 + "x"],
        ["n" * 3000],
    ],
)
def test_names_that_lead_out_or_twice_are_refused(alices: Client, names: list[str]) -> None:
    before = everything()

    answer = raw(alices, names, accept="application/json")

    assert (answer.status_code, len(answer.json()["errors"])) == (400, 1)
    assert everything() == before


def test_a_folder_keeps_its_paths_and_a_script_is_told_where_it_went(alices: Client, vision: Project) -> None:
    answer = raw(alices, ["d/e/f.txt", "<i>.txt"], accept="application/json")

    assert answer.json() == {"url": "/lab/vision/artifacts/dataset/animals/v0"}
    assert [each.path for each in list_entries(newest_of(vision))] == ["<i>.txt", "d/e/f.txt"]


def newest_of(vision: Project) -> Version:
    return Version.objects.select_related("collection__project__entity").get()


def test_without_the_token_of_the_form_nothing_is_kept(vision: Project, alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    before = everything()

    assert raw(client, ["a"]).status_code == 403
    assert everything() == before
