"""Where a run of the suite asks a part of what there is: which part, so that each has its turn within some days."""

from __future__ import annotations

import os
from datetime import UTC, datetime

# Whoever looks for what another day's run has found names its number; conftest.py prints it.
TURN = "OWNLOG_TURN"
# `make test` asks these in one of its two passes, the other one the day after: set by tests/again.py, for whoever names a file
# wants it asked. `whole` has them asked in both.
PASSES = "OWNLOG_PASSES"
BY_TURNS = (
    "tests/api/test_fuzzed.py",
    "tests/backups/test_backups.py",
    "tests/e2e/durability/test_artifact_kill.py",
    "tests/e2e/durability/test_compaction.py",
    "tests/e2e/durability/test_kill.py",
    "tests/e2e/durability/test_restart_during_upload.py",
    "tests/e2e/durability/test_shared_mode.py",
    "tests/e2e/durability/test_values.py",
    "tests/erasure/test_faults.py",
    "tests/erasure/test_kill.py",
    "tests/erasure/test_killed_whole.py",
    "tests/erasure/test_unwell.py",
    "tests/exports/test_kill.py",
    "tests/exports/test_worker.py",
    "tests/imports/test_handed_in.py",
    "tests/imports/test_kill.py",
    "tests/vault/test_epochs_in_any_order.py",
    "tests/vault/test_processes.py",
    "tests/wandb_protocol/test_client_again.py",
    "tests/wandb_protocol/test_client_api.py",
    "tests/wandb_protocol/test_client_artifacts.py",
    "tests/wandb_protocol/test_client_ownership.py",
    "tests/wandb_protocol/test_client_run.py",
)


def today() -> int:
    return int(os.environ.get(TURN) or datetime.now(UTC).toordinal())


def turn(parts: int) -> int:
    """One of 0, 1, … below `parts`, each on its day."""
    return today() % parts


def is_left_to_the_other_pass(file: str, *, on_servers: bool) -> bool:
    """Whether a file has its turn in the other of the two passes today: every second of the list, each other day the others."""
    if os.environ.get(PASSES) != "turns" or file not in BY_TURNS:
        return False
    return (BY_TURNS.index(file) + turn(2)) % 2 == int(on_servers)


if __name__ == "__main__":  # one day for both passes, also where midnight comes between them
    print(today())
