"""Errors as problem details (RFC 9457): the one place where this door translates them."""

from __future__ import annotations

import errno
import json
import logging
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import DatabaseError, InterfaceError
from django.http import Http404, HttpResponse
from django.http.request import UnreadablePostError
from django.urls import reverse
from rest_framework import exceptions

from apps.accounts.replays import KeyReused
from apps.core.errors import (
    Changed,
    Conflict,
    Erased,
    Forbidden,
    Invalid,
    NotFound,
    OwnlogError,
    TooMuch,
    Unavailable,
)
from apps.files.exposure import WouldShow

log = logging.getLogger("ownlog.api")
MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2
_FULL_OR_BROKEN = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EIO,
    errno.EROFS,
    errno.EMFILE,
    errno.ENFILE,
}


class Unauthorized(OwnlogError):
    """The key that was sent is not one of ours, or there is none where one is needed."""

    code = "unauthorized"

    def __init__(self, message: str = "This API key is unknown or has been revoked.") -> None:
        super().__init__(message)


class CodeNotKept(Forbidden):
    """The file is code, and code saving is off."""

    code = "code_not_kept"


class ProofNeeded(Forbidden):
    """A browser's session is too old for this: whoever sits there shows first who they are."""

    code = "proof_needed"

    def __init__(self) -> None:
        self.page = reverse("account_reauthenticate")
        super().__init__(
            f"Show once more who you are, at {self.page} in the same browser, and send this again. "
            "With an API key nothing is asked."
        )


class NoSuchPart(OwnlogError):
    """The asked range lies outside of what there is."""

    code = "no_such_part"

    def __init__(self, size: int) -> None:
        super().__init__("There is no such part of this file.")
        self.size = size


class LengthNeeded(Invalid):
    """The body does not tell how long it is."""

    code = "length_needed"


# The most particular first: Changed is a Conflict, LengthNeeded is Invalid.
_STATUS: dict[type[OwnlogError], int] = {
    Unauthorized: 401,
    KeyReused: 422,
    NoSuchPart: 416,
    LengthNeeded: 411,
    Changed: 412,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    Erased: 410,
    TooMuch: 413,
    Invalid: 400,
    Unavailable: 503,
}
TITLES = {
    400: "This cannot be used",
    401: "Not signed in",
    403: "Not with your role",
    404: "Not found",
    405: "Not a method of this address",
    406: "Not in this format",
    409: "This cannot be done now",
    410: "This has been erased",
    411: "The length is missing",
    412: "It has changed meanwhile",
    413: "This is too much at once",
    415: "Not a format that is read here",
    416: "No such part",
    422: "The idempotency key was used before",
    429: "Too many requests",
    500: "Something broke here",
    503: "Not at this moment",
}


def problem(status: int, code: str, detail: str, **more: Any) -> HttpResponse:
    """An answer that tells what is wrong; `code` is stable, `detail` is for people."""
    body = {
        "type": f"urn:ownlog:problem:{code}",
        "title": TITLES.get(status, "Not possible"),
        "status": status,
        "code": code,
        "detail": detail,
    }
    answer = HttpResponse(json.dumps(body | more).encode(), status=status, content_type=MEDIA_TYPE)
    if status == 503:
        answer["Retry-After"] = str(RETRY_AFTER_SECONDS)
    if status == 401:
        answer["WWW-Authenticate"] = 'Bearer realm="ownlog"'
    return answer


def answer_exception(error: Exception, context: dict[str, Any]) -> HttpResponse:
    """What REST framework calls with whatever a view raised."""
    if isinstance(error, OwnlogError):
        return _of_ours(error)
    if isinstance(error, Http404):
        return problem(404, "not_found", "There is nothing at this address.")
    if isinstance(error, PermissionDenied):
        return problem(403, "forbidden", "You may not do this.")
    if isinstance(error, RequestDataTooBig):
        return problem(413, "too_much", "The body is too large.")
    if isinstance(error, UnreadablePostError):
        return problem(503, "unavailable", "The body broke off.")
    if isinstance(error, exceptions.APIException):
        return _of_framework(error)
    if _is_passing(error):
        return problem(503, "unavailable", "The server cannot store or read this right now. Try again.")
    log.error("unforeseen in the REST API", exc_info=error)
    return problem(500, "error", "Something went wrong on the server. It has been noted.")


def _of_ours(error: OwnlogError) -> HttpResponse:
    status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 500)
    if status == 500:
        log.error("not readable: %s", type(error).__name__)
    answer = problem(status, error.code, error.public_message)
    if isinstance(error, WouldShow):
        detail = f"{error.message} Name it in agree_to_show if that is what you want."
        answer = problem(status, error.code, detail, would_show=[each.value for each in error.asked])
    if isinstance(error, ProofNeeded):
        answer = problem(status, error.code, error.message, proof_at=error.page)
    if isinstance(error, NoSuchPart):
        answer["Content-Range"] = f"bytes */{error.size}"
    return answer


def _of_framework(error: exceptions.APIException) -> HttpResponse:
    if isinstance(error, exceptions.ValidationError):
        return problem(400, "invalid", "Some of the fields cannot be used.", errors=_fields(error.detail))
    code = str(error.default_code)
    answer = problem(error.status_code, code, str(error.detail))
    wait: float | None = getattr(error, "wait", None)
    if wait is not None:
        answer["Retry-After"] = str(int(wait) + 1)
    return answer


def _fields(detail: Any) -> list[dict[str, str]]:
    """Which fields are wrong and why, one entry for each reason."""
    if not isinstance(detail, dict):
        return [{"field": "", "detail": str(reason)} for reason in detail]
    return [
        {"field": str(field), "detail": reason} for field, found in detail.items() for reason in _flat(found)
    ]


def _flat(found: Any) -> list[str]:
    if isinstance(found, dict):
        return [reason for inner in found.values() for reason in _flat(inner)]
    if isinstance(found, list | tuple):
        return [reason for inner in found for reason in _flat(inner)]
    return [str(found)]


def _is_passing(error: Exception) -> bool:
    """May the same request succeed later: a full or locked store, a database that is away?"""
    if isinstance(error, OSError):
        return error.errno in _FULL_OR_BROKEN
    return isinstance(error, MemoryError | InterfaceError | DatabaseError)
