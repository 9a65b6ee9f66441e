"""Who lives in the demo world. Kept apart so that tools can name them without the rest of the application."""

from __future__ import annotations

NAMES = ("alice", "bob", "vera")
TEAM = "kumiko-lab"
ORGANISATION = "hokuto-institute"
PASSWORD = "open the notebook"
