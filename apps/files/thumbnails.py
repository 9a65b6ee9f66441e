"""Small pictures of large ones, made by the worker and sealed like the file that they are of: under the run, with a key each.

A row says that one is due; so a message that is lost costs a little time. What cannot be made small is shown as it is.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q

from apps.blobs.services import delete_with_rows, write_blob
from apps.core import background, clock
from apps.core.errors import Invalid, NotFound, TooMuch
from apps.files.media.pictures import small_picture
from apps.files.models import RunFile, Thumbnail
from apps.files.queries import file_as_io, read_below
from apps.runs.errors import BackSoon
from apps.runs.models import Run
from apps.vault.errors import KeyGone, Tampered
from apps.vault.types import NodeId

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apps.blobs.models import Blob

LONGEST_SIDE = 320
# A smaller file travels as quickly as what could be made of it.
LEAST_BYTES = 24 * 1024
_MOST_AT_ONCE = 200
_PICTURES = (".png", ".jpg", ".jpeg")
log = logging.getLogger(__name__)


def is_picture(name: str) -> bool:
    """Whether a file of this name is a picture of the run's media, of which grids show a small one."""
    return name.startswith("media/images/") and name.lower().endswith(_PICTURES)


def take_small(file: RunFile) -> list[Blob]:
    """For the transaction in which a file gets other bytes: from then on nobody is shown what was small of those before.

    Returns what is to be deleted once it is over.
    """
    rows = Thumbnail.objects.filter(file=file)
    held = list(rows.filter(blob__isnull=False).select_related("blob"))
    rows.update(blob=None, tried_at=None)
    return [row.blob for row in held if row.blob is not None]


def note_picture(file: RunFile, name: str) -> None:
    """A small one of the present bytes is due, where there is to be one."""
    if not is_picture(name):
        return  # most files: not even asked about
    if file.size <= LEAST_BYTES:
        delete_with_rows(list(Thumbnail.objects.filter(file=file)), "blob")
        return
    with transaction.atomic():
        # One that is there is due already, or was made of these bytes meanwhile.
        Thumbnail.objects.get_or_create(file=file)
        background.enqueue("files.thumbnail", file_id=file.pk)


def make_thumbnail(file_id: int) -> None:
    """Make the one that is due of this file. Doing it again is allowed: what another worker made meanwhile stays."""
    due = Thumbnail.objects.filter(file_id=file_id, tried_at=None)
    row = due.select_related("file__run", "file__blob").first()
    if row is None or row.file.blob is None or row.file.erased_at or row.file.run.erased_at:
        return
    source = row.file.blob_id
    try:
        small = small_picture(file_as_io(row.file), longest_side=LONGEST_SIDE)
    except BackSoon:
        return  # it is due still
    except (Invalid, TooMuch, NotFound, KeyGone, Tampered) as error:
        log.info("no thumbnail: file=%s reason=%s", row.file.public_id, type(error).__name__)
        small = None
    if small is None:
        due.filter(file__blob=source).update(tried_at=clock.now())
        return
    run = row.file.run
    stored = write_blob(NodeId(run.vault_node), [small])
    # The bytes may have been replaced meanwhile, or the run given another key: then nobody points at the small one, and the
    # sweep takes it.
    with transaction.atomic():
        held = Run.objects.select_for_update().filter(pk=run.pk, vault_node=run.vault_node)
        if held.values_list("pk").first():
            due.filter(Q(blob=None), file__blob=source, file__erased_at=None).update(
                blob=stored.blob, tried_at=clock.now()
            )


def due_thumbnails() -> Sequence[int]:
    """Files whose small picture is still to be made, the oldest first."""
    rows = Thumbnail.objects.filter(tried_at=None, file__erased_at=None, file__run__erased_at=None)
    return list(rows.order_by("pk").values_list("file_id", flat=True)[:_MOST_AT_ONCE])


def small_bytes(file: RunFile) -> bytes | None:
    """The small picture of a file that is held already, where there is one: some kilobytes, in one piece."""
    found = Thumbnail.objects.filter(file=file, blob__isnull=False).select_related("blob").first()
    if found is None or found.blob is None:
        return None
    return b"".join(read_below(file.run, found.blob))
