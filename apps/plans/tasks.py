from __future__ import annotations

from celery import shared_task

from apps.plans.notices import steps_to_tell, tell_of_step
from apps.plans.services import sweep_words


@shared_task(name="plans.tell")
def tell(step_id: int, base: str = "") -> None:
    """Mail whom an act on a request concerns, with links to where the instance was asked for it."""
    tell_of_step(step_id, base=base)


@shared_task(name="plans.sweep")
def sweep() -> None:
    """Finish what was begun: words of decided requests, and mail that was not sent."""
    sweep_words()
    for step_id in steps_to_tell():
        tell_of_step(step_id)
