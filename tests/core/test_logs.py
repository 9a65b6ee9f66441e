from __future__ import annotations

import logging
import sys

import pytest
from django.test import Client

from apps.core.logs import LineFormatter, NoContent
from apps.core.middleware import RequestLog

CANARY = "canary-7f3a"


def record(message: str, *args: object, error: BaseException | None = None) -> logging.LogRecord:
    info = None
    if error is not None:
        try:
            raise error
        except type(error):
            info = sys.exc_info()
    return logging.LogRecord("celery.app.trace", logging.ERROR, __file__, 1, message, args, info)


def chained() -> Exception:
    error = RuntimeError("outer")
    error.__cause__ = ValueError(CANARY)
    return error


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        (record("failed", error=ValueError(CANARY)), "ERROR celery.app.trace failed\nValueError at "),
        (record("failed: %s", ValueError(CANARY)), "failed: ValueError"),
        (record("failed: %r", KeyError(CANARY), error=KeyError(CANARY)), "failed: 'KeyError'\n"),
        (
            record(f"failed ({CANARY} was sent)", error=ValueError(f"{CANARY} was sent")),
            "failed (ValueError)",
        ),
        (record("raised: %s", repr(KeyError(CANARY)), error=KeyError(CANARY)), "raised: KeyError\n"),
        (record(f"behind: {CANARY}", error=chained()), "behind: ValueError\n"),
    ],
)
def test_text_of_exceptions_is_left_out(line: logging.LogRecord, kept: str) -> None:
    written = LineFormatter().format(line)

    assert CANARY not in written
    assert kept in written


def test_celery_failure_with_named_arguments() -> None:
    error = ValueError(CANARY)
    line = record("Task %(name)s raised: %(exc)r", {"name": "runs.sweep", "exc": error}, error=error)

    written = LineFormatter().format(line)

    assert "Task runs.sweep raised: 'ValueError'" in written
    assert CANARY not in written


def test_text_that_another_formatter_cached_is_left_out() -> None:
    line = record("failed", error=ValueError(CANARY))
    assert CANARY in logging.Formatter().format(line)

    assert CANARY not in LineFormatter().format(line)


def test_one_record_is_one_line_and_forges_no_other() -> None:
    assert len(LineFormatter().format(record("a\nb\r\nc\x85d")).splitlines()) == 1


def test_request_and_sql_are_dropped() -> None:
    line = record("slow")
    line.request, line.sql, line.params = object(), f"SELECT '{CANARY}'", (CANARY,)

    assert NoContent().filter(line)
    assert not {"request", "sql", "params"} & set(vars(line))


@pytest.mark.parametrize("argument", ["path", "reason"])
def test_a_refused_form_is_told_without_where_it_was_sent_or_came_from(argument: str) -> None:
    """Django's own words: the path, and for a foreign form the page that it stood on."""
    from django.test import RequestFactory

    request = RequestFactory().post(f"/alice/{CANARY}/runs/x/stop")
    said = (
        request.path
        if argument == "path"
        else f"Referer checking failed - https://host/{CANARY} is not trusted."
    )
    line = record("Forbidden (%s)", said)
    line.request = request

    assert NoContent().filter(line)
    assert CANARY not in LineFormatter().format(line)
    assert "Forbidden (" in LineFormatter().format(line)


def test_a_page_that_is_switched_off_is_no_fault(
    client: Client, caplog: pytest.LogCaptureFixture, db: None
) -> None:
    """Nobody configured GitHub here: somebody who asks for where it would lead back to fills no log with errors."""
    assert client.get("/sign-in/github/back").status_code == 404
    assert [line for line in caplog.records if line.levelno >= logging.ERROR] == []


def test_request_log_names_the_route_and_not_the_path(caplog: pytest.LogCaptureFixture) -> None:
    from django.http import HttpResponse
    from django.test import RequestFactory

    request = RequestFactory().generic(CANARY, f"/{CANARY}/?q={CANARY}")
    answer = RequestLog(lambda _: HttpResponse(status=500))

    with caplog.at_level(logging.DEBUG, logger="ownlog.requests"):
        response = answer(request)

    assert response["X-Request-Id"] in caplog.text
    assert "other none 500" in caplog.text
    assert CANARY not in caplog.text
