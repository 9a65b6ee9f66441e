from __future__ import annotations

import logging

from celery import shared_task

from apps.files import thumbnails

log = logging.getLogger(__name__)


@shared_task(name="files.thumbnail")
def thumbnail(file_id: int) -> None:
    """Make the small picture of a file. A file that is gone needs none."""
    thumbnails.make_thumbnail(file_id)


@shared_task(name="files.sweep")
def sweep() -> None:
    """Small pictures whose message was lost, found in the database and made here."""
    for file_id in thumbnails.due_thumbnails():
        try:
            thumbnails.make_thumbnail(file_id)
        except Exception as error:  # noqa: BLE001  (one that fails must not keep the others waiting)
            log.warning(
                "not made, tried again at the next sweep: file=%s error=%s", file_id, type(error).__name__
            )
