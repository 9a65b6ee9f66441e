"""Runs that charts find odd, made in the instance of this process's environment: `python -m tests.web.odd_runs`.

`alice/odd` has: a run whose script defined axes, values that are no numbers or not above zero, runs without the axis of
others, two groups, hostile names, a run that goes on. `alice/wide` has one run with two hundred metrics.
"""

from __future__ import annotations

import json
import math
from typing import Any

import django

HOSTILE = "<img src=x onerror=alert(1)>\u202e\"'&/val"
DEFINED = [{"1": "epoch", "6": [3]}, {"2": "val/*", "5": 1, "6": [1]}, {"1": "secret", "6": [2]}]


def main() -> None:
    django.setup()
    from apps.accounts.actors import Actor
    from apps.accounts.models import User
    from apps.core import jsontext
    from apps.projects.services import get_or_create_project
    from apps.runs.history import store
    from apps.runs.services import start_run
    from apps.runs.types import Lines, RunPatch, Stream, StreamRequest

    actor = Actor.person(User.objects.get(username="alice"))

    def make(
        project: str,
        name: str,
        rows: list[dict[str, Any]],
        *,
        config: dict[str, Any] | None = None,
        is_live: bool = False,
        **patch: Any,
    ) -> None:
        place = get_or_create_project(actor, entity="alice", name=project)
        text = json.dumps({key: {"value": value} for key, value in (config or {}).items()})
        run = start_run(place, name=name, by=actor, patch=RunPatch(config_text=text, **patch))[0].run
        lines = [
            jsontext.dumps(row | {"_step": step, "_runtime": step * 2.0}) for step, row in enumerate(rows)
        ]
        store.append(run, StreamRequest(streams={Stream.HISTORY: Lines(0, lines)}))
        store.append(
            run,
            StreamRequest(
                summary_text=jsontext.dumps(rows[-1]),
                is_complete=not is_live,
                exit_code=None if is_live else 0,
            ),
        )

    own = {"_wandb": {"m": DEFINED}}
    make(
        "odd",
        "defined",
        [{"val/acc": n / 10, "epoch": n * 100, "secret": 1.0, "loss": 1.0} for n in range(10)],
        config=own,
    )
    make(
        "odd",
        "numbers",
        [{"loss": value, "low": value} for value in (1.0, math.nan, math.inf, -math.inf, -2.0, 0.0, 4.0)],
    )
    make("odd", "hostile", [{HOSTILE: float(n), "loss": 2.0} for n in range(5)], display_name=HOSTILE)
    make("odd", "live", [{"loss": 3.0, "going": float(n)} for n in range(5)], is_live=True)
    # Two groups: one of runs that log at other steps. Their mean at step 2 is (2 + 6) / 2.
    make("groups", "every", [{"m": float(n)} for n in range(5)], config={"kind": "a"})
    make(
        "groups",
        "tenth",
        [{"m": 2.0} if n == 0 else {"m": 10.0} if n == 4 else {} for n in range(5)],
        config={"kind": "a"},
    )
    make("groups", "other", [{"m": 7.0} for n in range(5)], config={"kind": "b"})
    make(
        "wide",
        "wide",
        [{f"part{key % 4}/metric.{key}": float(key + n) for key in range(200)} for n in range(3)],
    )


if __name__ == "__main__":
    main()
