"""Rows that somebody asked to erase are gone for everybody from that moment on, long before they are deleted."""

from __future__ import annotations

from typing import TypeVar

from django.db import models

_M = TypeVar("_M", bound=models.Model)


class Present(models.Manager[_M]):
    """The default manager of a model with `erased_at`: no query of any door finds what is being erased.

    The eraser itself asks `everything`, a plain manager beside it.
    """

    def get_queryset(self) -> models.QuerySet[_M]:
        return super().get_queryset().filter(erased_at=None)
