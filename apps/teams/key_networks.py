"""From which networks a key was used: noted at the first request from each, and told to whoever owns the key.

A network is stored as an HMAC under the key's own secret, which is stored nowhere, so that nobody who reads the table finds
out which one it is; and sealed under the owner's key, for the owner's page.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import DatabaseError, transaction
from django.db.models import Q
from django.http import HttpRequest

from apps.accounts.actors import Actor
from apps.accounts.devices import address_of, network_of
from apps.accounts.models import ApiKey, KeyNetwork
from apps.accounts.queries import actor_for_api_key
from apps.audit.events import EventKind
from apps.audit.repeats import Subject, count
from apps.audit.services import record
from apps.core import background, clock
from apps.core.address import instance_address
from apps.teams.models import Entity
from apps.teams.own import has_own_key, own_key
from apps.vault.seal import seal_text, unseal_text

log = logging.getLogger(__name__)

MOST_OF_KEY = 50  # the oldest go: from there the key is used as if for the first time
MAIL_AGAIN = timedelta(days=1)
_LABEL = "key_network.network"
_MOST_REMEMBERED = 20_000
# Digests of key and sender of which this process knows that they are noted. Losing one costs a question.
_noted: set[bytes] = set()


@dataclass(frozen=True, slots=True)
class Network:
    """A network that a key was used from; its name is empty where nothing could open it."""

    name: str
    since: datetime


def actor_by_key(secret: str, request: HttpRequest) -> Actor | None:
    """`accounts.queries.actor_for_api_key`, with a note of where the request comes from."""
    actor = actor_for_api_key(secret)
    if actor is not None:
        _note_sender(actor, secret, request)
    return actor


def _note_sender(actor: Actor, secret: str, request: HttpRequest) -> None:
    sender = f"{request.META.get('REMOTE_ADDR', '')}\n{request.META.get('HTTP_X_FORWARDED_FOR', '')}"
    # Headers may hold what UTF-8 cannot.
    remembered = hashlib.sha256(f"{actor.api_key}\n{sender}".encode("utf-8", "surrogatepass")).digest()
    if remembered in _noted:
        return
    network = network_of(address_of(request))
    try:
        if network:
            _note(actor, hmac.digest(secret.encode(), network.encode(), "sha256").hex(), network)
    except DatabaseError as error:
        # A full disk, or a writer that takes long: the next request notes it.
        log.warning("network of a key not noted: error=%s", type(error).__name__)
        return
    if len(_noted) >= _MOST_REMEMBERED:
        _noted.clear()
    _noted.add(remembered)


def _note(actor: Actor, network_hmac: str, network: str) -> None:
    known = KeyNetwork.objects.filter(key__public_id=actor.api_key, network_hmac_hex=network_hmac)
    if known.exists():
        return
    # Durable: whoever remembers it afterwards can be sure that it is stored.
    with transaction.atomic(durable=True):
        key = ApiKey.objects.select_for_update(of=("self",)).select_related("user").filter(
            public_id=actor.api_key, revoked_at=None
        ).first()  # fmt: skip
        if key is not None and not known.exists():
            _first_use(key, network_hmac, network, by=actor)


def _first_use(key: ApiKey, network_hmac: str, network: str, *, by: Actor) -> None:
    """A row, a line on the owner's record and perhaps a mail; for callers that hold the key's row."""
    earlier = list(KeyNetwork.objects.filter(key=key).order_by("pk"))
    noted = KeyNetwork(key=key, network_hmac_hex=network_hmac)
    if has_own_key(key.user):
        noted.sealed_network = seal_text(own_key(key.user_id), network, label=_LABEL, row=noted.row)
    if earlier and not any(_was_told_lately(each) for each in earlier):
        noted.told_at = clock.now()
        background.enqueue("teams.tell_of_key", key=key.public_id, base=instance_address())
    noted.save()
    KeyNetwork.objects.filter(pk__in=[each.pk for each in earlier[: 1 - MOST_OF_KEY]]).delete()
    owner = _owner_of(key)
    if earlier:
        count(EventKind.API_KEY_USED_ELSEWHERE, [Subject(key.public_id, entity=owner)], by=by)
    else:
        record(EventKind.API_KEY_USED_ELSEWHERE, subject=key.public_id, entity=owner, by=by, first=True)


def _was_told_lately(network: KeyNetwork) -> bool:
    return network.told_at is not None and clock.now() - network.told_at < MAIL_AGAIN


def _owner_of(key: ApiKey) -> str:
    """On whose record it stands: the person's own, or the team's whose service it is, as long as there is that team."""
    teams = Entity.objects.filter(service_accounts__user=key.user)
    team = teams.values_list("public_id", flat=True).first() if key.user.is_service else None
    return team or key.user.public_id


def networks_of(keys: Sequence[ApiKey]) -> dict[int, list[Network]]:
    """The networks that keys of one person were used from, by key, the newest first."""
    found: dict[int, list[Network]] = {}
    rows = list(KeyNetwork.objects.filter(key__in=keys).order_by("-pk")) if keys else []
    own = own_key(keys[0].user_id) if any(row.sealed_network for row in rows) else None
    for row in rows:
        sealed = row.sealed_network
        name = unseal_text(own, sealed, label=_LABEL, row=row.row) if own and sealed is not None else ""
        found.setdefault(row.key_id, []).append(Network(name, row.first_used_at))
    return found


def network_of_row(row: KeyNetwork) -> str:
    """One of them by its name; empty where nothing could open it."""
    sealed = row.sealed_network
    return "" if sealed is None else unseal_text(own_key(row.key.user_id), sealed, label=_LABEL, row=row.row)


def forget_networks() -> None:
    """What was noted of keys that open nothing any more goes."""
    ended = Q(key__revoked_at__isnull=False) | Q(key__expires_at__lte=clock.now())
    KeyNetwork.objects.filter(ended).delete()
