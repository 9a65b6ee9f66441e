"""Bytes of artifacts, in and out: files and lists of files by signed URLs, and one file by its digest with a key."""

from __future__ import annotations

import base64
import binascii

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from apps.access.policy import Permission
from apps.artifacts.queries import (
    find_by_digest,
    get_collection,
    get_entry_file,
    get_manifest,
    get_version,
    read_manifest_blob,
    read_stored,
)
from apps.artifacts.services import (
    get_manifest_upload,
    get_upload,
    receive_file,
    receive_manifest,
    receive_part,
)
from apps.artifacts.types import Part
from apps.core.errors import NotFound
from apps.wandb_protocol.auth import actor_of
from apps.wandb_protocol.errors import speaks_to_client
from apps.wandb_protocol.ids import from_client
from apps.wandb_protocol.signing import (
    DOWNLOAD_ENTRY,
    DOWNLOAD_MANIFEST,
    UPLOAD_ENTRY,
    UPLOAD_MANIFEST,
    UPLOAD_PART,
    read_signed,
)
from apps.wandb_protocol.storage import body_of, serve

_NO_FILE = "There is no such file, or it is not shared with you."


def entry_id(version: str, file: str) -> str:
    """What a link to a file of a version names."""
    return f"{version}.{file}"


@csrf_exempt
@require_http_methods(["PUT"])
@speaks_to_client
def upload_entry(request: HttpRequest, /, token: str) -> HttpResponse:
    actor, file_id = read_signed(UPLOAD_ENTRY, token)
    receive_file(get_upload(actor, public_id=file_id), body_of(request))
    return HttpResponse(status=200)


def part_id(file: str, part: Part) -> str:
    """What a link for one part of a file names: nothing of a part is kept before it comes."""
    return f"{file}.{part.number}.{'last' if part.is_last else 'more'}.{part.md5_hex}"


@csrf_exempt
@require_http_methods(["PUT"])
@speaks_to_client
def upload_part(request: HttpRequest, /, token: str) -> HttpResponse:
    actor, named = read_signed(UPLOAD_PART, token)
    file_id, number, place, md5_hex = named.split(".")
    part = Part(int(number), md5_hex, is_last=place == "last")
    receive_part(get_upload(actor, public_id=file_id), part, body_of(request))
    # With this word the client names the part when it asks to put all of them together.
    return HttpResponse(status=200, headers={"ETag": f'"{md5_hex}"'})


@csrf_exempt
@require_http_methods(["PUT"])
@speaks_to_client
def upload_manifest(request: HttpRequest, /, token: str) -> HttpResponse:
    actor, manifest_id = read_signed(UPLOAD_MANIFEST, token)
    receive_manifest(get_manifest_upload(actor, public_id=manifest_id), body_of(request))
    return HttpResponse(status=200)


@require_safe
@speaks_to_client
def download_entry(request: HttpRequest, /, token: str) -> HttpResponseBase:
    actor, named = read_signed(DOWNLOAD_ENTRY, token)
    version_id, _dot, file_id = named.partition(".")
    version, file = get_entry_file(actor, version=version_id, file=file_id)
    return serve(request, file.size, lambda start, end: read_stored(version, file, start=start, end=end))


@require_safe
@speaks_to_client
def download_manifest(request: HttpRequest, /, token: str) -> HttpResponseBase:
    actor, manifest_id = read_signed(DOWNLOAD_MANIFEST, token)
    manifest = get_manifest(actor, public_id=manifest_id)
    return serve(
        request, manifest.size, lambda start, end: read_manifest_blob(manifest, start=start, end=end)
    )


@require_safe
@speaks_to_client
def download_by_digest(
    request: HttpRequest, /, region: str, entity: str, project: str, collection: str, rest: str
) -> HttpResponseBase:
    """One file of a version, for a client that reads it alone: `[version/]birth/md5 in hex/name`."""
    actor = actor_of(request)
    get_collection(actor, Permission.FILE_READ, entity=entity, project=project, name=collection)
    parts = rest.split("/")
    at = next((place for place, part in enumerate(parts[:3]) if _is_hex_md5(part)), 0)
    if not at:
        raise NotFound(_NO_FILE)
    version = get_version(
        actor, Permission.FILE_READ, public_id=from_client("Artifact", parts[0], what="artifact")
    )
    file = find_by_digest(version, base64.b64encode(binascii.unhexlify(parts[at])).decode())
    return serve(request, file.size, lambda start, end: read_stored(version, file, start=start, end=end))


def _is_hex_md5(text: str) -> bool:
    return len(text) == 32 and all(letter in "0123456789abcdef" for letter in text)
