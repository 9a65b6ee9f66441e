"""Objects in a bucket of an S3-compatible store, versioned or not. An object appears only when all of it is there."""

from __future__ import annotations

import io
import logging
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, groupby, takewhile
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from boto3.s3.transfer import TransferConfig
from botocore.client import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import OperationModel
from botocore.parsers import ResponseParserError
from django.utils.translation import gettext as _
from storages.backends.s3 import S3Storage

from apps.blobs.errors import ObjectMissing, StoreDenied, StoreFull, StoreUnreachable
from apps.blobs.types import StoredObject
from apps.core.errors import OwnlogError

log = logging.getLogger(__name__)

_PIECE_BYTES = 1024 * 1024
# One part is held in memory at a time; 10 000 of them, the most there may be, make 160 GB.
_PART_BYTES = 16 * 1024 * 1024
_TRANSFER = TransferConfig(
    multipart_threshold=_PART_BYTES, multipart_chunksize=_PART_BYTES, use_threads=False
)
_DENIED = {"AccessDenied", "AllAccessDisabled", "403"}
_NOTHING_THERE = {"NoSuchKey", "NoSuchVersion", "404"}
_NOT_IMPLEMENTED = 501
_MOST_DELETED = 1000  # by one request, says the protocol
# What a store says whenever it has done so, and whoever answers in its place with 200 and a page, or nothing, does not.
_SAID = {
    "GetObject": "ETag",
    "PutObject": "ETag",
    "CreateMultipartUpload": "UploadId",
    "UploadPart": "ETag",
    "CompleteMultipartUpload": "ETag",
    "ListObjectsV2": "IsTruncated",
    "ListObjectVersions": "IsTruncated",
    "ListMultipartUploads": "IsTruncated",
}
_NO_ROOM = {"QuotaExceeded", "InsufficientStorage", "XMinioStorageFull", "507"}


@dataclass(frozen=True, slots=True)
class _Listing:
    call: str
    kinds: tuple[str, ...]
    by_beginning: bool = True  # else what is asked for is taken for a whole name


_VERSIONS = _Listing("list_object_versions", ("Versions", "DeleteMarkers"))
_OBJECTS = _Listing("list_objects_v2", ("Contents",))
_UPLOADS = _Listing("list_multipart_uploads", ("Uploads",), by_beginning=False)  # so does MinIO


class BadStorageUrl(ValueError):
    """The address of the store cannot be used."""


class S3Store:
    """`url` is s3://bucket/folder?endpoint=https://...&region=...; without an endpoint it is Amazon's own."""

    def __init__(self, url: str, *, access_key: str = "", secret_key: str = "") -> None:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query))
        if parts.scheme != "s3" or not parts.hostname or options.keys() - {"endpoint", "region"}:
            raise BadStorageUrl(
                "it must be an address like s3://bucket/folder?endpoint=https://host&region=name"
            )
        self.bucket = parts.netloc
        self._folder = f"{parts.path.strip('/')}/" if parts.path.strip("/") else ""
        storage = S3Storage(
            bucket_name=self.bucket,
            access_key=access_key or None,
            secret_key=secret_key or None,
            endpoint_url=options.get("endpoint"),
            region_name=options.get("region"),
            client_config=Config(
                connect_timeout=3,
                read_timeout=30,
                # Several threads share the client.
                max_pool_connections=32,
                retries={"mode": "standard", "total_max_attempts": 3},
            ),
        )
        # The library's own object is one for each thread; the client below it is safe for all of them.
        self.client: Any = storage.connection.meta.client
        self.client.meta.events.register("after-call.s3", _require_said)

    def check(self) -> None:
        """StoreUnreachable, with what is wrong, unless the bucket is there and lets us in."""
        with _told():
            self.client.head_bucket(Bucket=self.bucket)

    def put(self, name: str, pieces: Iterable[bytes]) -> int:
        source = _Pieces(pieces)
        with _told(name):
            self.client.upload_fileobj(source, self.bucket, self._key(name), Config=_TRANSFER)
        return source.size

    def read_range(self, name: str, start: int, end: int) -> Iterator[bytes]:
        if end <= start:
            return
        try:
            yield from self._read_range(name, start, end)
        except StoreUnreachable as error:
            error.unread = name
            raise

    def _read_range(self, name: str, start: int, end: int) -> Iterator[bytes]:
        with _told(name):
            try:
                found = self.client.get_object(
                    Bucket=self.bucket, Key=self._key(name), Range=f"bytes={start}-{end - 1}"
                )
            except ClientError as error:
                if _code(error) == "InvalidRange":  # it begins where the object ends
                    return
                raise
            with closing(found["Body"]) as body:
                yield from body.iter_chunks(_PIECE_BYTES)

    def delete_all_versions(self, *names: str) -> None:
        keys = {self._key(name) for name in names}
        with _told():
            # Listed to the end first: not every store goes on behind a version that is gone by then.
            versions, uploads = list(self._found(_VERSIONS, keys)), list(self._found(_UPLOADS, keys))
            for first in range(0, len(versions), _MOST_DELETED):
                self._delete(versions[first : first + _MOST_DELETED])
            for upload in uploads:
                self._abort(upload)
            # Not every store tells of all its versions.
            left = [each["Key"] for each in self._found(_OBJECTS, keys)]
            if left:
                log.error(
                    "The file store tells of %d objects all versions of which, as it had listed them, are deleted. "
                    "See what docs/install.md asks of a store.",
                    len(left),
                )
            for key in left:
                self._delete_what_is_read(key)

    def remains(self, *names: str) -> set[str]:
        keys = {self._key(name) for name in names}
        with _told():
            found = chain.from_iterable(
                self._found(listing, keys) for listing in (_VERSIONS, _OBJECTS, _UPLOADS)
            )
            return {each["Key"].removeprefix(self._folder) for each in found}

    def abort_uploads(self, *, before: datetime) -> int:
        with _told():
            stale = [each for each in self._all(_UPLOADS, self._folder) if each["Initiated"] < before]
        return sum(self._is_aborted(upload) for upload in stale)

    def _is_aborted(self, upload: dict[str, Any]) -> bool:
        try:
            with _told():
                self._abort(upload)
        except StoreDenied as error:
            name = upload["Key"].removeprefix(self._folder)
            log.warning("not cleared away: upload=%s error=%s", name, type(error).__name__)
            return False
        return True

    def list(self) -> Iterator[StoredObject]:
        with _told():
            for page in self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=self._folder
            ):
                for found in page.get("Contents", ()):
                    name = found["Key"].removeprefix(self._folder)
                    yield StoredObject(name, found["Size"], found["LastModified"])

    def _key(self, name: str) -> str:
        return self._folder + name

    def _found(self, listing: _Listing, keys: Collection[str]) -> Iterator[dict[str, Any]]:
        """What a listing tells of these objects, and of no other.

        Names are random, so one page tells of all of them in a small bucket, and in a large one of none but the one that it is asked
        for. Those that begin alike are asked for together, and apart where a page does not hold all that begins so.
        """
        together = [sorted(keys)] if keys else []
        groups = together if listing.by_beginning else [[key] for key in keys]
        while groups:
            group = groups.pop()
            if len(group) == 1:
                yield from (each for each in self._all(listing, group[0]) if each["Key"] == group[0])
                continue
            prefix = _shared_beginning(group[0], group[-1])
            page = self._page(listing, prefix)
            if not page.get("IsTruncated"):
                wanted = set(group)
                yield from (each for each in _in_page(listing, page) if each["Key"] in wanted)
                continue
            groups += _apart(group, len(prefix))

    def _page(self, listing: _Listing, prefix: str) -> dict[str, Any]:
        found: dict[str, Any] = getattr(self.client, listing.call)(Bucket=self.bucket, Prefix=prefix)
        return found

    def _all(self, listing: _Listing, prefix: str) -> Iterator[dict[str, Any]]:
        for page in self.client.get_paginator(listing.call).paginate(Bucket=self.bucket, Prefix=prefix):
            yield from _in_page(listing, page)

    def _delete(self, versions: Sequence[dict[str, Any]]) -> None:
        """By one request; one by one where the store does not know that or will not have it."""
        objects = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in versions]
        try:
            answer = self.client.delete_objects(
                Bucket=self.bucket, Delete={"Objects": objects, "Quiet": True}
            )
        except ClientError as error:
            if not _is_refused(error):
                raise
            for each in objects:
                self._delete_one(each)
            return
        codes = {str(each.get("Code", "")) for each in answer.get("Errors", ())} - _NOTHING_THERE
        if codes:  # the others are gone
            raise _error_of(min(codes, key=lambda code: code not in _DENIED))

    def _delete_what_is_read(self, key: str) -> None:
        """Version after version, as long as there is another to be read. Without its version an object would only be hidden where
        the bucket keeps them, and whoever asks for what is left would not hear of it."""
        seen = set[str]()
        while (version := self._version_read(key)) is not None and version not in seen:
            seen.add(version)
            self._delete_one({"Key": key, "VersionId": version} if version else {"Key": key})

    def _version_read(self, key: str) -> str | None:
        """Of what is read under this name; empty in a bucket that keeps none, None where nothing is there."""
        try:
            found = self.client.head_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            if _code(error) not in _NOTHING_THERE:
                raise
            return None
        return str(found.get("VersionId", ""))

    def _delete_one(self, version: dict[str, Any]) -> None:
        try:
            self.client.delete_object(Bucket=self.bucket, **version)
        except ClientError as error:
            if _code(error) not in _NOTHING_THERE:
                raise

    def _abort(self, upload: dict[str, Any]) -> None:
        try:
            self.client.abort_multipart_upload(
                Bucket=self.bucket, Key=upload["Key"], UploadId=upload["UploadId"]
            )
        except ClientError as error:
            if _code(error) != "NoSuchUpload":  # it ended meanwhile
                raise


class _Pieces(io.RawIOBase):
    """A stream of bytes as a file that is read once, from the start."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = memoryview(b"")
        self.size = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        wanted = _PART_BYTES if size is None or size < 0 else size
        taken = bytearray()
        while len(taken) < wanted:
            if not self._rest:
                piece = next(self._pieces, None)
                if piece is None:
                    break
                self._rest = memoryview(piece)
            room = wanted - len(taken)
            taken += self._rest[:room]
            self._rest = self._rest[room:]
        self.size += len(taken)
        return bytes(taken)


def _in_page(listing: _Listing, page: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return chain.from_iterable(page.get(kind, ()) for kind in listing.kinds)


def _shared_beginning(one: str, other: str) -> str:
    return "".join(
        letter for letter, _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    )


def _apart(keys: list[str], at: int) -> list[list[str]]:
    """By the letter at which they begin to differ. They are in order."""
    return [list(some) for _, some in groupby(keys, lambda key: key[at : at + 1])]


@contextmanager
def _told(name: str = "") -> Iterator[None]:
    """What went wrong at the store, in our words: theirs may quote addresses and keys of access."""
    try:
        yield
    except ClientError as error:
        code = _code(error)
        if name and code in {"NoSuchKey", "404"}:
            raise ObjectMissing(name) from None
        raise _error_of(code) from None
    except (BotoCoreError, ResponseParserError) as error:
        raise StoreUnreachable(
            f"The file store does not answer ({type(error).__name__}). Try again later."
        ) from None


def _require_said(parsed: dict[str, Any], model: OperationModel, **_kwargs: object) -> None:
    """Without this an empty answer were a listing of nothing, which proves that all is gone, and a file that is stored nowhere."""
    is_well = int(parsed.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) < 300
    if is_well and _SAID.get(model.name, "ResponseMetadata") not in parsed:
        raise _error_of("nothing a store would say")


def _error_of(code: str) -> OwnlogError:
    if code in _NO_ROOM:
        return StoreFull(_("There is no room for files just now. Try again later."))
    if code in _DENIED:
        return StoreDenied("The file store refuses this to the server. Try again later.")
    return StoreUnreachable(f"The file store answered {code}. Try again later.")


def _is_refused(error: ClientError) -> bool:
    """As a whole, by a store that is well: each deletion by itself may be another matter, or is told by its own words."""
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return 400 <= status < 500 or status == _NOT_IMPLEMENTED


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
