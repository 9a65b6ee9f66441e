"""Who asks the instance for something while something large goes on beside it."""

from __future__ import annotations

import time
from collections.abc import Callable

import requests

from bench.figures import share
from tests.live import LiveServer

OTHERS_KEY = "own_" + "o" * 36
BEFORE = 1_500  # questions: of fewer the p99 would be a matter of luck
GIVEN_UP_AFTER = 600.0


class Tenant:
    """Somebody with an API key of their own."""

    def __init__(self, server: LiveServer, key: str) -> None:
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {key}"
        self.url = f"{server.url}/api/v1"

    def ask(self, method: str, path: str, *, json: object = None) -> requests.Response:
        answer = self.session.request(method, f"{self.url}/{path}", json=json, timeout=60)
        answer.raise_for_status()
        return answer

    def makes_a_run(self) -> None:
        self.ask("POST", "projects", json={"entity": "other", "name": "own"})
        self.ask("POST", "projects/other/own/runs", json={"name": "one", "config": {"lr": 1}})

    def reads_while(self, owner: Tenant, job: str) -> tuple[float, str]:
        """The p99 of reading while a job of somebody else is not over, which they ask for now and then; and how that ended."""
        state = "queued"

        def goes_on(asked: int) -> bool:
            nonlocal state
            if not asked % 50:
                state = owner.ask("GET", job).json()["state"]
            return state in ("queued", "running")

        return share(self.reads(goes_on), 99), state

    def reads(self, goes_on: Callable[[int], bool], *, pause: float = 0.02) -> list[float]:
        """How long each reading of a run took, in milliseconds, with `pause` seconds in between, as long as it goes on."""
        waits, ends = list[float](), time.monotonic() + GIVEN_UP_AFTER
        while goes_on(len(waits)):
            if time.monotonic() > ends:
                raise TimeoutError("what goes on beside it does not come to its end")
            began = time.perf_counter()
            self.ask("GET", "projects/other/own/runs/one")
            waits.append((time.perf_counter() - began) * 1000)
            time.sleep(pause)
        return waits
