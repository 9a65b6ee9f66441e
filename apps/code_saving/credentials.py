"""Well-known credentials in text: where they stand, and the same text with a mark in their place.

One expression of RE2 over bytes, which takes linear time whatever it is given. Only forms that their makers gave a
mark of its own, and values beside a name that says what they are: what merely looks random is a digest, a checkpoint's
name or an id in nearly every log (ADR 0126).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

MASK = "[secret erased]"
# What stands where a credential was masked on the way in. A plain word in YAML, JSON, Python and HTML.
_MARK = "(secret masked:%s)"
_MARKS = re.compile(rb"\(secret masked:([a-z_]{1,30})\)")
_LONGEST_NAME = 200
_MOST_OF_A_KEY = 16 * 1024


class Detector(StrEnum):
    """What a finding is said to be. A closed list: it is stored, and has words on the page."""

    ANTHROPIC = "anthropic"
    AWS_ID = "aws_id"
    AWS_SECRET = "aws_secret"
    AZURE = "azure"
    GITHUB = "github"
    GITLAB = "gitlab"
    GOOGLE = "google"
    HUGGING_FACE = "hugging_face"
    JWT = "jwt"
    NAMED = "named"
    NPM = "npm"
    OPENAI = "openai"
    OWNLOG = "ownlog"
    PASSWORD_IN_ADDRESS = "password_in_address"
    PRIVATE_KEY = "private_key"
    PYPI = "pypi"
    SENDGRID = "sendgrid"
    SLACK = "slack"
    STRIPE = "stripe"
    TELEGRAM = "telegram"
    WANDB = "wandb"


@dataclass(frozen=True, slots=True)
class Found:
    """A credential in a text, by the places of its first byte and of the byte after its last."""

    detector: Detector
    start: int
    end: int


_KEY_HEAD = r"-----BEGIN (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----"
# Each with one group at most: the value, where something around it belongs to the form but is no secret. But for a private key
# none goes over the end of a line: the texts of a config are searched as lines, and what begins in one must be whole there.
_FORMS: dict[Detector, str] = {
    Detector.ANTHROPIC: r"\bsk-ant-[a-z0-9]{2,10}-[\w\-]{20,}",
    Detector.AWS_ID: r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b",
    Detector.AWS_SECRET: r"(?i:aws_?secret(?:_?access)?_?key)[^\w/+\n]{1,8}(?:value[^\w/+\n]{1,6})?([A-Za-z0-9/+]{40})\b",
    Detector.AZURE: r"\bAccountKey=([A-Za-z0-9+/]{84,88}={0,2})",
    Detector.GITHUB: r"\b(?:gh[opsur]_[A-Za-z0-9]{36,}|github_pat_\w{22,})",
    Detector.GITLAB: r"\bgl(?:pat|dt|rt|ptt)-[\w\-]{20,}",
    Detector.GOOGLE: r"\b(?:AIza[\w\-]{35}|GOCSPX-[\w\-]{28})",
    Detector.HUGGING_FACE: r"\b(?:hf_|api_org_)[A-Za-z0-9]{30,}",
    Detector.JWT: r"\beyJ[\w\-]{10,}\.eyJ[\w\-]{10,}\.[\w\-]{10,}",
    Detector.NPM: r"\bnpm_[A-Za-z0-9]{36}\b",
    Detector.OPENAI: r"\bsk-(?:(?:proj|svcacct|admin)-[\w\-]{40,}|[A-Za-z0-9]{48}\b|[\w\-]{20,}T3BlbkFJ[\w\-]{20,})",
    Detector.OWNLOG: r"\bown_[A-Za-z0-9]{40}\b",
    Detector.PASSWORD_IN_ADDRESS: r"\b[A-Za-z][A-Za-z0-9+.\-]{1,20}://[^/\s:@\"'<>]{0,100}:([^/\s@\"'<>{}$*]{3,200})@[\w\[]",
    Detector.PRIVATE_KEY: _KEY_HEAD
    + r"(?:(?:[^\-]|-[^\-])*-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?",
    Detector.PYPI: r"\bpypi-AgE[\w\-]{50,}",
    Detector.SENDGRID: r"\bSG\.[\w\-]{22}\.[\w\-]{43}",
    Detector.SLACK: r"\bxox[abeoprs]-[\w\-]{10,}|\bhooks\.slack\.com/services/(?:T\w{6,}/B\w{6,}/\w{20,})",
    Detector.STRIPE: r"\b(?:sk|rk)_live_[A-Za-z0-9]{20,}",
    Detector.TELEGRAM: r"\b[0-9]{8,10}:AA[\w\-]{33}\b",
    Detector.WANDB: r"(?i:wandb_api_key)[^\w\n]{1,8}(?:value[^\w\n]{1,6})?([A-Za-z0-9_\-]{40,})",
}
# Names of which a value is a secret whatever it looks like. Not `token` by itself: every tokenizer has some.
_NAMES = frozenset({
    "access_token", "api_key", "api_token", "apikey", "auth_token", "client_secret", "passwd", "password", "private_key",
    "aws_secret_access_key", "aws_secret_key", "refresh_token", "secret", "secret_access_key", "secret_key", "wandb_api_key",
})  # fmt: skip
# `db_password`, `smtpPassword`, `openai_api_key`: the same with a word before it.
_ENDINGS = ("apikey", "passwd", "password", *(f"_{name}" for name in sorted(_NAMES)))
# Beside such a name stand words about a secret as often as one: what to put there, whether it is asked for, a path, the
# name of a variable or of a file.
_NO_SECRET = re.compile(
    r"(?i:change|default|disabled|dummy|enabled|example|fake|fill|hidden|insert|mock|none|not|optional|placeholder|redacted"
    r"|replace|required|sample|test|todo|unset|your)(?![A-Za-z0-9])"
    r"|(?i:changeme|example|(?:my|your)[_-]?(?:api|key|pass|secret|token)|(?:passwd|password|secret)\Z)"
    r"|(.)\1*\Z"
    r"|[\[~/\\.]"
    r"|(?i:arn|aws|azure|env|file|gcp|https?|s3|secrets?|ssm|vault):"
    r"|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\Z"
)
_SHORTEST_NAMED = 6
_SHORTEST_SURE = 8
# What a key lies in, and not what it is.
_FILE_OF_A_KEY = re.compile(
    rb"\Aid_(?:rsa|dsa|ecdsa|ed25519)|\.(?:asc|cer|crt|der|env|gpg|json|key|p12|pem|pfx|ppk|pub|txt)\Z"
)
# In an address what is asked for, other hosts and formats stand before an @ too.
_NO_PASSWORD = re.compile(rb"[%?,;|\\()]")
_LETTER_AND_DIGIT = re.compile(rb"\A(?=[^0-9]*[0-9])(?=[^A-Za-z]*[A-Za-z])[^\s/\\]+\Z")


@cache
def _forms() -> tuple[Any, dict[int, Detector]]:
    """All forms as one expression, and which of its groups belongs to which."""
    import re2

    options = re2.Options()
    options.encoding = (
        options.Encoding.LATIN1
    )  # bytes stay bytes: the places are theirs, and any bytes will do
    options.log_errors = False
    parts, groups, number = [], {}, 1
    for detector, form in _FORMS.items():
        parts.append(f"({form})")
        groups[number] = detector
        number += 1 + re2.compile(form.encode(), options).groups
    return re2.compile("|".join(parts).encode(), options), groups


def find(data: bytes) -> Iterator[Found]:
    """The credentials that stand in these bytes, in their order, none over another."""
    pattern, groups = _forms()
    has_marks = _MARKS.search(data) is not None
    for match in pattern.finditer(data):
        if has_marks and _MARKS.search(match.group()):  # a private key of which the lines around are left
            continue
        for number, detector in groups.items():
            if match.start(number) >= 0:
                inner = number + 1
                has_value = inner not in groups and inner <= pattern.groups and match.start(inner) >= 0
                start, end = match.span(inner if has_value else number)
                yield Found(detector, start, end)
                break


def mark_of(detector: Detector) -> str:
    """What is put where a credential of this kind was masked."""
    return _MARK % detector.value


def find_marks(data: bytes) -> Iterator[Found]:
    """Where a credential was masked, and of which kind it was."""
    kinds = {each.value.encode(): each for each in Detector}
    for match in _MARKS.finditer(data):
        if match[1] in kinds:
            yield Found(kinds[match[1]], match.start(), match.end())


def is_sure(detector: Detector, value: bytes) -> bool:
    """Is it one beyond doubt, so that it may go for good before anybody has looked at it?

    Beside `password` stand words, paths and names of variables too: letters and digits together are none of these. Of a
    private key whose end is elsewhere nobody knows where it ends.
    """
    if detector is Detector.NAMED:
        is_long = len(value) >= _SHORTEST_SURE and _FILE_OF_A_KEY.search(value) is None
        return is_long and _LETTER_AND_DIGIT.search(value) is not None
    if detector is Detector.PASSWORD_IN_ADDRESS:
        return _LETTER_AND_DIGIT.search(value) is not None and _NO_PASSWORD.search(value) is None
    if detector is Detector.PRIVATE_KEY:
        return len(value) <= _MOST_OF_A_KEY and b"-----END" in value
    return True


def values_in(text: str, detector: Detector) -> list[str]:
    """The credentials of this kind in a text."""
    data = text.encode("utf-8", "surrogatepass")
    return [
        data[each.start : each.end].decode("utf-8", "surrogatepass")
        for each in find(data)
        if each.detector is detector
    ]


def is_named_secret(name: str, value: object) -> bool:
    """Is this a value beside a name that says it is a secret, as in a config or on a command line?"""
    if not isinstance(value, str) or len(value) < _SHORTEST_NAMED or value == MASK:
        return False
    if value.startswith(("$", "<", "*", "{", "(secret masked:")):
        return False
    flat = name[-_LONGEST_NAME:].strip("-").lower().replace("-", "_").rsplit(".", 1)[-1]
    return flat in _NAMES or (flat.endswith(_ENDINGS) and not _is_about_one(value))


def _is_about_one(value: str) -> bool:
    return (
        _NO_SECRET.match(value) is not None
        or _FILE_OF_A_KEY.search(value.encode("utf-8", "replace")) is not None
    )
