"""Files of a form: sealed while they arrive, whatever they are called, and never half of one."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files import uploadhandler
from django.test import Client
from django.test.client import MULTIPART_CONTENT, encode_multipart

from apps.accounts.models import User
from apps.blobs.models import Blob
from apps.core.errors import OwnlogError
from apps.files.queries import find_file, list_files, read_file, withheld_names
from apps.runs.models import Run
from apps.web.by_hand.multipart import parts_of
from tests.web.conftest import Visit, text_of

URL = "/lab/vision/runs/told/upload"
BOUNDARY = "BoUnDaRyStRiNg"


def named(name: str, content: bytes) -> io.BytesIO:
    file = io.BytesIO(content)
    file.name = name
    return file


def content_of(run: Run, name: str) -> bytes:
    return b"".join(read_file(find_file(run, name).file))


def test_several_files_are_kept_in_their_folder(send: Visit, told: Run) -> None:
    big = bytes(range(256)) * 8_000  # several frames, and every byte that a boundary could hide in

    answer = send(URL, by="bob", folder="/plots/a/", files=[named("a.bin", big), named("判例 <b>.txt", b"x")])

    assert (answer.status_code, answer["Location"]) == (302, "/lab/vision/runs/told/files")
    assert [each.name for each in list_files(told)] == ["plots/a/a.bin", "plots/a/判例 <b>.txt"]
    assert content_of(told, "plots/a/a.bin") == big


def test_a_file_of_the_same_name_takes_the_place_of_the_one_before(send: Visit, told: Run) -> None:
    for content in (b"one", b"two"):
        send(URL, by="bob", files=[named("a.txt", content)])

    assert content_of(told, "a.txt") == b"two"
    assert len(list_files(told)) == 1


def test_code_and_names_that_lead_out_are_refused_one_by_one(send: Visit, told: Run) -> None:
    files = [named("diff.patch", b"+ import os"), named("ok.txt", b"x")]

    answer = send(URL, by="bob", files=files)
    led_out = send(URL, by="bob", folder="../..", files=[named("b.txt", b"x")])

    assert (answer.status_code, led_out.status_code) == (400, 400)
    assert "1 file is kept." in text_of(answer)
    assert "diff.patch : This is code, and code saving is off: it was not stored." in text_of(answer)
    assert "A file name must be a relative path" in text_of(led_out)
    assert [each.name for each in list_files(told)] == ["ok.txt"]
    assert withheld_names(told) == ["diff.patch"]
    assert Blob.objects.count() == 1


def test_a_form_without_a_file_says_so(send: Visit, told: Run) -> None:
    answer = send(URL, by="bob", folder="a")

    assert answer.status_code == 400
    assert "Choose at least one file." in text_of(answer)
    assert 'value="a"' in answer.content.decode()


def test_too_many_and_too_large_files_are_refused(
    send: Visit, told: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.web.views.uploads.MOST_FILES", 2)
    monkeypatch.setattr("apps.web.views.uploads.LARGEST_FILE", 10)

    answer = send(URL, by="bob", files=[named(f"{n}.txt", b"x" * (9 + n)) for n in range(1, 4)])

    assert answer.status_code == 400
    assert "At most 2 files can be sent at once." in text_of(answer)
    assert "A file may not be larger than 10 bytes here." in text_of(answer)
    assert [each.name for each in list_files(told)] == ["1.txt"]
    assert Blob.objects.count() == 1


def test_a_script_is_answered_in_json(told: Run, bob: User) -> None:
    client = Client(headers={"Accept": "application/json"})
    client.force_login(bob, backend="django.contrib.auth.backends.ModelBackend")

    answers = [client.post(URL, {"files": named(name, b"x")}) for name in ("a.txt", "a.ipynb")]

    assert [each.status_code for each in answers] == [200, 400]
    assert answers[0].json() == {"kept": ["a.txt"], "refused": []}
    assert answers[1].json()["refused"][0][0] == "a.ipynb"


# ── What breaks off, and what is no form ──


class Body:
    """A request whose body arrives piece by piece and may end early."""

    def __init__(self, data: bytes, length: int, *, piece: int = 7) -> None:
        self.headers = {
            "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
            "Content-Length": str(length),
        }
        self._data, self._piece = io.BytesIO(data), piece

    def read(self, size: int) -> bytes:
        return self._data.read(min(size, self._piece))


def encoded(**fields: Any) -> bytes:
    return encode_multipart(BOUNDARY, fields)


def test_parts_are_read_however_small_the_pieces_are() -> None:
    data = encoded(folder="a", files=named("x.bin", b"\r\n--BoUnDaRy" * 500))

    found = [
        (part.name, part.text or part.filename, b"".join(part.content or ()))
        for part in parts_of(Body(data, len(data)))  # type: ignore[arg-type]
    ]

    assert found == [("folder", "a", b""), ("files", "x.bin", b"\r\n--BoUnDaRy" * 500)]


@pytest.mark.parametrize("left", [1, 30, 400, 900])
def test_a_body_that_ends_early_is_no_whole_file(left: int) -> None:
    data = encoded(files=named("x.bin", b"x" * 1000))

    def read() -> Iterator[bytes]:
        for part in parts_of(Body(data[:-left], len(data))):  # type: ignore[arg-type]
            yield b"".join(part.content or ())

    with pytest.raises(OwnlogError, match="broke off"):
        list(read())


def test_half_an_upload_leaves_nothing(told: Run, bob: User) -> None:
    client = Client()
    client.force_login(bob, backend="django.contrib.auth.backends.ModelBackend")
    data = encode_multipart(BOUNDARY, {"files": named("x.bin", b"x" * 600_000)})

    environ = {"CONTENT_LENGTH": str(len(data)), "wsgi.input": io.BytesIO(data[:300_000])}
    answer = client.generic("POST", URL, b"x", content_type=MULTIPART_CONTENT, **environ)  # type: ignore[arg-type]

    assert answer.status_code == 400
    assert "The upload broke off." in text_of(answer)
    assert list_files(told) == []
    assert Blob.objects.count() == 0


@pytest.mark.parametrize(
    "kind", ["text/plain", "multipart/form-data", "multipart/form-data; boundary=" + "x" * 300]
)
def test_what_is_no_form_with_files_is_refused(told: Run, bob: User, kind: str) -> None:
    client = Client()
    client.force_login(bob, backend="django.contrib.auth.backends.ModelBackend")

    answer = client.generic("POST", URL, b"x", content_type=kind)

    assert answer.status_code == 400
    assert "This is not a form with files." in text_of(answer)


# ── Who may, and where the bytes go ──


@pytest.mark.parametrize(("who", "status"), [("vera", 403), ("mallory", 404), (None, 404)])
def test_who_may_not_write_leaves_no_file(
    send: Visit, told: Run, mallory: User, who: str | None, status: int
) -> None:
    assert send(URL, by=who, files=[named("a.txt", b"x")]).status_code == status
    assert Blob.objects.count() == 0


@pytest.mark.parametrize("token", [None, "", "a" * 64, "a" * 9_000])
def test_a_form_from_elsewhere_leaves_no_file(told: Run, bob: User, token: str | None) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(bob, backend="django.contrib.auth.backends.ModelBackend")
    fields = {} if token is None else {"csrfmiddlewaretoken": token}

    answer = client.post(URL, {**fields, "files": named("a.txt", b"x")})

    assert answer.status_code in {400, 403}
    assert Blob.objects.count() == 0


def test_the_form_with_its_own_token_is_taken(told: Run, bob: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(bob, backend="django.contrib.auth.backends.ModelBackend")
    token = client.get(URL).context["csrf_token"]

    answer = client.post(URL, {"csrfmiddlewaretoken": str(token), "files": named("a.txt", b"x")})

    assert answer.status_code == 302
    assert content_of(told, "a.txt") == b"x"


def test_no_temporary_file_is_made(
    send: Visit, told: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """Django's own way of reading such a form would write the file in the clear, or hold it whole."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a temporary file was made")

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", refuse)
    monkeypatch.setattr(uploadhandler.TemporaryFileUploadHandler, "new_file", refuse)
    monkeypatch.setattr(uploadhandler.MemoryFileUploadHandler, "new_file", refuse)
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)

    assert send(URL, by="bob", files=[named("big.bin", b"x" * 30_000_000)]).status_code == 302
    assert list(tmp_path.iterdir()) == []
    assert find_file(told, "big.bin").size == 30_000_000
