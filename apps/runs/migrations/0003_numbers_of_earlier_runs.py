from __future__ import annotations

from collections import Counter
from typing import Any

from django.db import migrations

_BATCH = 500


def number_by_age(apps: Any, schema_editor: Any) -> None:
    """Runs that were made before runs had numbers: the oldest of a project is its first."""
    Run = apps.get_model("runs", "Run")
    made: Counter[int] = Counter()
    batch = []
    for run in Run.objects.order_by("id").only("id", "project_id").iterator(_BATCH):
        made[run.project_id] += 1
        run.number = made[run.project_id]
        batch.append(run)
        if len(batch) == _BATCH:
            Run.objects.bulk_update(batch, ["number"])
            batch = []
    Run.objects.bulk_update(batch, ["number"])


class Migration(migrations.Migration):
    dependencies = [("runs", "0002_run_number")]

    operations = [migrations.RunPython(number_by_age, migrations.RunPython.noop)]
