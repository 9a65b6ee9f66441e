"""What the core's errors become for the client. Which answer it retries is measured, not guessed (ADR 0021)."""

from __future__ import annotations

import errno
import json
import logging
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from apps.core.errors import Conflict, Erased, Forbidden, Invalid, NotFound, OwnlogError, TooMuch, Unavailable

log = logging.getLogger("ownlog.wandb_protocol")
RETRY_AFTER_SECONDS = 2
# A bad key and a bad signature look alike on purpose: nothing tells which part was wrong.
BAD_KEY = "This API key is unknown or has been revoked."
TRY_LATER = "The server cannot store or read this right now. The client keeps the data and tries again."
OUR_FAULT = "Something went wrong on the server. It has been noted."
_FULL_OR_BROKEN = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EIO,
    errno.EROFS,
    errno.EMFILE,
    errno.ENFILE,
}

P = ParamSpec("P")
R = TypeVar("R", bound=HttpResponseBase)


class Unauthorized(OwnlogError):
    """The key that was sent is not one of ours."""

    code = "unauthorized"

    def __init__(self) -> None:
        super().__init__(BAD_KEY)


# file_stream and PUT: 4xx ends the upload for good, so only what can never succeed is answered with one.
_STATUS: dict[type[OwnlogError], int] = {
    Unauthorized: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 503,
    Erased: 404,
    TooMuch: 413,
    Invalid: 400,
    Unavailable: 503,
}


def is_passing(error: BaseException | None) -> bool:
    """May the same request succeed later: a full or locked store, a database that is away?"""
    if isinstance(error, OSError):
        return error.errno in _FULL_OR_BROKEN
    return isinstance(error, Unavailable | MemoryError | InterfaceError | DatabaseError)


def answer(status: int, message: str, *, code: str = "error") -> JsonResponse:
    """An error in the form that the client prints."""
    body = {"errors": [{"message": message, "extensions": {"code": code}}]}
    response = JsonResponse(body, status=status, json_dumps_params={"separators": (",", ":")})
    if status == 503:
        response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def answer_error(error: Exception) -> JsonResponse:
    """The answer outside of GraphQL. Anything unforeseen is retried: the client holds the only copy."""
    if isinstance(error, OwnlogError):
        status = next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 503)
        return answer(status, error.public_message, code=error.code)
    if not is_passing(error):
        log.error("unforeseen in the client's door", exc_info=error)
    return answer(503, TRY_LATER, code="unavailable")


def speaks_to_client(
    view: Callable[Concatenate[HttpRequest, P], R],
) -> Callable[Concatenate[HttpRequest, P], R | JsonResponse]:
    """Turn whatever the view raises into an answer that the client understands."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> R | JsonResponse:
        try:
            return view(request, *args, **kwargs)
        except Exception as error:  # noqa: BLE001  (each ends as an answer; the unforeseen are logged without their text)
            return answer_error(error)

    return guarded


def dump(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
