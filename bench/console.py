"""The console of a run of a hundred thousand lines: the first lines, a jump into the middle, a search through all of it.

`python -m bench.console` measures and prints. Lines lie as they came and, later, compacted; floors are measured beside them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from functools import partial

import requests

from bench.figures import Figure, median
from bench.report import report
from bench.world import World

LINES = 100_000
REPEATS = 9
WINDOW = 250
PAGE = "/alice/logs/runs/long/console"
_SET_UP = """
import django; django.setup()
from importlib import import_module
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.projects.services import get_or_create_project
from apps.runs.history import store
from apps.runs.models import Run
from apps.runs.services import start_run
from apps.runs.types import Lines, RunPatch, Stream, StreamRequest

user = User.objects.get(username="alice")
place = get_or_create_project(Actor.person(user), entity="alice", name="logs")
run = start_run(place, name="long", by=Actor.person(user), patch=RunPatch())[0].run

def said(n):
    return f"2026-11-23T06:38:02.000000 \\x1b[32mstep {n}\\x1b[0m loss={1 / (n + 1):.6f} " + "needle" * (n % 1000 == 7)
"""
_WRITE = f"""
for first in range(0, {LINES}, 500):
    lines = [said(n) for n in range(first, first + 500)]
    store.append(run, StreamRequest(streams={{Stream.OUTPUT: Lines(first, lines)}}))
session = import_module(settings.SESSION_ENGINE).SessionStore()
session[SESSION_KEY] = str(user.pk)
session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
session[HASH_SESSION_KEY] = user.get_session_auth_hash()
session.save()
print("session", settings.SESSION_COOKIE_NAME, session.session_key)
"""
_COMPACT = "store.compact(run)"


def measure(world: World) -> list[Figure]:
    """A console of 100 000 lines over HTTP, as it came and compacted, the median of nine; the floor is `/health`, of a search the same lines in memory."""
    server = world.server
    told = server.python("-c", _SET_UP + _WRITE)
    _, name, key = next(line.split() for line in told.splitlines() if line.startswith("session "))
    browser = requests.Session()
    browser.trust_env = False
    browser.cookies.set(name, key)
    figures = _figures(browser, server.url, "as it came")
    server.python("-c", _SET_UP + _COMPACT)
    return figures + _figures(browser, server.url, "compacted")


def _figures(browser: requests.Session, url: str, how: str) -> list[Figure]:
    """Each beside the least that this machine takes for it: an answer with nothing in it, a look at lines in memory."""

    def get(path: str) -> requests.Response:
        answer = browser.get(url + path, timeout=60)
        answer.raise_for_status()
        return answer

    floor = _milliseconds(lambda: get("/health"))
    figures = [Figure(f"console {how}: first lines", _milliseconds(lambda: get(PAGE)), "ms", floor, 600)]
    for where, first in (("start", 0), ("middle", LINES // 2), ("end", LINES - WINDOW)):
        path = f"{PAGE}/lines?first={first}&count={WINDOW}"
        if get(path).text.count('id="L') != WINDOW:
            raise RuntimeError(f"{WINDOW} lines were asked for at the {where}")
        taken = _milliseconds(partial(get, path))
        figures.append(Figure(f"console {how}: {WINDOW} lines at the {where}", taken, "ms", floor, 100))
    figures.append(_search(get, how))
    return figures


def _search(get: Callable[[str], requests.Response], how: str) -> Figure:
    lines = [f"step {number} loss={1 / (number + 1):.6f} " for number in range(LINES)]
    began = time.perf_counter()
    needle = re.compile("needle", re.IGNORECASE)
    found = sum(needle.search(line) is not None for line in lines)
    floor = (time.perf_counter() - began) * 1000

    began = time.perf_counter()
    after: int | None = 0
    while after is not None:
        answer = get(f"{PAGE}/search?q=needle&after={after}").json()
        found += len(answer["numbers"])
        after = answer["after"]
    taken = (time.perf_counter() - began) * 1000
    if found != LINES // 1000:
        raise RuntimeError(f"{found} lines were found, not {LINES // 1000}")
    return Figure(f"console {how}: search through {LINES} lines", taken, "ms", floor, 5000)


def _milliseconds(act: Callable[[], object]) -> float:
    taken = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        act()
        taken.append((time.perf_counter() - began) * 1000)
    return median(taken)


if __name__ == "__main__":
    with World(runs=10, long_runs=1, points=100) as small:
        report("console", measure(small))
