"""/{entity}/{project}/runs/{run}/secrets, …/secrets/dismiss and …/secrets/erase"""

from __future__ import annotations

import json
import re

import pytest

from apps.accounts.models import User
from apps.leaks.services import scan
from apps.projects.models import Project
from apps.runs.history import store
from apps.runs.models import Run
from apps.runs.queries import open_run
from apps.runs.types import Lines, Stream, StreamRequest
from apps.teams.choices import SettingName
from apps.teams.models import Entity
from apps.teams.services import choose
from tests.factories import artifacts, people, work
from tests.web.conftest import Visit, text_of

RUN = "/lab/vision/runs/leaky"
KEY = "hf" + "_" + "Ab" * 17
NAME = "<b>鍵\u202e"


@pytest.fixture
def leaky(vision: Project, alice: User) -> Run:
    config = {NAME: {"value": KEY}, "_wandb": {"value": {"e": {"w": {"args": [f"--k={KEY}"]}}}}}
    run = work.run(vision, "leaky", by=alice, config_text=json.dumps(config))
    store.append(run, StreamRequest(streams={Stream.OUTPUT: Lines(0, ["one", f"key {KEY}"])}))
    run.refresh_from_db()
    assert scan(run)
    return run


def test_the_run_says_so_and_the_page_says_where_and_never_what(visit: Visit, leaky: Run) -> None:
    assert "3 values of this run look like secrets." in text_of(visit(RUN, by="alice"))

    page = visit(f"{RUN}/secrets", by="alice")

    words = text_of(page)
    assert "Hugging Face token Config" in words and "Console, line 2" in words and "Command line" in words
    html = page.content.decode()
    assert "<bdi>&lt;b&gt;鍵" in html and "<b>鍵" not in html
    assert KEY not in html
    assert html.count("/secrets/erase") == html.count("/secrets/dismiss") == 3


def test_one_click_erases_and_one_says_that_it_is_none(visit: Visit, send: Visit, leaky: Run) -> None:
    page = visit(f"{RUN}/secrets", by="alice").content.decode()
    in_config, _, in_console = dict.fromkeys(re.findall(r'name="finding" value="(\w{20})"', page))

    for _twice in range(2):
        assert (
            send(f"{RUN}/secrets/erase", by="alice", finding=in_config).headers["Location"]
            == f"{RUN}/secrets"
        )
        assert send(f"{RUN}/secrets/dismiss", by="alice", finding=in_console).status_code == 302

    leaky.refresh_from_db()
    assert KEY not in open_run(leaky).config_text
    assert store.console(leaky, 0, 9) == ["one", f"key {KEY}"]
    words = text_of(visit(f"{RUN}/secrets", by="alice"))
    assert "look like secrets" not in text_of(visit(RUN, by="alice"))
    assert "Decided" in words and "erased" in words and "not a secret" in words


def test_what_was_masked_is_counted_and_said_where(
    visit: Visit, lab: Entity, vision: Project, alice: User
) -> None:
    choose(lab, SettingName.MASK_SECRETS, True, by=people.actor(alice))
    run = work.run(vision, "leaky", by=alice, config_text=json.dumps({NAME: {"value": KEY}}))
    assert scan(run)

    page, whole = visit(f"{RUN}/secrets", by="alice"), visit(RUN, by="alice")

    assert "1 secret was masked before it was stored." in text_of(whole) and "look like" not in text_of(whole)
    assert "Masked before they were stored" in text_of(page) and "Hugging Face token Config" in text_of(page)
    assert "Nothing to decide" in text_of(page) and "/secrets/erase" not in page.content.decode()
    assert KEY not in page.content.decode() + visit(f"{RUN}/values/config", by="alice").content.decode()
    assert "masked" not in text_of(visit(RUN, by="vera")).replace("(secret masked:", "")


@pytest.mark.parametrize("finding", ["", "x" * 20, "x" * 10_000, "\0", "<b>"])
def test_what_is_not_there_needs_no_decision(visit: Visit, send: Visit, leaky: Run, finding: str) -> None:
    for act in ("dismiss", "erase"):
        assert send(f"{RUN}/secrets/{act}", by="alice", finding=finding).status_code == 302

    assert "3 values" in text_of(visit(RUN, by="alice"))


@pytest.mark.parametrize(
    ("who", "reads", "erases"),
    [("alice", 200, 302), ("bob", 200, 403), ("vera", 403, 403), ("mallory", 404, 404), (None, 404, 404)],
)
def test_who_sees_and_who_erases(
    visit: Visit, send: Visit, leaky: Run, mallory: User, who: str | None, reads: int, erases: int
) -> None:
    page = visit(f"{RUN}/secrets", by=who)
    assert page.status_code == reads
    assert ("/secrets/erase" in page.content.decode()) is (erases == 302)
    assert send(f"{RUN}/secrets/erase", by=who).status_code == erases
    assert ("look like secrets" in visit(RUN, by=who).content.decode()) is (reads == 200)


def test_what_stands_in_a_version_is_told_on_the_run_and_on_its_page_to_who_may_write(
    visit: Visit, send: Visit, vision: Project, lab: Entity, alice: User
) -> None:
    choose(lab, SettingName.CODE_SAVING, True, by=people.actor(alice))
    run = work.run(vision, "leaky", by=alice)
    script, by = {"pkg/<b>.py": f"\nkey = '{KEY}'".encode()}, people.actor(alice)
    artifacts.version(vision, "source-x", script, by=by, run=run, type_name="code")
    artifacts.version(vision, "data", {"conf.yaml": f"key: {KEY}".encode()}, by=by, run=run)
    assert scan(run)

    page, code = visit(f"{RUN}/secrets", by="alice"), "/lab/vision/artifacts/code/source-x/v0"
    words, html = text_of(page), page.content.decode()
    assert "Line 2 of source-x:v0/pkg/" in words and "Line 1 of data:v0/conf.yaml" in words
    assert KEY not in html and f'href="{code}/preview/pkg/%3Cb%3E.py"' in html
    assert 'href="/lab/vision/artifacts/dataset/data/v0/erase"' in html
    assert html.count("/secrets/erase") == 1

    told = visit(code, by="alice")
    assert "1 value of this version looks like a secret." in text_of(told)
    assert f'href="{RUN}/secrets"' in told.content.decode() and KEY not in told.content.decode()
    assert "looks like a secret" not in text_of(visit(code, by="vera"))

    ids = re.findall(r'name="finding" value="(\w{20})"', html.partition("Erase the version</button>")[0])
    assert send(f"{RUN}/secrets/erase", by="alice", finding=ids[-1]).status_code == 302
    assert visit(code, by="alice").status_code == 404
    assert "1 value of this run looks like a secret." in text_of(visit(RUN, by="alice"))
