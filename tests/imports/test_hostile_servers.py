"""Servers that mean harm, or are broken: what they answer is bounded in time and memory, and refused in words. A real one answers in
tests/imports/test_mlflow.py and tests/wandb_protocol/test_client_import.py."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core.errors import Invalid, OwnlogError, TooMuch, Unavailable
from apps.files.queries import list_files
from apps.imports.errors import Broken
from apps.imports.models import Import
from apps.imports.readers import asking, paging
from apps.imports.readers.asking import Site
from apps.imports.readers.opening import open_site
from apps.imports.readers.paging import Pages
from apps.imports.services import ask_for_import, bring
from apps.imports.types import Clash, ImportState, Origin
from apps.projects.models import Project
from apps.runs.history import store
from apps.runs.models import Run
from apps.runs.types import Stream
from apps.teams.models import Entity

pytestmark = pytest.mark.django_db
Json = dict[str, Any]
Page = tuple[list[str], str]  # names, and the token of the next one
KEY = "s3cret" * 7
ORIGINS = (Origin.WANDB, Origin.MLFLOW)
_AT = "2026-01-02T03:04:05"


class Hostile:
    """A server that speaks as both programs do. A test sets which runs it lists, or that it answers every request in a way of its own."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.page: Callable[[str], Page] = lambda _token: (["r1"], "")
        self.raw: Callable[[BaseHTTPRequestHandler], None] | None = None
        self.last_step: float = -1
        self.history: Callable[[Json], list[str]] = lambda _asked: []
        self.files: list[Json] = []
        self.data = b"weights"
        self.missing: tuple[str, int] = ("", 200)  # what it lists and does not have, and how it says so
        self.url = ""

    def of_mlflow(self, path: str, asked: Json) -> Json:
        if path.endswith("experiments/search"):
            return {"experiments": [{"experiment_id": "1", "name": "vision"}]}
        if path.endswith("artifacts/list"):
            return {"files": self.files}
        names, token = self.page(asked.get("page_token", ""))
        info = {"status": "FINISHED", "start_time": 1_700_000_000_000}
        return {
            "runs": [{"info": info | {"run_id": each}, "data": {}} for each in names],
            "next_page_token": token,
        }

    def of_wandb(self, question: str, asked: Json) -> Json:
        if question == "Viewer":
            return {"viewer": {"entity": "ann"}}
        if question == "Projects":
            return {"models": _listed([{"name": "vision"}])}
        if question == "Project":
            return {"project": {"id": "p", "name": "vision", "createdAt": _AT}}
        if question == "Runs":
            names, token = self.page(asked["after"] or "")
            runs = [{"name": each, "state": "finished", "createdAt": _AT} for each in names]
            return {"project": {"runs": _listed(runs, token)}}
        files = [
            {
                "name": each["path"],
                "sizeBytes": each["file_size"],
                "directUrl": f"{self.url}/{each['path']}",
                "updatedAt": _AT,
            }
            for each in self.files
        ]
        run = {
            "historyKeys": {"lastStep": self.last_step},
            "eventsLineCount": 0,
            "history": self.history(asked) if question == "RunHistory" else [],
            "files": _listed(files),
        }
        return {"project": {"run": run, "artifactTypes": _listed([])}}


def _listed(nodes: list[Json], token: str = "") -> Json:
    return {
        "edges": [{"node": each} for each in nodes],
        "pageInfo": {"endCursor": token, "hasNextPage": bool(token)},
    }


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hostile]:
    hostile = Hostile()

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/api/"):
                self._answer(lambda: hostile.of_mlflow(self.path.partition("?")[0], {}))
            elif hostile.missing[0] and hostile.missing[0] in self.path:
                self._answer(lambda: b"", hostile.missing[1])
            else:
                self._answer(lambda: hostile.data)

        def do_POST(self) -> None:
            said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == "/graphql":
                name = said["query"].split("(")[0].split("{")[0].removeprefix("query").strip()
                self._answer(lambda: {"data": hostile.of_wandb(name, said["variables"])})
            else:
                self._answer(lambda: hostile.of_mlflow(self.path, said))

        def _answer(self, make: Callable[[], Json | bytes], status: int = 200) -> None:
            hostile.asked.append(self.path)
            with suppress(ConnectionError):  # whoever asked has had enough
                if hostile.raw is not None:
                    hostile.raw(self)
                    return
                made = make()
                data = made if isinstance(made, bytes) else json.dumps(made).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        def log_message(self, *_args: Any) -> None:
            """Not into the output of the tests."""

    monkeypatch.setattr(asking, "_WAITS", ())
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    hostile.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield hostile
    server.shutdown()
    server.server_close()


def imported(there: Hostile, origin: Origin, by: User) -> Import:
    reader, actor, home = (
        open_site(Site(there.url, KEY), origin),
        Actor.person(by),
        Entity.objects.get(user=by),
    )
    return bring(ask_for_import(home, reader, clash=Clash.SKIP, by=actor, whose_runs=actor), reader, by=actor)


# ── answers ──


def _head(of: BaseHTTPRequestHandler, *more: bytes) -> None:
    of.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"".join(b"%s\r\n" % each for each in more) + b"\r\n")


def _slow_body(of: BaseHTTPRequestHandler) -> None:
    _head(of)
    for _n in range(2000):
        of.wfile.write(b" ")
        time.sleep(0.02)


def _slow_head(of: BaseHTTPRequestHandler) -> None:
    of.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
    for _n in range(2000):
        of.wfile.write(b"x")
        time.sleep(0.02)


def _silent(of: BaseHTTPRequestHandler) -> None:
    _head(of, b"Content-Length: 2")
    time.sleep(1)


def _for_ever_to_come(of: BaseHTTPRequestHandler) -> None:
    while True:
        of.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


def _endless(of: BaseHTTPRequestHandler) -> None:
    _head(of)
    while True:
        of.wfile.write(b"[]" * 10_000)


def _endless_pieces(of: BaseHTTPRequestHandler) -> None:
    _head(of, b"Transfer-Encoding: chunked")
    while True:
        of.wfile.write(b"1\r\n \r\n" * 10_000)


def _endless_end(of: BaseHTTPRequestHandler) -> None:
    _head(of, b"Transfer-Encoding: chunked")
    of.wfile.write(b"2\r\n{}\r\n0\r\n")
    while True:
        of.wfile.write(b"X: x\r\n" * 10_000)


def _lists(of: BaseHTTPRequestHandler) -> None:
    _head(of)
    of.wfile.write(b'{"a":[[]' + b",[]" * (10 * 2**20) + b"]}")


def _says(*lines: bytes, body: bytes = b"") -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(of: BaseHTTPRequestHandler) -> None:
        of.wfile.write(b"\r\n".join(lines) + b"\r\n\r\n" + body)

    return answer


_OK = b"HTTP/1.1 200 OK"
RAW: dict[str, tuple[Callable[[BaseHTTPRequestHandler], None], type[OwnlogError], str]] = {
    "a byte now and then": (_slow_body, Unavailable, "too slowly"),
    "a head without end, byte by byte": (_slow_head, Unavailable, "too slowly"),
    "nothing any more": (_silent, Unavailable, "too slowly"),
    "an answer that is to come for ever": (_for_ever_to_come, TooMuch, "more at once"),
    "a body without end": (_endless, TooMuch, "more at once"),
    "pieces without end": (_endless_pieces, TooMuch, "more at once"),
    "an end without end": (_endless_end, TooMuch, "more at once"),
    "millions of lists": (_lists, TooMuch, "more at once"),
    "lists in lists": (_says(_OK, body=b"[" * 2**15), Unavailable, "something else"),
    "a page for people": (_says(_OK, b"Content-Type: text/html", body=b"<p>Sign in"), Unavailable, "something else"),
    "a list": (_says(_OK, body=b"[]"), Unavailable, "something else"),
    "nothing": (_says(_OK), Unavailable, "something else"),
    "something packed": (_says(_OK, b"Content-Encoding: gzip", body=b"{}"), Unavailable, "something else"),
    "the way inside": (_says(b"HTTP/1.1 302 Found", b"Location: /inside"), Unavailable, "302"),
    "the way inside, for good": (_says(b"HTTP/1.1 308 Moved", b"Location: /inside"), Unavailable, "308"),
}  # fmt: skip


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("what", RAW)
def test_an_answer_is_bounded_in_time_and_memory_and_leads_nowhere(
    what: str, origin: Origin, there: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    there.raw, error, words = RAW[what]
    monkeypatch.setattr(asking, "_MOST_HEAD", 2**18)
    if error is Unavailable:
        monkeypatch.setattr(asking, "_ANSWER_SECONDS", 0.3)
    if what != "millions of lists":
        monkeypatch.setattr(asking, "_MOST_JSON", 2**16)
    began = time.monotonic()

    with pytest.raises(error, match=words) as said:
        open_site(Site(there.url, KEY), origin)

    assert KEY not in said.value.message + repr(said.value)
    assert len(there.asked) <= (5 if error is TooMuch else 1)  # for less at once, where that is too much
    assert "/inside" not in there.asked
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("what", ["a page for people", "the way inside", "no such page"])
def test_what_answers_in_its_place_for_a_while_gives_nothing_up(
    what: str, origin: Origin, there: Hostile, alice: User
) -> None:
    raw = _says(b"HTTP/1.1 404 Not Found") if what == "no such page" else RAW[what][0]

    def page(_token: str) -> Page:
        there.raw = raw
        return ["r1"], ""

    there.page = page
    with pytest.raises(Unavailable):
        imported(there, origin, alice)
    assert Import.objects.get().state == ImportState.RUNNING
    there.page, there.raw = lambda _token: (["r1"], ""), None

    assert imported(there, origin, alice).state == ImportState.DONE


# ── lists ──


def _round(token: str) -> Page:
    return [], {"": "a", "a": "b", "b": "a"}[token]


def _on_and_on() -> Callable[[str], Page]:
    numbers = count()
    return lambda _token: ([], str(next(numbers)))


def _the_same_on_and_on() -> Callable[[str], Page]:
    numbers = count()
    return lambda _token: (["r1"], str(next(numbers)))


LISTS: dict[str, Callable[[], Callable[[str], Page]]] = {
    "tokens that go round": lambda: _round,
    "pages with nothing": _on_and_on,
    "pages with the same run": _the_same_on_and_on,
    "a token of megabytes": lambda: lambda _token: ([], "x" * 2**20),
}


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("what", LISTS)
def test_a_list_comes_to_an_end(
    what: str, origin: Origin, there: Hostile, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_MOST_EMPTY", "_MOST_TWICE"):
        monkeypatch.setattr(paging, name, 5)
    there.page = LISTS[what]()

    with pytest.raises(Broken, match="same page again and again"):
        imported(there, origin, alice)

    assert len(there.asked) < 60
    assert Import.objects.get().state == ImportState.GIVEN_UP and not Project.objects.exists()


@pytest.mark.parametrize("origin", ORIGINS)
def test_a_list_without_end_is_too_long(
    origin: Origin, there: Hostile, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "_MOST_PAGES", 3)
    numbers = count()
    there.page = lambda _token: ([f"r{next(numbers)}"], str(next(numbers)))

    with pytest.raises(TooMuch, match="lists more"):
        imported(there, origin, alice)


@pytest.mark.parametrize("origin", ORIGINS)
def test_a_run_that_comes_again_while_a_list_moves_is_there_once(
    origin: Origin, there: Hostile, alice: User
) -> None:
    there.page = lambda token: (["r2", "r1", "r3"], "") if token else (["r1", "r2", "r1"], "n")

    job = imported(there, origin, alice)

    assert (job.state, job.runs, Run.objects.count()) == (ImportState.DONE, 3, 3)


@pytest.mark.parametrize("period", [1, 2, 3, 7, 100])
def test_tokens_that_go_round_are_found_without_holding_them(period: int) -> None:
    pages = Pages()
    tokens = [str(number if number < 20 else 20 + number % period) for number in range(4 * (20 + period))]

    with pytest.raises(Broken):
        list(map(partial(pages.following, came=1), tokens))


# ── values and files ──


@pytest.mark.parametrize(("origin", "size"), [(Origin.WANDB, 7), (Origin.MLFLOW, 7), (Origin.MLFLOW, 10**9)])
def test_a_file_is_as_long_as_its_server_says(origin: Origin, size: int, there: Hostile, alice: User) -> None:
    there.files = [{"path": "w.bin", "is_dir": False, "file_size": size}]
    there.data = b"w" * 2**20

    with pytest.raises((TooMuch, Broken)):
        imported(there, origin, alice)

    assert not Project.objects.exists()


@pytest.mark.parametrize("origin", ORIGINS)
def test_a_file_that_was_something_else_once_comes_when_it_is_asked_for_again(
    origin: Origin, there: Hostile, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    there.files = [{"path": "w.bin", "is_dir": False, "file_size": 7}]
    pages = [b"<p>Back soon"]
    data = property(lambda _there: pages.pop() if pages else b"weights")
    monkeypatch.setattr(Hostile, "data", data, raising=False)

    with pytest.raises(Unavailable, match="broke off"):
        imported(there, origin, alice)

    assert imported(there, origin, alice).state == ImportState.DONE
    assert [each.name for each in list_files(Run.objects.get())] == ["w.bin"]


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("status", [404, 410])
def test_a_file_that_is_listed_and_not_there_is_left_out_and_the_rest_comes(
    origin: Origin, status: int, there: Hostile, alice: User
) -> None:
    there.files = [
        {"path": f"{name}.bin", "is_dir": False, "file_size": 7} for name in ("one", "gone", "two")
    ]
    there.missing = ("gone", status)

    job = imported(there, origin, alice)

    assert (job.state, job.runs, job.left_out) == (ImportState.DONE, 1, 1)
    assert [each.name for each in list_files(Run.objects.get())] == ["one.bin", "two.bin"]


@pytest.mark.parametrize("last", [1e300, 2.0**63])
def test_a_last_step_that_no_step_has_is_refused(last: float, there: Hostile, alice: User) -> None:
    there.last_step = last

    with pytest.raises(Broken, match="lastStep"):
        imported(there, Origin.WANDB, alice)


def test_steps_that_lie_far_apart_are_soon_found_and_rows_of_others_are_not_taken_twice(
    there: Hostile, alice: User
) -> None:
    """This one answers all of its rows whatever it is asked for."""
    steps = [0, 1, 2**40, 2**61]
    there.last_step = steps[-1]
    there.history = lambda _asked: [json.dumps({"_step": each}) for each in steps]

    imported(there, Origin.WANDB, alice)

    assert [row["_step"] for row in store.rereadable(Run.objects.get(), Stream.HISTORY)()] == steps
    assert len(there.asked) < 150


def test_a_key_is_shown_by_nothing_and_is_one_that_can_be_sent() -> None:
    assert KEY not in repr(Site("https://wandb.example", KEY))
    for wrong in ("a\nb", "a\rX: b", "ä", "a\x00"):
        with pytest.raises(Invalid) as said:
            Site("https://wandb.example", wrong)
        assert wrong not in said.value.message
    assert Site("https://mlflow.example", "pässword", "ann").key == "pässword"
