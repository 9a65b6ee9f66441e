from django.db import migrations, models

_STEPS = ["wait", "shred", "bytes", "rows", "prove", "epoch", "certify", "done", "taken_back"]
_OVER = ["done", "taken_back"]


class Migration(migrations.Migration):
    """An erasure may wait, and be taken back meanwhile. Those that there are never could."""

    dependencies = [
        ("erasure", "0007_exports"),
    ]

    operations = [
        migrations.AddField("erasurejob", "due_at", models.DateTimeField(null=True)),
        migrations.AlterField(
            model_name="erasurejob",
            name="step",
            field=models.CharField(choices=[(each, each) for each in _STEPS], default="shred", max_length=10),
        ),
        migrations.RemoveConstraint(model_name="erasurejob", name="erasure_done_at_its_end"),
        migrations.AddConstraint(
            model_name="erasurejob",
            constraint=models.CheckConstraint(
                name="erasure_done_at_its_end",
                condition=models.Q(step__in=_OVER, done_at__isnull=False)
                | (~models.Q(step__in=_OVER) & models.Q(done_at=None)),
            ),
        ),
        migrations.AddConstraint(
            model_name="erasurejob",
            constraint=models.CheckConstraint(
                name="erasure_waits_for_a_moment",
                condition=~models.Q(step__in=["wait", "taken_back"]) | models.Q(due_at__isnull=False),
            ),
        ),
    ]
