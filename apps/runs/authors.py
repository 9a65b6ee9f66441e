"""Runs remember nothing of their authors but who they are; what they are called is asked for where it is read.

Somebody may have added a hundred thousand runs, in projects of others who are at work: no transaction holds them all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from django.db.models import F

from apps.core import batches
from apps.runs.models import Run


def forget_authors(user_ids: Collection[int], beat: Callable[[], None]) -> None:
    """The runs that these people added have no author from then on, those of each batch at once. What is done is not found again."""
    theirs = Run.everything.filter(created_by__in=user_ids)
    batches.change(theirs, beat, created_by=None, version=F("version") + 1)
