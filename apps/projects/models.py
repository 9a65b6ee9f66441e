from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from apps.access.policy import Visibility
from apps.core import clock
from apps.core.ids import new_public_id
from apps.core.present import Present
from apps.projects.types import RegistryRole
from apps.teams.models import Entity
from apps.teams.types import EntityKind


class Project(models.Model):
    """A place for runs, private unless somebody said otherwise. Its name is content: found by blind index."""

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    entity = models.ForeignKey(Entity, on_delete=models.PROTECT, related_name="projects")
    vault_node = models.UUIDField(unique=True)
    name_index = models.BinaryField(max_length=16)
    sealed_name = models.BinaryField()
    sealed_description = models.BinaryField(null=True)
    visibility = models.CharField(
        max_length=10, choices=[(v, v) for v in Visibility], default=Visibility.PRIVATE.value
    )
    # "never" or a number of days, as settings are stored; empty: as its entity has it (projects.retention).
    run_retention = models.CharField(max_length=5, default="")
    runs_made = models.PositiveIntegerField(default=0)  # numbers the names that the server invents
    created_at = models.DateTimeField(default=clock.now)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    last_activity_at = models.DateTimeField(default=clock.now)
    # When it came from elsewhere, whole: nothing in it counts as older than that for who erases what is old.
    brought_at = models.DateTimeField(null=True)
    erased_at = models.DateTimeField(null=True)  # from then on no door finds it
    erasure_job = models.UUIDField(null=True)

    objects: models.Manager[Project] = Present()
    everything: models.Manager[Project] = models.Manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entity", "name_index"], name="one_project_per_name"),
            models.CheckConstraint(
                name="project_erased_by_a_job",
                condition=models.Q(erased_at=None, erasure_job=None)
                | models.Q(erased_at__isnull=False, erasure_job__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def is_registry(self) -> bool:
        """Does it belong to an organisation, and hold links to versions of its teams?"""
        return self.entity.kind == EntityKind.ORGANISATION


class ProjectMember(models.Model):
    """Somebody named in a project. It counts while the project is restricted, in a registry always.

    Whoever was named as one of the entity's people loses it with them: who leaves a team keeps nothing of it.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="named_people")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="named_in")
    role = models.CharField(max_length=8, choices=[(r, r) for r in RegistryRole])
    is_outsider = models.BooleanField()  # named though they are nothing in the entity
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "user"], name="one_name_per_person_and_project")
        ]

    def __str__(self) -> str:
        return f"named person {self.pk}"


class ProjectTeam(models.Model):
    """A team named in a registry of its organisation: what everybody in the team is there. It ends with the team's being in it."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="named_teams")
    team = models.ForeignKey(Entity, on_delete=models.CASCADE, related_name="named_in")
    role = models.CharField(max_length=8, choices=[(r, r) for r in RegistryRole])
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "team"], name="one_name_per_team_and_project")
        ]

    def __str__(self) -> str:
        return f"named team {self.pk}"


class ShareLink(models.Model):
    """A way to read one project without an account. Only the hash of its secret is kept: nobody can show it again."""

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="share_links")
    secret_sha256_hex = models.CharField(max_length=64, unique=True)
    sealed_label = models.BinaryField(null=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.public_id


class SavedView(models.Model):
    """How somebody looked at the runs of a project, under a name: for whoever may read the project. Both are content."""

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="saved_views")
    sealed_name = models.BinaryField()
    sealed_table = models.BinaryField()
    created_at = models.DateTimeField(default=clock.now)
    changed_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return self.public_id
