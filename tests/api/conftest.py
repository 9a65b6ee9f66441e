from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.api.throttling import counts
from apps.core import jsontext
from apps.projects.models import Project
from apps.runs.history import store
from apps.runs.models import Run
from apps.runs.types import Lines, Stream, StreamRequest
from tests.factories import people, work

API = "/api/v1"
VISION = f"{API}/projects/lab/vision"
RUN = f"{VISION}/runs/told"
LADDER = [("alice", 200), ("bob", 200), ("vera", 200), ("mallory", 404), (None, 404), ("revoked", 401)]
WRITERS = [("alice", 200), ("bob", 200), ("vera", 403), ("mallory", 404), (None, 404), ("revoked", 401)]


class Answer:
    """An answer, read to its end."""

    def __init__(self, response: Any) -> None:
        self.status = response.status_code
        self.headers = response.headers
        self.body: bytes = b"".join(response.streaming_content) if response.streaming else response.content

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


class Ask(Protocol):
    def __call__(
        self, method: str, url: str, body: Any = None, *, by: str | None = None, **headers: str
    ) -> Answer: ...


@pytest.fixture(autouse=True)
def _fresh_counts() -> Iterator[None]:
    counts.forget()
    yield
    counts.forget()


@pytest.fixture
def ask(db: None) -> Ask:
    """Send a request with the key of one of the people, with a revoked key, or with none. Headers as words_with_this."""
    keys: dict[str, str] = {"revoked": "a" * 40}

    def go(method: str, url: str, body: Any = None, *, by: str | None = None, **headers: str) -> Answer:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if by is not None:
            if by not in keys:
                keys[by] = people.api_key(User.objects.get(username=by))
            sent["Authorization"] = f"Bearer {keys[by]}"
        data = body if isinstance(body, bytes) else b"" if body is None else jsontext.dumps(body).encode()
        kind = sent.pop("Content-Type", "application/json")
        return Answer(Client().generic(method, url, data, content_type=kind, headers=sent))

    return go


Log = Callable[..., None]


@pytest.fixture
def log() -> Log:
    """Append lines to a run as a client would, after what it has."""

    def append(run: Run, rows: list[Any], *, stream: Stream = Stream.HISTORY, **more: Any) -> None:
        run.refresh_from_db()
        first = run.history_lines if stream is Stream.HISTORY else run.event_lines
        lines = [row if isinstance(row, str) else jsontext.dumps(row) for row in rows]
        store.append(run, StreamRequest(streams={stream: Lines(first, lines)}, **more))

    return append


@pytest.fixture
def told(vision: Project, alice: User, mallory: User, log: Log) -> Run:
    """A run that logged a little of everything."""
    run = work.run(
        vision,
        "told",
        by=alice,
        display_name="a run that tells",
        notes="Cut at section borders.",
        tags=["paper"],
        config_text='{"lr": {"value": 5e-4}, "big": 123456789012345678901234567890}',
    )
    log(run, [{"loss": 1 / (n + 1), "_step": n} for n in range(20)], summary_text='{"loss": NaN}')
    log(run, [{"system.cpu": 12.5, "_runtime": 10.0 * n} for n in range(3)], stream=Stream.EVENTS)
    output = Lines(0, [f"line {n}" for n in range(5)])
    store.append(run, StreamRequest(streams={Stream.OUTPUT: output}))
    return Run.objects.select_related("project__entity").get(pk=run.pk)
