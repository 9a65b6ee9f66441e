from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.statistics.types import PARAMETERS


class FigureOut(serializers.Serializer[Any]):
    library = serializers.CharField(help_text="As the package index compares names.")
    users = serializers.IntegerField(help_text="About how many people, with noise; never below the minimum.")


class ReleaseOut(serializers.Serializer[Any]):
    """The figures of one month, with what bounds what they can tell of anybody."""

    month = serializers.DateField(format="%Y-%m", help_text="Such as 2026-11.")
    released_on = serializers.DateField()
    libraries_per_person = serializers.IntegerField(
        source="libraries", help_text="Of one person at most as many count; of more they are drawn by lot."
    )
    epsilon = serializers.FloatField(help_text="Of this release, for one person.")
    delta = serializers.FloatField(
        help_text="The chance at most that a library which one person alone uses is seen."
    )
    scale = serializers.SerializerMethodField()
    minimum = serializers.IntegerField(help_text="Figures below it, noise included, are not released.")
    names_on = serializers.DateField(help_text="The day of the list of public names that may be counted.")
    figures = FigureOut(many=True)

    def get_scale(self, release: Any) -> float:
        """Of the discrete Laplace noise."""
        return float(release.libraries / release.epsilon)


class ReleaseList(serializers.Serializer[Any]):
    """The newest first. A month without figures had none above the minimum; how near they came is not told."""

    items = ReleaseOut(many=True)


class ContributionOut(serializers.Serializer[Any]):
    month = serializers.DateField(format="%Y-%m")
    files = serializers.IntegerField(help_text="Lists of packages that were read for this answer.")
    libraries = serializers.ListField(
        child=serializers.CharField(),
        help_text=f"Of more than {PARAMETERS.libraries}, that many are drawn by lot when the month is released.",
    )


class OwnContribution(serializers.Serializer[Any]):
    """What would be counted of you if the months that are still open were released now. Nothing of it is kept."""

    is_counted = serializers.BooleanField(help_text="Whether you switched it on. Else nothing is read.")
    items = ContributionOut(many=True)
