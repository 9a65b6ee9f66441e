"""/receipts, /receipts/key, /receipts/verify_receipt.py and /settings/erasures/{id}/receipt"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.erasure import verify_receipt
from apps.erasure.models import ErasureJob
from apps.erasure.services import advance, erase_run
from apps.projects.models import Project
from apps.web.seals import Seal, seal_of
from tests.erasure.conftest import finish, full_run
from tests.web.conftest import Visit, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-09")]


@pytest.fixture
def job(vision: Project, alice: User) -> ErasureJob:
    return erase_run(full_run(vision, "full", by=alice), by=Actor.person(alice))


def upload(client: Client, content: bytes, name: str = "receipt.json") -> Any:
    return client.post("/receipts", {"receipt": SimpleUploadedFile(name, content)})


def place_of(job: ErasureJob) -> str:
    return f"/settings/erasures/{job.public_id}/receipt"


def test_a_receipt_is_for_who_may_see_the_erasure_and_only_at_its_end(
    visit: Visit, job: ErasureJob, mallory: User
) -> None:
    advance(job.pk)
    assert visit(place_of(job), by="alice").status_code == 404
    finish(job)

    answer = visit(place_of(job), by="alice")

    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"] == f'attachment; filename="receipt-{job.public_id}.json"'
    assert json.loads(answer.content)["statement"]["erasure"] == job.public_id
    for who in ("bob", "vera", "mallory"):
        outside = visit(place_of(job), by=who)
        nothing = visit(f"/settings/erasures/{'z' * 20}/receipt", by=who)
        assert outside.status_code == nothing.status_code == 404
    assert visit(place_of(job), by=None).status_code == 302


def test_each_digit_of_a_digest_is_a_ray_of_the_seal() -> None:
    rays = Seal("0f" * 32).rays.split("M")[1:]

    assert len(rays) == 64
    assert rays[0] == "50.00 20.00L50.00 17.80"  # a 0, at the top
    assert rays[16 + 1].startswith("79.86 52.94L96.2")  # an f, just below the right
    assert Seal("0f" * 32).rays != Seal("0f" * 31 + "0e").rays


def test_anybody_checks_a_receipt_and_is_told_when_it_was_changed(
    visit: Visit, client: Client, job: ErasureJob
) -> None:
    finish(job)
    document = json.loads(visit(place_of(job), by="alice").content)

    page = upload(client, json.dumps(document).encode())

    assert page.status_code == 200
    said = text_of(page)
    seal = f'<path d="{seal_of(document).rays}"/>'
    assert seal in page.content.decode()
    assert seal in visit(f"/settings/erasures/{job.public_id}", by="alice").content.decode()
    assert "This receipt is genuine, number 1 in the log." in said and job.public_id in said
    document["statement"]["deleted"]["files"] = 0
    page = upload(client, json.dumps(document).encode())
    assert page.status_code == 400 and "changed after it was signed" in text_of(page)
    assert 'aria-invalid="true"' in page.content.decode()


@pytest.mark.parametrize(
    "content",
    [
        b"\x00",
        b"<script>alert(1)</script>",
        "\u202e{}".encode(),
        b"{" * 10_000,
        b'"' + b"x" * 1_100_000 + b'"',
    ],
    ids=["nul", "markup", "bidi", "deep", "long"],
)
def test_hostile_files_are_no_receipts(client: Client, content: bytes) -> None:
    page = upload(client, content, "<b>.json")

    assert page.status_code == 400
    assert "This is not a receipt." in text_of(page)
    assert "alert(1)" not in page.content.decode()


@pytest.mark.parametrize("sent", [{}, {"receipt": "text"}])
def test_without_a_file_one_is_asked_for(client: Client, sent: dict[str, str]) -> None:
    page = client.post("/receipts", sent)

    assert page.status_code == 400 and "Choose the file of a receipt." in text_of(page)


def test_the_program_and_the_key_that_are_handed_out_check_what_is_handed_out(
    visit: Visit, client: Client, job: ErasureJob, tmp_path: Path
) -> None:
    finish(job)
    handed: dict[str, Any] = {
        "receipt.json": visit(place_of(job), by="alice"),
        "key": client.get("/receipts/key"),
        "verify_receipt.py": client.get("/receipts/verify_receipt.py"),
    }
    for name, answer in handed.items():
        assert answer.status_code == 200, name
        (tmp_path / name).write_bytes(answer.content)
    assert handed["verify_receipt.py"].content == Path(verify_receipt.__file__).read_bytes()

    done = subprocess.run(
        [sys.executable, "-I", "verify_receipt.py", "--key", "key", "receipt.json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert handed["key"].content.decode().strip() in text_of(client.get("/receipts"))


def test_a_job_that_was_done_before_there_were_receipts_stays_done(visit: Visit, job: ErasureJob) -> None:
    finish(job)
    ErasureJob.objects.update(proven_at=None, renewed_at=None, bytes_gone_at=None, rows_gone_at=None)

    page = visit(f"/settings/erasures/{job.public_id}", by="alice").content.decode()

    assert page.count('<li class="is-done">') == 4 and "The receipt" not in page
