"""A receipt says what was done, once, and whoever holds it checks it without us; a letter that was changed is a doubt."""

from __future__ import annotations

import ast
import base64
import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import IntegrityError

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core.errors import NotFound
from apps.erasure import receipts, verify_receipt
from apps.erasure.models import ErasureJob
from apps.erasure.services import advance, erase_files, erase_run
from apps.erasure.verify_receipt import Doubt, canonical, check, check_chain, parse, sha256_hex
from apps.runs.models import Run
from apps.vault import receipts as log
from apps.vault.models import Receipt
from apps.vault.receipts import append, links
from apps.vault.signing import public_key, public_key_of, signing_key
from tests.erasure.conftest import files_of, finish

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-09")]
SCRIPT = Path(verify_receipt.__file__)
Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.person(alice)


@pytest.fixture
def job(full: Run, by: Actor) -> ErasureJob:
    return finish(erase_run(full, by=by))


@pytest.fixture
def document(job: ErasureJob, by: Actor) -> dict[str, Any]:
    return receipts.get_receipt(by, public_id=job.public_id)


def doubt_of(document: Any, key: str) -> str:
    with pytest.raises(Doubt) as caught:
        check(document, key)
    return caught.value.code


def test_a_receipt_states_what_was_done_and_names_nothing(
    job: ErasureJob, document: dict[str, Any], by: Actor
) -> None:
    stated = check(document, public_key())

    assert stated["asked"] == {
        "at": f"{job.asked_at:%Y-%m-%dT%H:%M:%S.%f}Z",
        "by": by.audit_id,
        "due": None,
        "cause": "asked",
        "scope": "runs",
        "things": 1,
    }
    assert (stated["erasure"], stated["entity"]) == (job.public_id, job.entity.public_id)
    assert stated["deleted"] == {
        "runs": 1,
        "versions": 0,
        "files": 2,
        "rows": job.rows,
        "stored_bytes": job.stored_bytes,
    }
    assert stated["proof"] == job.proof and stated["epoch"] == job.epoch
    assert set(stated["methods"]) == set(stated["proof"]) == {"vault", "store", "database"}
    for words in ("from before backups sealed names", "hold names in the clear", "until the next backup"):
        assert words in stated["backups"]["what"]
    times = [stated["steps"][step] for step in ("close", "shred", "bytes", "rows", "prove", "epoch")]
    assert times == sorted(times) and len(stated["steps"]) == 6
    text = canonical(document).decode()
    for word in ("full", "vision", "lab", "alice", "out/a", "loss"):
        assert f'"{word}' not in text


def test_there_is_no_receipt_before_the_end_and_none_for_others(
    full: Run, other: Run, by: Actor, mallory: User
) -> None:
    job = erase_run(full, by=by)
    advance(job.pk)
    with pytest.raises(NotFound):
        receipts.get_receipt(by, public_id=job.public_id)

    finish(job)

    assert receipts.get_receipt(by, public_id=job.public_id)["statement"]["erasure"] == job.public_id
    with pytest.raises(NotFound):
        receipts.get_receipt(Actor.person(mallory), public_id=job.public_id)


def test_a_job_has_one_receipt_however_often_it_is_certified(
    job: ErasureJob, document: dict[str, Any], by: Actor
) -> None:
    ErasureJob.objects.filter(pk=job.pk).update(step="certify", done_at=None, rows=99_999)

    finish(job)

    assert receipts.get_receipt(by, public_id=job.public_id) == document
    assert Receipt.objects.count() == 1


def _set(*path: str, to: Any) -> Change:
    def change(document: dict[str, Any]) -> None:
        inner: Any = document
        for name in path[:-1]:
            inner = inner[name]
        inner[path[-1]] = to

    return change


def _resigned(document: dict[str, Any]) -> None:
    """Made anew by who has everything but the key, and names their own."""
    key = Ed25519PrivateKey.generate()
    document["statement"]["deleted"]["runs"] = 7
    document["link"] |= {
        "statement_sha256": sha256_hex(document["statement"]),
        "key": public_key_of(key),
    }
    document["signature"] = base64.b64encode(key.sign(canonical(document["link"]))).decode()


def _resigned_as_ours(document: dict[str, Any]) -> None:
    key = Ed25519PrivateKey.generate()
    document["link"]["number"] = 9
    document["signature"] = base64.b64encode(key.sign(canonical(document["link"]))).decode()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_set("statement", "deleted", "runs", to=2), "changed"),
        (_set("statement", "asked", "by", to="somebody"), "changed"),
        (_set("statement", "more", to=1), "changed"),
        (_set("statement", "form", to="other"), "unreadable"),
        (_set("statement", to=[]), "unreadable"),
        (_set("link", "number", to=2), "bad_signature"),
        (_set("link", "number", to="1"), "unreadable"),
        (_set("link", "statement_sha256", to="0" * 64), "bad_signature"),
        (_set("link", "previous_sha256", to="1" * 64), "bad_signature"),
        (_set("link", "more", to=1), "unreadable"),
        (_set("signature", to="AAAA"), "bad_signature"),
        (_set("signature", to="<b>"), "bad_signature"),
        (_set("signature", to=None), "unreadable"),
        (_resigned, "other_key"),
        (_resigned_as_ours, "bad_signature"),
    ],
)
def test_whatever_is_changed_is_a_doubt(document: dict[str, Any], change: Change, code: str) -> None:
    changed = copy.deepcopy(document)
    change(changed)

    assert check(document, public_key())
    assert doubt_of(changed, public_key()) == code


def test_every_letter_counts(document: dict[str, Any]) -> None:
    """Each text and each number of the statement, changed by the least there is."""
    key = public_key()

    def walk(value: Any, path: list[str]) -> list[tuple[list[str], Any]]:
        if isinstance(value, dict):
            return [found for name, each in value.items() for found in walk(each, [*path, name])]
        return [(path, value + 1 if isinstance(value, int) else f"{value}x")]

    leaves = walk(document["statement"], ["statement"])
    assert len(leaves) > 20
    for path, changed in leaves:
        forged = copy.deepcopy(document)
        _set(*path, to=changed)(forged)
        assert doubt_of(forged, key) in {"changed", "unreadable"}, path


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b'{"a": 1.5}',
        b'{"a": NaN}',
        b'{"a": 1, "a": 2}',
        b"\xff\xfe",
        b"[" * 100_000,
        b" " * 1_000_001,
        b'{"statement": {"form": "ownlog-erasure-1"}}',
        b'{"statement": {"form": "ownlog-erasure-1"}, "link": 3, "signature": ""}',
    ],
    ids=lambda text: str(text[:12]),
)
def test_what_is_no_receipt_is_called_unreadable(text: bytes) -> None:
    with pytest.raises(Doubt) as caught:
        check(parse(text), base64.b64encode(b"k" * 32).decode())

    assert caught.value.code == "unreadable"


def test_receipts_are_one_chain_and_a_gap_is_seen(full: Run, other: Run, by: Actor) -> None:
    for each in (erase_files(files_of(full), by=by), erase_run(full, by=by), erase_run(other, by=by)):
        finish(each)
    chain, key = links(after=0, count=10), public_key()

    number, digest = check_chain(chain, key)

    assert (number, len(chain)) == (3, 3) and len(digest) == 64
    assert "statement" not in chain[0]
    before, end = check_chain(chain[:2], key)
    assert check_chain(chain[2:], key, end, before) == (3, digest)
    for wrong in (chain[1:], [chain[0], chain[2]], chain[::-1], [*chain, chain[2]]):
        with pytest.raises(Doubt) as caught:
            check_chain(wrong, key)
        assert caught.value.code == "chain"
    with pytest.raises(Doubt):
        check_chain([*chain[:2], chain[2] | {"signature": chain[1]["signature"]}], key)


def test_a_receipt_that_was_changed_in_the_vault_is_a_doubt(job: ErasureJob, by: Actor) -> None:
    row = Receipt.objects.get()
    Receipt.objects.update(statement=row.statement.replace('"runs":1', '"runs":2'))

    assert doubt_of(receipts.get_receipt(by, public_id=job.public_id), public_key()) == "changed"


def test_two_who_write_at_once_get_two_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    append("a" * 20, {"form": "x"})
    real, key = Receipt.save, signing_key

    def taken(self: Receipt, **kwargs: Any) -> None:
        monkeypatch.setattr(Receipt, "save", real)
        monkeypatch.setattr(log, "signing_key", and_the_other_is_there)
        raise IntegrityError

    def and_the_other_is_there() -> Ed25519PrivateKey:
        monkeypatch.setattr(log, "signing_key", key)
        append("b" * 20, {"form": "x"})
        return key()

    monkeypatch.setattr(Receipt, "save", taken)
    append("c" * 20, {"form": "x"})

    assert list(Receipt.objects.order_by("number").values_list("number", "job")) == [
        (1, "a" * 20),
        (2, "b" * 20),
        (3, "c" * 20),
    ]
    assert check_chain(links(after=0, count=9), public_key())[0] == 3


def run_script(folder: Path, *arguments: str) -> tuple[int, str]:
    """Away from this repository: the file alone, in a Python that is told nothing of it."""
    script = folder / "verify_receipt.py"
    script.write_bytes(SCRIPT.read_bytes())
    done = subprocess.run(
        [sys.executable, "-I", str(script), *arguments],
        cwd=folder,
        env={"PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_script_alone_checks_a_receipt_and_the_log(document: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "receipt.json").write_text(json.dumps(document, indent=2))
    (tmp_path / "log.json").write_text(json.dumps({"items": links(after=0, count=9)}))
    (tmp_path / "key").write_text(public_key() + "\n")

    code, said = run_script(tmp_path, "--key", "key", "--log", "log.json", "receipt.json")

    assert code == 0, said
    assert "log.json: one chain of 1" in said and "receipt.json: genuine, number 1" in said
    document["statement"]["deleted"]["runs"] += 1
    (tmp_path / "forged.json").write_text(json.dumps(document))
    code, said = run_script(tmp_path, "--key", public_key(), "receipt.json", "forged.json")
    assert code == 1 and "forged.json: DOUBT: what it states was changed" in said
    for arguments in (["--key", "nothing", "receipt.json"], ["--key", "key", "nothing.json"]):
        assert run_script(tmp_path, *arguments)[0] == 1
    append("b" * 20, {"form": "x"})
    for after in (0, 1):
        (tmp_path / f"{after}.json").write_text(json.dumps({"items": links(after=after, count=1)}))
    pages = ["--log", "0.json", "--log", "1.json"]
    code, said = run_script(tmp_path, "--key", "key", *pages, "receipt.json")
    assert code == 0 and "1.json: one chain of 2" in said, said
    code, said = run_script(tmp_path, "--key", "key", *pages[2:], *pages[:2], "receipt.json")
    assert code == 1 and "1.json: DOUBT: the log is not one chain" in said
    (tmp_path / "short.json").write_text('{"items": []}')
    code, said = run_script(tmp_path, "--key", "key", "--log", "short.json", "receipt.json")
    assert code == 1 and "it is not in the log" in said


def test_the_script_needs_cryptography_and_nothing_else() -> None:
    found = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(ast.parse(SCRIPT.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }

    tops = {name.partition(".")[0] for name in found}
    assert tops - set(sys.stdlib_module_names) == {"cryptography"}


def test_the_script_writes_it_down_as_the_vault_does() -> None:
    value = {"b": [1, "é\u2028", None, True], "a": {"z": 0, "y": "\x00"}}
    assert canonical(value).decode() == log.canonical(value)
    assert (verify_receipt.LINK, verify_receipt.STATEMENT) == (log.FORM, receipts.FORM)
    assert verify_receipt.GENESIS == log.GENESIS
