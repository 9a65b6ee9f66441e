"""Processes that die at every step of an erasure, again and again on its way, and others that come to the same one at once.

Whatever happens in whatever order: it comes to its end, there is one receipt of it, and nothing of anybody else has changed.
Where they die is chance, another one each day: `OWNLOG_FAULTS=200` dies that often, `OWNLOG_FAULTS_SEED=number` where they did on that day.
"""

from __future__ import annotations

import os

import pytest

from tests.factories.vault import Instance
from tests.turns import seed

pytestmark = [pytest.mark.live, pytest.mark.promise("P-09")]

# As many as there are different places to die at, and some more where chance has it.
_DEATHS = int(os.environ.get("OWNLOG_FAULTS", "60"))
_SEED = seed("OWNLOG_FAULTS_SEED")


def test_who_dies_at_any_step_is_carried_on_and_nobody_else_notices(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    instance = Instance(tmp_path_factory.mktemp("instance"))
    instance.migrate()

    process = instance.start(
        f"from tests.erasure.faults import live_through\nlive_through({_DEATHS}, seed={_SEED})"
    )
    said, complained = process.communicate(timeout=60 + 4 * _DEATHS)

    assert process.returncode == 0, complained
    deaths, never, erasures, receipts, together = said.splitlines()[-1].split()
    assert int(deaths) >= _DEATHS
    assert never == "-", "nobody ever died there"
    assert erasures == receipts
    assert int(together) >= 3
