"""A very large file comes in parts, each by a request of its own, and is a file once all of them are put together."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence

from apps.artifacts.models import StoredFile
from apps.artifacts.names import check_parts
from apps.artifacts.queries.entries import STORED_LABEL
from apps.artifacts.services.uploads import BAD_DIGEST, keys_for
from apps.artifacts.types import Part
from apps.blobs.models import BlobState
from apps.blobs.parts import drop_parts, join_parts, store_part
from apps.blobs.tally import Tally
from apps.core.errors import Invalid
from apps.vault.seal import blind_index


def receive_part(file: StoredFile, part: Part, source: Iterable[bytes]) -> None:
    """Keep one part of an announced file; Invalid when its bytes are not those that were announced."""
    _key, owner = keys_for(file)
    store_part(
        file.blob,
        owner,
        source,
        number=part.number,
        is_last=part.is_last,
        md5_b64=_in_base64(part.md5_hex),
    )


def complete_parts(file: StoredFile, parts: Sequence[Part]) -> None:
    """Make the file of its parts; Invalid unless all have come and make what was announced. Asking again is allowed."""
    check_parts(parts)
    if file.blob.state == BlobState.STORED:
        return
    key, owner = keys_for(file)

    def accepts(whole: Tally) -> None:
        if blind_index(key, STORED_LABEL, whole.md5_b64) != bytes(file.digest_index):
            raise Invalid(BAD_DIGEST)

    join_parts(file.blob, owner, [_in_base64(part.md5_hex) for part in parts], accepts=accepts)


def abandon_parts(file: StoredFile) -> None:
    """Forget the parts of a file that came; the file can still be sent."""
    drop_parts(file.blob)


def _in_base64(md5_hex: str) -> str:
    return base64.b64encode(bytes.fromhex(md5_hex)).decode()
