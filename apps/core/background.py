"""Work for later, named by task and ids.

A message is only a hint that something is due: sweeps find all due work in the database,
so a message that is lost, late or doubled changes nothing.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import Any

from celery import Task, current_app
from django.db import transaction
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)


def enqueue(task_name: str, **ids: int | str) -> None:
    """Start `task_name` with these ids once the present transaction is committed."""
    transaction.on_commit(lambda: _send(task_name, ids))


def queue_length() -> int | None:
    """How many messages wait at a broker of its own; None without one, or when it does not answer."""
    from redis.exceptions import RedisError

    queue = current_app.conf.task_default_queue
    if str(current_app.conf.broker_url).startswith("memory:"):
        return None  # each process has its own
    try:
        with current_app.connection_for_read() as connection:
            channel: Any = connection.default_channel
            return int(channel.queue_declare(queue).message_count)
    except (OperationalError, RedisError, OSError):
        return None


def _send(task_name: str, ids: dict[str, int | str]) -> None:
    from redis.exceptions import RedisError  # a quarter of a second to import, which no start should wait for

    try:
        # `.delay` of the task itself rather than `send_task`: that one ignores eager mode in tests.
        _task(task_name).delay(**ids)
    except (OperationalError, RedisError, OSError) as error:
        log.warning(
            "broker unreachable, the sweep will find it: task=%s error=%s", task_name, type(error).__name__
        )


def _task(name: str) -> Task[Any, Any]:
    """The task `app.verb`, which lives in `apps.<app>.tasks`.

    Celery's own discovery would set Django up again, and run all checks, at each call.
    """
    if name not in current_app.tasks:
        import_module(f"apps.{name.partition('.')[0]}.tasks")
    return current_app.tasks[name]
