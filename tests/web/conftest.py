from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest
from django.http import HttpResponse
from django.test import Client
from playwright.sync_api import Browser, expect
from pytest_django.fixtures import Settings

from apps.accounts.models import User
from apps.core import jsontext
from apps.projects.models import Project
from apps.runs import table
from apps.runs.history import store
from apps.runs.models import Run
from apps.runs.types import Lines, Stream, StreamRequest
from apps.teams.models import Entity, Organisation
from tests.browsers import chromium
from tests.factories import people, work
from tests.live import LiveServer, shared
from tests.providers import Provider, provider
from tests.web.english import JAPANESE
from tests.web.in_chromium import Seen


@pytest.fixture
def institute(lab: Entity, alice: User) -> Organisation:
    """An organisation of alice's that holds the lab team."""
    return people.organisation("institute", admin=alice, teams=[lab])


class Visit(Protocol):
    def __call__(self, url: str, *, by: str | None = None, **data: Any) -> HttpResponse: ...


@pytest.fixture
def visit(db: None) -> Visit:
    """Ask for a page as one of the people, or as nobody."""

    def go(url: str, *, by: str | None = None, **data: Any) -> HttpResponse:
        return _client(by).get(url, data)  # type: ignore[return-value]

    return go


@pytest.fixture
def send(db: None) -> Visit:
    """Post a form as one of the people, who has just signed in, or as nobody."""

    def go(url: str, *, by: str | None = None, **data: Any) -> HttpResponse:
        client = _client(by)
        if by is not None:
            people.has_signed_in(client, User.objects.get(username=by), ago=0)
        return client.post(url, data)  # type: ignore[return-value]

    return go


def _client(by: str | None) -> Client:
    client = Client()
    if by is not None:
        client.force_login(User.objects.get(username=by), backend="django.contrib.auth.backends.ModelBackend")
    return client


class Answer(Protocol):
    @property
    def content(self) -> bytes: ...


def text_of(response: Answer) -> str:
    """The words of a page, without its marks."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


@pytest.fixture(autouse=True)
def _no_table_of_another_test() -> None:
    """Rolled back, ids come again: what is remembered of runs would be of other runs."""
    table._tables.forget_idle(idle_seconds=-1)


Log = Callable[..., None]


@pytest.fixture
def log() -> Log:
    """Append rows to a run as a client would, after what it has."""

    def append(run: Run, rows: list[dict[str, Any]], *, stream: Stream = Stream.HISTORY, **more: Any) -> None:
        run.refresh_from_db()
        first = run.history_lines if stream is Stream.HISTORY else run.event_lines
        lines = Lines(first=first, lines=[jsontext.dumps(row) for row in rows])
        store.append(run, StreamRequest(streams={stream: lines}, **more))

    return append


@pytest.fixture
def printed() -> Log:
    def append(run: Run, lines: list[str]) -> None:
        store.append(run, StreamRequest(streams={Stream.OUTPUT: Lines(first=0, lines=lines)}))

    return append


@pytest.fixture
def told(vision: Project, alice: User, log: Log, printed: Log) -> Run:
    """A run that logged a little of everything."""
    config = {
        "lr": {"value": 0.0005},
        "optim": {"value": {"name": "adamw", "betas": [0.9, 0.999]}},
        "_wandb": {"value": {"cli_version": "0.31.0", "python_version": "3.11.9"}},
    }
    run = work.run(
        vision,
        "told",
        by=alice,
        display_name="a run that tells",
        notes="Cut at section borders.",
        tags=["paper"],
        config_text=jsontext.dumps(config),
        commit="9f31c0a" + "0" * 33,
    )
    rows: list[dict[str, Any]] = [
        {"loss": 1 / (step + 1), "val/acc": 0.5, "_step": step} for step in range(20)
    ]
    log(run, rows, summary_text='{"loss": 0.05, "val/acc": 0.5, "note": "done"}')
    log(run, [{"system.cpu": 12.5, "_runtime": 10.0 * n} for n in range(3)], stream=Stream.EVENTS)
    printed(
        run, ["2026-11-23T06:38:02.000000 step 1", "ERROR 2026-11-23T06:38:03.000000 \x1b[31mwarning\x1b[0m"]
    )
    return Run.objects.select_related("project__entity").get(pk=run.pk)


# ── Google and GitHub, as a server of our own ──


@pytest.fixture(scope="module")
def _provider() -> Iterator[Provider]:
    with provider() as standing_in:
        yield standing_in


@pytest.fixture
def there(_provider: Provider, settings: Settings, db: None) -> Provider:
    """Both providers, configured; kenji is signed in there."""
    fresh = Provider(url=_provider.url)
    _provider.__dict__.update({name: value for name, value in fresh.__dict__.items() if name != "url"})
    for name, value in _provider.environment.items():
        setattr(settings, name, value)
    return _provider


# ── A real browser over the demo world; an instance of its own for each file, since tests add to it ──


@pytest.fixture(scope="session")
def demo_world() -> LiveServer:
    """The demo world, made once and never started: the instances of the files begin as copies of it."""
    return shared("demo", lambda instance: instance.prepare().manage("demo"))


@pytest.fixture(scope="module")
def server(demo_world: LiveServer) -> Iterator[LiveServer]:
    with LiveServer().prepare_like(demo_world) as live:
        yield live


# Long enough for a machine that does much else; what holds is seen at once all the same.
expect.set_options(timeout=20_000)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Closed with its file: while it is open Django takes the thread for an asynchronous one and refuses the database."""
    with chromium() as opened:
        yield opened


@pytest.fixture
def open_page(browser: Browser, server: LiveServer) -> Iterator[Any]:
    contexts = []

    def opened(*, width: int = 1440, height: int = 900, signed_in: bool = True, **options: Any) -> Seen:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        context.set_default_timeout(30_000)
        seen = Seen(context.new_page(), server.url, has_scripts=options.get("java_script_enabled", True))
        if signed_in:
            seen.enter()
        return seen

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def visit_in_japanese() -> Client:
    return Client(headers=JAPANESE)
