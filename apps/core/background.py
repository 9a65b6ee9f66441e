"""Work for later, named by task and ids.

A message is only a hint that something is due: sweeps find all due work in the database,
so a message that is lost, late or doubled changes nothing.
"""

from __future__ import annotations

import logging

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

log = logging.getLogger(__name__)


def enqueue(task_name: str, **ids: int | str) -> None:
    """Start `task_name` with these ids once the present transaction is committed."""
    transaction.on_commit(lambda: _send(task_name, ids))


def _send(task_name: str, ids: dict[str, int | str]) -> None:
    # `.delay` of the task itself rather than `send_task`: that one ignores eager mode in tests.
    current_app.loader.import_default_modules()
    task = current_app.tasks[task_name]
    try:
        task.delay(**ids)
    except (OperationalError, RedisError, OSError) as error:
        log.warning("broker unreachable, the sweep will find it: task=%s error=%s", task_name, type(error).__name__)
