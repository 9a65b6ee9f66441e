"""The log of receipts: what was erased, signed and chained, in the vault's database, which no backup of the main one overwrites.

A receipt is a statement and a link. The link is signed; it names the digest of the statement and that of the link before
it. So the links alone are a chain that anybody who is signed in may keep, and say nothing of what was stated.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import IntegrityError, transaction

from apps.core import clock
from apps.core.errors import Unavailable
from apps.vault.models import Receipt
from apps.vault.rows import DATABASE
from apps.vault.signing import public_key_of, signing_key

FORM = "ownlog-receipt-1"
GENESIS = "0" * 64
_TRIES = 20


def canonical(value: Mapping[str, Any]) -> str:
    """The one way to write it down, as verify_receipt.py does."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def append(job: str, statement: Mapping[str, Any]) -> None:
    """Sign a statement about a job and put it at the end of the log; durable on return. A job has one: the first stays."""
    text = canonical(statement)
    for _ in range(_TRIES):
        key = signing_key()
        try:
            with transaction.atomic(using=DATABASE, durable=True):
                if Receipt.objects.filter(job=job).exists():
                    return
                last = Receipt.objects.order_by("-number").first()
                new = Receipt(
                    number=last.number + 1 if last else 1,
                    job=job,
                    statement=text,
                    statement_sha256_hex=_sha256_hex(text),
                    previous_sha256_hex=_sha256_hex(canonical(link_of(last))) if last else GENESIS,
                    key_b64=public_key_of(key),
                    made_at=clock.now(),
                )
                new.signature_b64 = base64.b64encode(key.sign(canonical(link_of(new)).encode())).decode()
                new.save(force_insert=True)
            return
        except IntegrityError:
            continue  # another worker took the number, or made the receipt of the same job
    raise Unavailable("The log of receipts is busy. Try again.")


def link_of(receipt: Receipt) -> dict[str, Any]:
    return {
        "form": FORM,
        "key": receipt.key_b64,
        "number": receipt.number,
        "previous_sha256": receipt.previous_sha256_hex,
        "statement_sha256": receipt.statement_sha256_hex,
    }


def receipt_of(job: str) -> dict[str, Any] | None:
    """What is handed out: the statement, its link and the signature. None while there is none."""
    return receipts_of([job]).get(job)


def receipts_of(jobs: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The same of several, with one question, by their jobs. Those without one are left out."""
    found = Receipt.objects.filter(job__in=list(jobs))
    return {each.job: {"statement": json.loads(each.statement), **_signed(each)} for each in found}


def links(*, after: int, count: int) -> list[dict[str, Any]]:
    """The chain from behind this number on, without the statements."""
    rows = Receipt.objects.filter(number__gt=after).defer("statement").order_by("number")
    return [_signed(each) for each in rows[:count]]


def _signed(receipt: Receipt) -> dict[str, Any]:
    return {"link": link_of(receipt), "signature": receipt.signature_b64}


def _sha256_hex(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()
