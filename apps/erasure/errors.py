from __future__ import annotations

from apps.core.errors import Conflict


class InUse(Conflict):
    """Runs have read what was to be erased, or something links it, and who asked has not said that it goes all the same."""


class NotYet(Exception):
    """What a step waits for has not come. Nobody holds a worker meanwhile."""


class VacuumDenied(Exception):
    """The database's role may not vacuum what held names. The server itself would warn, skip it and say that all went well."""
