"""A receipt as pages show it, and what is said to who uploads one."""

from __future__ import annotations

import inspect
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from apps.erasure import verify_receipt
from apps.erasure.verify_receipt import MOST_BYTES, Doubt, check, parse
from apps.web.seals import Seal, seal_of


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of checking one: a doubt in words, or what it states."""

    doubt: str = ""
    number: int = 0
    statement: dict[str, Any] = field(default_factory=dict)
    steps: list[tuple[str, datetime]] = field(default_factory=list)
    seal: Seal | None = None


def checked(text: bytes, key: str) -> Checked:
    try:
        document = parse(text)
        statement = check(document, key)
        return Checked(
            number=document["link"]["number"],
            statement=statement,
            steps=_steps(statement["steps"] | _backups(statement)),
            seal=seal_of(document),
        )
    except Doubt as doubt:
        return Checked(doubt=_doubts()[doubt.code])


def _doubts() -> dict[str, str]:
    return {
        "unreadable": _("This is not a receipt. Choose the file as it was downloaded."),
        "other_key": _("It names another public key: another instance gave it, or somebody made it up."),
        "bad_signature": _("Its signature does not fit: it was changed, or somebody else made it."),
        "changed": _("What it states was changed after it was signed."),
    }


def _steps(stated: dict[str, str | None]) -> list[tuple[str, datetime]]:
    names = {
        "close": _("Closed"),
        "shred": _("Keys destroyed"),
        "bytes": _("Stored bytes deleted"),
        "rows": _("Rows deleted"),
        "prove": _("Proven to be gone"),
        "epoch": _("Earlier copies made useless"),
        "backups": _("The last backup that can hold anything of it is deleted by"),
    }
    return [(name, datetime.fromisoformat(at)) for step, name in names.items() if (at := stated.get(step))]


def _backups(statement: dict[str, Any]) -> dict[str, str | None]:
    """Where the operators said how long they keep them; receipts of before say nothing of it."""
    return {"backups": statement.get("backups", {}).get("last_expires")}


def as_file(document: dict[str, Any]) -> bytes:
    """As it is handed out: indented, for people; whoever checks it writes it down anew."""
    return json.dumps(document, indent=2, sort_keys=True).encode("ascii") + b"\n"


def script() -> str:
    """The program that checks receipts, as it stands here."""
    return inspect.getsource(verify_receipt)


__all__ = ["MOST_BYTES", "Checked", "as_file", "checked", "script"]
