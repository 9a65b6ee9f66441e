"""kill -9 of a worker at a moment that nobody chose: before a change of a row or of a file, the end of a transaction, or a message
to a bucket. Each day at others: `OWNLOG_DEATHS=20` has twenty rounds of them, `OWNLOG_DEATHS_SEED` those of another day."""

from __future__ import annotations

import itertools
import os
import random
import signal
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import chain
from typing import Any

import pytest

from tests.e2e.durability.inside import changes_a_file, is_act, one_after_the_other
from tests.live import LiveServer
from tests.remote import s3_client
from tests.turns import seed

_ASKED = os.environ.get("OWNLOG_DEATHS", "")
ALL_PLACES = _ASKED == "all"
ROUNDS = int(_ASKED) if _ASKED.isdigit() else 1
SEED = seed("OWNLOG_DEATHS_SEED")


def inside(instance: LiveServer, code: str) -> str:
    """Python in a process of its own, as a worker is one."""
    return instance.python("-c", f"import django\ndjango.setup()\n{textwrap.dedent(code)}").strip()


def holding(instance: LiveServer, words: str) -> list[str]:
    """Files of it in which these words can be read."""
    files = (path for path in instance.folder.rglob("*") if path.is_file())
    return [path.name for path in files if words.encode() in path.read_bytes()]


@contextmanager
def copy_of(made: LiveServer) -> Iterator[LiveServer]:
    """An instance that has what another one has, which is not started."""
    instance = LiveServer().prepare_like(made)
    try:
        if instance.remote and made.remote:
            there = s3_client(made.remote.servers)
            for found in there.list_objects_v2(Bucket=made.remote.name).get("Contents", ()):
                source = {"Bucket": made.remote.name, "Key": found["Key"]}
                there.copy_object(Bucket=instance.remote.name, Key=found["Key"], CopySource=source)
        yield instance
    finally:
        instance.remove()


def killed_at_random(instance: LiveServer, begin: str, *, acts: int, number: int) -> None:
    """Have one worker, or two one after the other, begin, sweep and die; `acts` is about how many there are of one that lives on.
    Before which of them each died is printed, with the seed."""
    chance = random.Random(f"{SEED} {number}")
    died = list[str]()
    for _worker in range(chance.randint(1, 2)):
        sweep = f"from tests import deaths\ndeaths.die_before({chance.randint(1, acts)})\ntasks.sweep()\ndeaths.die()"
        with pytest.raises(RuntimeError, match="died ") as ended:
            inside(instance, textwrap.dedent(begin) + sweep)
        died += [line for line in str(ended.value).splitlines() if line.startswith("died ")]
    print(f"OWNLOG_DEATHS_SEED={SEED}, round {number}: {died}")


# ── In the worker ──


_acts = itertools.count()


def die() -> None:
    print(f"died behind all {next(_acts)}", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


def die_before(number: int) -> None:
    """The so-manieth act from here on."""
    from django.db import connections

    def act(what: str) -> None:
        if next(_acts) == number - 1:
            print(f"died before {number}, {what}", flush=True)
            os.kill(os.getpid(), signal.SIGKILL)

    def before_statement(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        if is_act(sql):
            act(" ".join(sql.split()[:3]))
        return execute(sql, *arguments)

    def before_event(event: str, arguments: tuple[Any, ...]) -> None:
        if changes_a_file(event, arguments):
            act(event)

    for connection in connections.all():
        connection.execute_wrappers.append(before_statement)
        end = one_after_the_other(lambda: act("COMMIT"), connection.commit)
        connection.commit = end  # type: ignore[method-assign]
    sys.addaudithook(before_event)


# ── Behind the dead ──


def left_over() -> list[object]:
    """What nobody points at, and rows without their key, two days later: when what clears away behind the dead has been there."""
    from apps.blobs.models import Blob, BlobPart
    from apps.blobs.services import is_pointed_at
    from apps.blobs.store import default_store
    from apps.blobs.tasks import sweep_orphans
    from apps.core import clock
    from apps.vault.orphans import count_keyless, find_orphans
    from apps.vault.tasks import sweep_orphans as sweep_keys
    from apps.vault.types import NodeKind

    later = clock.now() + timedelta(days=2)
    clock.now = lambda: later
    sweep_orphans()
    sweep_keys()
    named = {
        name for model in (Blob, BlobPart) for name in model.objects.values_list("object_name", flat=True)
    }
    strays = [each.name for each in default_store().list() if each.name not in named]
    unused = [blob.pk for blob in Blob.objects.all() if not is_pointed_at(blob)]
    keys = chain.from_iterable(find_orphans(kind, before=later) for kind in NodeKind)
    return [*strays, *unused, *keys, *count_keyless()]
