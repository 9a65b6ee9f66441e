from __future__ import annotations

import socket
from collections.abc import Iterator
from unittest import mock

import pytest
from django.db.backends.postgresql import base as django_postgresql

from config.postgresql.base import DatabaseWrapper


class Connection:
    """What is asked of psycopg's connection here, on a socket of the test's own."""

    def __init__(self, end: socket.socket) -> None:
        self.closed = False
        self._end = end

    def fileno(self) -> int:
        return self._end.fileno()


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, servers = socket.socketpair()
    with ours, servers:
        yield ours, servers


@pytest.fixture
def question() -> Iterator[mock.Mock]:
    """Django's own question to the server, answered with no."""
    with mock.patch.object(django_postgresql.DatabaseWrapper, "is_usable", return_value=False) as asked:
        yield asked


def wrapper(connection: Connection | None) -> DatabaseWrapper:
    made = DatabaseWrapper({"NAME": "none", "TIME_ZONE": None, "OPTIONS": {}})
    made.connection = connection
    return made


@pytest.mark.enable_socket
def test_a_connection_at_rest_is_not_asked(
    ends: tuple[socket.socket, socket.socket], question: mock.Mock
) -> None:
    assert wrapper(Connection(ends[0])).is_usable()
    assert not question.called


@pytest.mark.enable_socket
def test_it_is_asked_when_the_server_has_said_something_or_gone(
    ends: tuple[socket.socket, socket.socket], question: mock.Mock
) -> None:
    ends[1].sendall(b"E")
    assert not wrapper(Connection(ends[0])).is_usable()
    ends[0].recv(1)
    ends[1].close()
    assert not wrapper(Connection(ends[0])).is_usable()
    assert question.call_count == 2


@pytest.mark.enable_socket
def test_it_is_asked_after_an_error_and_gone_when_closed(
    ends: tuple[socket.socket, socket.socket], question: mock.Mock
) -> None:
    after_error = wrapper(Connection(ends[0]))
    after_error.errors_occurred = True
    assert not after_error.is_usable()
    assert question.call_count == 1

    closed = Connection(ends[0])
    closed.closed = True
    assert not wrapper(closed).is_usable()
    assert not wrapper(None).is_usable()
    assert question.call_count == 1
