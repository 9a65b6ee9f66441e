"""The client's plain endpoints as an enemy uses them. Each request ends as a clear error, and nothing is stored halfway."""

from __future__ import annotations

import base64
import functools
import gzip
import json
import secrets
import socket
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from apps.wandb_protocol.graphql.engine import schema
from tests.e2e.secrecy.browser import PASSWORD, Browser
from tests.e2e.secrecy.conftest import Instance, key_for
from tests.e2e.secrecy.deletes import (
    CALLS,
    WAYS,
    Owned,
    Way,
    owned,
    places_of,
    unclear,
    unclear_to_the_client,
)
from tests.e2e.secrecy.door import RUN, Door, changes, history, path_of, stored
from tests.e2e.secrecy.test_tenants import client_id

pytestmark = pytest.mark.live

MIB = 1024 * 1024
QUICK_SECONDS = 3.0
# Answers after which the client drops its data for good; only what can never succeed may be told so.
REFUSALS = {400, 401, 403, 404, 405, 413, 414, 415, 431}


ONE = '{"loss": 2, "_step": 1}'


@pytest.fixture
def run(alice: Door, project: str) -> str:
    """A run with one line of history in it."""
    alice.start_run(project, "mine")
    assert alice.stream("alice", project, "mine", history('{"loss": 1, "_step": 0}')).status == 200
    return "mine"


# ── bodies ──


@functools.cache
def gzip_bomb(mebibytes: int) -> bytes:
    packer = zlib.compressobj(1, wbits=31)
    return b"".join([packer.compress(b"\0" * MIB) for _ in range(mebibytes)]) + packer.flush()


BODIES: dict[str, tuple[Callable[[], bytes], dict[str, str]]] = {
    "gzip cut off": (lambda: gzip.compress(b'{"files": {}}' * 99)[:-12], {"Content-Encoding": "gzip"}),
    "gzip without its head": (lambda: gzip.compress(b"{}" * 99)[10:], {"Content-Encoding": "gzip"}),
    "gzip with a wrong sum": (lambda: gzip.compress(b"{}")[:-8] + b"\0" * 8, {"Content-Encoding": "gzip"}),
    "gzip with a tail": (lambda: gzip.compress(b"{}") + b"tail", {"Content-Encoding": "gzip"}),
    "no gzip at all": (lambda: b"{}", {"Content-Encoding": "gzip"}),
    "an empty gzip": (lambda: b"", {"Content-Encoding": "gzip"}),
    "a bomb of half a gibibyte": (lambda: gzip_bomb(512), {"Content-Encoding": "gzip"}),
    "a bomb in a bomb": (lambda: gzip.compress(gzip_bomb(512)), {"Content-Encoding": "gzip, gzip"}),
    "brotli": (lambda: b"{}", {"Content-Encoding": "br"}),
    "an encoding nobody knows": (lambda: b"{}", {"Content-Encoding": "x" * 500}),
    "sixty-five mebibytes": (lambda: b'{"x": "' + b"a" * (65 * MIB) + b'"}', {}),
}


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("endpoint", ["graphql", "file_stream"])
def test_bodies_are_bounded_before_and_after_unzipping(
    endpoint: str, kind: str, unbroken: Instance, alice: Door, project: str, run: str
) -> None:
    make, headers = BODIES[kind]
    path = "/graphql" if endpoint == "graphql" else f"/files/alice/{project}/{run}/file_stream"
    rows, memory = stored(unbroken.data), peak_memory(unbroken)
    answered = alice.ask("POST", path, make(), {"Content-Type": "application/json", **headers})
    assert answered.status in REFUSALS, answered.body[:300]
    assert answered.messages
    assert answered.seconds < 2 * QUICK_SECONDS
    assert changes(rows, stored(unbroken.data)) == []
    assert peak_memory(unbroken) - memory < 200 * MIB


def peak_memory(instance: Instance) -> int:
    """The most that any process of the server has held at once."""
    assert instance.server.process is not None
    group = str(instance.server.process.pid)
    peaks = [0]
    for status in processes_of(group):
        peaks += [int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")]
    return max(peaks)


def processes_of(group: str) -> list[str]:
    """`/proc/*/status` of each process in this group."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "stat").read_text().rsplit(")", 1)[1].split()[2] == group:
                found.append((folder / "status").read_text())
        except OSError:
            continue
    return found


def raw(instance: Instance, request: bytes, *, seconds: float = 30, is_all: bool = True) -> bytes:
    """What the server answers to these very bytes. Told that they were all, it may not care to answer."""
    parts = urlsplit(instance.server.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=seconds) as connection:
        answered = b""
        with suppress(OSError):  # it hangs up on what it will not read
            connection.sendall(request)
            if is_all:
                connection.shutdown(socket.SHUT_WR)
        with suppress(OSError):
            while part := connection.recv(65536):
                answered += part
    return answered


def head(instance: Instance, *lines: str) -> bytes:
    host = urlsplit(instance.server.url).netloc
    basic = base64.b64encode(f"api:{key_for('alice')}".encode()).decode()
    return "\r\n".join(
        [*lines, f"Host: {host}", f"Authorization: Basic {basic}", "Connection: close", "", ""]
    ).encode()


@pytest.mark.parametrize("path", ["/sign-in", "/api/v1/projects", "/nobody/nothing"])
def test_an_answer_to_head_has_no_body(path: str, unbroken: Instance) -> None:
    """Django's test client takes it away itself, so what the matrix hears of HEAD does not tell."""
    page, facts = (
        raw(unbroken, head(unbroken, f"{method} {path} HTTP/1.1"), is_all=False).partition(b"\r\n\r\n")
        for method in ("GET", "HEAD")
    )

    assert page[2] != b"" and facts[1:] == (b"\r\n\r\n", b"")
    assert facts[0].split(b"\r\n")[0] == page[0].split(b"\r\n")[0]


def test_without_a_length_nothing_is_stored(unbroken: Instance, alice: Door, project: str, run: str) -> None:
    rows = stored(unbroken.data)
    for path in ("/graphql", f"/files/alice/{project}/{run}/file_stream"):
        answered = raw(unbroken, head(unbroken, f"POST {path} HTTP/1.1") + b'{"query": "mutation { x }"}')
        assert b" 500 " not in answered.split(b"\r\n", 1)[0]
    assert changes(rows, stored(unbroken.data)) == []


def test_a_body_that_breaks_off_is_not_taken_for_the_whole(
    unbroken: Instance, alice: Door, project: str, run: str
) -> None:
    rows = stored(unbroken.data)
    body = json.dumps(history(ONE, offset=1)).encode()
    promise = head(
        unbroken,
        f"POST /files/alice/{project}/{run}/file_stream HTTP/1.1",
        f"Content-Length: {len(body) + 50}",
    )
    raw(unbroken, promise + body)
    url = alice.upload_urls("alice", project, run, "half.bin")["half.bin"]
    assert url is not None
    rows = stored(unbroken.data)
    promise = head(unbroken, f"PUT {path_of(url)} HTTP/1.1", "Content-Length: 5000000")
    raw(unbroken, promise + b"half of it" * 1000)
    time.sleep(0.3)
    assert changes(rows, stored(unbroken.data)) == []
    found = alice.data(RUN, {"entity": "alice", "project": project, "run": run})["project"]["run"]
    assert found["historyLineCount"] == 1 and found["files"]["edges"] == []


@pytest.mark.parametrize(
    "lines",
    [
        ["POST /graphql HTTP/1.1", "Content-Length: -1"],
        ["POST /graphql HTTP/1.1", "Content-Length: abc"],
        ["POST /graphql HTTP/1.1", "Content-Length: 99999999999999999999999999"],
        ["POST /graphql HTTP/1.1", "Content-Length: 5", "Content-Length: 9"],
        ["POST /graphql HTTP/1.1", "Content-Length: 5", "Transfer-Encoding: chunked"],
        ["POST /graphql HTTP/1.1", "X-Long: " + "a" * 1_000_000],
        ["POST /graphql HTTP/1.1", *[f"X-{i}: y" for i in range(5000)]],
        ["POST /" + "a" * 500_000 + " HTTP/1.1"],
        ["POST graphql HTTP/1.1"],
        ["GET /files/../../etc/passwd HTTP/1.1"],
        ["GET //evil.example/files/x HTTP/1.1"],
        ["TRACE /graphql HTTP/1.1"],
        ["CONNECT evil.example:443 HTTP/1.1"],
        ["\x00\x01\x02"],
    ],
    ids=lambda lines: lines[0][:30] + "|" + (lines[1][:20] if len(lines) > 1 else ""),
)
def test_requests_that_are_hardly_http(lines: list[str], unbroken: Instance, alice: Door) -> None:
    rows = stored(unbroken.data)
    answered = raw(unbroken, head(unbroken, *lines))
    assert b" 500 " not in answered.split(b"\r\n", 1)[0], answered[:200]
    assert b"root:" not in answered
    assert changes(rows, stored(unbroken.data)) == []
    assert alice.data("query { viewer { username } }")["viewer"]["username"] == "alice", "it still answers"


# ── keys and headers ──


def basic(text: str | bytes) -> dict[str, str]:
    data = text.encode() if isinstance(text, str) else text
    return {"Authorization": "Basic " + base64.b64encode(data).decode()}


WRONG_KEYS: dict[str, dict[str, str]] = {
    "unknown": basic("api:" + "f" * 40),
    "empty": basic("api:"),
    "no colon": basic(key_for("alice")),
    "blank behind": basic(f"api:{key_for('alice')} "),
    "capitals": basic(f"api:{key_for('alice').upper()}"),
    "cut": basic(f"api:{key_for('alice')[:-1]}"),
    "quoted": basic("api:' OR 1=1 --"),
    "not ASCII": basic("api:schlüssel" + "ü" * 40),
    "NUL": basic(b"api:\0" + key_for("alice").encode()),
    "no base64": {"Authorization": "Basic !!!!"},
    "base64 of rubbish": {"Authorization": "Basic " + base64.b64encode(b"\xff\xfe\xfd").decode()},
    "a bearer": {"Authorization": f"Bearer {key_for('alice')}"},
    "a scheme alone": {"Authorization": "Basic"},
    "a token": {"Authorization": f"Token {key_for('alice')}"},
    "huge": basic("api:" + "a" * 6000),
}


@pytest.mark.parametrize("kind", WRONG_KEYS)
def test_a_wrong_key_is_told_so_and_opens_nothing(
    kind: str, unbroken: Instance, alice: Door, project: str, run: str
) -> None:
    nobody, rows = Door(alice.url, headers=WRONG_KEYS[kind]), stored(unbroken.data)
    viewer = nobody.graphql("query Viewer { viewer { id } }")
    if kind == "empty":  # no key rather than a wrong one
        assert (viewer.status in {200, 401} and "data" not in viewer.json) or viewer.json["data"] == {
            "viewer": None
        }
    else:
        assert viewer.status == 401 and viewer.messages, viewer.body[:200]
    assert nobody.stream("alice", project, run, history(ONE, offset=1)).status == 401
    assert changes(rows, stored(unbroken.data)) == []


FORGED_RIGHTS = {
    "Use-Admin-Privileges": "true",
    "X-Wandb-Username": "alice",
    "X-Wandb-User-Email": "alice@example.com",
    "X-Forwarded-User": "alice",
    "Remote-User": "alice",
    "X-Original-URL": "/graphql",
    "X-HTTP-Method-Override": "PUT",
    "Cookie": "ownlog_session=x; sessionid=x",
}


def test_headers_give_no_rights(unbroken: Instance, alice: Door, project: str, run: str) -> None:
    """The public API sends Use-Admin-Privileges with each request, whoever asks."""
    for name in ("mallory", ""):
        plain = unbroken.door(name)
        asker = Door(plain.url, plain.key, FORGED_RIGHTS)
        variables = {"entity": "alice", "project": project, "run": run}
        assert asker.graphql(RUN, variables).body == plain.graphql(RUN, variables).body
        assert asker.stream("alice", project, run, history(ONE, offset=1)).status in {401, 404}
    forged = Door(alice.url, key_for("mallory"), FORGED_RIGHTS)
    assert forged.data("query Viewer { viewer { username admin } }")["viewer"] == {
        "username": "mallory",
        "admin": False,
    }


@pytest.mark.promise("P-26")
def test_a_revoked_key_is_refused_at_once(unbroken: Instance, alice: Door) -> None:
    made = alice.data('mutation { generateApiKey(input: {description: "x"}) { apiKey { id name } } }')[
        "generateApiKey"
    ]["apiKey"]
    second = Door(alice.url, made["name"])
    assert second.data("query { viewer { username } }")["viewer"]["username"] == "alice"
    alice.data("mutation($id: String!) { deleteApiKey(input: {id: $id}) { success } }", {"id": made["id"]})
    assert second.graphql("query { viewer { username } }").status == 401
    listed = alice.graphql("query { viewer { apiKeys { edges { node { name } } } } }")
    assert made["name"] not in listed.body.decode() and key_for("alice") not in listed.body.decode()


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"]
)
def test_the_body_counts_and_not_what_it_is_called(
    content_type: str, unbroken: Instance, alice: Door
) -> None:
    body = json.dumps({"query": "query { viewer { username } }"}).encode()
    answered = alice.ask("POST", "/graphql", body, {"Content-Type": content_type})
    assert answered.status in {200, 400, 415}
    if answered.status == 200:
        assert answered.json["data"]["viewer"]["username"] == "alice"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
def test_other_methods_do_nothing(
    method: str, unbroken: Instance, alice: Door, project: str, run: str
) -> None:
    rows = stored(unbroken.data)
    for path in ("/graphql?query=mutation%7Bx%7D", f"/files/alice/{project}/{run}/file_stream"):
        assert alice.ask(method, path).status in {404, 405}
    assert changes(rows, stored(unbroken.data)) == []


ODD_SEGMENTS = [
    "..",
    "%2e%2e",
    "a%2Fb",
    "a%00b",
    "a%0d%0ab",
    "%FF%FE",
    "%ED%A0%80",
    quote("損失 🧪"),
    "%E2%80%AE",
    "a" * 3000,
    "%25",
    "'",
    "$ne",
]


@pytest.mark.parametrize("segment", ODD_SEGMENTS)
def test_odd_paths_are_not_found(
    segment: str, unbroken: Instance, alice: Door, project: str, run: str
) -> None:
    rows = stored(unbroken.data)
    for path in (
        f"/files/{segment}/{project}/{run}/file_stream",
        f"/files/alice/{segment}/{run}/file_stream",
        f"/files/alice/{project}/{segment}/file_stream",
        f"/storage/files/{segment}",
        f"/storage/get/{segment}",
        f"/storage/put/{segment}",
    ):
        method = "PUT" if "/put/" in path else "GET" if "/storage/" in path else "POST"
        answered = alice.ask(method, path, b"{}" if method != "GET" else None)
        assert answered.status in REFUSALS, (path, answered.status, answered.body[:200])
    assert changes(rows, stored(unbroken.data)) == []


# ── what ends things ──


@pytest.fixture(scope="module")
def theirs(instance: Instance) -> Owned:
    return owned(instance)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way.method} {way.name}")
def test_odd_words_in_an_address_end_nothing(way: Way, unbroken: Instance, theirs: Owned) -> None:
    rows = stored(unbroken.data)
    if way.is_there:
        assert theirs.ask(way, "GET").status in {200, 302}, "else nothing would be in danger"
    for place, word in theirs.words(way, ODD_SEGMENTS):
        assert unclear(theirs.ask(way, way.method, place, word)) == "", (place, word[:60])
    assert changes(rows, stored(unbroken.data)) == []


@pytest.mark.parametrize("call", CALLS)
def test_odd_ids_in_a_call_end_nothing(call: str, unbroken: Instance, theirs: Owned) -> None:
    rows = stored(unbroken.data)
    for place in places_of(call):
        ghost = client_id(place) if place in theirs.ids else "nobody"
        assert theirs.call(call, place, ghost).json["errors"][0]["extensions"]["code"] == "not_found"
    for place, word in theirs.client_words(call, ODD_SEGMENTS):
        assert unclear_to_the_client(theirs.call(call, place, word)) == "", (place, word[:60])
    assert changes(rows, stored(unbroken.data)) == []


def test_every_way_to_end_something_is_tried_with_odd_words() -> None:
    fields = schema().type_map["Mutation"].fields  # type: ignore[attr-defined]
    assert {each for each in fields if each.startswith(("delete", "unlink"))} == set(CALLS)
    named = {"api:project", "api:runs", "api:run", "api:run-parts", "api:run-file", "api:project-view", "api:entity-webhook",
             "api:project-webhook", "api:export", "project-erase", "project-erase-runs", "run-erase", "run-erase-parts",
             "artifact-erase", "artifact-version-erase", "team-erase"}  # fmt: skip
    assert named <= {way.name for way in WAYS}


def test_what_other_servers_offer_is_not_here(unbroken: Instance, alice: Door) -> None:
    for path in ("/sdk/otel/v1/metrics", "/sdk/otel/v1/logs", "/oidc/token"):
        assert alice.ask("POST", path, b"{}").status == 404
    for path in ("/.env", "/.git/config", "/keys/root-1.key", "/var/ownlog.sqlite3", "/static/../keys/root-1.key",
                 "/static/%2e%2e/keys/django_secret", "/media/x", "/__debug__/", "/admin/jsi18n/../../keys"):  # fmt: skip
        assert alice.ask("GET", path).status in {302, 400, 403, 404}, path


@pytest.mark.parametrize("address", ["/sign-in", "/admin/login/"])
def test_passwords_cannot_be_tried_without_end(address: str, unbroken: Instance) -> None:
    owner, guesser = Browser(unbroken.server.url), Browser(unbroken.server.url)
    name = f"guessed{secrets.token_hex(3)}"
    owner.sign_up(name)
    for number in range(20):
        fields = {"login": name, "username": name, "password": f"guess number {number}", "next": "/admin/"}
        assert guesser.submit(address, fields, page="/sign-in").status_code < 500
    guesser.submit(address, {"login": name, "username": name, "password": PASSWORD}, page="/sign-in")
    assert not guesser.is_signed_in, "after that many guesses even the right one is not believed"


# ── ranges ──

RANGES = ["bytes=5-2", "bytes=-0", "bytes=100-", "bytes=abc", "bytes=0-1,3-4", "items=0-1", "bytes=" + "9" * 6000 + "-",
          "bytes=-" + "9" * 6000, "bytes=--1", "bytes=1--2", "bytes=０-１".encode().decode("latin-1"), "bytes= 0-1", "bytes=0x0-1"]  # fmt: skip


@pytest.mark.parametrize("asked", RANGES, ids=lambda asked: asked[:12])
def test_odd_ranges(asked: str, unbroken: Instance, alice: Door, project: str, run: str) -> None:
    alice.upload("alice", project, run, "data.bin", b"0123456789")
    found = alice.data(RUN, {"entity": "alice", "project": project, "run": run})["project"]["run"]["files"][
        "edges"
    ]
    answered = alice.ask("GET", path_of(found[0]["node"]["url"]), headers={"Range": asked})
    assert answered.status in {200, 206, 416, 400}, (answered.status, answered.body[:200])
    if answered.status == 200:
        assert answered.body == b"0123456789"
