from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from django.db import models


class AppendOnly(models.QuerySet["Event"]):
    """Reading and adding; the ways to change or delete many rows at once are closed."""

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("Audit events are never changed and never deleted.")

    update = delete = bulk_update = _refuse
    _raw_delete = _refuse


class Event(models.Model):
    """One act, by opaque ids only: no names, no addresses, no foreign keys that would tie it to live rows."""

    at = models.DateTimeField()
    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=40)  # public id of what it happened to
    entity = models.CharField(max_length=40, blank=True)  # public id of the entity that owns the subject
    by = models.CharField(max_length=40)  # public id of the person, or "system"
    facts = models.JSONField(default=dict)  # counts and states

    objects: ClassVar[models.Manager[Event]] = AppendOnly.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["entity", "at"], name="audit_by_entity"),
            models.Index(fields=["subject", "at"], name="audit_by_subject"),
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("Audit events are never changed and never deleted.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("Audit events are never changed and never deleted.")
