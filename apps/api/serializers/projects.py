from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.access.policy import Visibility
from apps.api.serializers.fields import PageQuery, Sent
from apps.files.exposure import Asked
from apps.projects.types import OpenProject


class ProjectOut(serializers.Serializer[Any]):
    """A project as it is shown; `counts` of the context says how many runs each has."""

    id = serializers.CharField(source="project.public_id", help_text="Opaque, never changes.")
    entity = serializers.CharField(help_text="The person or team that owns it.")
    name = serializers.CharField()
    description = serializers.CharField()
    visibility = serializers.ChoiceField(
        choices=[v.value for v in Visibility],
        help_text="As it is: `private` also where an organisation allows no more than that.",
    )
    run_count = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField(source="project.created_at")
    last_activity_at = serializers.DateTimeField(source="project.last_activity_at")

    def get_run_count(self, opened: OpenProject) -> int:
        count = self.context["counts"].get(opened.project.pk)
        return count.total if count else 0


class ProjectPage(serializers.Serializer[Any]):
    items = ProjectOut(many=True)
    total = serializers.IntegerField()
    next = serializers.CharField(allow_null=True, help_text="`cursor` of the next page; null on the last.")


class ProjectWords(Sent):
    description = serializers.CharField(
        required=False, allow_blank=True, trim_whitespace=False, max_length=100_000
    )
    visibility = serializers.ChoiceField(
        required=False, choices=[v.value for v in Visibility], help_text="For admins of the entity."
    )


class ProjectChanges(ProjectWords):
    agree_to_show = serializers.MultipleChoiceField(
        required=False,
        choices=[each.value for each in Asked],
        help_text=(
            "What may become visible when a project is published: needed where it holds code, runs tell of their "
            "machines, or values look like secrets. Without it such a change is refused with `would_show`, which names "
            "what is missing."
        ),
    )


class ProjectNew(ProjectWords):
    name = serializers.CharField(max_length=128)
    entity = serializers.CharField(
        required=False, max_length=100, help_text="A team, or yourself, which is also meant without it."
    )


class ProjectQuery(PageQuery):
    entity = serializers.CharField(
        default="", allow_blank=True, max_length=100, help_text="Only what this person or team owns."
    )
