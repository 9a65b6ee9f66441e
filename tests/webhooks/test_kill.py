"""Workers that really die: kill -9 before, during and after sending. What was committed is told, at least once, under one id."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator

import pytest

from tests.live import LiveServer
from tests.webhooks.receiver import Receiver

pytestmark = pytest.mark.live
# One Python that touches no database itself and forks for each thing that is done: to begin a new one costs seconds.
_LIVES = """
    import json, os, signal, sys, traceback
    import django
    django.setup()
    from datetime import timedelta
    from django.db import transaction
    from apps.accounts.actors import Actor
    from apps.core import clock
    from apps.runs.models import Run
    from apps.runs.services import finish_run
    from apps.runs.types import RunState
    from apps.webhooks import services
    from apps.webhooks.models import Delivery
    from apps.webhooks.services import make_hook
    from apps.webhooks.types import Happening
    from tests.factories import people, work

    def life(act, *args):
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                act(*args)
                code = 0
            except BaseException:
                traceback.print_exc()
            sys.stdout.flush()
            os._exit(code)
        print(json.dumps([act.__name__, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])]))

    def die():
        sys.stdout.flush()
        os.kill(os.getpid(), signal.SIGKILL)

    def make():
        alice = people.person("alice")
        vision = work.project("alice", "vision", by=alice)
        address = "http://127.0.0.1:{port}/"
        make_hook(vision, address, happenings=Happening.chosen_among(), by=Actor.person(alice))
        for name in ("first", "second"):
            work.run(vision, name, by=alice)

    @transaction.atomic
    def finish(number, dies=False):
        finish_run(Run.objects.order_by("pk")[number], state=RunState.FINISHED, by=Actor.system())
        if dies:
            die()

    def deliver_and_die_after(name):
        real = getattr(services, name)
        def mortal(*args, **kwargs):
            real(*args, **kwargs)
            die()
        setattr(services, name, mortal)
        services.deliver_due()

    def go_on():
        # Whoever comes at once takes it for being sent; a minute later it is free.
        at_once = services.deliver_due()
        Delivery.objects.update(busy_until=clock.now() - timedelta(seconds=1))
        print(json.dumps([at_once, services.deliver_due(), *Delivery.objects.order_by("pk").values_list("state", "tries")]))

    life(make)
    life(finish, 0, True)
    life(finish, 1)
    life(deliver_and_die_after, "_claim")
    life(go_on)
    life(finish, 0)
    life(deliver_and_die_after, "send")
    life(go_on)
"""


@pytest.fixture
def instance() -> Iterator[LiveServer]:
    """An instance that nothing runs on but what is started here."""
    server = LiveServer(env={"OWNLOG_WEBHOOK_NETWORKS": "127.0.0.1/32"}).prepare()
    yield server
    server.remove()


def test_what_was_committed_is_told_and_nothing_else_whoever_dies(
    instance: LiveServer, receiver: Receiver
) -> None:
    code = textwrap.dedent(_LIVES).replace("{port}", str(receiver.port))

    said = [json.loads(line) for line in instance.python("-c", code).splitlines()]

    assert said == [
        ["make", 0],
        ["finish", -9],
        ["finish", 0],
        ["deliver_and_die_after", -9],
        [0, 1, ["delivered", 2]],
        ["go_on", 0],
        ["finish", 0],
        ["deliver_and_die_after", -9],
        [0, 1, ["delivered", 2], ["delivered", 2]],
        ["go_on", 0],
    ]
    # Nothing came of who died after the claim; who died after sending was heard, and the next one said the same again.
    assert [receiver.ids.count(each) for each in dict.fromkeys(receiver.ids)] == [1, 2]
    assert receiver.got[1].body == receiver.got[2].body
