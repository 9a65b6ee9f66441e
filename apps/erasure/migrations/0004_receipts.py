from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("erasure", "0003_proof_and_epoch"),
    ]

    operations = [
        migrations.AlterField(
            model_name="erasurejob",
            name="step",
            field=models.CharField(
                choices=[
                    ("shred", "shred"),
                    ("bytes", "bytes"),
                    ("rows", "rows"),
                    ("prove", "prove"),
                    ("epoch", "epoch"),
                    ("certify", "certify"),
                    ("done", "done"),
                ],
                default="shred",
                max_length=10,
            ),
        ),
    ]
