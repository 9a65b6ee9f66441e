from __future__ import annotations

import uuid

from django.db import models

from apps.core import clock
from apps.core.ids import new_public_id
from apps.leaks.types import State
from apps.runs.models import Run


def states() -> list[tuple[str, str]]:
    """Asked by name, so that a new state is no change of the table."""
    return [(each.value, each.value) for each in State]


class Finding(models.Model):
    """That something in a run looks like a credential. Where, and like which, is sealed; the value is not kept here."""

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="findings")
    spot_index = models.BinaryField(max_length=16)
    sealed_spot = models.BinaryField()
    state = models.CharField(max_length=10, choices=states, default=State.OPEN.value)
    found_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "spot_index"], name="one_finding_per_spot")]
        indexes = [models.Index(fields=["run", "state"], name="findings_of_run")]

    def __str__(self) -> str:
        return self.public_id


class Scan(models.Model):
    """How far a run has been looked through."""

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="scans", related_query_name="scan")
    # Of the run, when all that there was had been looked at.
    version = models.PositiveBigIntegerField(default=0)
    looked_until = models.DateTimeField(default=clock.now)  # files of before that moment were
    sealed_progress = models.BinaryField(null=True)
    # When a value was last taken out: until the run has another key, old copies open it.
    new_key_wanted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run"], name="one_scan_per_run")]
        indexes = [
            models.Index(
                fields=["new_key_wanted_at"],
                condition=models.Q(new_key_wanted_at__isnull=False),
                name="scans_wanting_a_key",
            )
        ]
