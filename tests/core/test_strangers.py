"""Bodies that never end, from people without an account, hold a few threads and no more."""

from __future__ import annotations

import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.core.errors import Unavailable
from apps.core.strangers import (
    MOST_AT_ONCE,
    MOST_OF_ONE,
    MOST_OF_PEOPLE,
    reading_of,
    reading_of_a_stranger,
)
from config.launch.web import THREADS
from tests.live import LiveServer

BEGUN = (
    b"POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 1000\r\n\r\na"
)


@pytest.fixture
def all_taken() -> Iterator[None]:
    with ExitStack() as stack:
        for _ in range(MOST_AT_ONCE):
            stack.enter_context(reading_of_a_stranger())
        yield


def test_few_are_read_at_once(all_taken: None) -> None:
    with pytest.raises(Unavailable), reading_of_a_stranger():
        pass


def test_slot_is_given_back() -> None:
    for _ in range(3 * MOST_AT_ONCE):
        with reading_of_a_stranger():
            pass


@pytest.mark.parametrize("path", ["/sign-in", "/sign-up", "/account/reset", "/admin/login/"])
@pytest.mark.django_db
def test_forms_wait_for_a_slot_and_pages_do_not(path: str, all_taken: None, client: Client) -> None:
    refused = client.post(path, {"login": "x"})
    assert (refused.status_code, refused["Retry-After"]) == (503, "5")
    assert client.get(path).status_code in {200, 302}


@pytest.mark.django_db
def test_strangers_close_nobodys_forms_who_is_signed_in(
    all_taken: None, client: Client, alice: User, bob: User
) -> None:
    client.force_login(alice)
    assert client.post("/account/language", {"language": "ja"}).status_code == 302

    with ExitStack() as stack:
        for _ in range(MOST_OF_ONE):
            stack.enter_context(reading_of(alice.pk))
        assert client.post("/account/language", {"language": "ja"}).status_code == 503
        client.force_login(bob)
        assert client.post("/account/language", {"language": "ja"}).status_code == 302


def test_people_leave_each_other_room_and_give_it_back() -> None:
    for _ in range(2):
        with ExitStack() as stack:
            for number in range(MOST_OF_PEOPLE):
                stack.enter_context(reading_of(number))
            with pytest.raises(Unavailable), reading_of(-1):
                pass


def test_strangers_and_forms_leave_threads_to_others() -> None:
    assert MOST_AT_ONCE <= THREADS // 4
    assert MOST_AT_ONCE + MOST_OF_PEOPLE < THREADS
    assert MOST_OF_ONE < MOST_OF_PEOPLE


@pytest.mark.live
def test_connections_that_begin_a_body_and_never_end_it_or_read_no_answer_stop_nobody() -> None:
    server = LiveServer(threads=MOST_AT_ONCE + 2).prepare().start()
    held = []
    try:
        for path in [b"/graphql", b"/sign-in", b"/account/reset", b"/admin/login/"] * 8:
            connection = socket.create_connection(("127.0.0.1", server.port))
            connection.sendall(BEGUN % path)
            held.append(connection)
        for _ in range(8):  # ask for a script of ours of some megabytes, and read none of it
            connection = socket.socket()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", server.port))
            connection.sendall(
                b"GET /static/vendor/plotly/plotly-strict.min.js HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
            )
            held.append(connection)
        time.sleep(0.5)
        for page_path in ("/health", "/sign-in"):
            with urllib.request.urlopen(server.url + page_path, timeout=60) as page:
                assert page.status == 200
    finally:
        for connection in held:
            connection.close()
        print(server.log.read_text()[-3000:])
        server.stop()
        server.remove()
