"""Versions, collections, links and the histories of portfolios know of who made them no more than who that is.

A person's programs may have made a hundred thousand of them, in projects of others who are at work: no transaction holds them all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from apps.artifacts import models
from apps.core import batches


def forget_makers(user_ids: Collection[int], beat: Callable[[], None]) -> None:
    """What these people made was made by nobody from then on, each batch at once. What is done is not found again."""
    for model in (models.Version, models.Collection, models.Link):
        batches.change(model._base_manager.filter(created_by__in=user_ids), beat, created_by=None)
    batches.change(models.Promotion.objects.filter(by__in=user_ids), beat, by=None)
