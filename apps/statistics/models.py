from __future__ import annotations

from django.db import models


class Release(models.Model):
    """The figures of one month, released once. Nothing of any person is here, nor anywhere between two releases."""

    month = models.DateField(unique=True)  # its first day
    libraries = models.PositiveSmallIntegerField()
    epsilon = models.FloatField()
    delta = models.FloatField()
    minimum = models.PositiveIntegerField()
    names_on = models.DateField()  # of which day the list of names was
    # A worker counts; past this moment it is taken for dead, and counting begins anew.
    busy_until = models.DateTimeField(null=True)
    # The day alone: at what moment it was done tells how long counting took, and that grows with the people who are counted.
    released_on = models.DateField(null=True)

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"


class Figure(models.Model):
    """About how many people used one library: with noise, above the minimum, of a name on the shipped list."""

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="figures")
    library = models.CharField(max_length=100)
    users = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["release", "library"], name="one_figure_per_library_and_month")
        ]

    def __str__(self) -> str:
        return f"figure {self.pk}"
