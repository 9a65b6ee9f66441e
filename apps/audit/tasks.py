from __future__ import annotations

from celery import shared_task

from apps.audit import repeats, sealing


@shared_task(name="audit.sweep")
def sweep() -> None:
    """Tell the counts of hours that are over, then link what waits."""
    repeats.tell_finished()
    sealing.seal()


@shared_task(name="audit.sweep_everything")
def sweep_everything() -> None:
    """The same, looking at all events: an act that took very long is linked as well."""
    sealing.seal(everywhere=True)
