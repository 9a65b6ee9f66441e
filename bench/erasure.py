"""Erasing a project of 10 000 runs while another tenant reads: until its keys are gone, until all is gone and proven.

`python -m bench.erasure [sqlite] [postgresql]` measures and prints. The floor of who reads meanwhile is the same reading before and after each.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bench.figures import Figure, share
from bench.report import report
from bench.server import DATABASES, instance
from bench.tenant import OTHERS_KEY, Tenant
from tests.live import API_KEY, LiveServer

TIMES = 3
ASIDE = 500  # questions before each erasure, and after it
PAUSE = 0.005  # seconds between them: without any, so many would be more than one tenant may ask


@dataclass(frozen=True)
class _Erased:
    told: dict[str, str | None]  # the job's clock
    meanwhile: list[float]  # how long the other waited for each answer until all was proven, in milliseconds
    aside: list[float]  # and before and after

    def seconds(self, last: str) -> float:
        begun, ended = self.told["asked_at"], self.told[last]
        assert begun and ended
        return (datetime.fromisoformat(ended) - datetime.fromisoformat(begun)).total_seconds()


def measure(world: object = None, *, databases: Sequence[str] = DATABASES) -> list[Figure]:
    """A project of 10 000 runs with 20 settings and 20 results each, erased by REST, three times (the slowest is told); beside it another tenant asks for a run over and over. The floor of its p99 is that of its questions before and after each of the three: what the machine does beside changes within minutes."""
    return [figure for database in databases for figure in _measure_on(database)]


def _measure_on(database: str) -> list[Figure]:
    with instance(database) as server:
        server.account("alice")
        server.account("other", key=OTHERS_KEY)
        other = Tenant(server, OTHERS_KEY)
        other.makes_a_run()
        owner = Tenant(server, API_KEY)
        erased = [_erase(server, owner, other) for _ in range(TIMES)]
        # Of all together: of what comes while one is erased, the p99 would be a matter of luck.
        aside = share([wait for each in erased for wait in each.aside], 99)
        meanwhile = share([wait for each in erased for wait in each.meanwhile], 99)
        keys, proven = (max(each.seconds(last) for each in erased) for last in ("shredded_at", "proven_at"))
        return [
            Figure("a project of 10 000 runs: keys gone after", keys, "s", None, 1.0, database=database),
            Figure("and all of it gone, and proven, after", proven, "s", None, 120.0, database=database),
            Figure("p99 of another tenant meanwhile", meanwhile, "ms", aside, aside * 1.2, database=database),
        ]


def _erase(server: LiveServer, owner: Tenant, other: Tenant) -> _Erased:
    server.python("-m", "bench.server", "make-runs", timeout=1800)
    aside = other.reads(lambda asked: asked < ASIDE, pause=PAUSE)
    job = owner.ask("DELETE", "projects/alice/listed").json()
    owner.ask("POST", f"erasures/{job['id']}/now")  # it would wait for a week
    told = dict[str, str | None]()

    def is_unproven(asked: int) -> bool:
        if not asked % 50:
            told.update(owner.ask("GET", f"erasures/{job['id']}").json())
        return not told["proven_at"]

    meanwhile = other.reads(is_unproven, pause=PAUSE)
    aside += other.reads(lambda asked: asked < ASIDE, pause=PAUSE)
    return _Erased(told, meanwhile, aside)


if __name__ == "__main__":
    report("erasure", measure(databases=sys.argv[1:] or DATABASES))
