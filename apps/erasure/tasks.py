from __future__ import annotations

import logging

from celery import shared_task

from apps.erasure import services
from apps.erasure.alarms import raise_alarms
from apps.erasure.exports import erase_old_exports
from apps.erasure.idle import erase_idle_accounts
from apps.erasure.remembering import remember as have_the_vault_remember
from apps.erasure.remembering import wait_again
from apps.erasure.retention import erase_old_versions, erase_what_is_old
from apps.erasure.ways_back import forget_ways_back

log = logging.getLogger(__name__)


@shared_task(name="erasure.advance")
def advance(job_id: int) -> None:
    """Go on with one erasure."""
    services.advance(job_id)


@shared_task(name="erasure.sweep")
def sweep() -> None:
    """Go on with erasures that stand still: their message was lost, or their worker; and close what the vault says waits."""
    have_the_vault_remember()
    for job_id in services.due_jobs():
        try:
            services.advance(job_id)
        except Exception as error:  # noqa: BLE001  (one that cannot be finished must not keep the others waiting)
            log.error(
                "erasure broke off, tried again at the next sweep: job=%s error=%s",
                job_id,
                type(error).__name__,
            )
    wait_again()  # last: whatever is wrong with what a database does not know keeps nobody else waiting


@shared_task(name="erasure.remember")
def remember() -> None:
    """Have the vault know of what waits."""
    have_the_vault_remember()


@shared_task(name="erasure.renewed")
def renewed() -> None:
    """Go on with the erasures that waited for the epoch that is over."""
    services.go_on_after_epoch()


@shared_task(name="erasure.watch")
def watch() -> None:
    """Tell the operators of erasures past their limit, and of an epoch that does not come to its end."""
    raise_alarms()


@shared_task(name="erasure.retention")
def retention() -> None:
    """Erase the runs and the versions of artifacts that are older than their owners keep them, exports whose time is over, and accounts that nobody uses where operators set an end to that."""
    erase_what_is_old()
    erase_old_versions()
    erase_old_exports()
    erase_idle_accounts()
    forget_ways_back()
