from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from subprocess import PIPE

from apps.core import clock
from apps.vault.models import Epoch
from apps.vault.tree import create_node
from apps.vault.types import EpochState, NodeId, NodeKind
from tests.live import migrated
from tests.remote import RemotePlaces
from tests.servers import present


def entity_key() -> NodeId:
    return create_node(NodeKind.ENTITY, parent=None)


def project_key(entity: NodeId | None = None) -> NodeId:
    return create_node(NodeKind.PROJECT, parent=entity or entity_key())


def run_key(project: NodeId | None = None) -> NodeId:
    return create_node(NodeKind.RUN, parent=project or project_key())


def end_epochs() -> None:
    """As if every epoch that was asked for had been run. Where that is the point, tests run real ones."""
    Epoch.objects.exclude(state=EpochState.DONE).update(
        state=EpochState.DONE.value, started_at=clock.now(), finished_at=clock.now(), generation=2
    )


class Instance:
    """A data folder and keys of its own, used by processes that may be killed: what they leave is on the disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        kept = {name: value for name, value in os.environ.items() if not name.startswith("OWNLOG_")}
        self.remote = RemotePlaces(servers) if (servers := present()) else None
        self.environment = {
            **kept,
            "DJANGO_SETTINGS_MODULE": "config.settings.local",
            "OWNLOG_DATA": str(folder / "var"),
            "OWNLOG_KEY_DIR": str(folder / "keys"),
            **(self.remote.env if self.remote else {}),
        }

    def start(self, code: str) -> subprocess.Popen[str]:
        """Begin a Python process with Django set up."""
        script = f"import django, os\ndjango.setup()\n{textwrap.dedent(code)}"
        return subprocess.Popen(
            [sys.executable, "-c", script], env=self.environment, stdout=PIPE, stderr=PIPE, text=True
        )

    def run(self, code: str, *, exits: int = 0) -> str:
        """Run one to its end, which has to be `exits`, and return what it printed."""
        return finish(self.start(code), exits=exits)

    def migrate(self) -> None:
        """Both databases as the migrations leave them."""
        begun = migrated()
        if self.remote:
            self.remote.make(like=begun.remote)
        shutil.copytree(begun.data, self.folder / "var", dirs_exist_ok=True)
        shutil.copytree(begun.keys, self.folder / "keys", dirs_exist_ok=True)


def finish(process: subprocess.Popen[str], *, exits: int = 0) -> str:
    out, err = process.communicate(timeout=180)
    assert process.returncode == exits, err
    return out.strip()
