"""The way back for somebody who cannot sign in any more: a link that is mailed, or handed over where no mail goes out.

It opens one page: how far the erasure of their account is, the button that takes it back while it waits, and in the end the
receipt. It opens nothing of the account itself.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.accounts.actors import Actor
from apps.accounts.names import as_stored
from apps.accounts.queries import hash_of_secret
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.core import clock
from apps.core.errors import Conflict, NotFound
from apps.erasure.grace import can_be_taken_back
from apps.erasure.models import ErasureJob, WayBack
from apps.erasure.types import Scope, Step
from apps.vault import receipts

KEPT = timedelta(days=90)  # after its end, so that the receipt is found by it


def make_way_back(job: ErasureJob) -> str:
    """The secret of the one link of this erasure, which nobody can read again. An earlier one leads nowhere from then on."""
    secret = secrets.token_urlsafe(32)
    hashed = {
        "secret_sha256_hex": hash_of_secret(secret),
        "made_at": clock.now(),
        "used_at": None,
        "handed_at": None,
    }
    WayBack.objects.update_or_create(job=job, defaults=hashed)
    return secret


def note_handed_over(secret: str) -> None:
    """A mail server took it, or an operator was given it to hand over."""
    WayBack.objects.filter(secret_sha256_hex=hash_of_secret(secret)).update(handed_at=clock.now())


def was_handed_over(secret: str) -> bool:
    """Did it come another way than as the answer to the request that closed the account?"""
    return WayBack.objects.filter(secret_sha256_hex=hash_of_secret(secret)).exclude(handed_at=None).exists()


def path_of(secret: str) -> str:
    return reverse("closed-account", args=[secret])


def erasure_behind(secret: str) -> ErasureJob:
    """The erasure that this link leads to. One that never was and one that has ended are the same."""
    found = WayBack.objects.select_related("job__entity").filter(secret_sha256_hex=hash_of_secret(secret))
    way = found.first()
    if way is None:
        raise NotFound(_("This link leads nowhere (any more)."))
    return way.job


def receipt_behind(secret: str) -> dict[str, Any]:
    """NotFound while there is none."""
    found = receipts.receipt_of(erasure_behind(secret).public_id)
    if found is None:
        raise NotFound(_("There is no receipt of this erasure (yet)."))
    return found


def use_way_back(secret: str) -> tuple[ErasureJob, Actor]:
    """Spend the link, inside the transaction that takes the account back: of two who come at once the second comes too late."""
    job = erasure_behind(secret)
    spent = WayBack.objects.filter(job=job, used_at=None).update(used_at=clock.now())
    if not spent or not can_be_taken_back(job) or job.entity.user is None:
        raise Conflict(_("This erasure waits no more: it cannot be taken back."))
    return job, Actor.person(job.entity.user)


@transaction.atomic
def way_back_for(name: str, *, by: Actor) -> str:
    """Another link for somebody whose account waits, by the name it had: for operators, who hand it over."""
    waiting = ErasureJob.objects.filter(
        scope=Scope.ACCOUNT, step=Step.WAIT, entity__name=as_stored(name.strip())
    )
    job = waiting.select_related("entity__user").first()
    user = job.entity.user if job is not None else None
    if job is None or user is None:
        raise NotFound("There is no account of this name that waits to be erased.")
    record(
        EventKind.ADMIN_MADE_LINK,
        subject=user.public_id,
        entity=job.entity.public_id,
        by=by,
        what="way_back",
    )
    secret = make_way_back(job)
    note_handed_over(secret)
    return secret


def forget_ways_back() -> None:
    """Drop links whose erasure has come to its end long ago."""
    WayBack.objects.filter(job__done_at__lt=clock.now() - KEPT).delete()
