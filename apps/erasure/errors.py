from __future__ import annotations


class NotYet(Exception):
    """What a step waits for has not come. Nobody holds a worker meanwhile."""
