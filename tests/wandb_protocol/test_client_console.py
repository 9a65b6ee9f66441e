"""What the real client makes of colours and progress bars, and how the console page shows it."""

from __future__ import annotations

import re

import pytest

from tests.live import LiveServer
from tests.wandb_protocol.client import WandbClient

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("wandb client"), pytest.mark.embedded]
SCRIPT = r"""
    run = wandb.init(project="coloured", id="r1", settings=FAST)
    print("\x1b[1;32mgood\x1b[0m \x1b[38;5;208morange\x1b[0m \x1b[44mon blue\x1b[0m <b>", flush=True)
    for n in range(0, 101, 10):
        bar = "#" * (n // 10)
        sys.stderr.write(f"\rtraining: {n:3d}%|\x1b[32m{bar:10}\x1b[0m| {n}/100")
        sys.stderr.flush()
        time.sleep(0.1)
    sys.stderr.write("\n")
    print("done", flush=True)
    time.sleep(0.5)
    run.finish()
    tell(ended=True)
"""
_LOOK = """
import django; django.setup()
from django.test import Client
from apps.accounts.models import User

browser = Client()
browser.force_login(User.objects.get(username="alice"), backend="django.contrib.auth.backends.ModelBackend")
print(browser.get("/alice/coloured/runs/r1/console", headers={"host": "127.0.0.1"}).content.decode())
"""


def test_colours_and_the_end_of_a_progress_bar_are_on_the_page(
    server: LiveServer, client_of_alice: WandbClient
) -> None:
    client_of_alice.run(SCRIPT)

    page = _lines_of_the_page(server)

    assert [re.sub(r"<[^>]+>", "", line) for line in page] == [
        "good orange on blue &lt;b&gt;",
        "training: 100%|##########| 100/100",
        "done",
    ]
    assert '<span class="f2 bold">good</span>' in page[0]
    assert '<span class="f3">orange</span>' in page[0]
    assert '<span class="g4">on blue</span>' in page[0]
    assert '<span class="f2">##########</span>' in page[1]


def _lines_of_the_page(server: LiveServer) -> list[str]:
    """Each line as the page has it, without its number and time."""
    page = server.python("-c", _LOOK)
    lines = re.findall(
        r'<span class="line[^"]*" id="L\d+"[^>]*>(.*?)</span>(?=<span class="line|</pre>)', page
    )
    return [re.sub(r"<a .*?</a>|<time>.*?</time>", "", line) for line in lines]
