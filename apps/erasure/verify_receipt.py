#!/usr/bin/env python3
# ruff: noqa: T201  (a command: it says what it found)
"""Check receipts of erasures, without the instance that gave them.

    python verify_receipt.py --key KEY receipt.json [more.json ...]
    python verify_receipt.py --key KEY --log log.json [--log more.json ...] [receipt.json ...]

KEY is the instance's public key as its page /receipts shows it, or a file that holds it. Keep it when you first see it.
The log is what GET /api/v1/receipts/log answers; with it each receipt is looked for in it, and the log itself is checked.
One answer holds at most a thousand links (?limit=1000): the next begins after the last number of this one (?after=1000).
Give all of them, the first one first.
Needs Python 3.9 or newer and the package cryptography, nothing else. Exits with 0 when all is well, with 1 on any doubt.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

LINK = "ownlog-receipt-1"
STATEMENT = "ownlog-erasure-1"
GENESIS = "0" * 64
MOST_BYTES = 1_000_000
_LINK_FIELDS = {"form", "key", "number", "previous_sha256", "statement_sha256"}
_DOUBTS = {
    "unreadable": "this is no receipt: it is not JSON of the form that receipts have",
    "other_key": "it names another public key than the one given",
    "bad_signature": "its signature does not fit: it was changed, or somebody else made it",
    "changed": "what it states was changed after it was signed",
    "chain": "the log is not one chain: a link was changed, removed or put elsewhere",
    "not_in_log": "it is not in the log",
}


class Doubt(Exception):
    """Why a receipt is not to be believed: one word of a closed list."""

    def __init__(self, code: str) -> None:
        super().__init__(_DOUBTS[code])
        self.code = code


def canonical(value: Any) -> bytes:
    """The one way to write it down: keys in order, no blanks, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def sha256_hex(value: Any) -> str:
    return hashlib.sha256(canonical(value)).hexdigest()


def parse(text: bytes) -> Any:
    """JSON of objects, lists, texts, whole numbers, true, false and null: all that has one canonical form."""
    if len(text) > MOST_BYTES:
        raise Doubt("unreadable")
    try:
        return json.loads(
            text.decode("utf-8"), object_pairs_hook=_once, parse_float=_refuse, parse_constant=_refuse
        )
    except (ValueError, RecursionError):
        raise Doubt("unreadable") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found


def _refuse(text: str) -> Any:
    raise ValueError(text)


def public_key(text: str) -> Ed25519PublicKey:
    """From the 44 letters of base64 in which it is shown. ValueError when they are none."""
    try:
        raw = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        raise ValueError("not a public key") from None
    if len(raw) != 32:
        raise ValueError("not a public key")
    return Ed25519PublicKey.from_public_bytes(raw)


def check(document: Any, key: str) -> dict[str, Any]:
    """What a receipt states, when it is signed with this key and was not changed since. Doubt otherwise."""
    if not isinstance(document, dict) or not isinstance(document.get("statement"), dict):
        raise Doubt("unreadable")
    if document["statement"].get("form") != STATEMENT:
        raise Doubt("unreadable")
    link = check_link(document, key)
    if sha256_hex(document["statement"]) != link["statement_sha256"]:
        raise Doubt("changed")
    statement: dict[str, Any] = document["statement"]
    return statement


def check_link(signed: Any, key: str) -> dict[str, Any]:
    """One link of the chain, when it is signed with this key."""
    link = signed.get("link") if isinstance(signed, dict) else None
    if not isinstance(link, dict) or set(link) != _LINK_FIELDS or link["form"] != LINK:
        raise Doubt("unreadable")
    if not isinstance(link["number"], int) or not isinstance(signed.get("signature"), str):
        raise Doubt("unreadable")
    if link["key"] != key.strip():
        raise Doubt("other_key")
    try:
        public_key(key).verify(base64.b64decode(signed["signature"], validate=True), canonical(link))
    except (InvalidSignature, ValueError):
        raise Doubt("bad_signature") from None
    return link


def check_chain(links: Any, key: str, previous: str = GENESIS, number: int = 0) -> tuple[int, str]:
    """Signed links, each after the one before it, from the first. The last one's number and digest: note them elsewhere."""
    if not isinstance(links, list):
        raise Doubt("unreadable")
    for signed in links:
        link = check_link(signed, key)
        if link["number"] != number + 1 or link["previous_sha256"] != previous:
            raise Doubt("chain")
        number, previous = link["number"], sha256_hex(link)
    return number, previous


def is_in(document: Any, links: list[Any]) -> bool:
    return any(signed["link"] == document["link"] for signed in links)


def _key_of(text: str) -> str:
    try:
        public_key(text)
    except ValueError:
        text = Path(text).read_text(encoding="ascii").strip()
        public_key(text)
    return text.strip()


def _links_of(value: Any) -> Any:
    return value.get("items") if isinstance(value, dict) else value


def _say(name: str, statement: dict[str, Any], number: int) -> None:
    asked = statement.get("asked", {})
    print(f"{name}: genuine, number {number}, erasure {statement.get('erasure')}")
    print(f"  {asked.get('scope')} ({asked.get('things')}) asked at {asked.get('at')} by {asked.get('by')}")
    print(f"  proven {json.dumps(statement.get('proof'), sort_keys=True)}")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Check receipts of erasures.")
    parser.add_argument("--key", required=True, help="the instance's public key, or a file that holds it")
    parser.add_argument(
        "--log",
        type=Path,
        action="append",
        help="the log of all receipts, as GET /api/v1/receipts/log answers; of a long one each answer, in order",
    )
    parser.add_argument("receipts", nargs="*", type=Path)
    given = parser.parse_args(arguments)
    links: list[Any] = []
    number, digest = 0, GENESIS
    name: Any = "key"
    try:
        key = _key_of(given.key)
        for name in given.log or []:
            answered = _links_of(parse(name.read_bytes()))
            number, digest = check_chain(answered, key, digest, number)
            links += answered
            print(f"{name}: one chain of {number}, its end is {digest}")
        for name in given.receipts:
            document = parse(name.read_bytes())
            statement = check(document, key)
            if given.log and not is_in(document, links):
                raise Doubt("not_in_log")
            _say(name, statement, document["link"]["number"])
    except (Doubt, OSError, ValueError) as error:
        print(f"{name}: DOUBT: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
