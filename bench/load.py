"""What real clients send, made ready beforehand and sent as fast, or at the pace, that a figure asks for.

The generator shares the processors with the server it measures, so it does as little as it can: requests are bytes that
lie ready, one thread holds all connections, and of an answer no more is looked at than its status and its length.
"""

from __future__ import annotations

import base64
import gzip
import json
import random
import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from urllib.parse import urlsplit

from tests.live import API_KEY

METRICS = tuple(f"train/metric_{number}" for number in range(10))
# wandb-core at full speed sends what has gathered since its last answer: some hundred lines.
LINES_IN_BATCH = 500
LONGEST_WAIT = 120.0


def rows(first: int, count: int, *, seed: int) -> list[dict[str, float]]:
    """Rows of ten random doubles, with what the client adds to each."""
    rng = random.Random(f"{seed} {first}")
    return [
        {key: rng.random() for key in METRICS}
        | {"_timestamp": 1.79e9 + step * 0.01, "_runtime": step * 0.01, "_step": step}
        for step in range(first, first + count)
    ]


def batches(steps: int, *, seed: int, lines: int = LINES_IN_BATCH) -> list[bytes]:
    """The bodies of file_stream requests for a whole run, compressed as the client compresses them."""
    bodies = []
    for first in range(0, steps, lines):
        some = rows(first, min(lines, steps - first), seed=seed)
        history = {"offset": first, "content": [json.dumps(row, separators=(",", ":")) for row in some]}
        summary = {"offset": 0, "content": [json.dumps(some[-1], separators=(",", ":"))]}
        body = {"files": {"wandb-history.jsonl": history, "wandb-summary.json": summary}}
        bodies.append(gzip.compress(json.dumps(body).encode(), compresslevel=1))
    bodies.append(gzip.compress(json.dumps({"complete": True, "exitcode": 0}).encode()))
    return bodies


@dataclass
class Sender:
    """One connection that sends one run's bodies, in order, and takes the time of each answer."""

    url: str
    path: str
    bodies: Sequence[bytes]
    every_seconds: float = 0.0
    seconds: list[float] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    due: float = field(default=0.0, init=False)
    connection: socket.socket = field(init=False)
    _requests: list[bytes] = field(init=False)
    _begun: float = field(default=0.0, init=False)
    _answer: bytearray = field(default_factory=bytearray, init=False)

    def connect(self) -> socket.socket:
        address = urlsplit(self.url)
        self._requests = [self._request(address.netloc, body) for body in self.bodies]
        self.connection = socket.create_connection((address.hostname or "", address.port or 80), timeout=60)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.connection

    def _request(self, host: str, body: bytes) -> bytes:
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: wandb-core\r\n"
            f"Authorization: Basic {base64.b64encode(f'api:{API_KEY}'.encode()).decode()}\r\n"
            "Content-Type: application/json\r\nContent-Encoding: gzip\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    @property
    def is_done(self) -> bool:
        return len(self.statuses) == len(self._requests)

    def send(self) -> None:
        """The next body; called when it is due and the answer to the one before has come."""
        self._begun = time.perf_counter()
        self.connection.sendall(self._requests[len(self.statuses)])

    def receive(self) -> bool:
        """Take what has arrived. Whether the answer is whole."""
        part = self.connection.recv(65536)
        if not part:
            raise ConnectionError("the server closed the connection")
        self._answer += part
        head, found, body = bytes(self._answer).partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return False
        self.seconds.append(time.perf_counter() - self._begun)
        self.statuses.append(int(head.split(b" ", 2)[1]))
        self._answer.clear()
        self.due += self.every_seconds
        return True


def _length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])


def send_all(senders: Sequence[Sender]) -> float:
    """All at once, each on a connection of its own; how long it took, in seconds.

    Senders with a pace begin one after the other, spread evenly over it: two hundred scripts on as many machines do not
    speak in the same millisecond. A body is sent no earlier than the answer to the one before, as the client does it.
    """
    with selectors.DefaultSelector() as waiting:
        for sender in senders:
            waiting.register(sender.connect(), selectors.EVENT_READ, sender)
        begun = time.monotonic()
        for place, sender in enumerate(senders):
            sender.due = begun + sender.every_seconds * place / len(senders)
        idle = [(sender.due, place) for place, sender in enumerate(senders)]
        places = {id(sender): place for place, sender in enumerate(senders)}
        while idle or waiting.get_map():
            while idle and idle[0][0] <= time.monotonic():
                senders[heappop(idle)[1]].send()
            for sender in _answered(waiting, idle[0][0] if idle else time.monotonic() + LONGEST_WAIT):
                if sender.is_done:
                    waiting.unregister(sender.connection)
                    sender.connection.close()
                else:
                    heappush(idle, (sender.due, places[id(sender)]))
        return time.monotonic() - begun


def _answered(waiting: selectors.BaseSelector, until: float) -> Iterator[Sender]:
    """Those whose answer is whole by then, as soon as there is one."""
    for key, _ in waiting.select(max(0.0, until - time.monotonic())):
        if key.data.receive():
            yield key.data
