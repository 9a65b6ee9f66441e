"""Where DATABASES names `config.sqlite`, Django takes this DatabaseWrapper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.db.backends.sqlite3 import base


class DatabaseWrapper(base.DatabaseWrapper):
    init_commands: list[str]

    def get_connection_params(self) -> dict[str, Any]:
        """A file gives back what it does not need (apps.core.space) if that was said before anything was in it.

        Said of one that has content it would be a write at each connection, and a full disk would turn away who only reads.
        """
        params: dict[str, Any] = super().get_connection_params()
        path = Path(params["database"])
        if not path.exists() or not path.stat().st_size:
            self.init_commands.insert(0, "PRAGMA auto_vacuum=INCREMENTAL")
        return params
