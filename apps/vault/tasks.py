from __future__ import annotations

import logging
from datetime import timedelta

from celery import shared_task

from apps.core import background, clock
from apps.core.errors import OwnlogError
from apps.vault import epochs, orphans

log = logging.getLogger(__name__)


@shared_task(name="vault.sweep_orphans")
def sweep_orphans() -> None:
    """Take away keys whose owner was never written, a day after they were made."""
    orphans.sweep_orphans(before=clock.now() - timedelta(days=1))


@shared_task(name="vault.epoch")
def epoch() -> None:
    """Renew the keys above whatever was erased some seconds ago, so that no old copy of the vault opens it."""
    try:
        if epochs.run_due() is not None:
            background.enqueue("erasure.renewed")  # whoever waits for one need not wait for the next sweep
    except OwnlogError as error:
        log.error("epoch broke off, tried again: %s", error.message)  # what to do, in the operator's words
    except Exception as error:  # noqa: BLE001  (tried again at the next tick, as often as it takes)
        log.error("epoch broke off, tried again: error=%s", type(error).__name__)
