from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from apps.artifacts.types import CollectionKind, ManifestKind, Move, RunRole, VersionState
from apps.blobs.models import Blob
from apps.core import clock
from apps.core.ids import new_public_id
from apps.core.present import Present
from apps.projects.models import Project
from apps.runs.models import Run


class Collection(models.Model):
    """A name under which versions follow one another. The name and the type are content: found by blind index."""

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="collections")
    vault_node = models.UUIDField(unique=True)
    kind = models.CharField(
        max_length=10, choices=[(k, k) for k in CollectionKind], default=CollectionKind.SEQUENCE.value
    )
    name_index = models.BinaryField(max_length=16)
    type_index = models.BinaryField(max_length=16)
    client_index = models.BinaryField(max_length=16, null=True)  # of the id that the client made up for it
    sealed_words = models.BinaryField()
    versions_made = models.PositiveIntegerField(default=0)  # numbers are never given twice
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)
    erased_at = models.DateTimeField(null=True)  # from then on no door finds it
    erasure_job = models.UUIDField(null=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    objects: models.Manager[Collection] = Present()
    everything: models.Manager[Collection] = models.Manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "name_index"], name="one_collection_per_name"),
            models.CheckConstraint(
                name="collection_erased_by_a_job",
                condition=models.Q(erased_at=None, erasure_job=None)
                | models.Q(erased_at__isnull=False, erasure_job__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["client_index"], name="collections_by_client_id"),
            models.Index(
                fields=["erasure_job"],
                condition=models.Q(erasure_job__isnull=False),
                name="collections_of_erasure",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id


class Version(models.Model):
    """One state of a collection. Its number is given when it is committed, and before that nobody sees it."""

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    collection = models.ForeignKey(Collection, on_delete=models.PROTECT, related_name="versions")
    vault_node = models.UUIDField(unique=True)
    number = models.PositiveIntegerField(null=True)
    state = models.CharField(
        max_length=10, choices=[(s, s) for s in VersionState], default=VersionState.PENDING.value
    )
    digest_index = models.BinaryField(max_length=16)
    client_index = models.BinaryField(max_length=16, null=True)
    distributed_index = models.BinaryField(max_length=16, null=True)  # several writers upload it together
    sealed_words = models.BinaryField()
    size = models.PositiveBigIntegerField(default=0)
    file_count = models.PositiveIntegerField(default=0)
    # After this it is erased; 0: never, whatever its owner has chosen; nothing: as its owner has it (`queries.lives`).
    ttl_seconds = models.PositiveBigIntegerField(null=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(default=clock.now)
    touched_at = models.DateTimeField(default=clock.now)  # while it is uploaded: the last that came of it
    updated_at = models.DateTimeField(default=clock.now)
    committed_at = models.DateTimeField(null=True)
    # From then on no door finds it. What is asked by a join, which knows no managers, goes by the state: it is `deleted` too.
    erased_at = models.DateTimeField(null=True)
    erasure_job = models.UUIDField(null=True)

    objects: models.Manager[Version] = Present()
    everything: models.Manager[Version] = models.Manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collection", "number"], name="one_version_per_number"),
            models.CheckConstraint(
                name="committed_versions_have_a_number",
                condition=~models.Q(state=VersionState.COMMITTED)
                | models.Q(number__isnull=False, committed_at__isnull=False),
            ),
            models.CheckConstraint(
                name="version_erased_by_a_job",
                condition=models.Q(erased_at=None, erasure_job=None)
                | models.Q(
                    erased_at__isnull=False, erasure_job__isnull=False, state=VersionState.DELETED.value
                ),
            ),
        ]
        indexes = [
            models.Index(fields=["collection", "state", "number"], name="versions_in_order"),
            models.Index(fields=["client_index"], name="versions_by_client_id"),
            models.Index(fields=["state", "touched_at"], name="versions_broken_off"),
            models.Index(
                fields=["erasure_job"],
                condition=models.Q(erasure_job__isnull=False),
                name="versions_of_erasure",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id


class Alias(models.Model):
    """A word that leads to one version of a collection and can be moved to another."""

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="aliases")
    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="aliases")
    alias_index = models.BinaryField(max_length=16)
    sealed_alias = models.BinaryField()
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collection", "alias_index"], name="one_version_per_alias")
        ]


class Link(models.Model):
    """A version as a member of a portfolio, where it has a number of its own. What it holds stays where it was made."""

    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="links")
    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="links")
    number = models.PositiveIntegerField()
    created_at = models.DateTimeField(default=clock.now)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collection", "number"], name="one_link_per_number"),
            models.UniqueConstraint(fields=["collection", "version"], name="one_link_per_version"),
        ]

    def __str__(self) -> str:
        return self.public_id


class Promotion(models.Model):
    """What was done to the links of a portfolio, by whom and when. It outlives the link, and ends with the portfolio."""

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="promotions")
    move = models.CharField(max_length=13, choices=[(m, m) for m in Move])
    number = models.PositiveIntegerField()  # of the link
    before = models.PositiveIntegerField(null=True)  # to which link the alias led until then
    sealed_alias = models.BinaryField(null=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField(default=clock.now)


class Registry(models.Model):
    """What an organisation said of one of its registries beyond what is said of any project. Without a row: nothing."""

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="registry")
    takes_all_types = models.BooleanField(default=True)
    sealed_words = models.BinaryField()  # types and protected aliases
    updated_at = models.DateTimeField(default=clock.now)


class StoredFile(models.Model):
    """Bytes that one or several versions of a project hold. Each of them has a grant of the blob's key in the vault.

    `birth` is a version that holds it: the one with which it came, and when that one is deleted, another.
    """

    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="stored_files")
    digest_index = models.BinaryField(max_length=16)  # under the project's key: it tells nothing elsewhere
    blob = models.OneToOneField(Blob, on_delete=models.PROTECT, related_name="stored_file")
    birth = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="stored_files")
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        # Not unique: of two that upload the same at once each brings its own.
        indexes = [
            models.Index(fields=["project", "digest_index"], name="files_by_digest"),
            models.Index(fields=["birth", "digest_index"], name="files_by_version_and_digest"),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def size(self) -> int:
        return self.blob.plain_size or 0


class Manifest(models.Model):
    """A list of files as somebody uploaded it, or has announced it (then it has no blob)."""

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="manifests")
    kind = models.CharField(
        max_length=12, choices=[(k, k) for k in ManifestKind], default=ManifestKind.FULL.value
    )
    sealed_digest = models.BinaryField(null=True)  # that its bytes must have
    blob = models.OneToOneField(Blob, on_delete=models.PROTECT, null=True, related_name="manifest")
    is_current = models.BooleanField(default=False)  # of a committed version, the one that counts
    created_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return self.public_id

    @property
    def size(self) -> int:
        return (self.blob.plain_size or 0) if self.blob is not None else 0


class EntryPage(models.Model):
    """A stretch of a committed version's files, in order of folder and name. Page 0 tells what lies in which folder."""

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="pages")
    number = models.PositiveIntegerField()
    sealed_entries = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "number"], name="one_page_per_number")]


class RunVersion(models.Model):
    """A run read this version, or made it; the first that did is the one by which it came."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="run_versions")
    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="run_versions")
    role = models.CharField(max_length=6, choices=[(r, r) for r in RunRole])
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "version", "role"], name="one_role_per_run_and_version")
        ]


class WithheldArtifact(models.Model):
    """An artifact that the client offered and that was not stored, so that the run page can say so."""

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="withheld_artifacts")
    name_index = models.BinaryField(max_length=16)
    sealed_name = models.BinaryField()
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "name_index"], name="one_withheld_artifact_per_name")
        ]
