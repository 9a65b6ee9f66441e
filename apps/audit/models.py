from __future__ import annotations

from typing import Any

from django.db import models


class Event(models.Model):
    """One act, by opaque ids only: no names, no addresses, no foreign keys that would tie it to live rows."""

    at = models.DateTimeField()
    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=40)  # public id of what it happened to
    entity = models.CharField(max_length=40, blank=True)  # public id of the entity that owns the subject
    by = models.CharField(max_length=40)  # public id of the person, or "system"
    facts = models.JSONField(default=dict)  # counts and states

    class Meta:
        indexes = [
            models.Index(fields=["entity", "at"], name="audit_by_entity"),
            models.Index(fields=["subject", "at"], name="audit_by_subject"),
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            raise TypeError("Audit events are never changed.")
        super().save(*args, **kwargs)
