"""Work done inside an instance's data folder, next to its web server, in a process of its own.

    python -m tests.e2e.durability.inside task NAME [IDS]     run a background task here, as a worker would
    python -m tests.e2e.durability.inside die FIRST EVERY RUN RUN ...
                                                              compact each run; they die at the act FIRST on disk, EVERY acts later,
                                                              and so on, until one lives
    python -m tests.e2e.durability.inside race RUN [RUN ...]  compact each run in four processes at once
    python -m tests.e2e.durability.inside later NAME          run a task two days later

No message reaches anybody from here: the broker is this process's own memory.
"""

from __future__ import annotations

import importlib
import itertools
import json
import os
import re
import sys
import traceback
from collections.abc import Callable
from datetime import timedelta
from typing import Any

DIED = 137
_WORKERS = 4
_CHANGE = re.compile(r"\b(?:INSERT|UPDATE|DELETE)\b")


def run_task(name: str, **ids: int) -> None:
    from celery import current_app

    current_app.tasks[name](**ids)


def in_child(act: Callable[[], None]) -> int:
    """Fork, act, and return the child's process id. The parent must not have touched a database before."""
    child = os.fork()
    if child:
        return child
    try:
        act()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def exit_code(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def die_at(number: int) -> None:
    """From here on, end without a word before the nth change: of a row, of a file, or the end of a transaction;
    with a bucket, before the nth message to it."""
    from django.db import connections

    counted = itertools.count(1)
    fsync = os.fsync

    def act() -> None:
        if next(counted) == number:
            os._exit(DIED)

    def before_statement(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        if is_act(sql):
            act()
        return execute(sql, *arguments)

    def before_event(event: str, arguments: tuple[Any, ...]) -> None:
        if changes_a_file(event, arguments):
            act()

    def before_fsync(fd: Any) -> None:
        act()
        fsync(fd)

    for connection in connections.all():
        connection.execute_wrappers.append(before_statement)
        connection.commit = one_after_the_other(act, connection.commit)  # type: ignore[method-assign]
    os.fsync = before_fsync
    sys.addaudithook(before_event)


def one_after_the_other(first: Callable[[], None], then: Callable[[], None]) -> Callable[[], None]:
    def both() -> None:
        first()
        then()

    return both


def is_act(sql: str) -> bool:
    """Whether this is more than a reading: one that recurses begins as some changes do, with `WITH`."""
    first = sql.split(maxsplit=1)[0]
    return first != "SELECT" and (first != "WITH" or _CHANGE.search(sql) is not None)


def changes_a_file(event: str, arguments: tuple[Any, ...]) -> bool:
    if event == "open":
        return bool((arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR))
    return event in {"os.rename", "os.remove", "os.link", "os.mkdir", "http.client.send"}


def compact_dying(numbers: list[int]) -> list[int]:
    """How each ended, up to the first that came through."""
    first, every, *runs = numbers
    codes: list[int] = []
    for number, run in zip(itertools.count(first, every), runs, strict=False):

        def act(number: int = number, run: int = run) -> None:
            die_at(number)
            run_task("runs.compact", run_id=run)

        codes.append(exit_code(in_child(act)))
        if codes[-1] == 0:
            break
    return codes


def compact_racing(runs: list[int]) -> list[int]:
    codes = []
    for run in runs:
        gate_out, gate_in = os.pipe()

        def act(run: int = run, gate_out: int = gate_out, gate_in: int = gate_in) -> None:
            os.close(gate_in)
            os.read(gate_out, 1)  # opens when the parent closes its end
            run_task("runs.compact", run_id=run)

        children = [in_child(act) for _ in range(_WORKERS)]
        os.close(gate_out)
        os.close(gate_in)
        codes += [exit_code(child) for child in children]
    return codes


def run_later(name: str) -> None:
    from apps.core import clock

    now = clock.now
    clock.now = lambda: now() + timedelta(days=2)
    run_task(name)


def main(what: str, arguments: list[str]) -> list[int]:
    if what == "task":
        run_task(arguments[0], **json.loads(arguments[1]))
        return []
    if what == "later":
        run_later(arguments[0])
        return []
    act = {"die": compact_dying, "race": compact_racing}[what]
    return act([int(word) for word in arguments])


def load_everything() -> None:
    """So that a child has nothing left to import, which takes longer than its work."""
    import django

    django.setup()
    from celery import current_app

    current_app.loader.import_default_modules()
    importlib.import_module("pyarrow.parquet")


if __name__ == "__main__":
    load_everything()
    print(json.dumps(main(sys.argv[1], sys.argv[2:])))
