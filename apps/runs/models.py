from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from apps.blobs.models import Blob
from apps.core import clock
from apps.core.ids import new_public_id
from apps.core.present import Present
from apps.projects.models import Project
from apps.runs.types import RunState, Stream

_STREAMS = [(stream, stream) for stream in Stream]


class Run(models.Model):
    """One execution of a script. Names, config, summary and the list of metric keys are sealed under its own key."""

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="runs")
    vault_node = models.UUIDField(unique=True)
    name_index = models.BinaryField(max_length=16)
    # Which run of its project it is, counted from one; its colour follows from it.
    number = models.PositiveIntegerField(default=0)

    sealed_head = models.BinaryField()
    sealed_config = models.BinaryField(null=True)
    sealed_summary = models.BinaryField(null=True)
    sealed_keys = models.BinaryField(null=True)  # runs.history.keys

    state = models.CharField(
        max_length=10, choices=[(s, s) for s in RunState], default=RunState.RUNNING.value
    )
    exit_code = models.IntegerField(null=True)
    # Counts changes, so that readers know what to open again.
    version = models.PositiveBigIntegerField(default=1)
    history_lines = models.PositiveBigIntegerField(default=0)
    event_lines = models.PositiveBigIntegerField(default=0)
    output_lines = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField(default=clock.now)
    heartbeat_at = models.DateTimeField(default=clock.now)
    finished_at = models.DateTimeField(null=True)
    stop_requested_at = models.DateTimeField(null=True)
    erased_at = models.DateTimeField(null=True)  # from then on no door finds it
    erasure_job = models.UUIDField(null=True)
    # Only a part of it is erased: whoever writes asks again.
    is_back_soon = models.BooleanField(default=False)
    renewed_at = models.DateTimeField(null=True)  # when it was given another key than it began with
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    objects: models.Manager[Run] = Present()
    everything: models.Manager[Run] = models.Manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "name_index"], name="one_run_per_name"),
            models.CheckConstraint(
                name="run_erased_by_a_job",
                condition=models.Q(erased_at=None, erasure_job=None)
                | models.Q(erased_at__isnull=False, erasure_job__isnull=False),
            ),
            models.CheckConstraint(
                name="run_back_soon_while_closed",
                condition=models.Q(is_back_soon=False) | models.Q(erased_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["project", "erased_at", "id", "version"], name="run_versions_in_project"),
            models.Index(
                fields=["erasure_job"], condition=models.Q(erasure_job__isnull=False), name="runs_of_erasure"
            ),
            models.Index(fields=["state", "heartbeat_at"], name="run_heartbeats"),
        ]

    def __str__(self) -> str:
        return self.public_id


class Alert(models.Model):
    """What a script said by `run.alert()`: title, text and level, sealed under the run's key. It ends with the run."""

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="alerts")
    title_index = models.BinaryField(max_length=16)  # to wait between two of one title
    words_index = models.BinaryField(max_length=16)  # to know one that is sent again
    sealed_words = models.BinaryField()
    raised_at = models.DateTimeField(default=clock.now)
    repeats = models.PositiveIntegerField(default=0)  # raised again while it was too soon to tell
    last_at = models.DateTimeField(default=clock.now)  # the last of these; without one, when it was raised
    # When mails about it were made, or it was decided that none are.
    told_at = models.DateTimeField(null=True)
    reached = models.JSONField(default=list)  # users who need no further try, while others do

    class Meta:
        indexes = [
            models.Index(fields=["run", "-id"], name="alerts_of_run"),
            models.Index(fields=["id"], condition=models.Q(told_at=None), name="alerts_not_told"),
        ]

    def __str__(self) -> str:
        return self.public_id


class StreamPosition(models.Model):
    """How many lines of a stream one writer has sent. The writer is b"" but in shared mode."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="positions")
    stream = models.CharField(max_length=8, choices=_STREAMS)
    writer = models.BinaryField(max_length=16, default=b"")
    next_line = models.PositiveBigIntegerField(default=0)
    is_complete = models.BooleanField(default=False)  # this writer of a shared run has finished

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "stream", "writer"], name="one_position_per_writer")
        ]


class Chunk(models.Model):
    """Lines of a stream as they came in one request, compressed and sealed under the run's key."""

    uuid = models.UUIDField(default=uuid.uuid4, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="chunks")
    stream = models.CharField(max_length=8, choices=_STREAMS)
    writer = models.BinaryField(max_length=16, default=b"")
    first_line = models.PositiveBigIntegerField()
    line_count = models.PositiveIntegerField()
    stored_bytes = models.PositiveIntegerField()
    payload = models.BinaryField()  # the last column: SQLite need not walk its pages to read the others

    class Meta:
        indexes = [models.Index(fields=["run", "stream", "writer", "first_line"], name="chunks_in_order")]


class Segment(models.Model):
    """Lines of a stream after compaction: a sealed Parquet file."""

    uuid = models.UUIDField(default=uuid.uuid4, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="segments")
    stream = models.CharField(max_length=8, choices=_STREAMS)
    writer = models.BinaryField(max_length=16, default=b"")
    first_line = models.PositiveBigIntegerField()
    line_count = models.PositiveBigIntegerField()
    blob = models.OneToOneField(Blob, on_delete=models.PROTECT, related_name="segment")
    sealed_facts = models.BinaryField(null=True)  # what a reader wants to know before it opens the file

    class Meta:
        indexes = [models.Index(fields=["run", "stream", "writer", "first_line"], name="segments_in_order")]
