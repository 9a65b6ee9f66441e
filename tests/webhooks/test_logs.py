"""Where a webhook leads and what it signs with is in no log line, no message to a worker, no mail and no text of an error."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from django.core import mail

from apps.accounts.actors import Actor
from apps.core import background
from apps.core.errors import Invalid
from apps.core.logs import LineFormatter, NoContent
from apps.projects.models import Project
from apps.webhooks import outside, tasks
from apps.webhooks.models import Delivery, Hook
from apps.webhooks.notices import tell_of_trouble
from apps.webhooks.outbox import note_test
from apps.webhooks.outside import read_address
from apps.webhooks.queries import open_hook, own_networks
from apps.webhooks.services import make_hook
from apps.webhooks.types import Trouble
from tests.webhooks.conftest import ALL, Committed
from tests.webhooks.receiver import Names, Receiver

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.promise("P-08"),
    pytest.mark.usefixtures("own_networks"),
]
_HOST, _PATH, _TOKEN = "canary-host-5c1e.example", "canary-path-5c1e", "canary-token-5c1e"
_REST = f"/{_PATH}?token={_TOKEN}"


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """Every line that this instance writes, also those that only an operator in trouble switches on."""
    found: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(self.format(record))

    kept, root, celery = Kept(), logging.getLogger(), logging.getLogger("celery")
    kept.setFormatter(LineFormatter())
    kept.addFilter(NoContent())
    before = root.level, celery.level
    root.addHandler(kept)
    root.setLevel(logging.DEBUG)
    celery.setLevel(logging.DEBUG)
    yield found
    root.removeHandler(kept)
    root.setLevel(before[0])
    celery.setLevel(before[1])


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    sent: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(background, "_send", lambda *message: sent.append(message))
    return sent


def try_once(hook: Hook, committed: Committed) -> Delivery:
    """As a worker does it, which writes down what breaks off."""
    with committed(execute=True):
        row = note_test(hook)
    with committed(execute=True):
        tasks.deliver.apply(kwargs={"delivery_id": row.pk}, throw=False)
        tell_of_trouble(hook.pk)
    row.refresh_from_db()
    return row


def test_however_a_delivery_goes_nobody_is_told_where_it_went(
    vision: Project,
    by: Actor,
    names: Names,
    receiver: Receiver,
    lines: list[str],
    messages: list[tuple[str, dict[str, Any]]],
    django_capture_on_commit_callbacks: Committed,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        nobodys = listening.getsockname()[1]
    names.answers = {_HOST: [["127.0.0.1"]], f"inside.{_HOST}": [["10.0.0.1"]]}
    receiver.location = _REST
    here = f"{_HOST}:{receiver.port}"
    ways: list[tuple[str, int, str]] = [
        (f"http://{here}", 200, ""),
        (f"http://{here}", 500, Trouble.STATUS),
        (f"http://{here}", 302, Trouble.REDIRECT),
        (f"http://{here}", 410, Trouble.GONE),
        (f"https://{here}", 200, Trouble.TLS),
        (f"http://{_HOST}:{nobodys}", 200, Trouble.CONNECT),
        (f"http://inside.{_HOST}", 200, Trouble.INSIDE),
        (f"http://unknown.{_HOST}", 200, Trouble.NAME),
    ]
    came, said, secrets = [], [], []
    for place, status, _trouble in ways:
        receiver.answers = [status]
        hook, secret = make_hook(vision, place + _REST, happenings=ALL, by=by)
        row = try_once(hook, django_capture_on_commit_callbacks)
        came.append(row.trouble)
        secrets.append(secret)
        said += [str(hook), str(row), repr(row.facts), repr(open_hook(hook))]

    assert came == [trouble for _place, _status, trouble in ways]
    assert {each.path for each in receiver.got} == {_REST}, "so there was something to tell"
    assert len(mail.outbox) == len(ways) and {name for name, _ids in messages} >= {"webhooks.deliver"}
    assert {type(each) for _name, ids in messages for each in ids.values()} == {int}
    said += [*lines, repr(messages), *(each.subject + str(each.body) for each in mail.outbox)]
    assert found_in(said, secrets) == []


def test_what_breaks_off_unforeseen_is_written_down_without_its_words(
    vision: Project,
    by: Actor,
    names: Names,
    lines: list[str],
    messages: list[tuple[str, dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Committed,
) -> None:
    def breaks_off(_self: object, *given: object, **more: object) -> None:
        raise RuntimeError(f"{given} {more} {_HOST} {secret}")

    names.answers = {_HOST: [["127.0.0.1"]]}
    hook, secret = make_hook(vision, f"http://{_HOST}{_REST}", happenings=ALL, by=by)
    monkeypatch.setattr(outside._Exchange, "putrequest", breaks_off)

    row = try_once(hook, django_capture_on_commit_callbacks)

    assert row.tries == 1 and "RuntimeError" in "".join(lines)
    assert found_in(lines, [secret]) == []


@pytest.mark.parametrize(
    "address",
    [
        f"ftp://{_HOST}{_REST}",
        f"https://{_HOST}/{_PATH} {_TOKEN}",
        f"https://{_TOKEN}@{_HOST}/{_PATH}",
        f"https://{_HOST}/{_PATH}#{_TOKEN}",
        f"https://{_HOST}:22{_REST}",
        f"https://{_HOST}:x{_TOKEN}/{_PATH}",
        f"https://10.0.0.1{_REST}",
        f"https://[{_HOST}{_REST}",
        f"https://{_HOST}{_REST}" + "x" * outside.LONGEST_ADDRESS,
    ],
)
def test_an_address_that_is_refused_is_not_quoted(address: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_address(address, own_networks())

    assert found_in([str(refused.value), repr(refused.value), repr(refused.value.__dict__)], []) == []


def test_what_is_in_memory_shows_no_address_by_itself() -> None:
    """A traceback, a debugger or somebody's f-string would print it."""
    assert found_in([repr(read_address(f"https://{_HOST}{_REST}"))], []) == []


def found_in(texts: list[str], secrets: list[str]) -> list[str]:
    words = [_HOST, _PATH, _TOKEN, *(each.removeprefix("whsec_") for each in secrets)]
    return [text for text in texts if any(word in text for word in words)]
