"""A lineage as large as a page shows: it stays readable, leads on, and asks the database no more than a small one."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from apps.artifacts.queries.graph import MOST_NODES
from apps.web.artifacts.graph import MOST_IN_A_COLUMN
from tests.live import LiveServer
from tests.web.in_chromium import IN_CHROMIUM

pytestmark = [*IN_CHROMIUM, pytest.mark.promise("P-07")]
PAGE = "/alice/large-lineage/artifacts/dataset/corpus/v0/lineage"
# A data set that sweeps of runs read; some of them made a model, which others read to make scores.
MAKE = """
import json
import django; django.setup()
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import RunVersion
from apps.artifacts.services import use_version
from tests.factories import artifacts, work

alice = User.objects.get(username="alice")
by = Actor.person(alice)
place = work.project("alice", "large-lineage", by=alice)
browser = Client()
browser.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")

def counted():
    with CaptureQueriesContext(connection) as queries:
        answer = browser.get(PAGE, headers={"host": "127.0.0.1"})
    assert answer.status_code == 200
    return len(queries)

def made(name, number, run, kind):
    return artifacts.version(place, name, {"a": b"%d" % number}, by=by, run=run, type_name=kind, aliases=())

def grow(sweeps, runs, models):
    with transaction.atomic():
        of = {s: [fit(s, n) for n in range(runs)] for s in sweeps}
        judges = {s: [work.run(place, f"j{s}n{n}", by=alice, display_name=f"judge {n}", job_type=f"judge {s}") for n in range(models)] for s in sweeps}
    RunVersion.objects.bulk_create(RunVersion(run=run, version=corpus, role="input") for fits in of.values() for run in fits)
    for sweep in sweeps:
        for n, judge in enumerate(judges[sweep]):
            use_version(judge, made(f"net-{sweep}", 1000 * sweep + n, of[sweep][n], "model"))

def fit(sweep, n):
    return work.run(place, f"s{sweep}n{n}", by=alice, display_name=f"fit {n}", group=f"sweep {sweep}")

corpus = made("corpus", 0, work.run(place, "gather", by=alice, display_name="gather"), "dataset")
grow([0], 8, 1)
counted()
few = counted()
grow(range(1, 9), 47, 7)
print(json.dumps([few, counted()]))
""".replace("PAGE", repr(PAGE))
# What of the picture is not readable as it stands on the screen.
UNREADABLE = """() => {
  const boxes = [...document.querySelectorAll(".lineage svg a.node")].map((node) => {
    const rect = node.querySelector("rect:not(.behind, .stripe)").getBoundingClientRect();
    const words = [...node.querySelectorAll("text")];
    return { rect, words, name: words[0].textContent };
  });
  const faults = [];
  for (const [at, { rect, words, name }] of boxes.entries()) {
    for (const each of words) {
      const line = each.getBoundingClientRect();
      if (line.left < rect.left || line.right > rect.right || line.top < rect.top || line.bottom > rect.bottom)
        faults.push(`${name}: words beyond the box`);
      if (parseFloat(getComputedStyle(each).fontSize) * rect.width / 208 < 10) faults.push(`${name}: small print`);
    }
    for (const other of boxes.slice(at + 1))
      if (rect.left < other.rect.right && other.rect.left < rect.right && rect.top < other.rect.bottom && other.rect.top < rect.bottom)
        faults.push(`${name} lies upon ${other.name}`);
  }
  const here = document.querySelector(".lineage svg a[aria-current] rect").getBoundingClientRect();
  const sight = document.querySelector(".lineage").getBoundingClientRect();
  if (here.left < sight.left || here.right > sight.right || here.top < sight.top || here.bottom > sight.bottom)
    faults.push("what the page is of is out of sight");
  return { faults, boxes: boxes.length };
}"""


@pytest.fixture(scope="module")
def counts(server: LiveServer) -> list[int]:
    """How many questions the page took while it was small, and with all that it shows."""
    printed: list[int] = json.loads(server.python("-c", MAKE).splitlines()[-1])
    return printed


def test_five_hundred_take_as_many_questions_as_a_few(counts: list[int]) -> None:
    few, many = counts

    assert many <= few + 2
    assert many < 60


def test_five_hundred_are_readable_and_a_fold_opens_in_its_place(counts: list[int], open_page: Any) -> None:
    seen = open_page()
    seen.go(PAGE)
    page = seen.page

    assert f"{MOST_NODES} runs and versions" in page.locator(".lineage-bar").inner_text()
    first = page.evaluate(UNREADABLE)
    assert first["faults"] == []
    assert first["boxes"] <= 5 * MOST_IN_A_COLUMN

    page.locator(".lineage svg a.is-fold").filter(has_text="sweep 3").click()
    page.wait_for_url(lambda url: "open=" in url)
    seen.settle()
    opened = page.evaluate(UNREADABLE)

    assert opened["faults"] == []
    assert page.locator(".lineage svg a.node").filter(has_text=re.compile("^fit")).count() > 0
    assert seen.complaints == []


def test_on_a_phone_all_are_in_a_list_that_is_short_until_it_is_opened(
    counts: list[int], open_page: Any
) -> None:
    seen = open_page(width=390)
    seen.go(PAGE)
    page = seen.page
    lines = page.locator(".lineage-list li")

    assert not page.locator(".lineage").is_visible()
    assert sum(line.is_visible() for line in lines.all()) <= 5 * MOST_IN_A_COLUMN
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    links = lines.locator("a").evaluate_all("links => links.map((each) => each.href)")
    assert len(set(links)) == MOST_NODES
    lines.locator("summary", has_text="sweep 3").click()
    assert lines.locator("a", has_text="fit 46").filter(visible=True).count() == 1
