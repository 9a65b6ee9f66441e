from __future__ import annotations

from django.conf import settings
from django.db import models

from apps.core import clock


class Replay(models.Model):
    """That a write with an idempotency key was carried out, and what came of it: a status and an id, no content."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key_hash = models.CharField(max_length=64)
    request_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0)  # 0 only inside the transaction that writes it
    subject = models.CharField(max_length=20, default="")
    number = models.PositiveBigIntegerField(null=True)
    created_at = models.DateTimeField(default=clock.now, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key_hash"], name="one_replay_per_key")]

    def __str__(self) -> str:
        return str(self.pk)
