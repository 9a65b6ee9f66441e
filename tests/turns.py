"""Where a run of the suite asks a part of what there is: which part, so that each has its turn within some days."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from datetime import UTC, datetime
from typing import TypeVar
from zlib import crc32

Thing = TypeVar("Thing")

# Whoever looks for what another day's run has found names its number; conftest.py prints it.
TURN = "OWNLOG_TURN"
# `make test` asks these in one of its two passes, the other one the day after: set by tests/again.py, for whoever names a file
# wants it asked. `whole` has them asked in both.
PASSES = "OWNLOG_PASSES"
BY_TURNS = (
    "tests/api/test_fuzzed.py",
    "tests/backups/test_backups.py",
    "tests/blobs/test_store_s3.py",
    "tests/e2e/durability/test_artifact_kill.py",
    "tests/e2e/durability/test_batches.py",
    "tests/e2e/durability/test_compaction.py",
    "tests/e2e/durability/test_kill.py",
    "tests/e2e/durability/test_parts_kill.py",
    "tests/e2e/durability/test_restart_during_upload.py",
    "tests/e2e/durability/test_shared_mode.py",
    "tests/e2e/durability/test_values.py",
    "tests/erasure/test_faults.py",
    "tests/erasure/test_kill.py",
    "tests/erasure/test_killed_whole.py",
    "tests/erasure/test_unwell.py",
    "tests/exports/test_kill.py",
    "tests/exports/test_worker.py",
    "tests/imports/test_away.py",
    "tests/imports/test_called_off.py",
    "tests/imports/test_handed_in.py",
    "tests/imports/test_in_turns.py",
    "tests/imports/test_kill.py",
    "tests/vault/test_epochs_in_any_order.py",
    "tests/vault/test_processes.py",
    "tests/wandb_protocol/test_client_again.py",
    "tests/wandb_protocol/test_client_api.py",
    "tests/wandb_protocol/test_client_artifacts.py",
    "tests/wandb_protocol/test_client_import.py",
    "tests/wandb_protocol/test_client_ownership.py",
    "tests/wandb_protocol/test_client_people.py",
    "tests/wandb_protocol/test_client_references.py",
    "tests/wandb_protocol/test_client_registry.py",
    "tests/wandb_protocol/test_client_run.py",
    "tests/wandb_protocol/test_client_sync.py",
    "tests/wandb_protocol/test_client_team.py",
)
# These are asked on the data folder every day, and on servers half of them, the others the day after: what they ask of a database is
# much alike, and most of what only servers do otherwise (transactions, locks, the vault, stores) is asked by other folders, every day.
EVERY_OTHER_DAY_ON_SERVERS = tuple(
    f"tests/{folder}/"
    for folder in (
        "accounts",
        "api",
        "files",
        "plans",
        "projects",
        "statistics",
        "teams",
        "wandb_protocol",
        "web",
    )
)
# What takes long, has no second pass and no part that could be left out: every second of them today, the others the day after.
EVERY_OTHER_DAY = (
    "tests/e2e/cluster/test_cluster.py",
    "tests/web/test_table_in_chromium.py",
    "tests/web/test_panels_in_chromium.py",
    "tests/web/test_run_in_chromium.py",
    "tests/web/test_console_in_chromium.py",
    "tests/web/test_home_in_chromium.py",
    "tests/web/test_teams_in_chromium.py",
    "tests/web/test_files_in_chromium.py",
)


def today() -> int:
    return int(os.environ.get(TURN) or datetime.now(UTC).toordinal())


def turn(parts: int) -> int:
    """One of 0, 1, … below `parts`, each on its day."""
    return today() % parts


def seed(variable: str) -> int:
    """What chance begins with: another number each day, the same in both passes, unless whoever looks for something names one."""
    return int(os.environ.get(variable) or today())


def of_each_kind(
    things: Sequence[Thing], kind: Callable[[Thing], Hashable], *, days: int, begin: int = 0
) -> list[Thing]:
    """At least one of each kind every day, and each of them within so many days; in their order."""
    kinds = defaultdict[Hashable, list[int]](list)
    for place, thing in enumerate(things):
        kinds[kind(thing)].append(place)
    found = set[int]()
    for same in kinds.values():
        every = min(len(same), days)
        found |= {*same[(today() + begin) % every :: every]}
    return [things[place] for place in sorted(found)]


def is_left_to_the_other_pass(file: str, *, on_servers: bool) -> bool:
    """Whether a file has its turn in the other of the two passes today: every second of the list, each other day the others."""
    if os.environ.get(PASSES) != "turns" or file not in BY_TURNS:
        return False
    return (BY_TURNS.index(file) + turn(2)) % 2 == int(on_servers)


def is_left_to_another_day(file: str, *, on_servers: bool) -> bool:
    """Whether a file is not asked today, or on the data folder alone: those by their names, so that a new one moves no other."""
    if os.environ.get(PASSES) != "turns":
        return False
    if file in EVERY_OTHER_DAY:
        return (EVERY_OTHER_DAY.index(file) + turn(2)) % 2 == 0
    if not on_servers or file in BY_TURNS:
        return False
    return file.startswith(EVERY_OTHER_DAY_ON_SERVERS) and crc32(file.encode()) % 2 != turn(2)


if __name__ == "__main__":  # one day for both passes, also where midnight comes between them
    print(today())
