from __future__ import annotations

from celery import shared_task

from apps.webhooks import notices, services


@shared_task(name="webhooks.deliver")
def deliver(delivery_id: int) -> None:
    """Try one delivery."""
    services.deliver(delivery_id)


@shared_task(name="webhooks.tell_of_trouble")
def tell_of_trouble(hook_id: int) -> None:
    """Mail whoever looks after a webhook that its deliveries are given up."""
    notices.tell_of_trouble(hook_id)


@shared_task(name="webhooks.sweep")
def sweep() -> None:
    """Try what is due, and forget what became of deliveries a month ago."""
    services.deliver_due()
    services.forget_old()
