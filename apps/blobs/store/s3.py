"""Objects in a bucket of an S3-compatible store, versioned or not. An object appears only when all of it is there."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from boto3.s3.transfer import TransferConfig
from botocore.client import Config
from botocore.exceptions import BotoCoreError, ClientError
from storages.backends.s3 import S3Storage

from apps.blobs.errors import ObjectMissing, StoreDenied, StoreFull, StoreUnreachable
from apps.blobs.types import StoredObject

_PIECE_BYTES = 1024 * 1024
# One part is held in memory at a time; 10 000 of them, the most there may be, make 160 GB.
_PART_BYTES = 16 * 1024 * 1024
_TRANSFER = TransferConfig(
    multipart_threshold=_PART_BYTES, multipart_chunksize=_PART_BYTES, use_threads=False
)
_DENIED = {"AccessDenied", "AllAccessDisabled", "403"}
_NO_ROOM = {"QuotaExceeded", "InsufficientStorage", "XMinioStorageFull", "507"}


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

    def delete_all_versions(self, name: str) -> None:
        key = self._key(name)
        with _told(name):
            for version in self._versions(key):
                self.client.delete_object(Bucket=self.bucket, Key=key, VersionId=version["VersionId"])
            for upload in self._uploads(key):
                self._abort(upload)

    def remains(self, name: str) -> bool:
        key = self._key(name)
        with _told():
            uploads = (upload["Key"] == key for upload in self._uploads(key))
            return any(True for _ in self._versions(key)) or any(uploads)

    def abort_uploads(self, *, before: datetime) -> int:
        with _told():
            stale = [upload for upload in self._uploads(self._folder) if upload["Initiated"] < before]
            for upload in stale:
                self._abort(upload)
        return len(stale)

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

    def _versions(self, key: str) -> Iterator[dict[str, Any]]:
        """Every version of one object, and every mark that one was deleted."""
        for page in self.client.get_paginator("list_object_versions").paginate(
            Bucket=self.bucket, Prefix=key
        ):
            for version in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                if version["Key"] == key:
                    yield version

    def _uploads(self, prefix: str) -> Iterator[dict[str, Any]]:
        for page in self.client.get_paginator("list_multipart_uploads").paginate(
            Bucket=self.bucket, Prefix=prefix
        ):
            yield from page.get("Uploads", ())

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


@contextmanager
def _told(name: str = "") -> Iterator[None]:
    """What went wrong at the store, in our words: theirs may quote addresses and keys of access."""
    try:
        yield
    except ClientError as error:
        code = _code(error)
        if name and code in {"NoSuchKey", "404"}:
            raise ObjectMissing(name) from None
        if code in _NO_ROOM:
            raise StoreFull("There is no room for files just now. Try again later.") from None
        if code in _DENIED:
            raise StoreDenied("The file store refuses this to the server. Try again later.") from None
        raise StoreUnreachable(f"The file store answered {code}. Try again later.") from None
    except BotoCoreError as error:
        raise StoreUnreachable(
            f"The file store does not answer ({type(error).__name__}). Try again later."
        ) from None


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
