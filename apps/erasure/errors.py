from __future__ import annotations


class NotYet(Exception):
    """What a step waits for has not come. Nobody holds a worker meanwhile."""


class VacuumDenied(Exception):
    """The database's role may not vacuum what held names. The server itself would warn, skip it and say that all went well."""
