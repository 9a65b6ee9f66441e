from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from django.db import models

_NEVER = "Audit events are never changed and never deleted."


class AppendOnly(models.QuerySet[Any]):
    """Reading and adding; the ways to change or delete many rows at once are closed."""

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(_NEVER)

    update = delete = bulk_update = _refuse
    _raw_delete = _refuse


class Written(models.Model):
    """A row that is added and stays as it is. The databases refuse the rest themselves: see `guards`."""

    objects: ClassVar[models.Manager[Any]] = AppendOnly.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError(_NEVER)
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(_NEVER)


class Event(Written):
    """One act, by opaque ids only: no names, no addresses, no foreign keys that would tie it to live rows."""

    at = models.DateTimeField()
    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=40)  # public id of what it happened to
    # Public id of the entity whose it is; of the person, where it is about their account or keys.
    entity = models.CharField(max_length=40, blank=True)
    project = models.CharField(max_length=40, blank=True, default="")  # public id of the project it lies in
    by = models.CharField(max_length=40)  # public id of the person, "nobody" or "system"
    facts = models.JSONField(default=dict)  # counts and states

    objects: ClassVar[models.Manager[Event]] = AppendOnly.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["entity", "id"], name="audit_of_entity"),
            models.Index(fields=["subject", "at"], name="audit_by_subject"),
        ]


class Link(Written):
    """One event's place in the chain: its digest holds the event and the digest before, so nothing goes unseen."""

    number = models.PositiveBigIntegerField(primary_key=True)  # from 1, without a gap
    event_id = models.PositiveBigIntegerField(unique=True)
    previous_sha256_hex = models.CharField(max_length=64)
    sha256_hex = models.CharField(max_length=64)

    objects: ClassVar[models.Manager[Link]] = AppendOnly.as_manager()


class Repeat(models.Model):
    """Acts too frequent to be told one by one: the first within an hour is an event, the others are counted here.

    When the hour is over their number becomes one more event, and the row goes.
    """

    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=40)
    entity = models.CharField(max_length=40)
    project = models.CharField(max_length=40, blank=True)
    by = models.CharField(max_length=40)
    via = models.CharField(max_length=40, blank=True)  # public id of a share link, or by which right
    more = models.PositiveIntegerField(default=0)
    since = models.DateTimeField(db_index=True)
    last_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subject", "by", "kind", "via"], name="one_repeat_an_hour")
        ]
