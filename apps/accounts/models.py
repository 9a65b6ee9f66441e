from __future__ import annotations

from typing import ClassVar
from uuid import uuid4

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from apps.access.policy import Scope
from apps.accounts.names import USERNAME_VALIDATORS, as_stored
from apps.accounts.types import Appearance, Density, Language, Theme
from apps.core import clock
from apps.core.ids import new_public_id


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(username=as_stored(username or ""))


class User(AbstractBaseUser, PermissionsMixin):
    """A person who can sign in, or a service: a team's own account for scripts, which holds keys and nothing else.

    What people own belongs to their entity, in the teams app, where services are kept too.
    """

    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    username = models.CharField(_("user name"), max_length=39, unique=True, validators=USERNAME_VALIDATORS)
    email = models.EmailField(_("e-mail address"))  # a service has none: nothing can be mailed to it
    is_service = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=clock.now)
    language = models.CharField(
        max_length=12, choices=[(each.value, each.value) for each in Language], default=Language.BROWSER.value
    )
    theme = models.CharField(
        max_length=12, choices=[(each.value, each.value) for each in Theme], default=Theme.SYSTEM.value
    )
    density = models.CharField(
        max_length=12, choices=[(each.value, each.value) for each in Density], default=Density.COMPACT.value
    )
    time_zone = models.CharField(max_length=64, default="", blank=True)  # of moments on pages; empty: UTC
    # Shortcuts of one key; a voice may press them unasked.
    has_single_keys = models.BooleanField(default=True)
    # While it can be taken back an erased account opens nothing, and has its public id in the place of its name (accounts.closing).
    erased_at = models.DateTimeField(null=True)
    # Before it was closed: the operators may have suspended it.
    was_active = models.BooleanField(default=True)
    # Of one that nobody uses, where the operators set an end to that.
    idle_notices = models.PositiveSmallIntegerField(default=0)
    idle_told_at = models.DateTimeField(null=True)
    idle_tried_at = models.DateTimeField(null=True)  # a mail that no server has taken so far

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["email"]

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("email"), name="one_account_per_email", condition=Q(is_service=False)
            ),
            models.CheckConstraint(
                condition=Q(is_service=False)
                | Q(
                    is_service=True,
                    email="",
                    password__startswith=UNUSABLE_PASSWORD_PREFIX,
                    is_staff=False,
                    is_superuser=False,
                ),
                name="a_service_has_no_address_and_no_way_in",
            ),
            models.CheckConstraint(
                condition=Q(erased_at=None) | Q(is_active=False), name="an_erased_account_opens_nothing"
            ),
        ]

    def __str__(self) -> str:
        return self.username

    @property
    def appearance(self) -> Appearance:
        return Appearance(
            Language(self.language), Theme(self.theme), Density(self.density), self.has_single_keys
        )


class ApiKey(models.Model):
    """A secret for scripts. Only its hash is kept: 36 random letters need no slow hash and no salt."""

    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")
    secret_sha256_hex = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=4)  # its last letters, so that a person can tell keys apart
    sealed_name = models.BinaryField(null=True)  # what its owner calls it, under their own key
    scope = models.CharField(
        max_length=5, choices=[(s.value, s.value) for s in Scope], default=Scope.ADMIN.value
    )
    # The one entity it is good for. No foreign key: entities stand above accounts, and a key for one that is gone is nobody's.
    only_entity = models.PositiveBigIntegerField(null=True)
    created_at = models.DateTimeField(default=clock.now)
    last_used_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(scope__in=[s.value for s in Scope]), name="a_key_has_a_scope_of_the_table"
            )
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= clock.now()

    @property
    def is_good(self) -> bool:
        return self.revoked_at is None and not self.is_expired


class KeyNetwork(models.Model):
    """That a key was used from a network. Which one, only who brings the key can tell, or its owner's own key open."""

    row = models.UUIDField(unique=True, default=uuid4, editable=False)  # what the sealed field is bound to
    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="networks")
    network_hmac_hex = models.CharField(max_length=64)  # under the key's secret, which is stored nowhere
    sealed_network = models.BinaryField(null=True)
    first_used_at = models.DateTimeField(default=clock.now)
    told_at = models.DateTimeField(null=True)  # when its owner was sent a mail about it

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "network_hmac_hex"], name="a_network_is_new_to_a_key_once")
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Replay(models.Model):
    """That a write with an idempotency key was carried out, and what came of it: a status and an id, no content."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    key_hash = models.CharField(max_length=64)
    request_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0)  # 0 only inside the transaction that writes it
    subject = models.CharField(max_length=20, default="")
    number = models.PositiveBigIntegerField(null=True)
    created_at = models.DateTimeField(default=clock.now, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "key_hash"], name="one_replay_per_person_and_key")
        ]

    def __str__(self) -> str:
        return str(self.pk)


class BrowserSession(models.Model):
    """That somebody is signed in on a device, for their own list. The session itself is in Django's table."""

    row = models.UUIDField(unique=True, default=uuid4, editable=False)  # what the sealed field is bound to
    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="browser_sessions")
    session_row = models.CharField(max_length=40, unique=True)
    sealed_place = models.BinaryField()  # browser, system and network, under the person's own key
    created_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return self.public_id


class Tally(models.Model):
    """How often something was tried of late, under a hash of what."""

    name = models.CharField(max_length=64, unique=True)
    value = models.JSONField()
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name_plural = "tallies"

    def __str__(self) -> str:
        return str(self.pk)
