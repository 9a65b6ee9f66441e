"""`make up`: one machine, SQLite, local files, an embedded broker."""

from config.settings.base import *  # noqa: F403  (a settings module is its base with a few changes)
