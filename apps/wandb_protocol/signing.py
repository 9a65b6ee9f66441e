"""URLs that carry their own right: for one person, one file, one method, for a while.

The client sends no key with uploads and direct downloads. Who asked is named in the signature, and
the gate is asked again when the URL is used: a revoked key or a lost membership ends it at once.
"""

from __future__ import annotations

from django.conf import settings
from django.core import signing
from django.http import HttpRequest
from django.urls import reverse

from apps.accounts.actors import Actor
from apps.accounts.queries import actor_for_signature
from apps.core.errors import Forbidden

UPLOAD = "PUT"
DOWNLOAD = "GET"
# The same for what artifacts are made of; a link for one kind of thing is none for another.
UPLOAD_ENTRY, DOWNLOAD_ENTRY = "PUT entry", "GET entry"
UPLOAD_MANIFEST, DOWNLOAD_MANIFEST = "PUT manifest", "GET manifest"
UPLOAD_PART = "PUT part"
# An upload may wait in the client's queue behind a day of others.
_UPLOADING, _DOWNLOADING = 24 * 3600, 3600
_SECONDS = dict.fromkeys((UPLOAD, UPLOAD_ENTRY, UPLOAD_PART, UPLOAD_MANIFEST), _UPLOADING) | dict.fromkeys(
    (DOWNLOAD, DOWNLOAD_ENTRY, DOWNLOAD_MANIFEST), _DOWNLOADING
)
_ROUTES = {
    UPLOAD: "wandb_protocol:upload",
    DOWNLOAD: "wandb_protocol:signed_download",
    UPLOAD_ENTRY: "wandb_protocol:upload_entry",
    DOWNLOAD_ENTRY: "wandb_protocol:download_entry",
    UPLOAD_PART: "wandb_protocol:upload_part",
    UPLOAD_MANIFEST: "wandb_protocol:upload_manifest",
    DOWNLOAD_MANIFEST: "wandb_protocol:download_manifest",
}
_LONGEST = 512
_REFUSED = "This link is not valid, or no longer. Ask for a new one."


def base_url(request: HttpRequest) -> str:
    """Where the client reaches us: as the operator declared, or as this request did."""
    return settings.OWNLOG_BASE_URL or f"{request.scheme}://{request.get_host()}"


def signed_url(method: str, *, base: str, actor: Actor, file_id: str) -> str:
    claims = [actor.audit_id if actor.is_signed_in else "", actor.api_key, file_id]
    token = signing.dumps(claims, salt=_salt(method))
    return base + reverse(_ROUTES[method], args=[token])


def read_signed(method: str, token: str) -> tuple[Actor, str]:
    """The actor that the link was made for, if still good, and the id of its file."""
    if len(token) > _LONGEST:
        raise Forbidden(_REFUSED)
    try:
        person, api_key, file_id = signing.loads(token, salt=_salt(method), max_age=_SECONDS[method])
    except (signing.BadSignature, ValueError, TypeError):
        raise Forbidden(_REFUSED) from None
    if not person:
        return Actor.nobody(), file_id
    actor = actor_for_signature(person, api_key)
    if actor is None:
        raise Forbidden(_REFUSED)
    return actor, file_id


def _salt(method: str) -> str:
    return f"ownlog.wandb_protocol.signed_url.{method}"
