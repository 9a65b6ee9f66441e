"""What real clients send, made ready beforehand and sent as fast, or at the pace, that a figure asks for."""

from __future__ import annotations

import base64
import gzip
import json
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection
from urllib.parse import urlsplit

from tests.live import API_KEY

METRICS = tuple(f"train/metric_{number}" for number in range(10))
# wandb-core at full speed sends what has gathered since its last answer: some hundred lines.
LINES_IN_BATCH = 500


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

    def send(self) -> None:
        address = urlsplit(self.url)
        connection = HTTPConnection(address.hostname or "", address.port, timeout=120)
        headers = {
            "Authorization": f"Basic {base64.b64encode(f'api:{API_KEY}'.encode()).decode()}",
            "Content-Type": "application/json",
            "Content-Encoding": "gzip",
            "User-Agent": "wandb-core",
        }
        due = time.monotonic()
        for body in self.bodies:
            time.sleep(max(0.0, due - time.monotonic()))
            due += self.every_seconds
            begun = time.perf_counter()
            connection.request("POST", self.path, body, headers)
            answer = connection.getresponse()
            answer.read()
            self.seconds.append(time.perf_counter() - begun)
            self.statuses.append(answer.status)
        connection.close()


def send_all(senders: Sequence[Sender]) -> float:
    """All at once, each on a connection of its own; how long it took, in seconds."""
    threads = [threading.Thread(target=sender.send) for sender in senders]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - begun
