from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.accounts.names import USERNAME_VALIDATORS
from apps.core import clock
from apps.core.ids import new_public_id
from apps.core.present import Present
from apps.teams.choices import SettingName
from apps.teams.types import EntityKind, MemberRole, OrganisationRole


class Organisation(models.Model):
    """Holds several teams and enforces settings on them. Its name shares the namespace of entities; it owns no projects."""

    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    name = models.CharField(max_length=39, unique=True, validators=USERNAME_VALIDATORS)
    created_at = models.DateTimeField(default=clock.now)
    # What its registries lie in, made with the first of them. Name and public id are the organisation's own.
    entity = models.OneToOneField(
        "Entity", on_delete=models.PROTECT, null=True, related_name="of_organisation"
    )
    # From then on no door finds it. What it says to its teams holds until it is gone: nothing opens by waiting.
    erased_at = models.DateTimeField(null=True, blank=True)

    objects: models.Manager[Organisation] = Present()
    everything: models.Manager[Organisation] = models.Manager()

    def __str__(self) -> str:
        return self.name


class Entity(models.Model):
    """The owner of projects: a person's own, a team, or where an organisation's registries lie. Its name stands first in every URL."""

    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    name = models.CharField(max_length=39, unique=True, validators=USERNAME_VALIDATORS)
    kind = models.CharField(max_length=8, choices=[(k, k) for k in EntityKind])
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="entity", blank=True
    )
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, null=True, blank=True, related_name="teams"
    )
    vault_node = models.UUIDField(unique=True)
    created_at = models.DateTimeField(default=clock.now)
    suspended_at = models.DateTimeField(null=True, blank=True)  # by the operators: closed to all, and kept
    # From then on no door finds it. The row stays when all else is gone, without the name: receipts and records say its public id.
    erased_at = models.DateTimeField(null=True, blank=True)
    erasure_job = models.UUIDField(null=True, blank=True)

    objects: models.Manager[Entity] = Present()
    everything: models.Manager[Entity] = models.Manager()

    class Meta:
        verbose_name_plural = "entities"
        constraints = [
            models.CheckConstraint(
                condition=Q(kind=EntityKind.PERSONAL, user__isnull=False)
                | Q(kind=EntityKind.PERSONAL, erased_at__isnull=False)  # a stone
                | Q(kind__in=[EntityKind.TEAM, EntityKind.ORGANISATION], user__isnull=True),
                name="a_personal_entity_has_its_person",
            ),
            models.CheckConstraint(
                name="entity_erased_by_a_job",
                condition=Q(erased_at=None, erasure_job=None)
                | Q(erased_at__isnull=False, erasure_job__isnull=False),
            ),
            models.CheckConstraint(
                condition=Q(organisation=None) | Q(kind=EntityKind.TEAM), name="organisations_hold_teams_only"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_open(self) -> bool:
        """Is it there for anybody? Neither suspended nor being erased."""
        return self.suspended_at is None and self.erased_at is None


class Membership(models.Model):
    """What a person is in a team. Everybody is the admin of their own entity without a row here."""

    entity = models.ForeignKey(Entity, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=8, choices=[(r, r) for r in MemberRole])
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["entity", "user"], name="one_membership_per_person")]

    def __str__(self) -> str:
        return f"membership {self.pk}"


class ServiceAccount(models.Model):
    """What a team calls an account of its own for scripts. Its role is a membership like anybody's; it ends with the team."""

    # What the sealed name is bound to.
    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    entity = models.ForeignKey(Entity, on_delete=models.CASCADE, related_name="service_accounts")
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="service_account"
    )
    sealed_name = models.BinaryField()  # under the team's key
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(default=clock.now)
    removed_at = models.DateTimeField(null=True)  # the name stays, for what it made says who made it

    def __str__(self) -> str:
        return self.public_id


class OrganisationMembership(models.Model):
    """What a person is in an organisation. It gives no right to anything of the teams in it."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="organisation_memberships"
    )
    role = models.CharField(max_length=8, choices=[(r, r) for r in OrganisationRole])
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "user"], name="one_place_per_person_and_organisation"
            )
        ]

    def __str__(self) -> str:
        return f"organisation membership {self.pk}"


def setting_names() -> list[tuple[str, str]]:
    """Asked by name, so that a new setting is no change of the table."""
    return [(each.value, each.value) for each in SettingName]


class Setting(models.Model):
    """One setting that somebody chose, for an entity or for an organisation's teams. `choices` says what it may be."""

    entity = models.ForeignKey(Entity, on_delete=models.CASCADE, null=True, related_name="settings")
    organisation = models.ForeignKey(
        Organisation, on_delete=models.CASCADE, null=True, related_name="settings"
    )
    name = models.CharField(max_length=40, choices=setting_names)
    value = models.CharField(max_length=20)
    is_enforced = models.BooleanField(default=False)
    set_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    set_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entity", "name"], name="one_setting_of_a_name_per_entity"),
            models.UniqueConstraint(
                fields=["organisation", "name"], name="one_setting_of_a_name_per_organisation"
            ),
            models.CheckConstraint(
                condition=Q(entity=None) ^ Q(organisation=None), name="a_setting_is_of_one_of_the_two"
            ),
            models.CheckConstraint(
                condition=Q(is_enforced=False) | Q(entity=None), name="only_organisations_enforce"
            ),
        ]

    def __str__(self) -> str:
        return f"setting {self.pk}"


class Invitation(models.Model):
    """A way into a team or an organisation for whoever brings its secret: once, and for a week. Only the hash is kept."""

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    entity = models.ForeignKey(Entity, on_delete=models.CASCADE, null=True, related_name="invitations")
    organisation = models.ForeignKey(
        Organisation, on_delete=models.CASCADE, null=True, related_name="invitations"
    )
    role = models.CharField(max_length=8, choices=[(r, r) for r in MemberRole])
    secret_sha256_hex = models.CharField(max_length=64, unique=True)
    sealed_email = models.BinaryField(null=True)  # where it was sent; gone as soon as it has ended
    created_at = models.DateTimeField(default=clock.now)
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    used_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(entity=None) ^ Q(organisation=None), name="an_invitation_is_to_one_of_the_two"
            ),
            models.CheckConstraint(
                condition=Q(used_at=None) | Q(revoked_at=None), name="an_invitation_ends_once"
            ),
        ]

    def __str__(self) -> str:
        return self.public_id
