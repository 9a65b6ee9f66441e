"""What docs/webhooks.md says is done: its snippet verifies what is sent, its example has the form, its table the words."""

from __future__ import annotations

import ipaddress
import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.projects.models import Project
from apps.runs.models import Run
from apps.runs.services import finish_run
from apps.runs.types import RunState
from apps.webhooks.models import Delivery
from apps.webhooks.services import deliver, make_hook
from apps.webhooks.types import Happening
from tests.webhooks.receiver import Got, Receiver

TEXT = (Path(__file__).resolve().parents[2] / "docs/webhooks.md").read_text()
Verify = Callable[[str, dict[str, str], bytes], bool]


@pytest.fixture
def verified() -> Verify:
    (snippet,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    room: dict[str, Verify] = {}
    exec(snippet, room)
    return room["verified"]


@pytest.fixture
def sent(vision: Project, run: Run, alice: User, receiver: Receiver, settings: Settings) -> tuple[str, Got]:
    settings.OWNLOG_WEBHOOK_NETWORKS = (ipaddress.ip_network("127.0.0.1/32"),)
    settings.OWNLOG_BASE_URL = "https://logs.example.org"
    by, to = Actor.person(alice), f"http://127.0.0.1:{receiver.port}/"
    _, secret = make_hook(vision, to, happenings=[Happening.RUN_FINISHED], by=by)
    finish_run(run, state=RunState.FINISHED, by=by)
    assert deliver(Delivery.objects.get().pk)
    return secret, receiver.got[0]


def test_the_snippet_takes_what_is_sent_and_nothing_else(
    verified: Verify, sent: tuple[str, Got], monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, got = sent
    other = "whsec_" + "A" * 43 + "="

    assert verified(secret, got.headers, got.body)
    assert not verified(secret, got.headers, got.body + b" ")
    assert not verified(other, got.headers, got.body)
    assert not verified(secret, got.headers | {"webhook-id": "x" * 20}, got.body)
    later = str(int(got.headers["webhook-timestamp"]) + 1)
    assert not verified(secret, got.headers | {"webhook-timestamp": later}, got.body)
    # While a secret is changed some send two.
    both = "v1,AAAA " + got.headers["webhook-signature"]
    assert verified(secret, got.headers | {"webhook-signature": both}, got.body)
    moment = time.time()
    monkeypatch.setattr(time, "time", lambda: moment + 301)
    assert not verified(secret, got.headers, got.body)


def test_the_example_has_the_form_of_what_is_sent(sent: tuple[str, Got]) -> None:
    (example,) = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
    told, said = json.loads(example), json.loads(sent[1].body)

    # PostgreSQL keeps the facts in an order of its own.
    assert (list(told), set(told["data"])) == (list(said), set(said["data"]))


def test_the_table_names_each_type() -> None:
    assert set(re.findall(r"^\| `([a-z.]+)` \|", TEXT, re.MULTILINE)) - {"type"} == {
        each.value for each in Happening
    }
