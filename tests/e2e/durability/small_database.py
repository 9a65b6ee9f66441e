"""The local settings on a database that may have only so many pages: SQLite's own way of a full disk."""

from __future__ import annotations

import os

from config.settings.local import *  # noqa: F403
from config.settings.local import DATABASES

_most = int(os.environ["OWNLOG_TEST_MOST_PAGES"])
DATABASES["default"]["OPTIONS"]["init_command"] += f"PRAGMA max_page_count={_most};"  # type: ignore[index]
