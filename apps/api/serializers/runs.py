from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.api.serializers.fields import JsonObject, PageQuery, Sent
from apps.runs.types import OpenRun, RunPatch, RunState

STATES = [state.value for state in RunState]
INCLUDED = ("config", "summary")
MOST_ERASED = 100  # at once: their names stand in the address


class RunOut(serializers.Serializer[Any]):
    """A run as it is shown; the context holds `names` of users by key and what to `include`."""

    id = serializers.CharField(source="run.public_id", help_text="Opaque, never changes.")
    name = serializers.CharField(source="head.name", help_text="The id that the client chose.")
    display_name = serializers.CharField(source="head.display_name")
    notes = serializers.CharField(source="head.notes")
    tags = serializers.ListField(source="head.tags", child=serializers.CharField())
    group = serializers.CharField(source="head.group")
    job_type = serializers.CharField(source="head.job_type")
    commit = serializers.CharField(source="head.commit")
    state = serializers.ChoiceField(source="run.state", choices=STATES)
    exit_code = serializers.IntegerField(source="run.exit_code", allow_null=True)
    is_stop_requested = serializers.SerializerMethodField()
    created_by = serializers.SerializerMethodField(
        help_text="A user name; empty when the account is gone, or hides from you."
    )
    created_at = serializers.DateTimeField(source="run.created_at")
    heartbeat_at = serializers.DateTimeField(source="run.heartbeat_at")
    finished_at = serializers.DateTimeField(source="run.finished_at", allow_null=True)
    history_lines = serializers.IntegerField(source="run.history_lines")
    event_lines = serializers.IntegerField(source="run.event_lines")
    console_lines = serializers.IntegerField(source="run.output_lines")
    config = JsonObject(source="config_text", required=False, help_text="With `include=config`.")
    summary = JsonObject(source="summary_text", required=False, help_text="With `include=summary`.")

    def get_fields(self) -> Any:
        fields = super().get_fields()
        for name in set(INCLUDED) - set(self.context.get("include", INCLUDED)):
            del fields[name]
        return fields

    def get_is_stop_requested(self, opened: OpenRun) -> bool:
        return opened.run.stop_requested_at is not None

    def get_created_by(self, opened: OpenRun) -> str:
        return str(self.context["names"].get(opened.run.created_by_id, ""))


class RunPage(serializers.Serializer[Any]):
    items = RunOut(many=True)
    total = serializers.IntegerField(help_text="How many runs pass the filter.")
    next = serializers.CharField(allow_null=True, help_text="`cursor` of the next page; null on the last.")


class RunQuery(serializers.Serializer[Any]):
    include = serializers.ListField(
        child=serializers.ChoiceField(choices=INCLUDED),
        default=list,
        help_text="What to show beside the run.",
    )


class RunListQuery(PageQuery, RunQuery):
    filters = serializers.CharField(
        default="",
        allow_blank=True,
        help_text='The filter language of the wandb client, such as {"config.lr": {"$gt": 0.1}}.',
    )
    order = serializers.CharField(
        default="",
        allow_blank=True,
        help_text="Such as `-summary_metrics.loss`; the oldest first without it.",
    )


class RunsToErase(serializers.Serializer[Any]):
    name = serializers.ListField(
        child=serializers.CharField(max_length=1_000, trim_whitespace=False),
        min_length=1,
        max_length=MOST_ERASED,
        help_text="Of a run, as it stands in its address; once for each of them.",
    )


def _text(most: int, **more: Any) -> serializers.CharField:
    return serializers.CharField(
        required=False, allow_blank=True, trim_whitespace=False, max_length=most, **more
    )


class RunChanges(Sent):
    display_name = _text(1_000)
    notes = _text(1_000_000)
    tags = serializers.ListField(
        required=False, max_length=1000, child=serializers.CharField(max_length=1_000, trim_whitespace=False)
    )
    group = _text(1_000)
    job_type = _text(1_000)
    state = serializers.ChoiceField(required=False, choices=STATES)
    config = JsonObject(required=False, help_text="Replaces the whole.")
    summary = JsonObject(required=False, help_text="Replaces the whole.")

    def patch(self) -> RunPatch:
        """What was sent, in the words of the runs."""
        sent = dict(self.validated_data)
        sent.pop("name", None)
        state = sent.pop("state", None)
        texts = {f"{name}_text": sent.pop(name) for name in INCLUDED if name in sent}
        return RunPatch(**sent, **texts, state=RunState(state) if state else None)


class RunNew(RunChanges):
    name = serializers.CharField(
        required=False, max_length=128, help_text="The run's id in its project; invented when it is missing."
    )
