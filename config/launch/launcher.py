"""Start everything, watch over it, stop it in order."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from config import env
from config.launch import broker, leftovers, options, web
from config.launch.children import Child
from config.launch.options import CannotStart, Options

WATCH_EVERY = 0.2
FIRST_ANSWER_WITHIN = 60.0


class Stopped(Exception):
    """Ctrl-C, SIGTERM or the end of `make` while the instance was still starting."""


class Launcher:
    def __init__(self, wanted: Options, *, stop_with_parent: bool) -> None:
        self.options = wanted
        self.parent = os.getppid() if stop_with_parent else None
        self.stop_asked = threading.Event()
        self.in_a_hurry = False
        self.children: list[Child] = []

    def run(self) -> int:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask_to_stop)
        try:
            self._start()
            say(welcome(self.options, is_first=web.has_no_account(self.options)))
            self._watch()
        except Stopped:
            pass
        finally:
            self._stop()
        return 0

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self.in_a_hurry = self.stop_asked.is_set()
        self.stop_asked.set()

    def _start(self) -> None:
        environment = dict(os.environ)
        environment.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
        environment[leftovers.MARK] = leftovers.mark_of(self.options.data)
        preparation = Child("preparation", python("-m", "config.launch.prepare"), environment, patience=30)
        preparation.start()
        self.children.append(preparation)
        if not self.options.broker_url:
            path = broker.socket_path(self.options.data)
            environment["OWNLOG_BROKER_URL"] = broker.url(path)
            self._begin(
                Child(
                    "broker", broker.command(path), broker.environment(environment), patience=5, stop_rank=2
                )
            )
            broker.wait_until_up(path)
        self._finish(preparation)
        # Stopped first: nothing new may come in while the rest is ending.
        self._begin(Child("web server", web.command(self.options), environment, patience=20))
        self._wait_for_an_answer()
        # After the web server, so that the two do not compete for the processor while somebody waits for a page.
        self._begin(
            Child("worker", python("-m", "config.launch.worker"), environment, patience=20, stop_rank=1)
        )

    def _begin(self, child: Child) -> None:
        child.start()
        self.children.append(child)

    def _finish(self, preparation: Child) -> None:
        while not preparation.has_died():
            self._pause()
        code = preparation.bury()
        self.children.remove(preparation)
        if code != 0:
            raise CannotStart("The data folder could not be made ready; the reason is above.")

    def _wait_for_an_answer(self) -> None:
        deadline = time.monotonic() + FIRST_ANSWER_WITHIN
        while not web.is_up(self.options):
            self._pause()
            for child in self.children:
                if child.has_died():
                    raise CannotStart(
                        f"The {child.name} ended as soon as it was started; the reason is above."
                    )
            if time.monotonic() > deadline:
                raise CannotStart(
                    f"The web server gives no answer, or only errors, for {FIRST_ANSWER_WITHIN:.0f} seconds."
                )

    def _pause(self) -> None:
        if self._must_stop(0.05):
            raise Stopped

    def _must_stop(self, seconds: float) -> bool:
        return self.stop_asked.wait(seconds) or (self.parent is not None and os.getppid() != self.parent)

    def _watch(self) -> None:
        while not self._must_stop(WATCH_EVERY):
            for child in self.children:
                if child.has_died():
                    code = child.bury()
                    pause = child.plan_next_start()
                    say(
                        f"The {child.name} ended unexpectedly (exit code {code}). It starts again in {pause:.0f} s."
                    )
                elif child.is_due():
                    child.start()

    def _stop(self) -> None:
        if self.children:
            say("Stopping. Requests and tasks in flight are finished first; once more Ctrl-C ends them.")
        for child in sorted(self.children, key=lambda child: child.stop_rank):
            child.ask_to_stop()
            while not child.has_died() and not self.in_a_hurry and child.has_patience():
                time.sleep(0.02)
            if not child.end():
                say(f"The {child.name} did not stop in time and was killed.")


def python(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]


@contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Hold the data folder's lock: two instances on one folder would be two workers and two clocks."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / "launch.lock").open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            raise CannotStart(
                f"An instance is already running on {data} ({lock.read().strip() or 'starting'}).\n"
                "Stop it with Ctrl-C where it runs, or give this one folders of its own: OWNLOG_DATA=... OWNLOG_KEY_DIR=... OWNLOG_PORT=... make up"
            ) from error
        lock.truncate(0)
        lock.write(f"process {os.getpid()}\n")
        lock.flush()
        yield


def welcome(wanted: Options, *, is_first: bool) -> str:
    way_in = (
        f"An account:  sign up at {wanted.url}/sign-up (the first one owns the instance)"
        if is_first
        else f"Sign in:     {wanted.url}/sign-in\nAn account:  from that page"
    )
    return f"""
Ownlog is up:  {wanted.url}

{way_in}
        or:  .venv/bin/python manage.py create_account NAME --email YOU@EXAMPLE.COM    (prints an API key)

A run, in another shell:
  pip install wandb
  export WANDB_BASE_URL={wanted.url}
  export WANDB_API_KEY=...the key...
  python -c "import wandb; r = wandb.init(project='first'); [r.log({{'loss': 1 / (i + 1)}}) for i in range(50)]; r.finish()"

Ctrl-C stops everything.
"""


def say(text: str) -> None:
    print(text, flush=True)


def main(arguments: list[str]) -> int:
    try:
        wanted = options.read()
        with only_one(wanted.data):
            if count := leftovers.end_leftovers(wanted.data):
                say(
                    f"Ended {count} process{'' if count == 1 else 'es'} that an earlier start had left behind."
                )
            options.check_port(wanted)
            return Launcher(wanted, stop_with_parent="--stop-with-parent" in arguments).run()
    except (CannotStart, env.BadSetting) as reason:
        print(f"\nOwnlog cannot start.\n{reason}", file=sys.stderr)
        return 1
