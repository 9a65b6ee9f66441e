"""Several processes on one vault, and processes that die: with real files, since memory proves nothing here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.factories.vault import Instance, finish

pytestmark = pytest.mark.xdist_group("vault_processes")


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Instance:
    made = Instance(Path(tmp_path_factory.mktemp("instance")))
    made.migrate()
    return made


def test_first_start_in_several_processes_at_once_makes_one_root(instance: Instance) -> None:
    starts = [
        instance.start("from apps.vault.readiness import make_ready; print(make_ready())") for _ in range(3)
    ]

    assert [finish(start) for start in starts] == ["1", "1", "1"]
    assert [name for name in os.listdir(instance.folder / "keys") if name.startswith("root-")] == [
        "root-1.key"
    ]


def test_keys_made_by_several_processes_at_once_all_open(instance: Instance) -> None:
    project = instance.run(
        """
        from apps.vault.readiness import make_ready
        from tests.factories.vault import project_key
        make_ready()
        print(project_key())
        """
    )
    make = f"""
        from uuid import UUID
        from tests.factories.vault import run_key
        print(*[run_key(UUID("{project}")) for _ in range(20)])
        """

    runs = [run for process in [instance.start(make) for _ in range(3)] for run in finish(process).split()]

    opened = instance.run(
        f"""
        from uuid import UUID
        from apps.vault.tree import open_keys
        keys = open_keys(map(UUID, {runs!r}))
        print(len(keys), len({{key.data for key in keys.values()}}))
        """
    )
    assert len(set(runs)) == 60
    assert opened == "60 60"


def test_a_process_killed_after_the_key_leaves_an_orphan_that_is_swept(instance: Instance) -> None:
    lone = instance.run(
        """
        from apps.vault.readiness import make_ready
        from tests.factories.vault import entity_key
        make_ready()
        print(entity_key(), flush=True)
        os._exit(9)
        """,
        exits=9,
    )

    swept = instance.run(
        f"""
        from uuid import UUID
        from apps.core import clock
        from apps.vault import orphans
        from apps.vault.models import Node
        lone = Node.objects.filter(pk=UUID("{lone}"))
        print(lone.count(), orphans.sweep_orphans(before=clock.now()) > 0, lone.count())
        """
    )
    assert swept == "1 True 0"
